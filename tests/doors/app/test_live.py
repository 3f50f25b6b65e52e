"""What the page answers to stills of the camera."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from unmask.detection.detector import Detector
from unmask.doors.app.live import LivePicture
from unmask.media.images import encode_jpeg, read_image
from unmask.media.limits import DecodeLimits
from unmask.media.samples import make_samples

SIZE_PX = (1280, 720)


@pytest.fixture(scope="module")
def detector():
    opened = Detector(contained=DecodeLimits())
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def portrait(tmp_path_factory):
    return Image.fromarray(read_image(make_samples(tmp_path_factory.mktemp("samples"))[0]))


def still_of(portrait=None, left_px=0):
    canvas = Image.new("RGB", SIZE_PX, (70, 80, 90))
    if portrait:
        canvas.paste(portrait, (left_px, 60))
    return base64.b64encode(encode_jpeg(np.asarray(canvas), 92)).decode()


def png_of(colour):
    buffer = io.BytesIO()
    Image.new("RGB", SIZE_PX, colour).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


@pytest.mark.parametrize("left_px", [20, 700])
def test_a_face_has_a_box_in_shares_of_the_picture(detector, portrait, left_px):
    picture = LivePicture(detector)
    picture.see(7, still_of(portrait, left_px))
    (mark,) = picture.answer["marks"]
    left, top, right, bottom = mark["box"]
    assert picture.answer["number"] == 7
    assert picture.answer["lines"] == [mark["text"]]
    assert mark["text"].startswith("person 0: UNCERTAIN, ")  # a verdict waits for a few stills
    assert left_px / SIZE_PX[0] < left < right < (left_px + portrait.width) / SIZE_PX[0]
    assert 60 / SIZE_PX[1] < top < bottom < 1


def test_every_still_counts(detector, portrait):
    picture = LivePicture(detector)
    for number in range(1, 4):
        picture.see(number, still_of(portrait, 300))
    pixels = read_image(base64.b64decode(still_of(portrait, 300)))
    (face,) = detector.detect(pixels).faces
    share = round(face.score.probability * 100)
    assert picture.answer["number"] == 3
    assert picture.answer["lines"][0].endswith(f"{share} % fake")
    assert picture.answer["marks"][0]["tone"] == detector.policy.decide(face.score.probability)


def test_nobody_in_the_picture(detector):
    picture = LivePicture(detector)
    picture.see(1, still_of())
    assert picture.answer == {"number": 1, "lines": ["no face"], "marks": []}


@pytest.mark.parametrize(
    ("still", "says"),
    [
        ("", "empty"),
        ("no Base64!", "Only base64 data is allowed"),
        (base64.b64encode(b"no picture at all").decode(), "in none of the formats"),
        (still_of()[:4000], "broken"),  # cut off
    ],
)
def test_a_still_that_cannot_be_read_is_named_and_the_next_is_answered(detector, still, says):
    picture = LivePicture(detector)
    picture.see(1, still)
    (line,) = picture.answer["lines"]
    assert line.startswith("the browser's still cannot be read: ")
    assert says in line
    assert picture.answer["marks"] == []
    picture.see(2, png_of("grey"))  # a browser without a JPEG encoder sends PNG
    assert picture.answer == {"number": 2, "lines": ["no face"], "marks": []}

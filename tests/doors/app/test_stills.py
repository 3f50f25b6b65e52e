"""What is answered to stills of the camera, and to whom."""

import io

import numpy as np
import pytest
from PIL import Image
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from unmask.detection.detector import Detector
from unmask.doors.app.stills import LivePass, LivePicture, answer_stills
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
    return encode_jpeg(np.asarray(canvas), 92)


def png():
    buffer = io.BytesIO()
    Image.new("RGB", SIZE_PX, "grey").save(buffer, "PNG")
    return buffer.getvalue()


NOBODY = {"lines": ["no face"], "marks": []}


@pytest.mark.parametrize("left_px", [20, 700])
def test_a_face_has_a_box_in_shares_of_the_picture(detector, portrait, left_px):
    answer = LivePicture(detector).see(still_of(portrait, left_px))
    (mark,) = answer["marks"]
    left, top, right, bottom = mark["box"]
    assert answer["lines"] == [mark["text"]]
    assert mark["text"].startswith("person 0: UNCERTAIN, ")  # a verdict waits for a few stills
    assert left_px / SIZE_PX[0] < left < right < (left_px + portrait.width) / SIZE_PX[0]
    assert 60 / SIZE_PX[1] < top < bottom < 1


def test_every_still_counts(detector, portrait):
    picture, still = LivePicture(detector), still_of(portrait, 300)
    answer = [picture.see(still) for _ in range(3)][-1]
    (face,) = detector.detect(read_image(still)).faces
    assert answer["lines"][0].endswith(f"{round(face.score.probability * 100)} % fake")
    assert answer["marks"][0]["tone"] == detector.policy.decide(face.score.probability)


@pytest.mark.parametrize(
    ("still", "says"),
    [
        (b"", "empty"),
        (b"no picture at all", "in none of the formats"),
        (still_of()[:4000], "broken"),  # cut off
    ],
)
def test_a_still_that_cannot_be_read_is_named_and_the_next_is_answered(detector, still, says):
    picture = LivePicture(detector)
    answer = picture.see(still)
    (line,) = answer["lines"]
    assert line.startswith("the camera's still cannot be read: ")
    assert says in line
    assert answer["marks"] == []
    assert picture.see(png()) == NOBODY  # what a browser without a JPEG encoder sends


@pytest.fixture
def client():
    with TestClient(Starlette(routes=[WebSocketRoute("/live", answer_stills)])) as opened:
        yield opened


def test_stills_are_answered_in_their_order_and_visitors_do_not_meet(client, detector, portrait):
    address = f"/live?pass={LivePass(detector).word}"
    with client.websocket_connect(address) as one, client.websocket_connect(address) as other:
        for still in (still_of(portrait, 300), still_of()):
            one.send_bytes(still)
        other.send_bytes(still_of(portrait, 700))
        answers = [one.receive_json(), one.receive_json(), other.receive_json()]
    assert [len(answer["marks"]) for answer in answers] == [1, 0, 1]
    assert answers[2]["lines"][0].startswith("person 0: ")


def test_text_ends_the_connection(client, detector):
    with client.websocket_connect(f"/live?pass={LivePass(detector).word}") as socket:
        socket.send_text("what is this?")
        with pytest.raises(WebSocketDisconnect) as parted:
            socket.receive_json()
    assert parted.value.code == 1003


@pytest.mark.parametrize("query", ["", "?pass=", "?pass=guessed", "?pass={void}"])
def test_without_a_pass_nothing_is_answered(client, detector, query):
    void = LivePass(detector)
    void.void()
    void.void()
    refused = client.websocket_connect(f"/live{query.format(void=void.word)}")
    with pytest.raises(WebSocketDisconnect) as error, refused:
        pass
    assert error.value.code == 1008


def test_each_pass_has_a_word_of_its_own(detector):
    assert len({LivePass(detector).word for _ in range(20)}) == 20

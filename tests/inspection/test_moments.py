import io
import threading
from concurrent.futures import CancelledError

import pytest
from PIL import Image

from unmask.inspection.inspect import Inspector
from unmask.inspection.moments import MOMENT_SIDE_PX, find_out
from unmask.media.images import read_image


@pytest.fixture(scope="module")
def inspector(detector):
    return Inspector(detector)


def look(inspector, path, *, stop=None, watch=lambda _: None):
    return find_out(inspector, path, stop=stop or threading.Event(), watch=watch)


def size_of(moment):
    with Image.open(io.BytesIO(moment.jpeg)) as picture:
        return picture.size


def test_a_picture_is_kept_with_its_boxes(inspector, photo):
    found = look(inspector, photo)
    (moment,) = found.moments
    assert moment.time_s is None
    assert moment.score == found.inspection.report.score.probability
    assert size_of(moment) == read_image(photo).shape[1::-1]
    assert found.suspicious() is moment


def test_of_a_clip_the_frames_with_faces_are_kept_in_order(inspector, clip):
    shares = []
    found = look(inspector, clip, watch=shares.append)
    times = [moment.time_s for moment in found.moments]
    assert times == sorted({face.crop.time_s for face in found.inspection.report.faces})
    assert max(size_of(found.moments[0])) <= MOMENT_SIDE_PX
    highest = max(face.score.probability for face in found.inspection.report.faces)
    assert found.suspicious().score == highest
    assert shares == sorted(shares)
    assert 0 < shares[0] < 0.5
    assert shares[-1] == 1


def test_what_cannot_be_answered_has_no_picture(inspector, tmp_path):
    (tmp_path / "text.jpg").write_text("this is no picture")
    found = look(inspector, tmp_path / "text.jpg")
    assert found.inspection.report.error.code == "unsupported"
    assert not found.moments


@pytest.mark.parametrize("share", [0.1, 0.6])  # while it is answered, while it is looked at again
def test_a_clip_can_be_given_up(inspector, clip, share):
    stop = threading.Event()

    def watch(done):
        if done >= share:
            stop.set()

    with pytest.raises(CancelledError):
        look(inspector, clip, stop=stop, watch=watch)

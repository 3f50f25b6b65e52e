"""A picture is searched once, whoever asks; another one is another one."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from skimage import data

from unmask.detection.detector import Detector
from unmask.detection.remembering import RememberingFinder
from unmask.media.faces import Effort, MtcnnFinder
from unmask.records import Frame

ASTRONAUT = np.ascontiguousarray(data.astronaut()[:256, 96:352])


class Watched(MtcnnFinder):
    """Counts the searches."""

    searches = 0

    def find(self, pixels, effort=Effort.ALL):
        self.searches += 1
        return super().find(pixels, effort)


@pytest.fixture
def watched():
    return Watched()


@pytest.mark.parametrize(
    ("asked", "searches"),
    [
        ([(ASTRONAUT, Effort.ALL)] * 3, 1),  # the same picture
        ([(ASTRONAUT, Effort.ALL), (ASTRONAUT.copy(), Effort.ALL)], 1),  # a copy of it
        ([(ASTRONAUT, Effort.ALL), (ASTRONAUT[:, ::-1], Effort.ALL)], 2),  # its mirror image
        ([(ASTRONAUT, Effort.ALL), (ASTRONAUT, Effort.MAIN)], 2),  # searched less thoroughly
        ([(np.zeros((64, 80, 3), np.uint8), Effort.ALL)] * 2, 1),  # nothing found is remembered too
        # the same bytes in another shape
        ([(np.zeros((h, 128 // h * 64, 3), np.uint8), Effort.ALL) for h in (64, 128)], 2),
    ],
)
def test_a_picture_is_searched_once(watched, asked, searches):
    finder = RememberingFinder(watched)
    for pixels, effort in asked:
        found = finder.find(pixels, effort)
        expected = MtcnnFinder().find(pixels, effort)
        assert [face.box_xyxy for face in found] == [face.box_xyxy for face in expected]
    assert watched.searches == searches


def test_the_oldest_is_forgotten(watched):
    finder = RememberingFinder(watched, most=2)
    blanks = [np.full((48, 48, 3), level, np.uint8) for level in (0, 100, 200)]
    for pixels in (blanks[0], blanks[1], blanks[0], blanks[2], blanks[0], blanks[1]):
        finder.find(pixels)
    assert watched.searches == 4  # the second was asked for longest ago when the third came


def test_two_detectors_share_what_was_found(watched):
    finder = RememberingFinder(watched)
    detectors = [Detector(finder=finder), Detector(finder=finder)]
    reports = [detector.detect(ASTRONAUT) for detector in detectors]
    assert watched.searches == 1
    assert reports[0].faces[0].crop.box_xyxy == reports[1].faces[0].crop.box_xyxy
    again = finder.find_again(ASTRONAUT, finder.find(ASTRONAUT))
    assert len(again) == 1
    assert detectors[0].find_faces(Frame(ASTRONAUT))[0].box_xyxy == again[0].box_xyxy


def test_threads_may_share_it(watched):
    finder = RememberingFinder(watched)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(finder.find, [ASTRONAUT] * 8))
    assert len({faces[0].box_xyxy for faces in found}) == 1
    assert watched.searches <= 4

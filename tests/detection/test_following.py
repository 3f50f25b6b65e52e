from operator import attrgetter

import numpy as np
import pytest
from skimage import data

from unmask.detection import following
from unmask.detection.detector import Detector
from unmask.detection.following import SEARCH_EVERY_S, Follower
from unmask.media.faces import Effort, MtcnnFinder
from unmask.records import Frame

ASTRONAUT = data.astronaut()
TURNED = ASTRONAUT[:, ::-1]
EMPTY = np.full_like(ASTRONAUT, 96)


class Watched(MtcnnFinder):
    """Counts the searches of whole pictures."""

    searches = 0

    def find(self, pixels, effort=Effort.ALL):
        self.searches += 1
        return super().find(pixels, effort)


def shift(pixels, right_px):
    return np.roll(pixels, right_px, axis=1)


def beside(left, right):
    return np.ascontiguousarray(np.concatenate([left, right], axis=1))


LATER_S = SEARCH_EVERY_S + 0.1


@pytest.mark.parametrize(
    ("frames", "searches"),
    [
        pytest.param([(ASTRONAUT, 0.0), (shift(ASTRONAUT, 30), 0.2)], 1, id="moved a little"),
        pytest.param([(ASTRONAUT, 0.0), (ASTRONAUT, LATER_S)], 2, id="long ago"),
        pytest.param([(ASTRONAUT, 0.0)] * 2 + [(ASTRONAUT, LATER_S)] * 2, 2, id="and from then on"),
        pytest.param([(ASTRONAUT, None), (ASTRONAUT, None)], 2, id="no times"),
        pytest.param([(ASTRONAUT, 5.0), (ASTRONAUT, 1.0)], 2, id="back in time"),
        pytest.param([(EMPTY, 0.0), (ASTRONAUT, 0.1)], 2, id="came in"),
        pytest.param([(ASTRONAUT, 0.0), (EMPTY, 0.1)], 2, id="went"),
        pytest.param([(ASTRONAUT, 0.0), (shift(ASTRONAUT, 240), 0.1)], 2, id="jumped"),
        pytest.param(
            [(beside(ASTRONAUT, TURNED), 0.0), (beside(ASTRONAUT, EMPTY), 0.1)], 2, id="one went"
        ),
        pytest.param(
            [(beside(ASTRONAUT, TURNED), 0.0), (beside(ASTRONAUT, TURNED), 0.1)], 1, id="two"
        ),
    ],
)
def test_searches_whole_frames_only_where_it_must(frames, searches):
    finder = Watched()
    follower = Follower(finder)
    for pixels, time_s in frames:
        found = follower.find(Frame(pixels, time_s=time_s))
    assert finder.searches == searches
    expected = MtcnnFinder().find(frames[-1][0], Effort.MAIN)
    assert [face.box_xyxy for face in found] == [face.box_xyxy for face in expected]


SCORE_TOLERANCE = 0.001


@pytest.mark.slow
@pytest.mark.parametrize("name", ["fake_02*", "fake_12*", "real_16*", "real_28*"])
def test_answers_for_clips_are_those_of_whole_searches(shared_data, monkeypatch, name):
    (clip,) = (shared_data / "clips").glob(name)
    detector = Detector(threads=1)
    report = detector.detect(clip)
    monkeypatch.setattr(following, "SEARCH_EVERY_S", 0.0)
    thorough = detector.detect(clip)
    assert report.verdict is thorough.verdict
    assert len(report.faces) == len(thorough.faces)
    probability = attrgetter("score.probability")
    assert probability(report) == pytest.approx(probability(thorough), abs=SCORE_TOLERANCE)

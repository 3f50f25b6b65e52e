"""Inputs of several callers, prepared side by side and finished together."""

import threading
from concurrent.futures import CancelledError, wait

import pytest

from unmask.detection.batching import BATCH_CROPS, Batcher
from unmask.detection.detector import Detector
from unmask.media.samples import make_samples


class Squares:
    """Prepares a number once `gate` is open; answers with its square; -1 spoils its batch."""

    def __init__(self, crops=1):
        self.gate = threading.Event()
        self.crops = crops
        self.batches = []

    def prepare(self, source, _stop):
        self.gate.wait(5)
        if source is None:
            message = "nothing to prepare"
            raise ValueError(message)
        return source

    def count_waiting(self, _item):
        return self.crops

    def finish(self, items):
        self.batches.append(len(items))
        if -1 in items:
            message = "spoilt"
            raise ZeroDivisionError(message)
        return [item * item for item in items]


@pytest.fixture
def squares():
    return Squares()


@pytest.fixture
def batcher(squares):
    batcher = Batcher(squares, 3)
    yield batcher
    squares.gate.set()
    batcher.close()


def submit(batcher, sources, stop=None):
    return [batcher.submit(source, stop or threading.Event()) for source in sources]


def test_each_caller_gets_its_own_answer(batcher, squares):
    squares.gate.set()
    futures = submit(batcher, range(50))
    assert [future.result(5) for future in futures] == [number**2 for number in range(50)]


def test_what_is_ready_together_is_finished_together(squares):
    finishing, release = threading.Event(), threading.Event()
    finish = squares.finish

    def finish_slowly(items):
        finishing.set()
        release.wait(5)
        return finish(items)

    squares.finish = finish_slowly
    squares.gate.set()
    seen = []
    batcher = Batcher(squares, 2, seen.append)
    first = submit(batcher, [0])
    assert finishing.wait(5)
    following = submit(batcher, range(40))
    batcher._pool.shutdown(wait=True)  # all of them are prepared
    release.set()
    wait([*first, *following], 5)
    batcher.close()
    assert seen == squares.batches == [1, BATCH_CROPS, BATCH_CROPS, 8]


def test_one_inputs_trouble_does_not_end_the_others(batcher, squares):
    futures = submit(batcher, [2, None, -1, 3])
    squares.gate.set()
    assert futures[0].result(5) == 4
    assert futures[3].result(5) == 9
    with pytest.raises(ValueError, match="nothing to prepare"):
        futures[1].result(5)
    with pytest.raises(ZeroDivisionError, match="spoilt"):
        futures[2].result(5)


def test_a_stopped_input_is_not_answered(batcher, squares):
    stop = threading.Event()
    under_way, *queued = submit(batcher, range(5), stop)
    kept = batcher.submit(6, threading.Event())
    stop.set()
    squares.gate.set()
    assert kept.result(5) == 36
    for future in (under_way, *queued):
        with pytest.raises(CancelledError):
            future.result(5)
    assert sum(squares.batches) == 1


def test_closing_cancels_what_was_not_begun(squares):
    batcher = Batcher(squares, 1)
    futures = submit(batcher, range(4))
    closing = threading.Thread(target=batcher.close)
    closing.start()
    for future in futures[1:]:
        with pytest.raises(CancelledError):
            future.result(5)
    squares.gate.set()
    closing.join(5)
    assert futures[0].result(0) == 0


def test_several_callers_share_a_call_of_the_network(small_detector, tmp_path):
    path = make_samples(tmp_path)[0]
    alone = small_detector.detect(path).score
    sizes = []
    batcher = Batcher(small_detector, 4, sizes.append)
    futures = [batcher.submit(path, threading.Event()) for _ in range(24)]
    scores = [future.result(60).score for future in futures]
    batcher.close()
    assert sum(sizes) == 24
    assert max(abs(score.probability - alone.probability) for score in scores) < 0.001


def test_the_detector_is_what_a_batcher_takes():
    for name in ("prepare", "count_waiting", "finish"):
        assert callable(getattr(Detector, name))

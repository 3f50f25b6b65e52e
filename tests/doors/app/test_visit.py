import threading

import pytest

from unmask.detection.detector import Detector
from unmask.doors.app.visit import MAX_FILE_BYTES, Visit
from unmask.inspection.inspect import Inspector
from unmask.service.problems import ProblemError


@pytest.fixture(scope="module")
def inspector():
    return Inspector(Detector(frames=200))


@pytest.fixture
def visit():
    opened = Visit()
    yield opened
    opened.close()


def key(token):
    return (token, "model", "balanced", 32)


def files_of(visit):
    return [path for path in visit.folder.iterdir() if path.is_file()]


def test_a_file_is_kept_once_under_its_name(visit):
    file = visit.take("a", "holiday/photo.jpg", b"content")
    assert visit.take("a", "other.jpg", b"other") is file
    assert file.name == "photo.jpg"
    assert file.path.read_bytes() == b"content"
    assert visit.folder.stat().st_mode & 0o077 == 0


def test_what_the_visitor_takes_away_is_deleted(visit):
    first, second = (visit.take(token, "a.jpg", b"a") for token in ("one", "two"))
    visit.given_up = {key("one"), key("two")}
    visit.keep_only({"two"})
    assert not first.path.exists()
    assert second.path.exists()
    assert visit.given_up == {key("two")}


def test_a_file_that_is_too_large_leaves_nothing(visit):
    with pytest.raises(ProblemError, match="larger than"):
        visit.take("a", "a.jpg", bytes(MAX_FILE_BYTES + 1))
    assert not files_of(visit)


def test_everything_goes_at_the_end(visit):
    visit.take("a", "a.jpg", b"a")
    visit.close()
    visit.close()
    assert not visit.folder.exists()


def test_the_end_is_not_waited_for(inspector, media):
    visit = Visit()
    file = visit.take("a", "long.mp4", media["long.mp4"].read_bytes())
    work = visit.begin({key("a"): file}, inspector, threading.Semaphore(1))
    visit.end()
    assert work.wait(30)
    for thread in threading.enumerate():
        if thread.name == "unmask-visit-ends":
            thread.join(30)
    assert not visit.folder.exists()


def test_work_goes_on_while_it_is_about_the_same_files(visit, inspector, media):
    files = {key("a"): visit.take("a", "photo.jpg", media["photo.jpg"].read_bytes())}
    places = threading.Semaphore(1)
    work = visit.begin(files, inspector, places)
    assert visit.begin(files, inspector, places) is work
    assert work.wait(60)
    visit.gather()
    assert visit.findings[key("a")].inspection.report.source == "photo.jpg"
    assert places.acquire(blocking=False)


def test_a_long_clip_can_be_given_up_and_asked_again(visit, inspector, media):
    token = key("a")
    files = {token: visit.take("a", "long.mp4", media["long.mp4"].read_bytes())}
    places = threading.Semaphore(1)
    work = visit.begin(files, inspector, places)
    while work.share == 0:
        assert not work.wait(0.01)
    visit.give_up()
    assert visit.given_up == {token}
    assert token not in visit.findings
    assert places.acquire(blocking=False)
    visit.forget_giving_up()
    assert not visit.given_up


def test_whoever_waits_for_a_place_can_give_up(visit, inspector, media):
    files = {key("a"): visit.take("a", "photo.jpg", media["photo.jpg"].read_bytes())}
    work = visit.begin(files, inspector, threading.Semaphore(0))
    assert not work.wait(0.3)
    visit.give_up()
    assert work.wait(1)


def test_a_file_that_is_taken_away_is_not_worked_on_any_more(visit, inspector, media):
    file = visit.take("a", "long.mp4", media["long.mp4"].read_bytes())
    work = visit.begin({key("a"): file}, inspector, threading.Semaphore(1))
    visit.keep_only(())
    assert work.wait(1)
    assert not file.path.exists()

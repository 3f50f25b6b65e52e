"""Uploads on disk: bounded, private, and gone when they should be."""

import os
import stat
import time

import pytest

from unmask.errors import UsageError
from unmask.service.problems import ProblemError
from unmask.service.spool import PREFIX, Spool, tidy_name

HOUR_S = 3600.0


@pytest.fixture
def spool(tmp_path):
    spool = Spool(tmp_path, max_bytes=100, total_bytes=250)
    yield spool
    spool.close()


def write(spool, data, name="photo.jpg"):
    upload = spool.open(name)
    upload.write(data)
    upload.finish()
    return upload


def test_an_upload_lives_as_long_as_its_block(spool):
    with write(spool, b"abc") as upload:
        assert upload.source.path.read_bytes() == b"abc"
        assert str(upload.source) == "photo.jpg"
        assert "photo" not in os.fspath(upload.source)
        assert spool.used_bytes == 3
    assert not list(spool.folder.iterdir())
    upload.delete()  # twice does no harm
    assert spool.used_bytes == 0


def test_only_the_user_may_look(spool):
    assert stat.S_IMODE(spool.folder.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    ("sizes", "status", "code"),
    [
        ([101], 413, "too_large"),  # one file over its limit
        ([100, 100, 51], 503, "spool_full"),  # all of them over theirs
    ],
)
def test_limits(spool, sizes, status, code):
    *fitting, last = [bytes(size) for size in sizes]
    for data in fitting:
        write(spool, data)
    with spool.open("last") as upload, pytest.raises(ProblemError) as caught:
        upload.write(last)
    assert (caught.value.status, caught.value.code) == (status, code)


def test_a_file_over_its_limit_is_refused_while_it_comes(spool):
    upload = spool.open("long")
    upload.write(bytes(60))
    with pytest.raises(ProblemError):
        upload.write(bytes(60))
    upload.delete()
    assert spool.used_bytes == 0


def test_closing_deletes_everything(tmp_path):
    spool = Spool(tmp_path, max_bytes=10, total_bytes=10)
    write(spool, b"abc")
    spool.close()
    spool.close()
    assert not list(tmp_path.iterdir())


def test_what_a_killed_service_left_is_removed(tmp_path):
    left = tmp_path / f"{PREFIX}left"
    left.mkdir()
    (left / "picture").write_bytes(b"abc")
    running = Spool(tmp_path, max_bytes=10, total_bytes=10)
    stranger = tmp_path / "other"
    stranger.mkdir()
    long_ago = time.time() - HOUR_S
    for folder in (left, running.folder, stranger):
        os.utime(folder, (long_ago, long_ago))
    young = tmp_path / f"{PREFIX}young"
    young.mkdir()
    (tmp_path / f"{PREFIX}link").symlink_to(stranger)
    spool = Spool(tmp_path, max_bytes=10, total_bytes=10)
    assert not left.exists()
    assert running.folder.is_dir()  # a service that runs
    assert young.is_dir()  # one that is about to
    assert stranger.is_dir()  # not ours
    for each in (spool, running):
        each.close()


def test_a_missing_folder_is_wrong_usage(tmp_path):
    with pytest.raises(UsageError, match="uploads cannot be kept in"):
        Spool(tmp_path / "nowhere", max_bytes=1, total_bytes=1)


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("photo.jpg", "photo.jpg"),
        ("", "upload"),  # none
        ("/home/me/photo.jpg", "photo.jpg"),  # a whole path
        ("C:\\me\\photo.jpg", "photo.jpg"),  # of another system
        ("../../etc/passwd", "passwd"),  # on its way up
        ("a/", "upload"),  # a folder
        ("a\nb\x1b[0m.jpg", "a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}[0m.jpg"),
        ("é.jpg", "é.jpg"),  # printable is not ASCII
        ("x" * 300, "x" * 255),  # long
    ],
)
def test_names_are_tidied(sent, shown):
    assert tidy_name(sent) == shown

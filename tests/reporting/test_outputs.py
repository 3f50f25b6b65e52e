import json
import os
import stat

import pytest

from unmask.errors import UsageError
from unmask.reporting.outputs import FORMATS, check_destinations, open_sink

needs_permissions = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="permissions do not bind this user"
)


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_goes_to_a_file(tmp_path, make_report, name):
    out = tmp_path / "answers"
    with open_sink(name, out) as sink:
        sink.append(make_report())
    assert "a.jpg" in out.read_text(encoding="utf-8")
    assert list(tmp_path.iterdir()) == [out]


def test_unknown_format_is_wrong_usage():
    with (
        pytest.raises(UsageError, match="expected one of table, jsonl, csv, html"),
        open_sink("xml", None),
    ):
        pass


@pytest.mark.parametrize("name", ["table", "jsonl", "csv"])
def test_lines_are_in_the_file_at_once(tmp_path, make_report, name):
    out = tmp_path / "answers"
    with open_sink(name, out) as sink:
        sink.append(make_report("first.jpg"))
        assert "first.jpg" in out.read_text(encoding="utf-8")
        assert out.read_bytes().endswith(b"\n")


def test_a_file_is_overwritten_as_by_a_shell(tmp_path, make_report):
    out = tmp_path / "answers.jsonl"
    out.write_text("old\n" * 100)
    with open_sink("jsonl", out) as sink:
        sink.append(make_report())
    assert json.loads(out.read_text())["source"] == "a.jpg"


def test_an_old_page_stays_until_the_new_one_is_complete(tmp_path, make_report):
    out = tmp_path / "page.html"
    out.write_text("old")
    out.chmod(0o640)
    with open_sink("html", out) as sink:
        sink.append(make_report())
        assert out.read_text() == "old"
    assert "</html>" in out.read_text(encoding="utf-8")
    assert stat.S_IMODE(out.stat().st_mode) == 0o640


def test_a_page_follows_a_link(tmp_path, make_report):
    target, out = tmp_path / "true.html", tmp_path / "link.html"
    target.write_text("old")
    out.symlink_to(target)
    with open_sink("html", out) as sink:
        sink.append(make_report())
    assert out.is_symlink()
    assert "</html>" in target.read_text(encoding="utf-8")


def interrupted_run(name, out, report, error):
    with open_sink(name, out) as sink:
        sink.append(report)
        raise error


@pytest.mark.parametrize("name", FORMATS)
def test_an_interrupted_run_keeps_its_answers(tmp_path, make_report, name):
    out = tmp_path / "answers"
    with pytest.raises(KeyboardInterrupt):
        interrupted_run(name, out, make_report(), KeyboardInterrupt())
    assert "a.jpg" in out.read_text(encoding="utf-8")


def test_a_full_disk_keeps_the_old_page_and_says_where_the_rest_is(tmp_path, make_report):
    out = tmp_path / "page.html"
    out.write_text("old")
    with pytest.raises(OSError, match="is kept in this file") as caught:
        interrupted_run("html", out, make_report(), OSError(28, "No space left on device"))
    assert out.read_text() == "old"
    assert os.path.exists(caught.value.filename)  # noqa: PTH110


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")  # noqa: PTH110
@pytest.mark.parametrize("name", FORMATS)
def test_a_full_device_is_an_error(make_report, name):
    from pathlib import Path

    with pytest.raises(OSError, match="No space left"), open_sink(name, Path("/dev/full")) as sink:
        sink.append(make_report())


@pytest.mark.parametrize(
    ("out", "message"),
    [
        ("no/such/folder/a.csv", "does not exist"),  # parent missing
        ("folder", "is a folder"),  # a folder
        ("photo.jpg", "names a picture"),  # an input
        ("new.PNG", "names a picture"),  # looks like a slip: nobody wants a report so named
        ("link", "names a picture"),  # the input under another name
    ],
)
def test_impossible_files_are_refused_before_the_work(tmp_path, out, message):
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(b"x")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(photo)
    with pytest.raises(UsageError, match=message):
        check_destinations("csv", tmp_path / out, None, inputs=[str(photo)])
    assert photo.read_bytes() == b"x"


@needs_permissions
def test_a_file_that_cannot_be_written_is_refused(tmp_path):
    out = tmp_path / "a.csv"
    out.touch(mode=0o400)
    with pytest.raises(UsageError, match="Permission denied"):
        check_destinations("csv", out, None, inputs=[])


@pytest.mark.parametrize(
    ("overlay", "message"),
    [
        ("photos", "is also an input"),  # drawn copies would be answered next time
        ("file", "cannot be made"),  # a file is there
    ],
)
def test_impossible_overlay_folders_are_refused(tmp_path, overlay, message):
    (tmp_path / "photos").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match=message):
        check_destinations("table", None, tmp_path / overlay, inputs=[str(tmp_path / "photos")])


def test_overlay_folder_is_made(tmp_path):
    check_destinations("table", None, tmp_path / "new" / "drawn", inputs=["a.jpg"])
    assert (tmp_path / "new" / "drawn").is_dir()

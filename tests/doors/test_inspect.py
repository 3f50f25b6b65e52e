"""`unmask inspect` and `unmask verify` as their users run them."""

import json
import re
import shutil

import pytest

from unmask.doors.commands import inspect as door


def test_a_photograph_is_inspected_and_its_report_confirmed(unmask, photo, tmp_path):
    found = unmask("inspect", photo, "--html", "a.html", "--json", "a.json")
    assert found.exit_code == 0, found.output
    assert found.output.startswith(("REAL", "UNCERTAIN", "FAKE"))
    for word in ("why", "firmness", "SHA-256", "quality 92", "written to a.html"):
        assert word in found.output
    page = (tmp_path / "a.html").read_text()
    assert page.count("data:image/jpeg;base64,") >= 5
    assert not re.findall(r'(?:src|href)="(?!data:)', page)  # nothing is loaded from anywhere
    assert "<script" not in page
    report = json.loads((tmp_path / "a.json").read_text())
    assert report["source"] == str(photo)

    confirmed = unmask("verify", "a.json", photo)
    assert confirmed.exit_code == 0, confirmed.output
    assert confirmed.output.endswith("confirmed\n")

    shutil.copy(photo, tmp_path / "other.jpg")
    with (tmp_path / "other.jpg").open("ab") as stream:
        stream.write(b"\0")
    refused = unmask("verify", "a.json", "other.jpg")
    assert refused.exit_code == 1
    assert "DIFFERS  file SHA-256: the report says" in refused.output
    assert "NOT confirmed" in refused.output
    assert "cannot be answered" not in refused.output
    gone = unmask("verify", "a.json", "gone.jpg")
    assert gone.exit_code == 1
    assert "the file cannot be answered: 'gone.jpg' does not exist" in gone.output


def test_a_clip_is_inspected(unmask, clip, tmp_path):
    found = unmask("inspect", clip, "--html", "a.html", "--frames", 6)
    assert found.exit_code == 0, found.output
    assert "Moment 1 at" in found.output
    page = (tmp_path / "a.html").read_text()
    assert "Person 0" in page
    assert "stream 0" in page


def test_no_face_is_an_answer(unmask, hill):
    found = unmask("inspect", hill, "--json", "a.json")
    assert found.exit_code == 0
    assert found.output.startswith("NO FACE")


def test_what_cannot_be_answered_has_status_1_and_a_report(unmask, broken, tmp_path):
    found = unmask("inspect", broken, "--html", "a.html", "--json", "a.json")
    assert found.exit_code == 1
    assert "unsupported" in found.output
    assert json.loads((tmp_path / "a.json").read_text())["verdict"] == "error"
    assert "unsupported" in (tmp_path / "a.html").read_text()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--html", "nowhere/a.html"], "does not exist"),
        (["--html", "a.jpg"], "names a picture, clip or input"),  # would overwrite one
        (["--html", "a", "--json", "a"], "different files"),
        (["--trust", "no.pem"], "cannot be read"),
        (["--model", "nobody"], "no model"),
        (["--policy", "nothing"], "no policy"),
    ],
)
def test_wrong_usage_has_status_2(unmask, photo, arguments, complaint):
    found = unmask("inspect", photo, *arguments)
    assert found.exit_code == 2
    assert complaint in found.stderr


@pytest.mark.parametrize("content", ["{}", "no json"])
def test_what_is_no_report_has_status_2(unmask, photo, tmp_path, content):
    (tmp_path / "r.json").write_text(content)
    found = unmask("verify", "r.json", photo)
    assert found.exit_code == 2
    assert "report" in found.stderr


def test_without_the_extra_a_pdf_is_refused_before_any_work(unmask, photo, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "reportlab", None)
    found = unmask("inspect", photo, "--pdf", "a.pdf")
    assert found.exit_code == 2
    assert "unmask[pdf]" in found.stderr


def test_an_evil_name_reaches_neither_terminal_nor_page(unmask, photo, tmp_path):
    evil = tmp_path / "a<b>\x1b[2J.jpg"
    shutil.copy(photo, evil)
    found = unmask("inspect", evil, "--html", "a.html")
    assert found.exit_code == 0, found.output
    assert "\x1b[2J" not in found.output
    page = (tmp_path / "a.html").read_text()
    assert "<b>\\" not in page
    assert "\x1b" not in page


@pytest.mark.parametrize("help_text", [door.INSPECT_HELP, door.VERIFY_HELP])
def test_the_help_has_examples(help_text):
    assert "Examples:" in help_text

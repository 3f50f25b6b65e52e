"""Pages and files of an inspection hold what it found, whatever words are in it."""

import io
import json

import numpy as np
import pytest
from rich.console import Console

from unmask.detection.detector import Detector
from unmask.inspection.inspect import Inspector
from unmask.inspection.views import View
from unmask.reporting.inspection import inspection_page, print_inspection, provenance_tables

EVIL = '<script>alert("1")</script> & ' + "x" * 5000 + " \x1b[2J日本"


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    from PIL import Image
    from skimage import data

    path = tmp_path_factory.mktemp("inspection") / "photo.jpg"
    Image.fromarray(data.astronaut()).save(path, quality=92)
    return Inspector(Detector()).inspect(path)


@pytest.fixture
def summary(found):
    return json.loads(json.dumps(found.to_dict()))


def poison(summary):
    """The same with hostile words wherever a file may have put some."""
    summary["source"] = EVIL
    summary["warnings"] = [EVIL]
    summary["reasons"] = [EVIL]
    found = summary["provenance"]
    found["exif"], found["xmp"] = {"Make": EVIL}, {EVIL[:40]: EVIL}
    found["texts"] = {EVIL: EVIL}
    row = {"where": EVIL, "says": EVIL, "machine_made": True, "excerpt": EVIL}
    found["declarations"] = [row]
    found["container"] = {
        "format": EVIL,
        "tags": {EVIL: EVIL},
        "streams": [{"kind": EVIL, "codec": None, "tags": {"a": EVIL}}],
    }
    found["credentials"] |= {"signer": EVIL, "claims": [EVIL], "problems": [EVIL]}
    return summary


def test_the_page_shows_every_part(found, summary):
    page = inspection_page(summary, found.report, found.pictures())
    for part in ("Why", "How firm the score is", "Where the file says", "jpeg_90", "Heat map"):
        assert part in page
    assert summary["provenance"]["sha256"] in page
    assert summary["model"]["sha256"] in page


def test_hostile_words_are_only_words(found, summary):
    page = inspection_page(poison(summary), found.report, found.pictures())
    assert "<script" not in page
    assert "\x1b" not in page


def test_the_terminal_gets_plain_lines(summary):
    console = Console(width=120, file=io.StringIO())
    print_inspection(poison(summary), console)
    assert "\x1b" not in console.file.getvalue()


def test_an_unanswered_file_has_a_page(tmp_path):
    path = tmp_path / "x.jpg"
    path.write_bytes(b"no picture")
    found = Inspector(Detector()).inspect(path)
    page = inspection_page(found.to_dict(), found.report, ())
    assert "unsupported" in page
    assert provenance_tables(found.to_dict()) == {}


@pytest.mark.parametrize("hostile", [False, True])
def test_the_pdf_is_one(found, summary, hostile):
    pytest.importorskip("reportlab", reason="the extra pdf is not installed")
    from unmask.reporting.inspection_pdf import inspection_pdf

    summary = poison(summary) if hostile else summary
    content = inspection_pdf(summary, found.pictures())
    assert content.startswith(b"%PDF-")
    assert content.rstrip().endswith(b"%%EOF")
    assert content.count(b"/Subtype /Image") >= 4
    pixels = np.zeros((16, 16, 3), np.uint8)
    small = inspection_pdf(summary, [[View("a", pixels, "b")] for _ in summary["why"]])
    assert len(small) < len(content)

import io
import re
from dataclasses import replace
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import pytest

from unmask.records import Kind, Verdict
from unmask.reporting.html import MAX_THUMBNAILS, HtmlSink, clock


class Page(HTMLParser):
    """Collects tags and text, and sees to it that every element is closed."""

    VOID = frozenset({"meta", "input", "img", "br", "link"})

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.words, self.open = [], [], [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes.extend(attrs)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes.extend(attrs)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


def page_of(*reports):
    stream = io.StringIO()
    with HtmlSink(stream) as sink:
        for report in reports:
            sink.append(report)
    return stream.getvalue()


def test_page_is_well_formed(make_report, failed_report, clip_report):
    page = Page(page_of(make_report(), failed_report(), clip_report))
    assert page.tags.count("article") == 3


def test_page_loads_nothing_and_runs_nothing(make_report, clip_report):
    text = page_of(make_report(), clip_report)
    page = Page(text)
    assert not {"script", "link", "iframe", "object", "embed", "form"} & set(page.tags)
    assert "http" not in re.sub("http-equiv", "", text)
    assert "default-src 'none'" in text
    for name, value in page.attributes:
        assert name != "style", "the policy of the page forbids inline styles"
        assert not name.startswith("on")
        if name in {"src", "href"}:
            assert value.startswith("data:image/jpeg;base64,")


def test_style_matches_the_hash_in_the_policy(make_report):
    import base64
    import hashlib

    text = page_of(make_report())
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"'sha256-{digest}'" in text


@pytest.mark.parametrize(
    "source",
    [
        "<script>alert(1)</script>.jpg",  # markup
        '"><img src=x onerror=alert(1)>.jpg',  # leaves an attribute
        "{{ 7 * 7 }}.jpg",  # a template
        "a\x1b\udcff.jpg",  # control character and stray byte
    ],
)
def test_names_cannot_break_out(failed_report, make_report, source):
    text = page_of(make_report(source), failed_report(source, message=f"broken: {source}"))
    page = Page(text)
    assert "script" not in page.tags
    assert "49.jpg" not in text
    assert "\x1b" not in text
    text.encode("utf-8")  # raises where a stray surrogate is left


def test_every_part_of_an_answer_is_there(make_report):
    report = make_report(warnings=("the face is small",), threshold=0.42)
    words = " ".join(" ".join(Page(page_of(report)).words).split())
    for part in (
        "a.jpg",
        "fake",
        "97 %",
        "0.9700",
        "42.0 %",
        "the score lies above the threshold",
        "the face is small",
        "unmask-test 1.0",
        "ab" * 32,
        "balanced",
        "not proof",
    ):
        assert part in words


def test_error_has_code_and_message_and_no_score(failed_report):
    text = page_of(failed_report())
    assert "the picture ends too early" in text
    assert 'class="measure"' not in text


def test_clip_has_a_timeline_for_each_person(clip_report):
    text = page_of(clip_report)
    charts = re.findall(r'<svg class="chart".*?</svg>', text, re.DOTALL)
    assert len(charts) == 2
    points = ET.fromstring(charts[0]).find("polyline").get("points").split()
    assert len(points) == 5
    xs = [float(point.split(",")[0]) for point in points]
    ys = [float(point.split(",")[1]) for point in points]
    assert xs == sorted(xs)
    assert ys == sorted(ys)  # the scores fall, and lower scores lie lower


def test_clip_of_one_moment_has_a_timeline(clip_report):
    people = tuple(replace(person, timeline=((0.0, 0.9),)) for person in clip_report.people)
    assert "polyline" in page_of(replace(clip_report, people=people))


def test_thumbnails_are_small_and_few(clip_report):
    report = replace(clip_report, faces=clip_report.faces * 10)
    text = page_of(report)
    assert text.count("<img") == MAX_THUMBNAILS
    assert f"and {len(report.faces) - MAX_THUMBNAILS} more" in text
    assert len(text) < MAX_THUMBNAILS * 16_000 + 30_000


def test_counts_are_shown(make_report, failed_report):
    no_face = make_report(verdict=Verdict.NO_FACE, score=None, faces=(), kind=Kind.IMAGE)
    text = page_of(make_report(), make_report(), no_face, failed_report())
    tiles = dict(re.findall(r'<label class="tile (\w+)"[^>]*><b>(\d+)</b>', text))
    assert tiles == {"all": "4", "fake": "2", "no_face": "1", "error": "1"}


def test_stopped_run_says_so(make_report):
    stream = io.StringIO()

    def interrupted_run():
        with HtmlSink(stream) as sink:
            sink.append(make_report())
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted_run()
    Page(stream.getvalue())
    assert "stopped before the end" in stream.getvalue()


def test_cards_are_written_one_by_one(make_report):
    stream = io.StringIO()
    with HtmlSink(stream) as sink:
        sink.append(make_report())
        assert "<article" in stream.getvalue()


@pytest.mark.parametrize(
    ("time_s", "expected"),
    [
        (0.0, "0:00.0"),  # the start
        (59.96, "1:00.0"),  # rounds up into the next minute
        (3600.0, "1:00:00.0"),  # hours
        (-0.02, "0:00.0"),  # some clips start before zero
    ],
)
def test_clock(time_s, expected):
    assert clock(time_s) == expected

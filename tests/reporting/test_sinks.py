import csv
import io
import json
import os

import pytest
from rich.console import Console

from unmask.records import Score, Verdict
from unmask.reporting.sinks import CSV_COLUMNS, CsvSink, JsonLinesSink, TableSink

NOT_TEXT = os.fsdecode(b"caf\xe9.jpg")  # Latin-1 bytes, no valid UTF-8


class CountingStream(io.StringIO):
    """Counts how often it was flushed."""

    flushed = 0

    def flush(self):
        self.flushed += 1
        super().flush()


class Terminal(io.StringIO):
    def isatty(self):
        return True


def written(sink_class, *reports, stream=None):
    stream = stream or io.StringIO(newline="")
    with sink_class(stream) as sink:
        for report in reports:
            sink.append(report)
    return stream.getvalue()


def csv_rows(*reports):
    return list(csv.DictReader(io.StringIO(written(CsvSink, *reports), newline="")))


# JSON Lines


def test_json_lines_is_one_object_per_report(make_report, failed_report):
    lines = written(JsonLinesSink, make_report(), failed_report()).splitlines()
    assert [json.loads(line)["verdict"] for line in lines] == ["fake", "error"]
    assert json.loads(lines[0]) == make_report().to_dict()


def test_json_lines_is_flushed_after_each_report(make_report):
    stream = CountingStream()
    written(JsonLinesSink, make_report(), make_report(), stream=stream)
    assert stream.flushed >= 2


@pytest.mark.parametrize(
    "source",
    [
        NOT_TEXT,  # bytes that are no text
        'quote".jpg',  # a quotation mark
        "two\nlines.jpg",  # a line break must not break the line
        "写真.jpg",  # beyond ASCII
        "line\u2028separator",  # JavaScript's line break
    ],
)
def test_json_lines_keeps_any_name(make_report, source):
    text = written(JsonLinesSink, make_report(source))
    assert text.isascii()
    assert len(text.splitlines()) == 1
    assert json.loads(text)["source"] == source


# CSV


def test_csv_has_fixed_columns_and_rfc_line_ends(make_report):
    text = written(CsvSink, make_report())
    assert text.startswith(",".join(CSV_COLUMNS) + "\r\n")
    assert text.endswith("\r\n")
    assert text.count("\n") == text.count("\r\n") == 2


def test_csv_has_a_header_even_without_reports():
    assert written(CsvSink) == ",".join(CSV_COLUMNS) + "\r\n"


def test_csv_row_of_an_answer(make_report):
    (row,) = csv_rows(make_report())
    assert (row["verdict"], row["score"], row["face_count"]) == ("fake", "0.97", "1")
    assert json.loads(row["faces"])[0]["box_xyxy"] == [20.0, 20.0, 60.0, 60.0]
    assert json.loads(row["reasons"]) == ["the score lies above the threshold"]
    assert row["error_code"] == ""


def test_csv_row_of_an_error_has_no_score(failed_report):
    (row,) = csv_rows(failed_report())
    assert (row["verdict"], row["score"], row["kind"]) == ("error", "", "")
    assert (row["error_code"], row["error_message"]) == ("corrupt", "the picture ends too early")


def test_csv_holds_the_timeline_of_clips(clip_report):
    (row,) = csv_rows(clip_report)
    assert row["person_count"] == "2"
    assert len(json.loads(row["people"])[0]["timeline"]) == 5


@pytest.mark.parametrize(
    ("source", "cell"),
    [
        ("=cmd|' /C calc'!A0.jpg", "'=cmd|' /C calc'!A0.jpg"),  # a command in old spreadsheets
        ("+1.jpg", "'+1.jpg"),  # a formula
        ("-1.jpg", "'-1.jpg"),  # a formula
        ("@sum.jpg", "'@sum.jpg"),  # a formula of Lotus
        ("\t=1.jpg", "'\t=1.jpg"),  # a tab is skipped by spreadsheets
        ("'=1.jpg", "''=1.jpg"),  # a true apostrophe stays recognisable
        ("a=b.jpg", "a=b.jpg"),  # harmless inside
        ('comma, quote".jpg', 'comma, quote".jpg'),  # quoted by the format
        ("two\nlines.jpg", "two\nlines.jpg"),  # quoted by the format
        (NOT_TEXT, "caf\\udce9.jpg"),  # bytes that are no text
    ],
)
def test_csv_names_are_safe_in_spreadsheets(make_report, source, cell):
    (row,) = csv_rows(make_report(source))
    assert row["source"] == cell


# Table


def test_table_in_a_pipe_is_one_plain_line_per_input(make_report, failed_report):
    long_name = "folder/" * 40 + "a.jpg"
    text = written(TableSink, make_report(long_name), failed_report("b\x1b[2J.jpg"))
    head, first, second, summary = text.splitlines()
    assert head.split() == ["verdict", "score", "faces", "file", "why"]
    assert first.split("  ")[0] == "fake"
    assert "97 %" in first
    assert long_name in first
    assert second.startswith("error")
    assert "corrupt: the picture ends too early" in second
    assert "\x1b" not in text
    assert summary.startswith("2 files: 1 fake, 1 error; ")


def test_table_on_a_terminal_fits_its_width_and_folds_long_names(make_report, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    name = "folder/" + "x" * 150 + ".jpg"
    text = written(TableSink, make_report(name, verdict=Verdict.FAKE), stream=Terminal())
    assert "\x1b[" in text  # coloured
    plain = Console(width=80, file=io.StringIO()).render_str(text).plain
    assert "FAKE" in plain
    assert text.count("x") >= 150  # the whole name is there


def test_table_says_when_it_was_stopped(make_report):
    stream = io.StringIO()

    def interrupted_run():
        with TableSink(stream) as sink:
            sink.append(make_report())
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted_run()
    assert stream.getvalue().rstrip().endswith("stopped before the end")


@pytest.mark.parametrize(
    ("verdict", "score", "row"),
    [
        (Verdict.REAL, 0.001, "real        <1 %  1 face"),  # never 0 %
        (Verdict.UNCERTAIN, 0.5, "uncertain   50 %  1 face"),  # the longest word
        (Verdict.NO_FACE, None, "no face"),  # no score
    ],
)
def test_table_rows(make_report, verdict, score, row):
    changes = {} if score is not None else {"faces": ()}
    report = make_report(
        verdict=verdict, score=None if score is None else Score(0.0, score), **changes
    )
    assert written(TableSink, report).splitlines()[1].startswith(row)

import io

import pytest
from rich.console import Console

from unmask.reporting.progress import choose_console, describe_progress, watch
from unmask.reporting.sinks import JsonLinesSink, TableSink


def refuse_to_count():
    message = "the number is asked for only where a bar is shown"
    raise AssertionError(message)


def test_without_a_console_reports_pass_through(make_report):
    reports = [make_report("a.jpg"), make_report("b.jpg")]
    assert list(watch(reports, None, refuse_to_count)) == reports


def test_with_a_console_there_is_a_bar(make_report):
    console = Console(file=io.StringIO(), force_terminal=True, width=100)
    reports = [make_report("a.jpg"), make_report("b.jpg")]
    assert list(watch(reports, console, lambda: 2)) == reports
    assert "detecting" in console.file.getvalue()


def test_no_bar_where_nobody_sees_it(tmp_path, monkeypatch):
    monkeypatch.setattr("sys.stdout", io.StringIO())
    monkeypatch.setattr("sys.stderr", io.StringIO())
    for sink in (TableSink(io.StringIO()), JsonLinesSink(io.StringIO())):
        assert choose_console(sink, None) is None
        assert choose_console(sink, tmp_path / "out") is None


def test_a_table_shares_its_terminal():
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    sink = TableSink(Terminal())
    assert choose_console(sink, None) is (sink.console if sink.console.is_terminal else None)


def test_closing_it_stops_the_work_behind_it(make_report):
    stopped = []

    def answers():
        try:
            yield make_report("a.jpg")
            yield make_report("b.jpg")
        finally:
            stopped.append(True)

    for console in (None, Console(file=io.StringIO(), force_terminal=True)):
        reports = watch(answers(), console, lambda: 2)
        next(reports)
        reports.close()
    assert stopped == [True, True]


@pytest.mark.parametrize(
    ("total", "answered", "seconds", "line"),
    [
        (None, 0, 0.0, "500, 0.0/s"),  # nothing is known yet
        (2000, 100, 10.0, "500 of 2,000, 10.0/s, about 2 min left"),
        (1_000_500, 100, 10.0, "500 of 1,000,500, 10.0/s, about 27.8 h left"),
        (400, 100, 10.0, "500 of 400, 10.0/s, about 0 min left"),  # files vanished meanwhile
    ],
)
def test_a_line_says_how_far_it_is(total, answered, seconds, line):
    assert describe_progress(500, total, answered, seconds) == line

import io

import numpy as np
from rich.console import Console

from unmask.reporting.drawing import Mark
from unmask.reporting.views import LineView, Look, TerminalView


def look(*texts, time_s=0.0):
    marks = tuple(Mark((5, 5, 20, 20), text, text.split()[0].strip(",").lower()) for text in texts)
    return Look(np.zeros((30, 40, 3), np.uint8), marks, time_s, 12.34)


def test_lines_are_written_at_changes_only():
    stream = io.StringIO()
    with LineView(Console(file=stream, width=200)) as view:
        assert view.show(look("FAKE 97 %", time_s=0.0))
        assert view.show(look("FAKE 96 %", time_s=0.1))  # within the same second, same verdict
        assert view.show(look("REAL, 2 % fake", time_s=0.2))
        assert view.show(look(time_s=0.3))
    lines = stream.getvalue().splitlines()
    assert [line.split("  ")[-2].strip() for line in lines] == [
        "FAKE 97 %",
        "REAL, 2 % fake",
        "no face",
    ]
    assert all("12.3 frames/s" in line for line in lines)


def test_terminal_shows_picture_words_and_pace():
    stream = io.StringIO()
    console = Console(
        file=stream, force_terminal=True, color_system="truecolor", width=40, height=12
    )
    with TerminalView(console) as view:
        assert view.show(look("FAKE 97 %", "REAL, 2 % fake"))
    text = stream.getvalue()
    for part in ("▀", "FAKE 97 %", "REAL, 2 % fake", "12.3 frames/s"):
        assert part in text

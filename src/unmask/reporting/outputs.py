"""Opening the place a run writes to: standard output or a file.

A file is overwritten, as a shell's `>` does. Lines (table, JSON Lines, CSV) are written straight to
it and flushed one by one, so that a run that is killed leaves every answer up to the last complete
line. A page (HTML) is written beside it and moved into place when it is complete, so that an older
report is never replaced by half of a new one.
"""

import os
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import TextIO

from unmask.errors import UsageError
from unmask.files import check_writable
from unmask.media.sources import MEDIA_EXTENSIONS
from unmask.reporting.html import HtmlSink
from unmask.reporting.sinks import CsvSink, JsonLinesSink, Sink, TableSink

FORMATS = ("table", "jsonl", "csv", "html")


@contextmanager
def open_sink(name: str, out: Path | None) -> Iterator[Sink]:
    """A sink for one of `FORMATS` that writes to a file, or to standard output without one.

    Raises:
        UsageError: there is no such format, or the file cannot be written to.
    """
    sinks: dict[str, Callable[[TextIO], Sink]] = {
        "table": TableSink,
        "jsonl": JsonLinesSink,
        "csv": CsvSink,
        "html": HtmlSink,
    }
    if name not in sinks:
        message = f"unknown format {name!r}, expected one of {', '.join(FORMATS)}"
        raise UsageError(message)
    if out is None:
        with sinks[name](_standard_output()) as sink:
            yield sink
        return
    opened = _open_page(out) if name == "html" else _open_lines(out)
    with opened as stream, sinks[name](stream) as sink:
        yield sink


def check_destinations(
    name: str, out: Path | None, overlay: Path | None, *, inputs: Sequence[str]
) -> None:
    """Refuse early, before any work is done, what cannot be written or would destroy an input.

    Raises:
        UsageError: the folder of `out` is missing, it is a folder, or a picture or clip; a page
            would go to a terminal; the folder for overlays is a file or one of the inputs.
    """
    if out is not None:
        check_file(out, inputs)
    elif name == "html" and sys.stdout.isatty():
        message = "an HTML page is not for the terminal; name a file with --out"
        raise UsageError(message)
    if overlay is not None:
        _check_folder(overlay, inputs)


def check_file(out: Path, inputs: Sequence[str], option: str = "--out") -> None:
    """Refuse a file that cannot be written, or whose writing would destroy an input.

    Raises:
        UsageError: its folder is missing, it is a folder, or a picture or clip.
    """
    message = ""
    if out.is_dir():
        message = f"{option} must name a file, but {out} is a folder"
    elif not out.parent.is_dir():
        message = f"the folder of {option} {out} does not exist; create it first"
    elif out.suffix.lower() in MEDIA_EXTENSIONS or any(_is_same(out, other) for other in inputs):
        message = f"{option} {out} names a picture, clip or input: a report must not overwrite it"
    elif out.exists() and not os.access(out, os.W_OK):
        message = f"cannot write to {out}: Permission denied"
    if message:
        raise UsageError(message)


def _check_folder(overlay: Path, inputs: Sequence[str]) -> None:
    if any(_is_same(overlay, other) for other in inputs):
        message = f"--overlay {overlay} is also an input; name another folder"
        raise UsageError(message)
    drawn = overlay.resolve()
    folders = [Path(other).resolve() for other in inputs if Path(other).is_dir()]
    if any(folder.is_relative_to(drawn) for folder in folders):
        message = f"--overlay {overlay} is or holds a folder of inputs; name another folder"
        raise UsageError(message)
    try:
        overlay.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        message = f"--overlay {overlay} cannot be made: {error.strerror or error}"
        raise UsageError(message) from error
    check_writable(overlay)


def _is_same(path: Path, other: str) -> bool:
    try:
        return path.samefile(other)
    except OSError:  # one of them is not there
        return False


def _standard_output() -> TextIO:
    stream = sys.stdout
    if isinstance(stream, TextIOWrapper) and not stream.isatty():
        stream.reconfigure(encoding="utf-8", errors="backslashreplace", newline="")
    return stream


def _open(path: Path) -> TextIOWrapper:
    try:
        return path.open("w", encoding="utf-8", errors="backslashreplace", newline="")
    except OSError as error:
        message = f"cannot write to {path}: {error.strerror or error}"
        raise UsageError(message) from error


@contextmanager
def _open_lines(out: Path) -> Iterator[TextIO]:
    with _open(out) as stream:
        yield stream


def write_page(out: Path, page: str | bytes) -> None:
    """Write a whole file beside its place and move it there, so that no half of it is ever seen.

    Raises:
        UsageError: the file cannot be written to.
    """
    if isinstance(page, str):
        page = page.encode("utf-8", "backslashreplace")
    with _open_page(out) as stream:
        stream.buffer.write(page)


@contextmanager
def _open_page(out: Path) -> Iterator[TextIOWrapper]:
    if out.exists() and not out.is_file():  # a pipe or device cannot be replaced
        with _open(out) as stream:
            yield stream
        return
    target = out.resolve()
    part = target.with_name(f".{target.name[:100]}.{os.getpid()}.part")
    try:
        with _open(part) as stream:
            yield stream
    except OSError as error:
        kept = f"{error.strerror or error} (what was written so far is kept in this file)"
        raise OSError(error.errno, kept, str(part)) from error
    except BaseException:
        _move_into_place(part, target)
        raise
    _move_into_place(part, target)


def _move_into_place(part: Path, target: Path) -> None:
    if not part.exists():  # it could not be opened
        return
    if target.exists():
        shutil.copymode(target, part)
    part.replace(target)

"""`unmask detect`: pictures, clips and folders."""

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from unmask.doors.commands.options import (
    CropsOption,
    Device,
    DeviceOption,
    Engine,
    EngineOption,
    Format,
    FpsOption,
    FramesOption,
    ModelOption,
    PolicyOption,
    ThresholdOption,
)

if TYPE_CHECKING:
    from unmask.records import Report

DETECT_HELP: Final = """Say whether the faces in pictures and clips are real.

The verdict is fake, real, uncertain or no face; \
the score is the probability of fake. Exit status: 0 every input was answered, 1 some failed (each \
still has its line), 2 wrong usage.

\b
Examples:
  unmask detect photo.jpg
  unmask detect holiday/ clip.mp4 --recursive --format html --out report.html
  unmask detect *.mp4 --overlay drawn/ --fps 2
  unmask detect from-strangers/ --contained
  unmask detect pictures/ --format jsonl | jq 'select(.verdict == "fake")'
"""


def detect(
    paths: Annotated[
        list[str],
        typer.Argument(metavar="PATH", help="Pictures, clips and folders.", show_default=False),
    ],
    output_format: Annotated[
        Format,
        typer.Option(
            "--format",
            help="A table for people, JSON Lines or CSV for programs, one HTML page.",
        ),
    ] = Format.TABLE,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="FILE",
            help="Write there instead of to standard output; an existing file is overwritten.",
            show_default=False,
        ),
    ] = None,
    overlay: Annotated[
        Path | None,
        typer.Option(
            "--overlay",
            metavar="DIR",
            help="Also write copies of the pictures and clips there, with boxes and scores drawn.",
            show_default=False,
        ),
    ] = None,
    model: ModelOption = None,
    policy: PolicyOption = "balanced",
    threshold: ThresholdOption = None,
    frames: FramesOption = 32,
    fps: FpsOption = None,
    engine: EngineOption = Engine.AUTO,
    device: DeviceOption = Device.AUTO,
    crops: CropsOption = False,
    recursive: Annotated[
        bool, typer.Option("--recursive", "-r", help="Look into the folders of folders too.")
    ] = False,
    contained: Annotated[
        bool,
        typer.Option(
            "--contained",
            help="Decode in processes of their own, with limits on time and memory, so that a "
            "hostile file costs no more than its own answer.",
        ),
    ] = False,
) -> None:
    """Parse, build a detector, hand each report to one sink."""
    from unmask.detection.detector import Detector
    from unmask.media.limits import DecodeLimits
    from unmask.media.sources import walk
    from unmask.reporting.outputs import check_destinations, open_sink
    from unmask.reporting.progress import choose_console, watch

    target = None if out == Path("-") else out
    check_destinations(output_format.value, target, overlay, inputs=paths)
    detector = Detector(
        model,
        policy=policy,
        threshold=threshold,
        engine=engine.value,
        device=device.value,
        frames=frames,
        fps=fps,
        crops=crops,
        contained=DecodeLimits() if contained else None,
    )
    found = walk(paths, recursive=recursive)
    sources = _outside(overlay, found, paths)
    failed = 0

    def count() -> int:
        return sum(1 for _ in _outside(overlay, walk(paths, recursive=recursive), paths))

    with (
        open_sink(output_format.value, target) as sink,
        closing(
            watch(detector.detect_all(sources), choose_console(sink, target), count)
        ) as reports,
    ):
        for report in reports:
            sink.append(report)
            failed += report.error is not None
            if overlay is not None:
                failed += not _draw(report, overlay)
    _say_passed_over(found.skipped)
    raise typer.Exit(1 if failed else 0)


def _outside(folder: Path | None, sources: Iterable[str], named: list[str]) -> Iterator[str]:
    """The sources but those that a walk finds among this (or an earlier) run's drawings."""
    if folder is None:
        yield from sources
        return
    drawn, outright = folder.resolve(), set(named)
    for source in sources:
        if source in outright or not Path(source).absolute().parent.resolve().is_relative_to(drawn):
            yield source


def _say_passed_over(skipped: Counter[str]) -> None:
    from unmask.errors import printable

    if skipped:
        kinds = ", ".join(f"{number} {printable(kind)}" for kind, number in skipped.most_common(8))
        typer.echo(f"unmask: passed over {skipped.total()}: {kinds}", err=True)


def _draw(report: "Report", folder: Path) -> bool:
    """Write an annotated copy; False, with a line on standard error, where that failed."""
    from unmask.errors import UnmaskError, printable
    from unmask.reporting.overlay import write_overlay

    if report.error is not None:
        return True
    try:
        write_overlay(report, folder)
    except (UnmaskError, OSError) as error:
        typer.echo(f"unmask: no overlay for {printable(report.source)}: {error}", err=True)
        return False
    return True

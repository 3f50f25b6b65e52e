"""`unmask inspect` and `unmask verify`: one file, with all grounds; and a report, checked."""

from pathlib import Path
from typing import Annotated, Final

import typer

from unmask.doors.commands.options import (
    Device,
    DeviceOption,
    Engine,
    EngineOption,
    FpsOption,
    FramesOption,
    ModelOption,
    PolicyOption,
    ThresholdOption,
)

INSPECT_HELP: Final = """Say why a file is called fake or real, how firmly, and where it is from.

Heat maps, the score under slight changes, likeness to the training faces, metadata and content \
credentials. What speaks against a verdict makes it uncertain. Nothing is fetched from anywhere. \
Exit status: 0 whatever the verdict, 1 the file could not be answered, 2 wrong usage.

\b
Examples:
  unmask inspect photo.jpg
  unmask inspect photo.jpg --html report.html --json report.json
  unmask inspect clip.mp4 --pdf report.pdf
  unmask inspect photo.jpg --trust roots.pem
"""
VERIFY_HELP: Final = """Check that a file and a model give the answer of an evidence report.

REPORT is what `unmask inspect --json` wrote; the file is inspected again as the report says it \
was. Exit status: 0 confirmed, 1 something differs, 2 wrong usage.

\b
Examples:
  unmask verify report.json photo.jpg
  unmask verify report.json photo.jpg --model runs/mine
"""

TrustOption = Annotated[
    Path | None,
    typer.Option(
        "--trust",
        metavar="PEM",
        help="Root certificates whose content credentials are trusted; without, none are.",
        show_default=False,
    ),
]


def _target(option: str, what: str) -> object:
    return typer.Option(option, metavar="OUT", help=f"Write {what} there.", show_default=False)


def inspect(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A picture or clip.")],
    html: Annotated[Path | None, _target("--html", "a self-contained page")] = None,
    pdf: Annotated[Path | None, _target("--pdf", "a PDF file (extra: pdf)")] = None,
    json: Annotated[Path | None, _target("--json", "what unmask verify reads")] = None,
    trust: TrustOption = None,
    model: ModelOption = None,
    policy: PolicyOption = "balanced",
    threshold: ThresholdOption = None,
    frames: FramesOption = 32,
    fps: FpsOption = None,
    engine: EngineOption = Engine.AUTO,
    device: DeviceOption = Device.AUTO,
) -> None:
    """Parse, inspect, write, print."""
    from unmask.detection.detector import Detector
    from unmask.inspection.credentials import read_trust
    from unmask.inspection.evidence import check_targets, write_evidence
    from unmask.inspection.inspect import Inspector
    from unmask.media.limits import DecodeLimits
    from unmask.reporting.inspection import print_inspection

    targets = {"html": html, "pdf": pdf, "json": json}
    check_targets(targets, file)
    detector = Detector(
        model,
        policy=policy,
        threshold=threshold,
        engine=engine.value,
        device=device.value,
        frames=frames,
        fps=fps,
        contained=DecodeLimits(),
    )
    found = Inspector(detector, read_trust(trust)).inspect(file)
    written = list(write_evidence(found, targets))  # first, since who reads the lines may go away
    print_inspection(found.to_dict())
    for path in written:
        typer.echo(f"written to {path}")
    raise typer.Exit(1 if found.report.error else 0)


def verify(
    report: Annotated[Path, typer.Argument(metavar="REPORT", help="Written by inspect --json.")],
    file: Annotated[str, typer.Argument(metavar="FILE", help="The picture or clip.")],
    model: ModelOption = None,
    trust: TrustOption = None,
) -> None:
    """Parse, inspect again, compare, print."""
    from unmask.errors import printable
    from unmask.inspection.credentials import read_trust
    from unmask.inspection.verify import read_report
    from unmask.inspection.verify import verify as verb

    found = verb(read_report(report), file, model, read_trust(trust))
    for point in found.points:
        if point.same:
            typer.echo(f"same     {point.name}: {printable(point.found)}")
        else:
            stated = f"the report says {printable(point.stated)}"
            typer.echo(f"DIFFERS  {point.name}: {stated}, now {printable(point.found)}")
    if found.trouble:
        typer.echo(f"the file cannot be answered: {printable(found.trouble)}")
    typer.echo("confirmed" if found.confirmed else "NOT confirmed: see the lines that differ")
    raise typer.Exit(0 if found.confirmed else 1)

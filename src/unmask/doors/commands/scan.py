"""`unmask scan`: many files, resumable."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from unmask.doors.commands.options import (
    CropsOption,
    Engine,
    FpsOption,
    FramesOption,
    ModelOption,
    PolicyOption,
    ThresholdOption,
    check_positive,
)

if TYPE_CHECKING:
    from unmask.scan.scan import ScanResult

SCAN_HELP: Final = """Answer many pictures and clips: each once, however often the scan is stopped.

A source is a folder (all below it), a list (.txt, one path a line), a table (CSV or Parquet) \
with a column of paths, a tar file, or the address of one of these (s3://..., through fsspec). \
Results are Parquet parts in a folder, a row for each input with the fields of unmask detect, a \
summary and a list of errors. Started again after whatever stopped it, it goes on. Exit status: \
0 every input was answered, 1 some could not be (each has its row), 2 wrong usage.

\b
Examples:
  unmask scan pictures/ --out result/
  unmask scan 'shards/{0000..0099}.tar' --out result/ --workers 16
  unmask scan s3://bucket/list.parquet --out /shared/result --shard 3/20
  unmask scan faces.csv --out result/ --engine ray
"""


class ScanEngine(StrEnum):
    """What hands out the work."""

    LOCAL = "local"
    RAY = "ray"


def scan(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE", help="Folders, lists, tables, tar files.", show_default=False
        ),
    ],
    out: Annotated[
        Path,
        typer.Option("--out", metavar="DIR", help="The folder of the results.", show_default=False),
    ],
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers",
            metavar="N",
            min=1,
            help="Processes, or tasks of Ray, at a time. Default: one for each core.",
            show_default=False,
        ),
    ] = None,
    shard: Annotated[
        str,
        typer.Option(
            "--shard",
            metavar="I/N",
            help="Answer only the I-th of N parts, in a folder of its own below DIR: for several "
            "machines that know nothing of each other.",
        ),
    ] = "1/1",
    engine: Annotated[
        ScanEngine,
        typer.Option("--engine", help="This machine, or a Ray cluster (extra ray)."),
    ] = ScanEngine.LOCAL,
    timeout_s: Annotated[
        float,
        typer.Option(
            "--timeout",
            metavar="S",
            callback=check_positive,
            help="Seconds after which an input that is not answered is given up.",
        ),
    ] = 600.0,
    crops: CropsOption = False,
    model: ModelOption = None,
    policy: PolicyOption = "balanced",
    threshold: ThresholdOption = None,
    frames: FramesOption = 32,
    fps: FpsOption = None,
    network_engine: Annotated[
        Engine, typer.Option("--network-engine", help="What runs the network.")
    ] = Engine.AUTO,
) -> None:
    """Parse, scan with a bar beside it, say what came out."""
    from unmask.reporting.progress import ScanProgress
    from unmask.scan.scan import ScanPlan, count_inputs
    from unmask.scan.scan import scan as verb
    from unmask.scan.shards import Shard

    plan = ScanPlan(
        sources=tuple(sources),
        out=out,
        detector={
            "model": model,
            "policy": policy,
            "threshold": threshold,
            "frames": frames,
            "fps": fps,
            "engine": network_engine.value,
            "crops": crops,
        },
        shard=Shard.parse(shard),
        workers=workers or 0,
        timeout_s=timeout_s,
    )
    with ScanProgress(lambda: count_inputs(plan)) as bar:
        result = verb(plan, engine.value, lambda p: bar.update(p.done, p.answered, p.seconds))
    _say(result)
    raise typer.Exit(1 if result.errors else 0)


def _say(result: "ScanResult") -> None:
    from unmask.reporting.wording import VERDICT_WORDS

    counts = ", ".join(
        f"{count} {VERDICT_WORDS[name]}" for name, count in result.verdicts.items() if count
    )
    rate = result.answered / result.seconds if result.seconds else 0.0
    typer.echo(f"{result.inputs} inputs: {counts or 'none'}")
    typer.echo(f"{result.answered} answered now, {result.seconds:.1f} s, {rate:.1f}/s")
    if result.repeated:
        typer.echo(f"{result.repeated} were named more than once and have one row", err=True)
    if result.skipped:
        kinds = ", ".join(f"{count} {kind}" for kind, count in result.skipped.items())
        typer.echo(f"unmask: passed over {sum(result.skipped.values())}: {kinds}", err=True)
    if result.errors:
        typer.echo(f"unmask: {sum(result.errors.values())} could not be answered", err=True)
    typer.echo(f"written to {result.folder}")

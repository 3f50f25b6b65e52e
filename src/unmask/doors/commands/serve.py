"""`unmask serve`: the service."""

import sys
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from unmask.doors.commands.options import (
    Engine,
    EngineOption,
    FpsOption,
    FramesOption,
    HostOption,
    ModelOption,
    PolicyOption,
    PortOption,
    ThresholdOption,
    check_positive,
)

SERVE_HELP: Final = """Answer programs over HTTP: pictures and clips in, reports out.

POST /v1/detect takes a file and answers with the report that unmask detect writes; /docs says \
the rest. Every option can be set as an environment variable too: --max-mb is \
UNMASK_SERVE_MAX_MB. Logs are JSON Lines on standard output; Ctrl-C lets requests end.

\b
Examples:
  unmask serve
  unmask serve --host 0.0.0.0 --port 80 --api-keys keys.txt
  curl -F file=@photo.jpg http://127.0.0.1:8000/v1/detect
"""


def _amount(text: str, metavar: str) -> Any:
    """An option for a number above 0."""
    return typer.Option(metavar=metavar, callback=check_positive, help=text)


def serve(
    host: HostOption = "127.0.0.1",
    port: PortOption = 8000,
    model: ModelOption = None,
    policy: PolicyOption = "balanced",
    threshold: ThresholdOption = None,
    frames: FramesOption = 32,
    fps: FpsOption = None,
    engine: EngineOption = Engine.AUTO,
    api_keys: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Let in only who has one of these keys, one per line.",
            show_default=False,
        ),
    ] = None,
    allow_origin: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ORIGIN",
            help="Let web pages from there ask too, such as https://example.org; repeat it.",
            show_default=False,
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            help="Files that are worked on at a time. Default: the number of processors.",
            show_default=False,
        ),
    ] = None,
    queue: Annotated[
        int, typer.Option(metavar="N", min=1, help="Requests under way at a time; beyond it 429.")
    ] = 128,
    max_mb: Annotated[float, _amount("Largest file in megabytes; beyond it 413.", "N")] = 200,
    max_megapixels: Annotated[float, _amount("Largest picture or frame; beyond it 413.", "N")] = 64,
    max_clip_s: Annotated[float, _amount("Longest clip; beyond it 413.", "S")] = 600,
    timeout_s: Annotated[
        float, _amount("For a request to arrive (408) and a file's answer (504).", "S")
    ] = 120,
    grace_s: Annotated[float, _amount("For requests under way when told to stop.", "S")] = 30,
    job_files: Annotated[int, typer.Option(metavar="N", min=1, help="Most files of a job.")] = 100,
    jobs: Annotated[
        int, typer.Option(metavar="N", min=1, help="Jobs known at a time; beyond it 429.")
    ] = 100,
    keep_results_s: Annotated[float, _amount("How long results of jobs live.", "S")] = 3600,
    spool: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Keep uploads below there while they are worked on. Default: temporary files.",
            show_default=False,
        ),
    ] = None,
    spool_mb: Annotated[float, _amount("Space for all uploads together; beyond it 503.", "N")] = (
        4000
    ),
) -> None:
    """Parse, build the detector and the desk, serve until a signal."""
    from unmask.detection.detector import Detector
    from unmask.doors.api.app import build_app
    from unmask.doors.server import Server
    from unmask.doors.sockets import describe_address, listen
    from unmask.media.limits import PROGRESS_S, DecodeLimits, MediaLimits
    from unmask.service.desk import Desk
    from unmask.service.keys import KeyRing
    from unmask.service.logs import log, write_logs
    from unmask.service.settings import ServiceSettings, count_processors

    settings = ServiceSettings(
        workers=workers or count_processors(),
        queue=queue,
        max_mb=max_mb,
        max_megapixels=max_megapixels,
        max_clip_s=max_clip_s,
        timeout_s=timeout_s,
        grace_s=grace_s,
        job_files=job_files,
        jobs=jobs,
        keep_results_s=keep_results_s,
        spool=spool,
        spool_mb=spool_mb,
    )
    keys = KeyRing(api_keys)
    detector = Detector(
        model,
        policy=policy,
        threshold=threshold,
        engine=engine.value,
        frames=frames,
        fps=fps,
        limits=MediaLimits(settings.max_pixels, settings.max_clip_s),
        contained=DecodeLimits(min(PROGRESS_S, timeout_s), timeout_s),
    )
    with listen(host, port) as listening:
        desk = Desk(detector, settings, keys)
        write_logs(sys.stdout)
        server = Server(build_app(desk, allow_origins=allow_origin or ()), desk)
        address = describe_address(listening)
        typer.echo(
            f"unmask: serving on {address}; {address}/docs says how to ask; Ctrl-C ends", err=True
        )
        log("started", model=detector.card.name, workers=settings.workers, keys=keys.required)
        try:
            server.run(sockets=[listening])
        finally:  # also where a second Ctrl-C left the orderly end out
            desk.spool.close()
    log("stopped")

"""`unmask app`: the web page."""

import os
from typing import Annotated, Final

import typer

from unmask.doors.commands.options import FramesOption, HostOption, PolicyOption, PortOption

APP_HELP: Final = """Open the web page: upload, paste or photograph faces, watch the live camera.

The page listens on this machine only, loads nothing from anywhere and sends nothing; uploads are \
deleted when their visitor leaves. Ctrl-C ends it.

\b
Examples:
  unmask app
  unmask app --model runs/mine --policy fpr_1
  unmask app --host 0.0.0.0 --port 80 --headless
"""


def app(
    host: HostOption = "127.0.0.1",
    port: PortOption = 8501,
    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model",
            metavar="NAME|PATH",
            help="Offer this model before the bundled ones; repeat it to compare several.",
            show_default=False,
        ),
    ] = None,
    policy: PolicyOption = "balanced",
    frames: FramesOption = 32,
    headless: Annotated[
        bool, typer.Option("--headless", help="Do not open a browser on this machine.")
    ] = False,
) -> None:
    """Parse, try the choices, start Streamlit with them."""
    from unmask.detection.policy import choose_policy
    from unmask.doors.app.launch import run_page
    from unmask.doors.app.settings import AppSettings
    from unmask.doors.sockets import describe_address, listen
    from unmask.models.library import list_models, open_model

    settings = AppSettings(tuple(model or ()), policy, frames)
    offered = [open_model(name) for name in settings.models] or list(list_models()[:1])
    choose_policy(offered[0].card, policy)
    with listen(host, port) as listening:  # taken, foreign or unknown: said before Streamlit starts
        address, port = describe_address(listening), listening.getsockname()[1]
    os.environ.update(settings.to_environment())
    typer.echo(f"unmask: the page is on {address}; Ctrl-C ends", err=True)
    run_page(host, port, headless=headless)

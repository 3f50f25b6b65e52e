"""`unmask models`: the models at hand."""

from enum import StrEnum
from typing import Annotated, Final

import typer

MODELS_HELP: Final = """List the models at hand, or those named, and what is known of them.

Size, data, measured quality with 95 % intervals, policies, licences, limits and hash.

\b
Examples:
  unmask models
  unmask models runs/mine
  unmask models --format json | jq '.[].name'
"""


class ModelsFormat(StrEnum):
    """How models are listed."""

    TABLE = "table"
    JSON = "json"


def models(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[MODEL]...",
            help="A bundled model's name, a model folder or a run folder; all bundled if none.",
            show_default=False,
        ),
    ] = None,
    output_format: Annotated[
        ModelsFormat, typer.Option("--format", help="Text for people, or all cards as JSON.")
    ] = ModelsFormat.TABLE,
) -> None:
    """Read the cards and print them."""
    from unmask.models.library import list_models, open_model
    from unmask.reporting.models import models_json, print_models

    found = [open_model(name) for name in names] if names else list_models()
    if output_format is ModelsFormat.JSON:
        typer.echo(models_json(found))
        return
    if not found:
        typer.echo("unmask: this installation has no bundled model", err=True)
    print_models(found)

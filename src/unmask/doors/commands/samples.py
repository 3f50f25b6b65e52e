"""`unmask samples`: pictures and clips to try the program on."""

from pathlib import Path
from typing import Annotated, Final

import typer

SAMPLES_HELP: Final = """Write sample media to try things on.

The names of the written files are printed.

\b
Examples:
  unmask samples unmask-samples
  unmask detect unmask-samples
"""


def samples(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Made if it is not there.", show_default=False)
    ],
) -> None:
    """Write the samples and name them."""
    from unmask.media.samples import make_samples

    for path in make_samples(folder):
        typer.echo(str(path))

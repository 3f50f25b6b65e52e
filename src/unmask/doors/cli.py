"""The command `unmask`: one command per file in `commands`, errors and exit status here.

Exit status: 0 every input was answered, 1 some failed, 2 wrong usage (an unknown model or option
included), 70 a mistake in unmask itself, 130 interrupted, 141 the reader of the output went away.
"""

import os
import sys
import traceback
from typing import Annotated, Any, Final

import typer
from typer.core import TyperGroup

from unmask.doors.commands.app import APP_HELP
from unmask.doors.commands.app import app as open_page
from unmask.doors.commands.audit import AUDIT_HELP, audit
from unmask.doors.commands.calibrate import CALIBRATE_HELP, calibrate
from unmask.doors.commands.camera import CAMERA_HELP, camera
from unmask.doors.commands.compare import COMPARE_HELP, compare
from unmask.doors.commands.data import data
from unmask.doors.commands.detect import DETECT_HELP, detect
from unmask.doors.commands.ensemble import ENSEMBLE_HELP, ensemble
from unmask.doors.commands.evaluate import EVALUATE_HELP, evaluate
from unmask.doors.commands.export import EXPORT_HELP, export
from unmask.doors.commands.gate import GATE_HELP, gate
from unmask.doors.commands.import_keras import IMPORT_KERAS_HELP, import_keras
from unmask.doors.commands.inspect import INSPECT_HELP, VERIFY_HELP, inspect, verify
from unmask.doors.commands.models import MODELS_HELP, models
from unmask.doors.commands.samples import SAMPLES_HELP, samples
from unmask.doors.commands.scan import SCAN_HELP, scan
from unmask.doors.commands.serve import SERVE_HELP, serve
from unmask.doors.commands.train import CROSSVAL_HELP, TRAIN_HELP, crossval, train
from unmask.doors.commands.tune import TUNE_HELP, tune
from unmask.errors import MediaError, UnmaskError, find_missing_extra

FAILED: Final = 1
WRONG_USAGE: Final = 2
INTERNAL: Final = 70  # EX_SOFTWARE of sysexits.h
INTERRUPTED: Final = 130  # 128 + SIGINT, as shells count
PIPE_CLOSED: Final = 141  # 128 + SIGPIPE


class UnmaskGroup(TyperGroup):
    """Turns our errors into one line and an exit status."""

    def invoke(self, ctx: Any) -> Any:
        """Run the chosen command."""
        try:
            return super().invoke(ctx)
        except UnmaskError as error:
            _say(f"{error.code}: {error}")
            status = FAILED if isinstance(error, MediaError) else WRONG_USAGE
            raise typer.Exit(status) from error
        except ModuleNotFoundError as error:
            missing = find_missing_extra(f"unmask {ctx.invoked_subcommand}", error)
            if missing is None:
                raise
            _say(f"{missing.code}: {missing}")
            raise typer.Exit(WRONG_USAGE) from error
        except KeyboardInterrupt as error:
            _say("interrupted; what was answered until now was written")
            raise typer.Exit(INTERRUPTED) from error
        except BrokenPipeError as error:
            _drop_output()
            raise typer.Exit(PIPE_CLOSED) from error
        except OSError as error:
            _drop_output()
            _say(f"input or output failed: {error}")
            raise typer.Exit(FAILED) from error


def _say(message: str) -> None:
    typer.echo(f"unmask: {message}", err=True)


def _drop_output() -> None:
    """Send what is still buffered to nowhere, so that the exit does not fail over it once more."""
    try:
        number = sys.stdout.fileno()
    except OSError:  # not a true file, as in tests
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, number)
    os.close(nowhere)


app = typer.Typer(
    name="unmask",
    cls=UnmaskGroup,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command(help=DETECT_HELP, no_args_is_help=True)(detect)
app.command(help=SCAN_HELP, no_args_is_help=True)(scan)
app.command(help=CAMERA_HELP)(camera)
app.command("app", help=APP_HELP)(open_page)
app.command(help=SERVE_HELP, context_settings={"auto_envvar_prefix": "UNMASK_SERVE"})(serve)
app.command(help=INSPECT_HELP, no_args_is_help=True)(inspect)
app.command(help=VERIFY_HELP, no_args_is_help=True)(verify)
app.command(help=TRAIN_HELP, no_args_is_help=True)(train)
app.command(help=CROSSVAL_HELP, no_args_is_help=True)(crossval)
app.command(help=TUNE_HELP, no_args_is_help=True)(tune)
app.command(help=EVALUATE_HELP, no_args_is_help=True)(evaluate)
app.command(help=COMPARE_HELP, no_args_is_help=True)(compare)
app.command(help=GATE_HELP, no_args_is_help=True)(gate)
app.command(help=CALIBRATE_HELP, no_args_is_help=True)(calibrate)
app.command("import-keras", help=IMPORT_KERAS_HELP, no_args_is_help=True)(import_keras)
app.command(help=ENSEMBLE_HELP, no_args_is_help=True)(ensemble)
app.command(help=EXPORT_HELP, no_args_is_help=True)(export)
data.command(help=AUDIT_HELP, no_args_is_help=True)(audit)
app.add_typer(data, name="data")
app.command(help=MODELS_HELP)(models)
app.command(help=SAMPLES_HELP, no_args_is_help=True)(samples)


def _print_version(value: bool) -> None:
    if value:
        from unmask import __version__

        typer.echo(f"unmask {__version__}")
        raise typer.Exit


@app.callback()
def _unmask(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and leave."
        ),
    ] = False,
) -> None:
    """Is this face real? Finds AI-made and altered faces in pictures, clips and on camera, offline.

    unmask detect photo.jpg answers for a picture, unmask COMMAND --help says more.
    """


def main() -> None:
    """The entry point of the command."""
    try:
        app(prog_name="unmask")
    except Exception:  # noqa: BLE001 (the outermost door: a bug must not look like status 1)
        traceback.print_exc()
        _say(
            "this is a mistake in unmask, not in your input; please report it with the lines above"
        )
        sys.exit(INTERNAL)

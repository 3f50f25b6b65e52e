"""`unmask gate`: may a new model take the place of an old one."""

from typing import Annotated, Any, Final

import typer

from unmask.doors.commands.data import PositiveOption
from unmask.doors.commands.evaluate import (
    OutOption,
    SeedOption,
    SplitOption,
    show_progress,
)
from unmask.doors.commands.options import DataOption, Engine, EngineOption, PolicyOption, check_unit

GATE_HELP: Final = """Judge whether a new model may take the place of an old one.

Which verdicts flip on the same data, by group (label, data set, split, size, brightness) and, \
with --robustness, by change of the pictures; what gets better and worse. Budgets hold in every \
condition: the exit status is 0 where all are kept, 1 where one is exceeded, 2 for wrong usage. \
Writes gate.json, gate.html, flips.csv and a plot into a folder.

\b
Examples:
  unmask gate unmask-mobilenetv2 runs/new --data faces/ --out gate/
  unmask gate models/1.0 models/1.1 --data faces.csv --out gate/ --max-flips 0.02 --robustness
"""


def _budget_option(name: str, what: str) -> Any:
    return typer.Option(name, metavar="SHARE", callback=check_unit, help=what)


def gate(
    old: Annotated[str, typer.Argument(metavar="OLD", help="The model in use, by name or folder.")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="The model that would replace it.")],
    data: DataOption,
    out: OutOption,
    max_flips: Annotated[
        float, _budget_option("--max-flips", "Samples whose verdict differs.")
    ] = 0.05,
    max_new_false_alarms: Annotated[
        float, _budget_option("--max-new-false-alarms", "Reals that only NEW calls fake.")
    ] = 0.01,
    max_new_misses: Annotated[
        float, _budget_option("--max-new-misses", "Fakes that only NEW calls real.")
    ] = 0.02,
    max_auc_loss: Annotated[
        float, _budget_option("--max-auc-loss", "AUC of OLD minus that of NEW.")
    ] = 0.01,
    robustness: Annotated[
        bool, typer.Option("--robustness", help="Judge also under changes of the pictures.")
    ] = False,
    policy: PolicyOption = "balanced",
    split: SplitOption = None,
    seed: SeedOption = 42,
    engine: EngineOption = Engine.AUTO,
    positive: PositiveOption = None,
) -> None:
    """Parse, read the data, judge, write, print."""
    from unmask.data.reading import read_data
    from unmask.detection.detector import Detector
    from unmask.detection.remembering import RememberingFinder
    from unmask.evaluation import gate as verb
    from unmask.evaluation.assess import choose_samples
    from unmask.media.faces import MtcnnFinder
    from unmask.media.perturb import PERTURBATIONS
    from unmask.models.library import open_model
    from unmask.reporting.gate import print_gate

    verb.GATE.check(out)
    finder = RememberingFinder(MtcnnFinder())
    models = [
        Detector(open_model(name).path, policy=policy, engine=engine.value, finder=finder)
        for name in (old, new)
    ]
    dataset = read_data(data, positive=positive.value if positive else None)
    typer.echo(dataset.describe())
    samples, chosen = choose_samples(dataset.manifest, split.value if split else None)
    plan = verb.GatePlan(
        budget=verb.Budget(max_flips, max_new_false_alarms, max_new_misses, max_auc_loss),
        conditions=PERTURBATIONS if robustness else {},
        seed=seed,
        data={"source": str(data), "split": chosen, "left_out": len(dataset.left_out)},
        observe=show_progress(len(samples)),
        tell=lambda name: typer.echo(f"asking both models: {name}", err=True),
    )
    found = verb.gate(models[0], models[1], samples, plan)
    found.write(out)
    typer.echo(f"\nmeasured on {len(samples)} samples, split {chosen}")
    print_gate(found.summary)
    typer.echo(f"written to {out}; open {out / 'gate.html'}")
    if not found.passed:
        raise typer.Exit(1)

"""Search for better settings: Optuna proposes, short trainings answer, validation decides."""

import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import lightning
import optuna
from optuna.trial import FrozenTrial, Trial, TrialState

from unmask.data.manifest import Manifest
from unmask.errors import DataError
from unmask.files import open_drafts, sync_folder, write_whole
from unmask.training.crops import CROPS_NAME, CropStore
from unmask.training.fit import fit
from unmask.training.settings import TrainSettings
from unmask.training.train import prepare

STUDY_NAME: Final = "study.db"
_TITLE: Final = "unmask"
BEST_NAME: Final = "best.json"
METRIC: Final = "val_auc"

SPACE: Final[Mapping[str, Callable[[Trial], Any]]] = {
    "learning_rate": lambda trial: trial.suggest_float("learning_rate", 1e-5, 1e-2, log=True),
    "weight_decay": lambda trial: trial.suggest_float("weight_decay", 1e-5, 1e-1, log=True),
    "dropout": lambda trial: trial.suggest_float("dropout", 0.0, 0.5),
    "label_smoothing": lambda trial: trial.suggest_float("label_smoothing", 0.0, 0.1),
    "batch_size": lambda trial: trial.suggest_categorical("batch_size", [16, 32, 64]),
    "degradation": lambda trial: trial.suggest_float("degradation", 0.0, 0.4),
}
"""What may be searched; `degradation` is the probability of blur, noise, resize and JPEG each."""
DEGRADATIONS: Final = ("blur", "noise", "resize", "jpeg")


def tune(
    manifest: Manifest,
    settings: TrainSettings,
    run: Path,
    *,
    trials: int,
    searched: tuple[str, ...] = tuple(SPACE),
) -> TrainSettings:
    """Run trials until the study has this many, and return the best settings.

    The study lies in `run/study.db`: a search that was interrupted goes on, finished trials stay.
    Bad trials are cut short where their validation AUC falls below the median of the others'
    (Optuna's MedianPruner). The best settings go to `run/best.json`, which `--preset` takes.

    Raises:
        DataError: no trial came to an end.
    """
    run.mkdir(parents=True, exist_ok=True)
    store = prepare(manifest, settings, run / CROPS_NAME)
    study = _open_study(run, settings.seed)
    left = trials - len(study.get_trials(states=(TrialState.COMPLETE, TrialState.PRUNED)))
    if left > 0:
        study.optimize(
            lambda trial: _run_trial(trial, store, settings, searched, run), n_trials=left
        )
    finished = study.get_trials(states=(TrialState.COMPLETE,))
    if not finished:
        message = f"none of {trials} trials came to an end; see the logs in {run}"
        raise DataError(message)
    best = apply_choice(settings, study.best_params)
    write_whole(run / BEST_NAME, best.model_dump_json(indent=2))
    described = [_describe(trial) for trial in study.trials]
    write_whole(run / "trials.json", json.dumps(described, indent=2))
    _draw(study, run)
    return best


def apply_choice(settings: TrainSettings, choice: Mapping[str, Any]) -> TrainSettings:
    """The settings with a trial's choice in them."""
    changed: dict[str, Any] = dict(choice)
    rate = changed.pop("learning_rate", None)
    if rate is not None:
        first = settings.phases[0].learning_rate
        changed["phases"] = tuple(
            phase.model_copy(update={"learning_rate": phase.learning_rate * rate / first})
            for phase in settings.phases
        )
    degradation = changed.pop("degradation", None)
    if degradation is not None:
        changed["augment"] = {**settings.augment, **dict.fromkeys(DEGRADATIONS, degradation)}
    return settings.model_copy(update=changed)


def _open_study(run: Path, seed: int) -> optuna.Study:
    place = run / STUDY_NAME
    if not place.exists():
        _make_study(place)
    study = optuna.load_study(
        storage=f"sqlite:///{place}",
        study_name=_TITLE,
        sampler=optuna.samplers.TPESampler(seed=seed),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=3),
    )
    for trial in study.get_trials(states=(TrialState.RUNNING,)):  # a killed process left them
        study.tell(trial.number, state=TrialState.FAIL)
    return study


def _make_study(place: Path) -> None:
    """Make an empty study elsewhere and move it to its place.

    What is done to a study is done whole or not at all, but its tables are made one by one: a
    process killed meanwhile left some that took a second study of the same name.
    """
    with open_drafts(place.parent) as folder:
        draft = folder / place.name
        storage = optuna.storages.RDBStorage(f"sqlite:///{draft}")
        optuna.create_study(storage=storage, study_name=_TITLE, direction="maximize")
        storage.remove_session()
        storage.engine.dispose()
        draft.replace(place)
    sync_folder(place.parent)


def _run_trial(
    trial: Trial,
    store: CropStore,
    settings: TrainSettings,
    searched: tuple[str, ...],
    run: Path,
) -> float:
    choice = {name: SPACE[name](trial) for name in searched}
    watcher = _Watcher(trial)
    fit(
        store,
        apply_choice(settings, choice),
        run / f"trial-{trial.number}",
        callbacks=(watcher,),
    )
    return watcher.best


class _Watcher(lightning.Callback):
    """Tells the study of each epoch, and ends the trial where the study says so."""

    def __init__(self, trial: Trial) -> None:
        self._trial, self._epoch = trial, 0
        self.best = 0.0

    def on_validation_end(self, trainer: lightning.Trainer, _: lightning.LightningModule) -> None:
        """Report the epoch's metric."""
        value = float(trainer.callback_metrics[METRIC])
        self.best = max(self.best, value)
        self._trial.report(value, self._epoch)
        self._epoch += 1
        if self._trial.should_prune():
            raise optuna.TrialPruned


def _describe(trial: FrozenTrial) -> dict[str, Any]:
    return {
        "number": trial.number,
        "state": trial.state.name.lower(),
        METRIC: trial.value,
        "choice": trial.params,
        "epochs": trial.intermediate_values,
    }


def _draw(study: optuna.Study, run: Path) -> None:
    """Optuna's own plots: the course of the search, and what each setting did."""
    import warnings

    from matplotlib.figure import Figure
    from optuna.visualization import matplotlib as plots

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # experimental, and narrow axes while trials are few
        drawn = {
            "history": plots.plot_optimization_history(study),
            "slices": plots.plot_slice(study),
        }
    for name, axes in drawn.items():
        figure = (axes if not hasattr(axes, "ravel") else axes.ravel()[0]).figure
        if isinstance(figure, Figure):
            content = io.BytesIO()
            figure.savefig(content, bbox_inches="tight")
            write_whole(run / f"{name}.png", content.getvalue())

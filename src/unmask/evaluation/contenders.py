"""What a comparison is made of: a model measured now, or an evaluation made earlier."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from unmask.data.manifest import LABEL_NAMES, Manifest, Sample
from unmask.detection.detector import Detector
from unmask.errors import DataError, UsageError
from unmask.evaluation.assess import EVALUATION, PREDICTIONS_NAME, SEED
from unmask.evaluation.cost import describe_model
from unmask.evaluation.evaluate import Observer, Prediction, counting_threshold, predict
from unmask.models.library import ModelFolder, open_model
from unmask.records import Failure, Kind, Verdict
from unmask.reporting.tables import read_csv

_LABELS: Final = {name: label for label, name in LABEL_NAMES.items()}
_NEEDED: Final = (
    "model",
    "architecture",
    "training",
    "cost",
    "images_per_s",
    "threshold",
    "policy",
    "data",
)


@dataclass(frozen=True, slots=True)
class ComparisonPlan:
    """How a comparison is made."""

    seed: int = SEED
    policy: str = "balanced"
    engine: str = "auto"
    device: str = "auto"
    data: Mapping[str, Any] = field(default_factory=dict)
    """What else is known of the data, such as their source."""
    observe: Observer | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Contender:
    """One model with what it said of all samples."""

    name: str
    predictions: tuple[Prediction, ...]
    threshold: float
    about: dict[str, Any]
    """Model, cost and speed, for the table."""


@dataclass(frozen=True, slots=True, eq=False)
class EarlierEvaluation:
    """The folder that an evaluation wrote."""

    path: Path
    summary: dict[str, Any]
    """The content of its `metrics.json`."""
    predictions: tuple[Prediction, ...]

    @property
    def manifest(self) -> Manifest:
        """The samples that it was made on."""
        return Manifest(tuple(p.sample for p in self.predictions))


def open_contender(name_or_path: str) -> ModelFolder | EarlierEvaluation:
    """A model by its name or folder, or the folder of an earlier evaluation.

    Raises:
        UsageError: there is no such model or folder.
        ModelError: the model is broken.
        DataError: the evaluation is broken.
    """
    folder = Path(name_or_path)
    if (folder / EVALUATION.main).is_file():
        return read_evaluation(folder)
    return open_model(name_or_path)


def read_evaluation(folder: Path) -> EarlierEvaluation:
    """Read what `unmask evaluate` wrote into a folder.

    Raises:
        DataError: a file of it is missing, broken, or was written by something else.
    """
    try:
        summary = json.loads((folder / EVALUATION.main).read_text(encoding="utf-8"))
        if summary["made_by"] != EVALUATION.made_by:
            message = f"{folder / EVALUATION.main} was not written by {EVALUATION.made_by}"
            raise DataError(message)
        summary = {key: summary[key] for key in _NEEDED}
        predictions = tuple(_read_row(row) for row in read_csv(folder / PREDICTIONS_NAME))
    except (OSError, ValueError, KeyError, TypeError) as error:
        message = (
            f"{folder} holds no whole evaluation ({type(error).__name__}: {error}); "
            f"make it again with {EVALUATION.made_by}"
        )
        raise DataError(message) from error
    return EarlierEvaluation(folder, summary, predictions)


def name_contenders(
    opened: Sequence[ModelFolder | EarlierEvaluation], given: Sequence[str]
) -> dict[str, ModelFolder | EarlierEvaluation]:
    """A name for each: that of the model's card, or as it was given where cards share one.

    Raises:
        UsageError: the same folder twice.
    """
    cards = [_model_name(one) for one in opened]
    names = [
        card if cards.count(card) == 1 else text for card, text in zip(cards, given, strict=True)
    ]
    places = [one.path.resolve() for one in opened]
    twice = [text for place, text in zip(places, given, strict=True) if places.count(place) > 1]
    if twice or len(set(names)) < len(names):
        message = f"a model is named twice: {', '.join(twice or given)}; name different ones"
        raise UsageError(message)
    return dict(zip(names, opened, strict=True))


def answer(
    name: str, one: ModelFolder | EarlierEvaluation, manifest: Manifest, plan: ComparisonPlan
) -> Contender:
    """Have a model answer all samples, or take its answers from an earlier evaluation.

    Raises:
        DataError: the evaluation was made on other samples.
        UsageError: it was made under another policy.
    """
    if isinstance(one, EarlierEvaluation):
        return _recall(name, one, manifest, plan)
    detector = Detector(one.path, policy=plan.policy, engine=plan.engine, device=plan.device)
    about = describe_model(detector)
    started = time.perf_counter()
    predictions = tuple(predict(detector, manifest, plan.observe))
    seconds = time.perf_counter() - started
    about["cost"]["images_per_s"] = round(len(predictions) / seconds, 3)
    return Contender(name, predictions, counting_threshold(detector.card, detector.policy), about)


def _recall(
    name: str, one: EarlierEvaluation, manifest: Manifest, plan: ComparisonPlan
) -> Contender:
    policy = one.summary["policy"]["name"]
    if policy != plan.policy:
        message = (
            f"{one.path} was evaluated under the policy {policy!r}, this comparison is under "
            f"{plan.policy!r}; evaluate it again, or choose the same with --policy"
        )
        raise UsageError(message)
    known = {(p.sample.path, p.sample.label): p for p in one.predictions}
    wanted = [(sample.path, sample.label) for sample in manifest]
    missing = [path for path, label in wanted if (path, label) not in known]
    if missing or len(known) != len(wanted):
        message = (
            f"{one.path} was evaluated on other samples: {len(known)} against {len(wanted)} here, "
            f"of which it lacks {len(missing)}{f', first {missing[0]!r}' if missing else ''}; "
            "evaluate on the same data, named the same way"
        )
        raise DataError(message)
    cost = {**one.summary["cost"], "images_per_s": one.summary["images_per_s"]}
    about = {key: one.summary[key] for key in ("model", "architecture", "training")}
    predictions = tuple(known[key] for key in wanted)
    return Contender(name, predictions, float(one.summary["threshold"]), {**about, "cost": cost})


def _model_name(one: ModelFolder | EarlierEvaluation) -> str:
    if isinstance(one, EarlierEvaluation):
        return str(one.summary["model"]["name"])
    return one.card.name


def _read_row(row: Mapping[str, str]) -> Prediction:
    sample = Sample(row["path"], _LABELS[row["label"]], row["split"], row["group"], row["dataset"])
    failed = row["error_code"]
    return Prediction(
        sample=sample,
        verdict=None if failed else Verdict(row["verdict"]),
        score=float(row["score"]) if row["score"] else None,
        kind=Kind(row["kind"]) if row["kind"] else None,
        error=Failure(failed, row["error_message"]) if failed else None,
        seconds=float(row["seconds"]),
    )

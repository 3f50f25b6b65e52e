"""The verb `export`: a model in another form, checked against the one that it was made from."""

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from unmask.detection.policy import choose_policy
from unmask.errors import DataError, ModelError, UsageError
from unmask.evaluation.calibration import to_probabilities
from unmask.evaluation.metrics import Scored, auc, measure
from unmask.models.card import WEIGHTS_NAME, ModelCard
from unmask.models.engine import IR_SUFFIX, Engine, open_engine
from unmask.models.formats import write_int8, write_ir
from unmask.models.library import ModelFolder, check_place, describe_files, write_model
from unmask.records import Pixels
from unmask.training.gather import LabelledCrops

FORMATS: Final = ("onnx", "openvino", "int8")
LOGIT_TOLERANCE: Final = 1e-3
"""How far a logit of the same arithmetic in another form may lie from the original's."""
LEAST_AGREEMENT: Final = 0.95
"""Share of crops that an 8-bit form must call fake or not as the original does."""
MOST_AUC_LOST: Final = 0.01
LEAST_CROPS: Final = 20
"""Crops that an 8-bit form is compared on, and as many to calibrate its activations."""
MOST_CALIBRATION: Final = 128
MOST_CROPS: Final = 512
"""Crops that are worth gathering."""
_BATCH: Final = 16
_GENERATED: Final = 8


@dataclass(frozen=True, slots=True)
class Agreement:
    """How an exported model answers beside its original, on the same crops."""

    engine: str
    crops: int
    logit_gap: float
    """The largest difference."""
    same_call: float
    """Share of crops that both call fake, or neither."""
    auc: tuple[float, float] | None
    """The original's and the export's; None without crops of both classes."""

    def describe(self) -> str:
        """One line for people."""
        parts = [
            f"{self.engine}, {self.crops} crops: logit within {self.logit_gap:.2g}",
            f"{self.same_call:.1%} called the same",
        ]
        if self.auc:
            parts.append(f"AUC {self.auc[1]:.4f} (was {self.auc[0]:.4f})")
        return ", ".join(parts)


def convert(
    model: ModelFolder,
    form: str,
    out: Path,
    crops: LabelledCrops | None = None,
    *,
    device: str = "auto",
) -> tuple[Agreement, ...]:
    """Write a model in another form, as a model folder; returns how it agrees in each engine.

    `onnx` and `openvino` must give the original's logits, `int8` its calls and its AUC, on crops
    that its activations were not calibrated on. `int8` needs crops, the others make some up.

    Raises:
        UsageError: there is no such form, it needs crops, or the model has no ONNX file.
        DataError: too few crops.
        ModelError: the exported network differs from the original; nothing was written.
    """
    _check_wish(model, form, out)
    writers: Mapping[str, Callable[[Path, Path], list[Path]]] = {
        "onnx": lambda weights, _: [weights],
        "openvino": write_ir,
    }
    checked = crops or LabelledCrops(generate_crops(model.card.crop.size_px), np.zeros(0, np.int64))
    writer = writers.get(form)
    if writer is None:
        calibrating, checked = _part(crops)
        writer = partial(write_int8, crops=calibrating)
    with tempfile.TemporaryDirectory() as scratch:
        files = writer(model.weights_path, Path(scratch))
        found = _compare(model, files[0], form, checked, device)
        card = _describe(model.card, form, files, found)
        same = form != "int8"  # 8-bit features lie elsewhere
        write_model(card, files[0], out, domain=model.domain_path if same else None)
    return found


def generate_crops(size_px: int, seed: int = 0) -> Pixels:
    """Crops (M, S, S, 3) of noise, half of them in coarse squares."""
    generator = np.random.default_rng(seed)
    fine = generator.integers(0, 256, (_GENERATED // 2, size_px, size_px, 3), dtype=np.uint8)
    cell = max(1, size_px // 8)
    coarse = fine[:, ::cell, ::cell].repeat(cell, axis=1).repeat(cell, axis=2)
    return np.concatenate([fine, coarse[:, :size_px, :size_px]])


def _check_wish(model: ModelFolder, form: str, out: Path) -> None:
    if form not in FORMATS:
        message = f"format must be one of {', '.join(FORMATS)}, got {form!r}"
        raise UsageError(message)
    if model.weights_path.suffix == IR_SUFFIX:
        message = (
            f"model {model.card.name!r} is an OpenVINO IR, from which nothing can be exported; "
            "give the ONNX model that it was made from"
        )
        raise UsageError(message)
    if out.exists() and out.resolve() == model.path.resolve():
        message = f"--out {out} is the model itself; name another folder"
        raise UsageError(message)
    check_place(out)


def _part(crops: LabelledCrops | None) -> tuple[Pixels, LabelledCrops]:
    """Crops to calibrate activations on, and the others to check on."""
    if crops is None:
        message = "the format int8 needs faces to calibrate its activations; name them with --data"
        raise UsageError(message)
    count = len(crops.pixels)
    if count < 2 * LEAST_CROPS:
        message = f"the format int8 needs at least {2 * LEAST_CROPS} faces, got {count}"
        raise DataError(message)
    cut = min(MOST_CALIBRATION, count // 2)
    return crops.pixels[:cut], LabelledCrops(crops.pixels[cut:], crops.labels[cut:])


def _compare(
    model: ModelFolder, weights: Path, form: str, crops: LabelledCrops, device: str
) -> tuple[Agreement, ...]:
    """Both networks in each engine that runs them; an engine's own precision is kept out of it."""
    names = ("openvino",) if form == "openvino" else ("onnxruntime", "auto")
    found: dict[str, Agreement] = {}
    for name in names:
        engine = open_engine(weights, name, precision="fp32", device=device)
        if engine.name in found:  # where there is one engine alone
            continue
        original = open_engine(model.weights_path, name, precision="fp32", device=device)
        before, after = _logits(original, crops.pixels), _logits(engine, crops.pixels)
        agreement = _agree(model.card, engine.name, (before, after), crops.labels)
        _judge(agreement, form)
        found[engine.name] = agreement
    return tuple(found.values())


def _logits(engine: Engine, pixels: Pixels) -> npt.NDArray[np.float64]:
    starts = range(0, len(pixels), _BATCH)
    logits = [engine.run(pixels[start : start + _BATCH]).logit for start in starts]
    return np.concatenate(logits).astype(np.float64)


def _agree(
    card: ModelCard,
    engine: str,
    logits: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]],
    labels: npt.NDArray[np.int64],
) -> Agreement:
    threshold = choose_policy(card, "balanced").threshold
    before, after = (to_probabilities(side, card.calibration) for side in logits)
    both = len(set(labels.tolist())) == 2
    figures = [
        measure(Scored(labels, side, threshold), {"auc": auc})["auc"]
        for side in (before, after)
        if both
    ]
    return Agreement(
        engine=engine,
        crops=len(before),
        logit_gap=float(np.abs(logits[0] - logits[1]).max()),
        same_call=float(np.mean((before >= threshold) == (after >= threshold))),
        auc=(figures[0], figures[1]) if both else None,
    )


def _judge(found: Agreement, form: str) -> None:
    lost = found.auc[0] - found.auc[1] if found.auc else 0.0
    if form == "int8":
        holds = found.same_call >= LEAST_AGREEMENT and lost <= MOST_AUC_LOST
        wish = f"{LEAST_AGREEMENT:.0%} called the same and at most {MOST_AUC_LOST} of AUC lost"
    else:
        holds = found.logit_gap <= LOGIT_TOLERANCE
        wish = f"a logit within {LOGIT_TOLERANCE}"
    if not holds:
        message = (
            f"the exported network differs from the original ({found.describe()}); "
            f"expected {wish}; nothing was written"
        )
        raise ModelError(message)


def _describe(
    card: ModelCard, form: str, files: list[Path], found: tuple[Agreement, ...]
) -> ModelCard:
    """The original's card with the new files; figures measured in 32 bits are not those of 8."""
    weights = describe_files(files, card.weights.parameters)
    if form == "onnx":
        weights = weights.model_copy(update={"file": WEIGHTS_NAME})
        return card.model_copy(update={"weights": weights})
    name = f"{card.name[: 63 - len(form)]}-{form}"
    changes: dict[str, object] = {"name": name, "weights": weights}
    if form == "int8":
        line = "; ".join(agreement.describe() for agreement in found)
        changes["metrics"] = ()
        changes["limits"] = (*card.limits, f"8-bit form of {card.name} {card.version}: {line}")
    return card.model_copy(update=changes)

"""What a model costs: size, arithmetic and time."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from unmask.detection.batching import BATCH_CROPS
from unmask.detection.detector import Detector
from unmask.records import FaceCrop, Pixels

_ROUNDS: Final = 5
_LEAST_SECONDS: Final = 0.5


@dataclass(frozen=True, slots=True)
class Cost:
    """What a model costs on this machine."""

    parameters: int
    size_bytes: int
    multiply_adds: int | None
    """Of one crop; None where the network could not be read."""
    crops_per_s: float
    """The network alone, in batches of the size that detection uses."""

    def to_dict(self) -> dict[str, int | float | None]:
        """The cost as plain JSON values."""
        return {
            "parameters": self.parameters,
            "size_bytes": self.size_bytes,
            "multiply_adds": self.multiply_adds,
            "crops_per_s": round(self.crops_per_s, 2),
        }


def measure_cost(detector: Detector) -> Cost:
    """Read the network's graph and time it on crops of noise."""
    card = detector.card
    return Cost(
        parameters=card.weights.parameters,
        size_bytes=card.weights.size_bytes,
        multiply_adds=count_multiply_adds(detector.folder.weights_path, card.crop.size_px),
        crops_per_s=measure_speed(detector),
    )


def describe_model(detector: Detector) -> dict[str, Any]:
    """Model, architecture, training and cost, as `metrics.json` and `comparison.json` hold them."""
    training = detector.card.training
    return {
        "model": detector.model_id.to_dict(),
        "architecture": detector.card.architecture,
        "training": training and training.model_dump(),
        "cost": measure_cost(detector).to_dict(),
    }


def measure_speed(detector: Detector, seed: int = 0) -> float:
    """Crops per second of the network alone: the median of some rounds after one to warm up."""
    side = detector.card.crop.size_px
    generator = np.random.default_rng(seed)
    pixels: Pixels = generator.integers(0, 256, (BATCH_CROPS, side, side, 3), dtype=np.uint8)
    whole = (0.0, 0.0, float(side), float(side))
    crops = [FaceCrop(crop, whole, whole, 1.0) for crop in pixels]
    detector.score_crops(crops)
    rates: list[float] = []
    started = time.perf_counter()
    while len(rates) < _ROUNDS or time.perf_counter() - started < _LEAST_SECONDS:
        before = time.perf_counter()
        detector.score_crops(crops)
        rates.append(len(crops) / (time.perf_counter() - before))
    return float(np.median(rates))


def count_multiply_adds(weights: Path, side_px: int) -> int | None:
    """Multiplications with an addition in convolutions and matrix products, for one crop.

    The graph is read by OpenVINO, which is there without the training packages; None where it
    cannot be loaded, cannot read the file, or leaves a shape open.
    """
    try:
        import openvino

        model = openvino.Core().read_model(weights)
        model.reshape({"pixels": [1, side_px, side_px, 3]})
        return sum(_count(operation) for operation in model.get_ordered_ops())
    except (ImportError, RuntimeError):
        return None


def _count(operation: Any) -> int:
    count = _COUNTERS.get(operation.get_type_name())
    return 0 if count is None else int(np.prod(_shape(operation.output(0)))) * count(operation)


def _convolution(operation: Any) -> int:
    """Products for each output: weights (outputs, inputs, kernel...)."""
    return int(np.prod(_shape(operation.input(1))[1:]))


def _group_convolution(operation: Any) -> int:
    """Products for each output: weights (groups, outputs, inputs, kernel...)."""
    return int(np.prod(_shape(operation.input(1))[2:]))


def _matrix_product(operation: Any) -> int:
    """Products for each output: the length of the axis that is summed over."""
    left = _shape(operation.input(0))
    transposed = operation.get_attributes().get("transpose_a", False) and len(left) > 1
    return left[-2] if transposed else left[-1]


_COUNTERS: Final[Mapping[str, Callable[[Any], int]]] = {
    "Convolution": _convolution,
    "GroupConvolution": _group_convolution,
    "MatMul": _matrix_product,
}


def _shape(port: Any) -> list[int]:
    return [int(length) for length in port.get_shape()]

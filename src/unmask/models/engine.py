"""One small seam over the inference libraries: crops in, logits, features and maps out.

Every exported network takes `pixels` (N, S, S, 3) uint8 RGB and does its own normalisation,
and gives `logit` (N,), `features` (N, D) and `maps` (N, C, h, w) in float32; most give `stages`
(N, E) too, the mean and spread of maps on the way.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from unmask.errors import ModelError, UsageError
from unmask.records import Pixels

ENGINES: Final = ("auto", "openvino", "onnxruntime")
OUTPUT_NAMES: Final = ("logit", "features", "maps")
STAGES_NAME: Final = "stages"
"""An output that a network may have besides."""
IR_SUFFIX: Final = ".xml"
"""Of a network in OpenVINO's own form; its weights lie beside it in a `.bin`."""
LOGIT_TOLERANCE: Final = 0.25
"""How far the logit of one crop may lie apart between engines and precisions (bf16 has 8 bits)."""

FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class EngineOutputs:
    """What a network says of N crops."""

    logit: FloatArray
    """(N,)"""
    features: FloatArray
    """(N, D)"""
    maps: FloatArray
    """(N, C, h, w)"""
    stages: FloatArray | None = None
    """(N, E); None where the network does not give it."""

    @property
    def look(self) -> FloatArray:
        """What tells kinds of pictures apart: the stages, else the features, (N, E) or (N, D)."""
        return self.features if self.stages is None else self.stages


class Engine(Protocol):
    """Anything that runs an exported network."""

    @property
    def name(self) -> str:
        """Library, version and precision, for the report."""
        ...

    def run(self, pixels: Pixels) -> EngineOutputs:
        """Run crops of shape (N, S, S, 3) uint8."""
        ...


class OpenVinoEngine:
    """OpenVINO on the CPU, in bf16 where the CPU has it unless fp32 is asked for."""

    def __init__(self, path: Path, *, precision: str = "auto", threads: int = 0) -> None:
        import openvino
        import openvino.properties.hint as hints

        core = openvino.Core()
        offered = core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        bf16 = precision != "fp32" and "BF16" in offered
        options: dict[str, Any] = {
            hints.inference_precision: openvino.Type.bf16 if bf16 else openvino.Type.f32,
            hints.performance_mode: hints.PerformanceMode.LATENCY,
        }
        if threads:
            options["INFERENCE_NUM_THREADS"] = threads
            options[hints.enable_cpu_pinning] = False  # else all processes share the first cores
        try:
            compiled = core.compile_model(core.read_model(path), "CPU", options)
        except RuntimeError as error:
            raise ModelError(_not_loadable(path, "OpenVINO", error)) from error
        given = {name for port in compiled.outputs for name in port.get_names()}
        names = [*OUTPUT_NAMES, *({STAGES_NAME} & given)]
        self._outputs = [compiled.output(name) for name in names]
        self._compiled = compiled
        version = openvino.__version__.split("-")[0]
        self.name = f"openvino {version} {'bf16' if bf16 else 'fp32'}"

    def run(self, pixels: Pixels) -> EngineOutputs:
        """Run crops of shape (N, S, S, 3) uint8."""
        results = self._compiled.create_infer_request().infer({"pixels": pixels})
        logit, *others = (np.array(results[port], np.float32) for port in self._outputs)
        return EngineOutputs(logit.reshape(-1), *others)


class OnnxRuntimeEngine:
    """ONNX Runtime on the CPU, or on an accelerator that its build offers."""

    def __init__(self, path: Path, *, threads: int = 0, device: str = "auto") -> None:
        import onnxruntime

        if path.suffix == IR_SUFFIX:
            message = (
                f"{path.name} is an OpenVINO IR, which ONNX Runtime cannot run; "
                "use --engine openvino, or the model's ONNX form"
            )
            raise UsageError(message)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        wanted = _choose_providers(device, onnxruntime.get_available_providers())
        try:
            self._session = onnxruntime.InferenceSession(path, options, providers=wanted)
        except Exception as error:  # the library has no public base of its errors
            raise ModelError(_not_loadable(path, "ONNX Runtime", error)) from error
        given = {output.name for output in self._session.get_outputs()}
        self._names = [*OUTPUT_NAMES, *({STAGES_NAME} & given)]
        provider = self._session.get_providers()[0].removesuffix("ExecutionProvider").lower()
        self.name = f"onnxruntime {onnxruntime.__version__} {provider} fp32"

    def run(self, pixels: Pixels) -> EngineOutputs:
        """Run crops of shape (N, S, S, 3) uint8."""
        logit, *others = self._session.run(self._names, {"pixels": pixels})
        return EngineOutputs(logit.reshape(-1), *others)


_PROVIDERS: Final = {
    "cuda": "CUDAExecutionProvider",
    "mps": "CoreMLExecutionProvider",
    "cpu": "CPUExecutionProvider",
}
DEVICES: Final = ("auto", *_PROVIDERS)


def _choose_providers(device: str, offered: Sequence[str]) -> list[str]:
    """What ONNX Runtime may compute on, the best first; the CPU does what an accelerator cannot."""
    wished = _PROVIDERS.values() if device == "auto" else (_PROVIDERS[device], _PROVIDERS["cpu"])
    if device != "auto" and _PROVIDERS[device] not in offered:
        message = (
            f"this ONNX Runtime cannot compute on {device}: it offers {', '.join(offered)}; "
            "install a build that can (for cuda: onnxruntime-gpu) or use --device cpu"
        )
        raise UsageError(message)
    return list(dict.fromkeys(name for name in wished if name in offered))


def open_engine(
    path: Path,
    engine: str = "auto",
    *,
    threads: int = 0,
    precision: str = "auto",
    device: str = "auto",
) -> Engine:
    """Load exported weights into an inference library.

    Args:
        path: the ONNX file, or the `.xml` of an OpenVINO IR.
        engine: `openvino`, `onnxruntime`, or `auto`: OpenVINO where it runs on this machine.
        threads: how many to use; 0 lets the library choose.
        precision: `fp32`, or `auto`: bf16 where the library and the CPU have it.
        device: `cpu`, `cuda`, `mps` (Apple), or `auto`: the CPU in OpenVINO, the best that it has
            in ONNX Runtime. Only ONNX Runtime computes on accelerators.

    Raises:
        UsageError: there is no such engine or device, they do not go together, or ONNX Runtime is
            to run an IR.
        ModelError: the file is no network that the library can run.
    """
    if engine not in ENGINES:
        message = f"engine must be one of {', '.join(ENGINES)}, got {engine!r}"
        raise UsageError(message)
    if device not in DEVICES:
        message = f"device must be one of {', '.join(DEVICES)}, got {device!r}"
        raise UsageError(message)
    if device in {"cuda", "mps"} and engine == "openvino":
        message = f"OpenVINO computes on the CPU only; use --engine onnxruntime for {device}"
        raise UsageError(message)
    if engine == "onnxruntime" or device in {"cuda", "mps"}:
        return OnnxRuntimeEngine(path, threads=threads, device=device)
    try:
        return OpenVinoEngine(path, threads=threads, precision=precision)
    except ImportError:
        if engine == "openvino":
            message = "OpenVINO cannot be loaded on this machine; use --engine onnxruntime"
            raise UsageError(message) from None
        return OnnxRuntimeEngine(path, threads=threads, device=device)


def _not_loadable(path: Path, library: str, error: Exception) -> str:
    first = str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
    return f"{path.name} is no network that {library} can run: {first}"

"""From a trained network to a model folder, checked before it is written."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from unmask.errors import ModelError
from unmask.files import open_drafts
from unmask.models.card import WeightsCard
from unmask.models.engine import OUTPUT_NAMES, STAGES_NAME, open_engine
from unmask.models.library import describe_files
from unmask.models.zoo import FaceNet, count_parameters
from unmask.records import Pixels

TORCH_TOLERANCE = 1e-3
"""How far an exported fp32 logit may lie from torch's."""
STAGES = (8, 16)
"""How many times smaller than the picture the maps are that are described on the way."""
_CHECKED_CROPS = 4


class _FromPixels(nn.Module):
    """The network behind its own preprocessing: pixels (N, S, S, 3) uint8 in.

    Of the backbone's stages at an eighth and a sixteenth of the side it also gives the mean and the
    spread of each channel: they tell kinds of pictures apart, which the last features, made to tell
    fake from real and nothing else, do not.
    """

    def __init__(self, network: FaceNet) -> None:
        super().__init__()
        self.network = network
        self.stages = _find_stages(network.backbone)

    def forward(self, pixels: Tensor) -> tuple[Tensor, ...]:
        described: list[Tensor] = []
        hooks = [
            self.network.backbone.get_submodule(name).register_forward_hook(
                lambda _module, _inputs, maps: described.extend(_describe(maps))
            )
            for name in self.stages
        ]
        outputs = self.network(pixels.permute(0, 3, 1, 2).float() / 255)
        for hook in hooks:
            hook.remove()
        return (*outputs, *([torch.cat(described, dim=1)] if described else []))


def _find_stages(backbone: Any) -> list[str]:
    """The names of the last modules at `STAGES`; none of networks that do not say, or have tokens.

    Timm's backbones say so in `feature_info`.
    """
    if getattr(backbone, "num_prefix_tokens", None) is not None:
        return []
    if getattr(backbone, "output_fmt", "NCHW") != "NCHW":
        return []
    stages = {row["reduction"]: row["module"] for row in getattr(backbone, "feature_info", ())}
    return [stages[reduction] for reduction in STAGES if reduction in stages]


def _describe(maps: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation (N, C) of each channel of maps (N, C, h, w)."""
    mean = maps.mean((2, 3), keepdim=True)
    spread = (maps - mean).square().mean((2, 3)).sqrt()
    return mean.flatten(1), spread


def export_onnx(network: FaceNet, size_px: int, path: Path, samples: Pixels | None = None) -> None:
    """Write a network as ONNX and check that ONNX Runtime gives torch's logits.

    Args:
        network: in any mode; it is exported in evaluation mode.
        size_px: side S of the crops.
        path: the file to write; it appears only if the check holds.
        samples: crops (N, S, S, 3) to check on; noise where none are given.

    Raises:
        ModelError: the exported network gives other logits than torch.
    """
    wrapped = _FromPixels(network).eval().to(memory_format=torch.contiguous_format)
    if samples is None:
        shape = (_CHECKED_CROPS, size_px, size_px, 3)
        samples = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    pixels = torch.from_numpy(np.array(samples[:_CHECKED_CROPS]))
    with open_drafts(path.parent) as folder:
        draft = folder / path.name
        torch.onnx.export(
            wrapped,
            (pixels,),
            draft,
            input_names=["pixels"],
            output_names=[*OUTPUT_NAMES, *([STAGES_NAME] if wrapped.stages else [])],
            dynamic_shapes={"pixels": {0: torch.export.Dim("n", min=1, max=4096)}},
            dynamo=True,
            external_data=False,
            verbose=False,
        )
        _check(wrapped, draft, pixels)
        draft.replace(path)


def _check(wrapped: _FromPixels, path: Path, pixels: Tensor) -> None:
    with torch.inference_mode():
        expected = wrapped(pixels)[0].numpy()
    engine = open_engine(path, "onnxruntime")
    for count in (len(pixels), 1):
        got = engine.run(pixels[:count].numpy()).logit
        worst = float(np.abs(got - expected[:count]).max())
        if not worst <= TORCH_TOLERANCE:
            message = (
                f"the exported network differs from the trained one by {worst:.4g} in the logit "
                f"(at most {TORCH_TOLERANCE} expected); it was not written"
            )
            raise ModelError(message)


def describe_weights(path: Path, network: FaceNet) -> WeightsCard:
    """The card's entry for an exported file."""
    return describe_files([path], count_parameters(network))

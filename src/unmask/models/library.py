"""The models at hand: the ones in the package, and folders that a user names."""

from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Final

from unmask.errors import ModelError, UsageError
from unmask.models.card import CARD_NAME, ModelCard, hash_file, read_card

BUNDLED: Final = Path(__file__).parent / "bundled"
MODEL_IN_RUN: Final = "model"
"""A run folder keeps its exported model in a folder of this name."""


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """A model folder whose card was read."""

    path: Path
    card: ModelCard

    @property
    def weights_path(self) -> Path:
        """The file with the weights."""
        return self.path / self.card.weights.file


def list_models() -> tuple[ModelFolder, ...]:
    """The bundled models; the first is the one that is used where none is named."""
    folders = sorted(path.parent for path in BUNDLED.glob(f"*/{CARD_NAME}"))
    return tuple(ModelFolder(folder, read_card(folder)) for folder in folders)


def open_model(name_or_path: str | Path | None = None) -> ModelFolder:
    """Find a model by its name or folder (or run folder) and check its weights against its card.

    Raises:
        UsageError: there is no such model.
        ModelError: the card is broken, or the weights are not the ones that it describes.
    """
    folder = _find(name_or_path)
    _check_weights(folder)
    return folder


def _find(name_or_path: str | Path | None) -> ModelFolder:
    bundled = {folder.card.name: folder for folder in list_models()}
    if name_or_path is None:
        if not bundled:
            message = "this installation has no bundled model; name one with --model"
            raise UsageError(message)
        return next(iter(bundled.values()))
    if str(name_or_path) in bundled:
        return bundled[str(name_or_path)]
    path = Path(name_or_path)
    if path.name == CARD_NAME:
        path = path.parent
    for folder in (path, path / MODEL_IN_RUN):
        if (folder / CARD_NAME).is_file():
            return ModelFolder(folder, read_card(folder))
    if path.is_dir():
        message = f"{path} is no model folder: it has no {CARD_NAME}"
        raise ModelError(message)
    near = get_close_matches(str(name_or_path), bundled, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else f"; bundled: {', '.join(bundled) or 'none'}"
    message = f"there is no model or model folder {str(name_or_path)!r}{hint}"
    raise UsageError(message)


def _check_weights(folder: ModelFolder) -> None:
    path, card = folder.weights_path, folder.card
    if not path.is_file():
        message = f"{folder.path} lacks the weights file {card.weights.file!r} that its card names"
        raise ModelError(message)
    found = hash_file(path)
    if found != card.weights.sha256:
        message = (
            f"model {card.name!r}: {path.name} is not the file that its card describes "
            f"(SHA-256 expected {card.weights.sha256[:12]}..., got {found[:12]}...); "
            "it was changed, swapped or damaged: get the model folder anew"
        )
        raise ModelError(message)

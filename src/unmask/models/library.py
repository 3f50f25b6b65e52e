"""The models at hand: the ones in the package, and folders that a user names."""

import mmap
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Final

from unmask.errors import ModelError, UsageError
from unmask.files import is_draft, open_drafts
from unmask.models.card import (
    CARD_NAME,
    WEIGHTS_NAME,
    FileCard,
    ModelCard,
    WeightsCard,
    hash_file,
    read_card,
)
from unmask.models.engine import IR_SUFFIX

BUNDLED: Final = Path(__file__).parent / "bundled"
MODEL_IN_RUN: Final = "model"
"""A run folder keeps its exported model in a folder of this name."""
DOMAIN_NAME: Final = "domain.npz"
"""The file that describes the training faces."""
IR_NAMES: Final = ("model.xml", "model.bin")
"""The two files of an OpenVINO IR."""
_EXTERNAL: Final = re.compile(rb"\n(?:\x08|\x88\x80*\x00)location")
"""How protobuf writes the key `location`, with which an ONNX tensor names a file that holds it."""


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """A model folder whose card was read."""

    path: Path
    card: ModelCard

    @property
    def weights_path(self) -> Path:
        """The file with the weights."""
        return self.path / self.card.weights.file

    @property
    def domain_path(self) -> Path | None:
        """The file that describes the training faces, where there is one."""
        return self.path / self.card.domain.file if self.card.domain else None


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
    places = (path, path / MODEL_IN_RUN)
    for folder in (*places, *map(_earlier, places)) if path.name else places:
        if (folder / CARD_NAME).is_file():
            return ModelFolder(folder, read_card(folder))
    if path.is_dir():
        message = f"{path} is no model folder: it has no {CARD_NAME}"
        raise ModelError(message)
    near = get_close_matches(str(name_or_path), bundled, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else f"; bundled: {', '.join(bundled) or 'none'}"
    message = f"there is no model or model folder {str(name_or_path)!r}{hint}"
    raise UsageError(message)


def describe_files(paths: Sequence[Path], parameters: int) -> WeightsCard:
    """The card's entry for the file that an engine opens and for those that lie beside it."""
    first, *beside = paths
    return WeightsCard(
        file=first.name,
        sha256=hash_file(first),
        size_bytes=sum(path.stat().st_size for path in paths),
        parameters=parameters,
        beside=tuple(FileCard(file=path.name, sha256=hash_file(path)) for path in beside),
    )


def write_model(
    card: ModelCard, weights: Path, folder: Path, *, domain: Path | None = None
) -> None:
    """Put card, weights and what lies beside them into a model folder, whole or not at all.

    Without the file that describes the training faces the card says nothing of it either.

    Raises:
        ModelError: the folder holds something that is no model.
    """
    check_place(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with open_drafts(folder.parent) as scratch:
        draft = scratch / folder.name
        draft.mkdir()
        shutil.copyfile(weights, draft / card.weights.file)
        for part in card.weights.beside:
            shutil.copyfile(weights.parent / part.file, draft / part.file)
        if card.domain and domain:
            shutil.copyfile(domain, draft / card.domain.file)
        else:
            card = card.model_copy(update={"domain": None})
        card.write(draft)
        earlier = _earlier(folder)
        if folder.exists():
            shutil.rmtree(earlier, ignore_errors=True)
            folder.rename(earlier)
        draft.rename(folder)
        shutil.rmtree(earlier, ignore_errors=True)


def _earlier(folder: Path) -> Path:
    """Where a model lies while another takes its place, and stays if that is cut short."""
    return folder.with_name(f".{folder.name}.earlier")


def check_place(folder: Path) -> None:
    """Refuse a folder that holds something else than a model, which writing one would remove.

    Raises:
        ModelError: it does, is a file, or has no name of its own.
    """
    if folder.name in {"", ".."}:
        message = f"a model needs a folder of its own, got {str(folder)!r}; name one"
        raise ModelError(message)
    if not folder.exists():
        return
    if not folder.is_dir():
        message = f"{folder} is a file; choose a folder"
        raise ModelError(message)
    known = {CARD_NAME, WEIGHTS_NAME, DOMAIN_NAME, *IR_NAMES}
    found = {path.name for path in folder.iterdir() if not is_draft(path)}
    strangers = sorted(found - known)
    if strangers:
        message = f"{folder} holds other files than a model ({strangers[0]}); choose another folder"
        raise ModelError(message)


def _check_weights(folder: ModelFolder) -> None:
    weights = folder.card.weights
    for part in (FileCard(file=weights.file, sha256=weights.sha256), *weights.beside):
        _check_file(folder, part)
    if folder.card.domain:
        domain = folder.card.domain
        _check_file(folder, FileCard(file=domain.file, sha256=domain.sha256))
    _refuse_external(folder.weights_path)


def _check_file(folder: ModelFolder, part: FileCard) -> None:
    path = folder.path / part.file
    if not path.is_file():
        message = f"{folder.path} lacks the file {part.file!r} that its card names"
        raise ModelError(message)
    found = hash_file(path)
    if found != part.sha256:
        message = (
            f"model {folder.card.name!r}: {path.name} is not the file that its card describes "
            f"(SHA-256 expected {part.sha256[:12]}..., got {found[:12]}...); "
            "it was changed, swapped or damaged: get the model folder anew"
        )
        raise ModelError(message)


def _refuse_external(path: Path) -> None:
    """Refuse an ONNX file whose tensors lie in other files, which no hash of the card covers."""
    if path.suffix == IR_SUFFIX or not path.stat().st_size:
        return
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
        if _EXTERNAL.search(data):
            message = (
                f"{path} keeps weights in other files (ONNX external data), which its card does "
                "not cover; save the network as one file"
            )
            raise ModelError(message)

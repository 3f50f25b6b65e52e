"""What a model's training faces look like to it, so that it can say "I know nothing like this".

The features of the training faces are described by their mean, their main directions and the spread
along and beside these: probabilistic principal components. How unlike a face is, is its
Mahalanobis distance under that description, as in Lee et al. 2018 (arXiv 1807.03888), with the part
outside the subspace counted as in Wang et al. 2022 (ViM, arXiv 2203.10807). Features enter as
signed square roots of their shares (the Hellinger map), so that their overall size does not count:
on the bundled model that found more drawings, objects and masks than the plain features did.

Every fifth picture is kept back from the description; the limit is the distance beyond which one
hundredth of these lies, and distances are given in units of it.
"""

import io
import tempfile
import tokenize
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from unmask.errors import DataError, ModelError
from unmask.media.images import DECODER_ERRORS
from unmask.models.card import DomainCard, hash_file
from unmask.models.engine import FloatArray
from unmask.models.library import DOMAIN_NAME, ModelFolder, open_model

MAX_DOMAIN_BYTES: Final = 16 * 2**20
DIRECTIONS: Final = 64
"""Most directions that are kept."""
FACES_PER_DIRECTION: Final = 4
LEAST_FACES: Final = 100
KEPT_BACK_EVERY: Final = 5
BEYOND: Final = 0.01
"""Share of the kept-back faces that the limit leaves outside."""
_PARTS: Final = ("mean", "basis", "spread", "beside")


@dataclass(frozen=True, slots=True, eq=False)
class Domain:
    """The description; `measure` needs one product of matrices for each batch."""

    mean: FloatArray
    """(D,) of the mapped features."""
    basis: FloatArray
    """(K, D) orthonormal rows."""
    spread: FloatArray
    """(K,) standard deviations along them."""
    beside: float
    """Root mean square distance from the subspace they span."""
    limit: float
    """The distance that stands as 1."""

    def measure(self, features: FloatArray) -> FloatArray:
        """How unlike the training faces features (N, D) are, (N,): above 1 they are unlike.

        Raises:
            ModelError: the features are as long as another model's.
        """
        if features.shape[1:] != self.mean.shape:
            message = (
                f"the description is of {len(self.mean)} features, "
                f"but the model gives {features.shape[1:]}; get the model folder anew"
            )
            raise ModelError(message)
        centred = _map(features) - self.mean
        along = centred @ self.basis.T
        outside = np.linalg.norm(centred - along @ self.basis, axis=1) / self.beside
        squares = ((along / self.spread) ** 2).sum(axis=1) + len(self.spread) * outside**2
        return np.asarray(np.sqrt(squares) / self.limit, np.float32)

    def write(self, path: Path) -> None:
        """Write the description; the limit stands in the card."""
        np.savez_compressed(
            path,
            mean=self.mean,
            basis=self.basis.astype(np.float16),
            spread=self.spread,
            beside=np.float32(self.beside),
        )


@dataclass(frozen=True, slots=True, eq=False)
class FittedDomain:
    """A description and what the card says of it, before its file is written."""

    domain: Domain
    faces: int
    kept_back: int
    data: str


def read_domain(path: Path, card: DomainCard) -> Domain:
    """Read a description whose hash was checked against its card.

    Raises:
        ModelError: the file is none.
    """
    try:
        with path.open("rb") as stream:
            content = io.BytesIO(stream.read(MAX_DOMAIN_BYTES))
        with np.load(content, allow_pickle=False) as parts:
            mean, basis, spread, beside = (np.asarray(parts[n], np.float32) for n in _PARTS)
    except (*DECODER_ERRORS, zipfile.BadZipFile, tokenize.TokenError) as error:
        message = f"{path} holds no description of the training faces: {error}"
        raise ModelError(message) from error
    fits = mean.ndim == spread.ndim == 1 and basis.shape == (len(spread), len(mean))
    if not fits or beside.shape or not (spread > 0).all() or not beside > 0:
        shapes = f"basis {basis.shape}, spread {spread.shape}, mean {mean.shape}"
        message = f"the parts of {path} do not fit together: {shapes}"
        raise ModelError(message)
    return Domain(mean, basis, spread, float(beside), card.limit)


def add_domain(model: str | Path, fitted: FittedDomain) -> ModelFolder:
    """Put a description into a model folder: the file, and its entry in the card."""
    folder = open_model(model)
    with tempfile.TemporaryDirectory(dir=folder.path) as scratch:
        draft = Path(scratch) / DOMAIN_NAME
        fitted.domain.write(draft)
        entry = DomainCard(
            file=DOMAIN_NAME,
            sha256=hash_file(draft),
            limit=fitted.domain.limit,
            faces=fitted.faces,
            kept_back=fitted.kept_back,
            beyond=BEYOND,
            data=fitted.data,
        )
        draft.replace(folder.path / DOMAIN_NAME)
    card = folder.card.model_copy(update={"domain": entry})
    card.write(folder.path)
    return ModelFolder(folder.path, card)


def fit_features(pairs: FloatArray, data: str = "") -> FittedDomain:
    """Describe the features (P, V, D) of P training pictures, each in V views.

    Raises:
        DataError: they are too few.
    """
    kept_back = np.arange(len(pairs)) % KEPT_BACK_EVERY == KEPT_BACK_EVERY - 1
    size = pairs.shape[2]
    described = _fit_directions(pairs[~kept_back].reshape(-1, size))
    back = pairs[kept_back].reshape(-1, size)
    limit = float(np.quantile(described.measure(back), 1 - BEYOND))
    faces = int((~kept_back).sum()) * pairs.shape[1]
    return FittedDomain(replace(described, limit=limit), faces, len(back), data)


def _fit_directions(features: FloatArray) -> Domain:
    """Describe the features (N, D) of training faces; the limit is still 1.

    Raises:
        DataError: they are too few.
    """
    if len(features) < LEAST_FACES:
        message = (
            f"a description of the training faces needs at least {LEAST_FACES}, "
            f"got {len(features)}; name more data"
        )
        raise DataError(message)
    mapped = _map(features)
    mean = mapped.mean(axis=0)
    centred = mapped - mean
    count = min(DIRECTIONS, len(features) // FACES_PER_DIRECTION, features.shape[1] - 1)
    values, vectors = np.linalg.eigh(centred.T.astype(np.float64) @ centred / len(centred))
    order = np.argsort(values)[::-1]
    spread = np.sqrt(np.maximum(values[order[:count]], 1e-12))
    rest = float(np.maximum(values[order[count:]], 0).sum())
    return Domain(
        mean.astype(np.float32),
        vectors[:, order[:count]].T.astype(np.float16).astype(np.float32),
        spread.astype(np.float32),
        float(np.float32(np.sqrt(max(rest, 1e-12)))),
        1.0,
    )


def _map(features: FloatArray) -> npt.NDArray[np.float32]:
    """Signed square roots of the features' shares: rows of length 1."""
    sizes = np.abs(features).sum(axis=1, keepdims=True)
    shares = np.abs(features) / np.maximum(sizes, np.float32(1e-12))
    return np.asarray(np.sign(features) * np.sqrt(shares), np.float32)

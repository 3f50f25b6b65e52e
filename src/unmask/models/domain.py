"""What a model's training faces look like to it, so that it can say "I know nothing like this".

What is described is `EngineOutputs.look`: mean and spread of the network's maps on the way, not its
last features. Those are trained to tell fake from real and drop everything else
(`docs/inspect.md`).

The values, each in units of its own spread, are described by their mean, their main directions and
the spread along and beside these: probabilistic principal components. How unlike a face is, is its
Mahalanobis distance under that description, as in Lee et al. 2018 (arXiv 1807.03888, which takes
maps of several stages too), with the part outside the subspace counted as in Wang et al. 2022 (ViM,
arXiv 2203.10807).

Of training faces made strange (turned over, covered) it is known where they lie: along the
direction that parts them best from the others, linear discriminant analysis (Fisher 1936) with the
covariance drawn towards the identity. How far a face lies that way counts as a distance too, and
the largest distance is the answer.

The limit is the distance beyond which one hundredth of kept-back faces lies, real validation
faces that the network was not trained on; distances are given in units of it.
"""

import io
import tokenize
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from unmask.errors import DataError, ModelError
from unmask.files import open_drafts
from unmask.media.images import DECODER_ERRORS
from unmask.models.card import DomainCard, hash_file
from unmask.models.engine import FloatArray
from unmask.models.library import DOMAIN_NAME, ModelFolder, open_model

MAX_DOMAIN_BYTES: Final = 16 * 2**20
DIRECTIONS: Final = 64
"""Most directions that are kept."""
FACES_PER_DIRECTION: Final = 4
SIZE_PER_DIRECTION: Final = 4
"""Of the look's length at most this part are main directions."""
_LEAST_SPREAD: Final = 1e-4
LEAST_FACES: Final = 100
LEAST_KEPT_BACK: Final = 20
BEYOND: Final = 0.01
"""Share of the kept-back faces that the limit leaves outside."""
BEYOND_STRANGE: Final = 0.005
"""Share that the distance 1 towards each kind of strange faces leaves outside, before the limit."""
_SHRINKAGE: Final = 0.2
"""What is added to the covariance, in units of the features' spread. Of 0.02 to 1, those of 0.05 to
0.2 found most of validation faces made strange."""
_PARTS: Final = ("mean", "scale", "basis", "spread", "beside")
_TOWARDS: Final = ("strange", "start")
"""Not in descriptions of before there were any."""


@dataclass(frozen=True, slots=True, eq=False)
class Domain:
    """The description; `measure` needs one product of matrices for each batch."""

    mean: FloatArray
    """(D,)"""
    scale: FloatArray
    """(D,) standard deviations."""
    basis: FloatArray
    """(K, D) orthonormal rows."""
    spread: FloatArray
    """(K,) standard deviations along them."""
    beside: float
    """Root mean square distance from the subspace they span."""
    strange: FloatArray
    """(J, D) directions in which strange faces lie, in units of `limit`."""
    start: FloatArray
    """(J,) where a usual real face lies in these directions."""
    limit: float
    """The distance that stands as 1."""

    def measure(self, look: FloatArray) -> FloatArray:
        """How unlike the training faces crops with a look (N, D) are, (N,): unlike above 1.

        Raises:
            ModelError: the look is as long as another model's.
        """
        if look.shape[1:] != self.mean.shape:
            message = (
                f"the description is of {len(self.mean)} features, "
                f"but the model gives {look.shape[1:]}; get the model folder anew"
            )
            raise ModelError(message)
        centred = (look - self.mean) / self.scale
        along = centred @ self.basis.T
        outside = np.linalg.norm(centred - along @ self.basis, axis=1) / self.beside
        squares = ((along / self.spread) ** 2).sum(axis=1) + len(self.spread) * outside**2
        towards = (centred @ self.strange.T - self.start).max(axis=1, initial=0.0)
        return np.asarray(np.maximum(np.sqrt(squares), towards) / self.limit, np.float32)

    def write(self, path: Path) -> None:
        """Write the description; the limit stands in the card."""
        np.savez_compressed(
            path,
            mean=self.mean,
            scale=self.scale,
            basis=self.basis.astype(np.float16),
            spread=self.spread,
            beside=np.float32(self.beside),
            strange=self.strange,
            start=self.start,
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
            mean, scale, basis, spread, beside = (
                np.asarray(parts[name], np.float32) for name in _PARTS
            )
            nothing = (np.zeros((0, mean.size), np.float32), np.zeros(0, np.float32))
            strange, start = (
                np.asarray(parts[name], np.float32) if name in parts else none
                for name, none in zip(_TOWARDS, nothing, strict=True)
            )
    except (*DECODER_ERRORS, zipfile.BadZipFile, tokenize.TokenError) as error:
        message = (
            f"{path} holds no description of the training faces: {error}; get the model folder "
            "anew, or mend it with examples/bundled_description.py"
        )
        raise ModelError(message) from error
    fits = mean.ndim == spread.ndim == 1 and basis.shape == (len(spread), len(mean))
    fits = fits and scale.shape == mean.shape and not beside.shape
    fits = fits and start.ndim == 1 and strange.shape == (len(start), len(mean))
    if not fits or not all((part > 0).all() for part in (scale, spread, beside)):
        shapes = f"basis {basis.shape}, spread {spread.shape}, mean {mean.shape}"
        message = f"the parts of {path} do not fit together: {shapes}"
        raise ModelError(message)
    return Domain(mean, scale, basis, spread, float(beside), strange, start, card.limit)


def add_domain(model: str | Path, fitted: FittedDomain) -> ModelFolder:
    """Put a description into a model folder: the file, and its entry in the card."""
    folder = open_model(model)
    with open_drafts(folder.path.parent) as drafts:
        draft = drafts / DOMAIN_NAME
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


def fit_look(
    described: FloatArray,
    kept_back: FloatArray,
    data: str = "",
    strange: Sequence[FloatArray] = (),
) -> FittedDomain:
    """Describe the look (N, D) of training faces; faces (M, D) kept back set the limit.

    Args:
        described: of training faces.
        kept_back: of real faces that the network was not trained on.
        data: names of the data sets.
        strange: of training faces made strange, one array (K, D) for each kind.

    Raises:
        DataError: they are too few.
    """
    given = (("", described, LEAST_FACES), (" kept back", kept_back, LEAST_KEPT_BACK))
    for which, look, least in given:
        if len(look) < least:
            message = (
                f"a description of the training faces needs at least {least}{which}, "
                f"got {len(look)}; name more data"
            )
            raise DataError(message)
    domain = tell_strange(_fit_directions(described), described, kept_back, strange)
    return FittedDomain(domain, len(described), len(kept_back), data)


def tell_strange(
    domain: Domain, usual: FloatArray, kept_back: FloatArray, strange: Sequence[FloatArray]
) -> Domain:
    """A description with directions towards strange faces, and a limit that counts them.

    Args:
        domain: a description; directions and limit that it has are replaced.
        usual: look (N, D) of training faces.
        kept_back: look (M, D) of real faces that the network was not trained on.
        strange: of training faces made strange, one array (K, D) for each kind.
    """
    bare = replace(domain, strange=domain.strange[:0], start=domain.start[:0], limit=1.0)
    near = float(np.quantile(bare.measure(kept_back), 1 - BEYOND))
    if not strange:
        return replace(bare, limit=near)
    ways = [_find_way(domain, usual, kept_back, look) for look in strange]
    told = replace(
        bare,
        strange=np.stack([np.float32(near) * way for way, _ in ways]),
        start=np.array([near * start for _, start in ways], np.float32),
    )
    return replace(told, limit=float(np.quantile(told.measure(kept_back), 1 - BEYOND)))


def _find_way(
    domain: Domain, usual: FloatArray, kept_back: FloatArray, strange: FloatArray
) -> tuple[FloatArray, float]:
    """The direction from training faces to strange ones (D,), and where kept-back faces lie on it.

    In units of how far the last of the kept-back faces lie from their middle.
    """
    known, odd, others = (
        ((look - domain.mean) / domain.scale).astype(np.float64)
        for look in (usual, strange, kept_back)
    )
    spread = (np.cov(known.T) + np.cov(odd.T)) / 2 + _SHRINKAGE * np.eye(known.shape[1])
    way = np.linalg.solve(spread, odd.mean(axis=0) - known.mean(axis=0))
    places = others @ way
    middle = float(places.mean())
    reach = max(float(np.quantile(places, 1 - BEYOND_STRANGE)) - middle, _LEAST_SPREAD)
    return np.asarray(way / reach, np.float32), middle / reach


def _fit_directions(look: FloatArray) -> Domain:
    """Describe the look (N, D) of training faces; the limit is still 1."""
    mean = look.mean(axis=0)
    scale = np.maximum(look.std(axis=0), _LEAST_SPREAD)
    centred = (look - mean) / scale
    size = look.shape[1]
    count = max(1, min(DIRECTIONS, len(look) // FACES_PER_DIRECTION, size // SIZE_PER_DIRECTION))
    values, vectors = np.linalg.eigh(centred.T.astype(np.float64) @ centred / len(centred))
    order = np.argsort(values)[::-1]
    spread = np.sqrt(np.maximum(values[order[:count]], _LEAST_SPREAD**2))
    rest = float(np.maximum(values[order[count:]], 0).sum())
    return Domain(
        mean.astype(np.float32),
        scale.astype(np.float32),
        vectors[:, order[:count]].T.astype(np.float16).astype(np.float32),
        spread.astype(np.float32),
        float(np.float32(np.sqrt(max(rest, _LEAST_SPREAD**2)))),
        np.zeros((0, size), np.float32),
        np.zeros(0, np.float32),
        1.0,
    )

"""What a trained model may be asked: how much it needs to see, and what it has seen at all."""

from contextlib import suppress
from pathlib import Path

from unmask.data.manifest import Manifest
from unmask.detection.detector import Detector
from unmask.errors import DataError
from unmask.evaluation.evidence import LEAST_SIDE, fit_evidence
from unmask.inspection.domain import fit_domain
from unmask.models.card import EvidenceCard, read_card
from unmask.models.domain import LEAST_FACES, add_domain


def add_bounds(folder: Path, manifest: Manifest, seed: int) -> None:
    """Put bounds of evidence and a description of the training faces into a model folder.

    Bounds are measured on the validation pictures; faces are described on the training pictures.
    Where the data do not suffice the card goes without, and says why in `evidence.data`.
    """
    if len(manifest.select("train")) >= LEAST_FACES:
        with suppress(DataError):  # pictures without faces, clips: too few are left
            add_domain(folder, fit_domain(folder, manifest, seed=seed))
    card = read_card(folder)
    evidence = _measure(folder, manifest.select("val"), seed)
    card.model_copy(update={"evidence": evidence}).write(folder)


def _measure(folder: Path, validation: Manifest, seed: int) -> EvidenceCard:
    counts = validation.counts()
    least = min(counts.get(("val", name), 0) for name in ("real", "fake"))
    if least < LEAST_SIDE:
        reason = f"validation has {least} pictures of a class, {LEAST_SIDE} are needed"
        return EvidenceCard(data=f"no bounds: {reason}")
    try:
        return fit_evidence(Detector(folder), validation, seed=seed)
    except DataError as error:
        return EvidenceCard(data=f"no bounds: {error}")

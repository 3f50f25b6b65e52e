"""A clean table of samples: what is left out, and why, file by file."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from unmask.data.copies import Copies
from unmask.data.dataset import LeftOut
from unmask.data.grouping import join_groups
from unmask.data.manifest import LABEL_NAMES, Manifest, Sample
from unmask.data.split import SPLIT_RANKS, find_leaks

REMOVAL_COLUMNS: Final = ("path", "label", "split", "dataset", "reason", "explanation")


@dataclass(frozen=True, slots=True)
class Removal:
    """A sample that is left out."""

    sample: Sample
    reason: str
    """A short stable word."""
    explanation: str

    def row(self) -> tuple[str, ...]:
        """The cells of `REMOVAL_COLUMNS`."""
        sample = self.sample
        label = LABEL_NAMES[sample.label]
        return sample.path, label, sample.split, sample.dataset, self.reason, self.explanation


class Cleaner:
    """Leaves samples out step by step; a sample goes for the first reason that it gives.

    Args:
        manifest: The samples to clean.
        other: Samples of another data set that must stay unseen, behind the manifest's in `copies`.
        copies: What shows the same among the samples of both.
    """

    def __init__(self, manifest: Manifest, other: Manifest, copies: Copies) -> None:
        self._samples = manifest.samples
        self._all = (*manifest.samples, *other.samples)
        self._copies = copies
        self._gone: dict[int, Removal] = {}

    def clean(
        self, broken: Mapping[int, LeftOut], faceless: Iterable[int]
    ) -> tuple[Manifest, tuple[Removal, ...]]:
        """The samples that stay, grouped by look, and those that are left out.

        Args:
            broken: By place, what cannot be decoded.
            faceless: Places of the samples in which no face was found.
        """
        for at, why in broken.items():
            if at < len(self._samples):
                self._leave_out(at, "broken", f"cannot be decoded: {why.reason}")
        self._leave_out_contradictions()
        self._leave_out_seen()
        for at in faceless:
            self._leave_out(at, "no_face", "no face was found in it")
        self._leave_out_copies()
        kept = self._leave_out_leaks()
        return kept, tuple(self._gone[at] for at in sorted(self._gone))

    def _leave_out(self, at: int, reason: str, explanation: str) -> None:
        self._gone.setdefault(at, Removal(self._samples[at], reason, explanation))

    def _present(self) -> list[int]:
        return [at for at in range(len(self._samples)) if at not in self._gone]

    def _leave_out_contradictions(self) -> None:
        for places in _members(self._copies.contents[: len(self._samples)]):
            labels = {self._samples[at].label: at for at in places}
            if len(labels) < 2:
                continue
            for at in places:
                other = self._samples[labels[1 - self._samples[at].label]]
                name = LABEL_NAMES[other.label]
                self._leave_out(at, "label_conflict", f"the same file is {name}: {other.path}")

    def _leave_out_seen(self) -> None:
        first = {}
        for at in reversed(range(len(self._samples), len(self._all))):
            first[int(self._copies.groups[at])] = self._all[at].path
        for at in self._present():
            other = first.get(int(self._copies.groups[at]))
            if other is not None:
                self._leave_out(at, "in_other_set", f"shows the same as {other} of the other set")

    def _leave_out_copies(self) -> None:
        present = self._present()
        contents = self._copies.contents[np.array(present, np.intp)]
        for places in _members(contents):
            same = [present[place] for place in places]
            kept = max(same, key=lambda at: (SPLIT_RANKS.get(self._samples[at].split, 0), -at))
            for at in same:
                if at != kept:
                    path = self._samples[kept].path
                    self._leave_out(at, "copy", f"the same file, byte for byte, as {path}")

    def _leave_out_leaks(self) -> Manifest:
        present = self._present()
        groups = self._copies.groups[np.array(present, np.intp)]
        joined = join_groups(
            Manifest(tuple(self._samples[at] for at in present)), [int(n) for n in groups]
        )
        keeper: dict[str, Sample] = {}
        for sample in joined:
            rank = SPLIT_RANKS.get(sample.split, 0)
            known = keeper.get(sample.group)
            if known is None or rank > SPLIT_RANKS.get(known.split, 0):
                keeper[sample.group] = sample
        leaks = set(find_leaks(joined))
        for place in leaks:
            sample, other = joined.samples[place], keeper[joined.samples[place].group]
            self._leave_out(
                present[place],
                "leak",
                f"is kept together ({sample.group}) with {other.path} of {other.split}",
            )
        return Manifest(tuple(sample for place, sample in enumerate(joined) if place not in leaks))


def _members(numbers: npt.NDArray[np.intp]) -> list[Sequence[int]]:
    """The places of each number that several have."""
    order = np.argsort(numbers, kind="stable")
    cuts = np.flatnonzero(np.diff(numbers[order])) + 1
    return [part.tolist() for part in np.split(order, cuts) if len(part) > 1]

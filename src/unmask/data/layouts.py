"""Which label, split, source and group the place of a file says, for folders in any usual layout.

Every folder between the root and a file may say something (see `naming`); what says nothing is
looked through, so wrappers (`dataset/archive/train/real`) need no settings. For a label the surest
word wins, of equal ones the first; for a split the deepest word does. Folders called `0` and `1`
are labels only where the caller says which is fake.

Below a class, few sub-folders are sources (`fake/stylegan2/...`), many are clips or people whose
pictures must not be parted (`fake/000_003/...`), so they become groups.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from unmask.data.dataset import Dataset, some
from unmask.data.listing import Folder, Listing, extension_of
from unmask.data.manifest import LABEL_NAMES, Manifest, Sample
from unmask.data.naming import (
    WEAK,
    NameMeaning,
    is_noise,
    label_before,
    read_name,
)
from unmask.errors import DataError
from unmask.media.sources import VIDEO_EXTENSIONS

MANY_FOLDERS: Final = 10
"""So many sub-folders of a class are clips or people; fewer are sources such as generators."""
_NUMBERS: Final = frozenset({"0", "1"})


@dataclass(frozen=True, slots=True)
class _Place:
    """What the path of one folder says."""

    label: int
    split: str
    source: str
    above: tuple[str, ...]
    """Names above the class but for splits."""
    below: tuple[str, ...]
    """Names below the class but for splits."""
    words: tuple[str, str]
    """The names that said split and label."""


def read_layout(listing: Listing, positive: str | None = None) -> Dataset:
    """Understand a folder by the names in it.

    Args:
        listing: What lies below the folder.
        positive: What folders called `1` hold, `real` or `fake`.

    Raises:
        DataError: There are no pictures or clips, or nothing says which are fake.
    """
    folders = listing.with_media()
    if not folders:
        message = (
            f"{listing.root!r} holds no pictures or clips{_what_else(listing)}; give a folder with "
            "sub-folders real and fake, a CSV table, or a zip of either"
        )
        raise DataError(message)
    meanings = _read_folders(folders, positive)
    if not meanings:
        return _read_file_names(listing)
    places = _find_places(meanings)
    sources = _find_sources(places)
    passed_over = Counter(listing.passed_over)
    samples: list[Sample] = []
    lost: list[str] = []
    for folder in folders:
        if folder not in places:
            lost.extend(listing.path(folder, name) for name in folder.files)
            continue
        samples.extend(_samples_of(listing, folder, places[folder], sources[folder]))
    notes = [*_note_empty(listing), *_note_groups(sources.values())]
    if lost:
        passed_over["picture or clip without a label"] += len(lost)
        notes.append(f"neither real nor fake by their folders: {some(lost)}")
    layout = _say_layout(places.values())
    return Dataset(listing.root, layout, Manifest(tuple(samples)), (), passed_over, tuple(notes))


def label_of_parts(parts: Iterable[str]) -> int | None:
    """The label that the folders of a path say without doubt, or None."""
    meanings = [read_name(part) for part in parts]
    said = {meaning.label for meaning in meanings if meaning.strength >= WEAK}
    return said.pop() if len(said) == 1 else None


def _what_else(listing: Listing) -> str:
    if not listing.passed_over:
        return ""
    kinds = ", ".join(f"{number} {kind}" for kind, number in listing.passed_over.most_common(5))
    return f" (it holds {kinds})"


def _read_folders(
    folders: tuple[Folder, ...], positive: str | None
) -> dict[Folder, tuple[NameMeaning, ...]]:
    """Read the names of each folder's path; only folders with a label come back."""
    shared = _count_shared([folder.parts for folder in folders])
    for skip in (shared, 0):  # a wrapper may be called `deepfake_detection`
        read = {
            folder: tuple(
                read_name(part) if at >= skip else NameMeaning(split=read_name(part).split)
                for at, part in enumerate(folder.parts)
            )
            for folder in folders
        }
        labelled = {
            folder: meanings
            for folder, meanings in read.items()
            if any(meaning.label is not None for meaning in meanings)
        }
        if labelled:
            return labelled
    return _read_numbers(folders, positive)


def _count_shared(paths: Sequence[tuple[str, ...]]) -> int:
    """How many names all paths begin with."""
    shared = 0
    for names in zip(*paths, strict=False):  # as far as the shortest goes
        if len(set(names)) > 1:
            break
        shared += 1
    return shared


def _read_numbers(
    folders: tuple[Folder, ...], positive: str | None
) -> dict[Folder, tuple[NameMeaning, ...]]:
    numbered = [folder for folder in folders if not _NUMBERS.isdisjoint(folder.parts)]
    if not numbered:
        return {}
    if positive is None:
        message = (
            "folders called 0 and 1 do not say which of them is fake (sets of faces use both "
            "ways); say what 1 stands for with --positive real or --positive fake"
        )
        raise DataError(message)
    one = int(positive == LABEL_NAMES[1])
    said = {"0": NameMeaning(1 - one, WEAK), "1": NameMeaning(one, WEAK)}
    return {
        folder: tuple(said.get(part) or read_name(part) for part in folder.parts)
        for folder in numbered
    }


def _find_places(meanings: Mapping[Folder, tuple[NameMeaning, ...]]) -> dict[Folder, _Place]:
    places: dict[Folder, _Place] = {}
    disputed: list[str] = []
    for folder, read in meanings.items():
        best = max(meaning.strength for meaning in read)
        votes = [at for at, meaning in enumerate(read) if meaning.strength == best]
        if len({read[at].label for at in votes}) > 1:
            disputed.append("/".join(folder.parts))
            continue
        places[folder] = _place(folder.parts, read, votes[0])
    if disputed:
        message = (
            f"the folders {some(disputed)} are called real and fake at once; rename one part of "
            "each path, or give a CSV table with the columns path and label"
        )
        raise DataError(message)
    return places


def _place(parts: tuple[str, ...], read: tuple[NameMeaning, ...], at: int) -> _Place:
    split_at = max((n for n, meaning in enumerate(read) if meaning.split), default=None)
    free = [n for n, part in enumerate(parts) if n != at and not (read[n].split or is_noise(part))]
    return _Place(
        label=read[at].label or 0,  # never None: it had the votes
        split="" if split_at is None else read[split_at].split,
        source=read[at].rest,
        above=tuple(parts[n] for n in free if n < at),
        below=tuple(parts[n] for n in free if n > at),
        words=("" if split_at is None else parts[split_at], parts[at]),
    )


def _find_sources(places: Mapping[Folder, _Place]) -> dict[Folder, tuple[str, str]]:
    """Source and group of the pictures in each folder."""
    firsts: dict[int, set[str]] = defaultdict(set)
    paths: dict[int, set[tuple[str, ...]]] = defaultdict(set)
    for place in places.values():
        if place.below:
            firsts[place.label].add(place.below[0])
            paths[place.label].add(place.below)
    several_above = len({place.above for place in places.values()}) > 1
    found: dict[Folder, tuple[str, str]] = {}
    for folder, place in places.items():
        names = list(place.above) if several_above else []
        names.append(place.source)
        if place.below and len(firsts[place.label]) < MANY_FOLDERS:
            names.append(place.below[0])
        many = len(paths[place.label]) >= MANY_FOLDERS
        group = "/".join(place.below) if many else ""
        found[folder] = ("/".join(name for name in names if name), group)
    return found


def _samples_of(
    listing: Listing, folder: Folder, place: _Place, source: tuple[str, str]
) -> Iterable[Sample]:
    dataset, group = source
    prefix = listing.path(folder, "")
    for name in folder.files:
        own = group
        if not own and extension_of(name) in VIDEO_EXTENSIONS:
            own = "/".join((*folder.parts, name))  # the frames of a clip stay together
        yield Sample(prefix + name, place.label, place.split, own, dataset)


def _read_file_names(listing: Listing) -> Dataset:
    """The last resort: all names begin with their label, `fake_0012.jpg`."""
    samples: list[Sample] = []
    lost: list[str] = []
    for folder in listing.with_media():
        split = next((m.split for m in map(read_name, reversed(folder.parts)) if m.split), "")
        for name in folder.files:
            label = label_before(name)
            path = listing.path(folder, name)
            if label is None:
                lost.append(path)
                continue
            is_clip = extension_of(name) in VIDEO_EXTENSIONS
            group = "/".join((*folder.parts, name)) if is_clip else ""
            samples.append(Sample(path, label, split, group))
    if lost:
        message = (
            f"nothing says which of the files in {listing.root!r} are fake: {some(lost)}; name "
            "the folders real and fake, or give a CSV table with the columns path and label"
        )
        raise DataError(message)
    layout = "files whose names begin with real or fake"
    return Dataset(listing.root, layout, Manifest(tuple(samples)), (), listing.passed_over)


def forget_lone_split(dataset: Dataset) -> Dataset:
    """Undo a split that stands alone: only `train` is no split, only `valid` is a test."""
    splits = {sample.split for sample in dataset.manifest}
    if splits == {"train"}:
        return dataset.with_manifest(
            dataset.manifest.without_splits(), "there is nothing but train: taken as one set"
        )
    if "val" in splits and "test" not in splits:
        renamed = tuple(
            replace(sample, split="test") if sample.split == "val" else sample
            for sample in dataset.manifest
        )
        note = "these data have no test of their own: their validation files are the test"
        return dataset.with_manifest(Manifest(renamed), note)
    return dataset


def _note_empty(listing: Listing) -> list[str]:
    """Say which folders are called like a class and hold nothing."""
    filled = {folder.parts[:end] for folder in listing.with_media() for end in range(20)}
    empty = [
        "/".join(folder.parts)
        for folder in listing.folders
        if folder.parts and folder.parts not in filled and label_of_parts(folder.parts) is not None
    ]
    return [f"without any picture or clip: {some(empty)}"] if empty else []


def _note_groups(sources: Iterable[tuple[str, str]]) -> list[str]:
    groups = {group for _, group in sources if group}
    return [f"sub-folders are kept together as {len(groups)} groups"] if groups else []


def _say_layout(places: Iterable[_Place]) -> str:
    words = list(dict.fromkeys(place.words for place in places))
    splits = sorted({split for split, _ in words if split})
    labels = sorted({label for _, label in words})

    def listed(names: list[str]) -> str:
        return ", ".join(names[:6]) + (", ..." if len(names) > 6 else "")

    classes = f"folders {listed(labels)}"
    return f"{classes} in {listed(splits)}" if splits and splits != labels else classes

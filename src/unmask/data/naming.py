"""What the names of folders, files and table cells say about labels and splits.

A name is cut into words at everything that is no letter or digit (`0_real`, `training-fake`), or at
capitals (`DeepFake`). The words that mean something, in any case, also glued to a kind of picture
(`realfaces`) or followed by digits (`fake2`):

    real    real, reals; genuine, authentic, original(s), pristine, bonafide, natural, nature
    fake    fake, fakes, deepfake(s); manipulated, generated, aigenerated, ai, synthetic, synthesis,
            synthesized, synthesised, forged, altered
    train   train, training
    val     val, valid, validation
    test    test, testing

The words after the semicolons are common in other senses too, so they give way where another part
of the same path says `real` or `fake`. Words such as `faces`, `images` or `data` mean nothing,
other words beside a label name the source (`fake_stylegan2`, `celeb-real`). A name that holds both
labels (`real_vs_fake`) or a negation says nothing.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

REAL: Final = 0
FAKE: Final = 1

_STRONG: Final = {"real": REAL, "fake": FAKE, "deepfake": FAKE}
_WEAK_REAL: Final = "genuine authentic original pristine bonafide natural nature"
_WEAK_FAKE: Final = "manipulated generated aigenerated ai synthetic synthesis"
_WEAK_FAKE_TOO: Final = "synthesized synthesised forged altered"
_LABELS: Final = {
    **_STRONG,
    **dict.fromkeys(_WEAK_REAL.split(), REAL),
    **dict.fromkeys(f"{_WEAK_FAKE} {_WEAK_FAKE_TOO}".split(), FAKE),
}
_SPLITS: Final = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation"), "val"),
    **dict.fromkeys(("test", "testing"), "test"),
}
_MEDIA: Final = "face|image|img|photo|picture|pic|video|clip|frame|sequence|crop|sample"
_NOISE: Final = re.compile(
    rf"(?:(?:{_MEDIA})s?|cropped|data|dataset|set|class|folder|dir|of|the)\d*"
)
_NEGATIONS: Final = frozenset({"no", "non", "not", "un"})
_WORD: Final = re.compile(r"[^\W_]+")
_CAPITAL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_LABEL_WORD: Final = re.compile(rf"({'|'.join(_LABELS)})s?(?:(?:{_MEDIA})s?)?\d*")
_SPLIT_WORD: Final = re.compile(rf"({'|'.join(_SPLITS)})(?:set)?\d*")

PLAIN: Final = 5
"""Strength of a name that is a label and nothing else: `FAKE`, `1_fake`, `training_real`."""
WITH_NOISE: Final = 4
"""`fake-faces`; `deepfake`, which also names methods and whole data sets."""
WEAK: Final = 3
"""`original`, `manipulated_sequences`."""
AFFIX: Final = 2
"""`fake_stylegan2`, `celeb-real`."""
WEAK_AFFIX: Final = 1
"""`generated_sd21`."""


@dataclass(frozen=True, slots=True)
class NameMeaning:
    """What one name says."""

    label: int | None = None
    strength: int = 0
    """How surely it is a label, `WEAK_AFFIX` to `PLAIN`; 0 without one."""
    split: str = ""
    rest: str = ""
    """What stands beside the label: a generator, method or source."""


NOTHING: Final = NameMeaning()


@lru_cache(maxsize=4096)
def read_name(name: str) -> NameMeaning:
    """Read one folder's name, or one cell of a table.

    >>> read_name("Training_Fake")
    NameMeaning(label=1, strength=5, split='train', rest='')
    >>> read_name("fake_stylegan2").rest, read_name("real_vs_fake").label
    ('stylegan2', None)
    """
    for spelling in (name, _CAPITAL.sub("_", name)):
        meaning = _read_words(_cut(spelling))
        if meaning != NOTHING:
            return meaning
    return NOTHING


def is_noise(name: str) -> bool:
    """Say whether a name tells nothing about its content: `images`, `frames`."""
    return all(_NOISE.fullmatch(word.lower()) for word in _WORD.findall(name))


def label_of(text: str) -> int | None:
    """The label that a table's cell spells out: 1 for `FAKE`, None for a number or another word."""
    meaning = read_name(text)
    return meaning.label if meaning.strength >= WEAK else None


def split_of(text: str) -> str:
    """The split that a table's cell or name spells out, or an empty string."""
    return read_name(text).split


def label_before(stem: str) -> int | None:
    """The label with which a file's name begins: 1 for `fake_0012`, 0 for `real00232_1`."""
    first = _WORD.findall(_CAPITAL.sub("_", stem))[:1]
    return _STRONG.get(first[0].lower().rstrip("0123456789")) if first else None


def _cut(name: str) -> list[str]:
    words = _WORD.findall(name)
    for at in range(len(words) - 1):
        if words[at].lower() == "deep" and words[at + 1].lower().startswith("fake"):
            return [*words[:at], words[at] + words[at + 1], *words[at + 2 :]]
    return words


def _read_words(words: list[str]) -> NameMeaning:
    lower = [word.lower() for word in words]
    if _NEGATIONS.intersection(lower):
        return NOTHING
    labels = [_match(_LABEL_WORD, word) for word in lower]
    splits = [_match(_SPLIT_WORD, word) for word in lower]
    known = {_LABELS[word] for word in labels if word}
    said = {_SPLITS[word] for word in splits if word}
    others = [
        at
        for at, word in enumerate(lower)
        if not (labels[at] or splits[at] or word.isdigit() or _NOISE.fullmatch(word))
    ]
    split = said.pop() if len(said) == 1 and not others else ""
    if len(known) != 1:
        return NameMeaning(split=split) if not known else NOTHING
    strong = any(word in _STRONG for word in labels)
    label = known.pop()
    if not others:
        noisy = "deepfake" in labels or any(_NOISE.fullmatch(word) for word in lower)
        return NameMeaning(label, (WITH_NOISE if noisy else PLAIN) if strong else WEAK, split)
    start = int(lower[0].isdigit())
    if not (labels[start] or labels[-1]):
        return NOTHING
    rest = "_".join(words[at] for at in range(start, len(words)) if not (labels[at] or splits[at]))
    return NameMeaning(label, AFFIX if strong else WEAK_AFFIX, "", rest)


def _match(pattern: re.Pattern[str], word: str) -> str:
    found = pattern.fullmatch(word)
    return found[1] if found else ""

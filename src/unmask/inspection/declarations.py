"""What a file declares about its making, in words: digital source types and picture generators.

Declarations are not proof: anybody can write or remove them. Their presence is a strong hint all
the same, since hardly anybody declares a photograph to be machine-made; their absence is none.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

MAX_WORDS: Final = 300
"""Characters of any single text that a report keeps."""
_MAX_SEARCHED: Final = 200_000
"""Characters of a text that are searched for a generator's traces."""

SOURCE_TYPES: Final[Mapping[str, str]] = {
    "trainedAlgorithmicMedia": "made by a generative model",
    "compositeWithTrainedAlgorithmicMedia": "a composite with parts made by a generative model",
    "algorithmicallyEnhanced": "altered by an algorithm",
    "algorithmicMedia": "made by an algorithm",
    "compositeSynthetic": "a composite with synthetic parts",
    "virtualRecording": "a recording of a virtual scene",
    "digitalCreation": "made by a person with digital tools",
    "digitalArt": "made by a person with digital tools",
    "humanEdits": "edited by a person",
    "compositeCapture": "a composite of captured pictures",
    "composite": "a composite",
    "dataDrivenMedia": "made from data",
    "screenCapture": "a screen capture",
    "digitalCapture": "captured by a camera",
    "computationalCapture": "captured by a camera with computation",
    "negativeFilm": "scanned from a negative",
    "positiveFilm": "scanned from a positive",
    "print": "scanned from a print",
    "minorHumanEdits": "captured, with minor edits",
}
"""The IPTC's terms. Source: cv.iptc.org/newscodes/digitalsourcetype."""
MACHINE_MADE: Final = frozenset(
    {
        "trainedAlgorithmicMedia",
        "compositeWithTrainedAlgorithmicMedia",
        "algorithmicMedia",
        "compositeSynthetic",
    }
)


@dataclass(frozen=True, slots=True)
class Declaration:
    """One place in which a file says how it was made."""

    where: str
    says: str
    machine_made: bool
    excerpt: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The declaration as plain JSON values."""
        return asdict(self)


def shorten(text: str, most: int = MAX_WORDS) -> str:
    """A text in one line of at most so many characters."""
    line = " ".join(text[: 4 * most].replace("\0", " ").split())
    return line if len(line) <= most else f"{line[: most - 1]}…"


def source_type(address: str) -> str:
    """The IPTC term at the end of an address; empty where there is none of them."""
    term = re.split(r"[/#:]", address.strip()[:500])[-1]
    return term if term in SOURCE_TYPES else ""


def declare_source(where: str, term: str) -> Declaration:
    """A digital source type as a declaration."""
    return Declaration(where, f"{SOURCE_TYPES[term]} ({term})", term in MACHINE_MADE)


@dataclass(frozen=True, slots=True)
class _Rule:
    """A generator's trace: in which texts, and what must stand there."""

    generator: str
    keyword: re.Pattern[str]
    content: re.Pattern[str]


def _rule(generator: str, keyword: str, content: str) -> _Rule:
    flags = re.IGNORECASE
    return _Rule(generator, re.compile(keyword, flags), re.compile(content, flags))


_SAMPLED: Final = r"steps: ?\d{1,5}, ?(sampler|cfg scale|seed|size)"
_NODES: Final = r'"(class_type|last_node_id|nodes)"\s{0,9}:'
_RULES: Final = (
    _rule("Fooocus", r"^(parameters|fooocus_scheme|usercomment)$", r"fooocus"),
    _rule("SwarmUI", r"^(parameters|usercomment)$", r'"sui_image_params"'),
    _rule("NovelAI", r"^(software|title|source|comment|description)$", r"novelai|novel ?ai diff"),
    _rule("InvokeAI", r"^(invokeai_metadata|invokeai_graph|sd-metadata|dream)$", r"."),
    _rule("ComfyUI", r"^(prompt|workflow|make|model|imagedescription)$", _NODES),
    _rule("Stable Diffusion web UI", r"^(parameters|usercomment|comment)$", _SAMPLED),
    _rule("Midjourney", r"^(description|author|imagedescription)$", r"job id: ?[0-9a-f-]{8}"),
    _rule("Draw Things", r"^(creatortool|usercomment)$", r"draw things"),
    _rule("Adobe Firefly", r"^(software|creatortool|credit|actions)$", r"firefly"),
    _rule("DALL-E or ChatGPT", r"^(software|creatortool|credit|imagedescription)$", r"dall.?e|gpt"),
    _rule("Google AI", r"^(software|credit|creatortool)$", r"made with google ai|imagen|gemini"),
    _rule("a Stable Diffusion program", r"^(software|creatortool|model)$", r"stable.?diffusion"),
    _rule("a picture generator", r"^(parameters|prompt)$", r'"?(prompt|seed|sampler)"?\s{0,3}:'),
)
"""What programs write of themselves, the particular ones first; keywords are of PNG texts, EXIF
tags and XMP properties alike."""


def find_generator(where: str, keyword: str, text: str) -> Declaration | None:
    """The generator whose trace a text is; None where it is none's."""
    searched = text[:_MAX_SEARCHED]
    for rule in _RULES:
        if rule.keyword.search(keyword) and rule.content.search(searched):
            says = f"parameters of {rule.generator}"
            return Declaration(f"{where} {keyword}", says, machine_made=True, excerpt=_sum_up(text))
    return None


def _sum_up(text: str) -> str:
    """What a reader wants of a text: of JSON with nodes the models and prompts, else its start."""
    if len(text) <= _MAX_SEARCHED and text.lstrip().startswith("{"):
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            return shorten(text)
        named = [
            str(value)
            for node in (found.values() if isinstance(found, dict) else ())
            if isinstance(node, dict) and isinstance(node.get("inputs"), dict)
            for key, value in node["inputs"].items()
            if key in {"ckpt_name", "unet_name", "text", "lora_name"} and isinstance(value, str)
        ]
        if named:
            return shorten("; ".join(named))
    return shorten(text)

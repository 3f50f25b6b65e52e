"""Model cards for people and programs."""

import json
from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from unmask.models.card import MetricCard, ModelCard
from unmask.models.library import ModelFolder
from unmask.reporting.sinks import QuietPipeConsole


def models_json(folders: Sequence[ModelFolder]) -> str:
    """All cards as one JSON list, each with the `path` of its folder."""
    cards = [
        {"path": str(folder.path), **folder.card.model_dump(mode="json")} for folder in folders
    ]
    return json.dumps(cards, indent=2)


def print_models(folders: Sequence[ModelFolder], console: Console | None = None) -> None:
    """A block of lines per model."""
    console = console or QuietPipeConsole(highlight=False)
    for folder in folders:
        console.print(Text(f"{folder.card.name} {folder.card.version}", style="bold"))
        grid = Table.grid(padding=(0, 2))
        grid.add_column(style="dim", width=12)
        grid.add_column(overflow="fold")
        for name, text in card_rows(folder):
            grid.add_row(name, Text(text))
        console.print(grid)
        console.print()


def card_rows(folder: ModelFolder) -> list[tuple[str, str]]:
    """A model's card as names and texts; of equal names that follow each other only the first."""
    card = folder.card
    weights = card.weights
    rows = [
        (
            "network",
            f"{card.architecture}, {weights.parameters / 1e6:.1f} M parameters, "
            f"{weights.size_bytes / 1e6:.1f} MB, input {card.crop.size_px} px",
        ),
        *(("measured", _metric(metric)) for metric in card.metrics),
        *(("policy", line) for line in _policies(card)),
        *(("no verdict", line) for line in _bounds(card)),
        *(
            ("data", f"{part.name}, {part.split}: {part.real} real, {part.fake} fake")
            for part in card.data
        ),
        ("licence", card.licence),
        *(("data licence", text) for text in dict.fromkeys(part.licence for part in card.data)),
        ("made for", card.intended_use),
        *(("limit", limit) for limit in card.limits),
        ("SHA-256", weights.sha256),
        ("folder", str(folder.path)),
    ]
    named = [(name, text) for name, text in rows if text]
    return [
        ("" if index and named[index - 1][0] == name else name, text)
        for index, (name, text) in enumerate(named)
    ]


def _metric(metric: MetricCard) -> str:
    return (
        f"{metric.name} {metric.value:.4g} [{metric.low:.4g}, {metric.high:.4g}] "
        f"on {metric.data}, {metric.level}-level, n = {metric.n}"
    )


def _bounds(card: ModelCard) -> Iterator[str]:
    bounds = card.evidence
    if bounds.least_face_px is not None:
        yield f"faces below {bounds.least_face_px:g} px"
    if bounds.least_sharpness is not None:
        yield f"faces less sharp than {bounds.least_sharpness:g}"
    if bounds.most_blockiness is not None:
        yield f"faces more blocky than {bounds.most_blockiness:g}"
    if card.domain is not None:
        yield f"faces unlike the training faces ({card.domain.beyond:.0%} of those kept back are)"


def _policies(card: ModelCard) -> list[str]:
    return [
        f"{name}: fake from {policy.threshold:.3f}, real below {policy.real_below:.3f}"
        + (f"; {policy.meaning}" if policy.meaning else "")
        for name, policy in card.policies.items()
    ]

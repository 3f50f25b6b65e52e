"""The folder of an evaluation: written whole or not at all, and never over somebody else's files.

Everything is first written into a hidden folder within it and moved from there when complete, the
JSON file that says what was found last. A folder is written into only if it is new, empty, or holds
nothing but an earlier result of the same kind.
"""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unmask.errors import UsageError
from unmask.files import DRAFTS, open_drafts, open_place, write_whole


@dataclass(frozen=True, slots=True)
class ResultKind:
    """What a kind of result is called and which files it may hold."""

    made_by: str
    """Stands in the main file, by which an earlier result is known."""
    main: str
    """The JSON file that is moved into place last."""
    others: frozenset[str]

    def check(self, out: Path) -> None:
        """Refuse, before any work is done, a folder that must not be written into.

        Raises:
            UsageError: it is a file, holds something else, or cannot be made or written to.
        """
        found = {name for name in open_place(out) if not name.startswith(DRAFTS)}
        foreign = sorted(found - self.others - {self.main})
        if foreign or (found and not self._is_ours(out / self.main)):
            what = f"such as {foreign[0]!r}" if foreign else f"without a {self.main} of its own"
            message = (
                f"--out {out} holds files that are no result of {self.made_by}, {what}; "
                "name a new or empty folder, or one with an earlier result"
            )
            raise UsageError(message)

    @contextmanager
    def open(self, out: Path) -> Iterator[Path]:
        """A hidden folder to write into; what lies in it replaces an earlier result at the end.

        Raises:
            UsageError: see `check`.
        """
        self.check(out)
        with open_drafts(out) as part:
            yield part
            self._move(part, out)

    def _move(self, part: Path, out: Path) -> None:
        written = {path.name for path in part.iterdir()}
        for name in self.others - written:
            (out / name).unlink(missing_ok=True)
        for name in [*sorted(written - {self.main}), self.main]:
            (part / name).replace(out / name)

    def _is_ours(self, path: Path) -> bool:
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return False
        return isinstance(found, dict) and found.get("made_by") == self.made_by


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write strict JSON: a number that is none is a mistake here, not a `NaN` in the file."""
    text = json.dumps(content, indent=2, allow_nan=False, ensure_ascii=True)
    write_whole(path, text + "\n")


def png_names(names: Iterable[str]) -> frozenset[str]:
    """The file names of plots."""
    return frozenset(f"{name}.png" for name in names)

"""Which inputs are this machine's: a stable share of all, by a hash of the name."""

import hashlib
import re
from dataclasses import dataclass
from typing import Final, Self

from unmask.errors import UsageError, printable

DIGEST_BYTES: Final = 16
"""A billion names share a hash of 128 bits with a probability of 1 in 10 ** 21."""
_SPELLING: Final = re.compile(r"([1-9][0-9]{0,8})/([1-9][0-9]{0,8})")


def digest_name(name: str) -> bytes:
    """What stands for an input's name, on every machine and in every run."""
    return hashlib.blake2b(name.encode("utf-8"), digest_size=DIGEST_BYTES).digest()


@dataclass(frozen=True, slots=True)
class Shard:
    """The part with this number of so many, counted from 1; each name lies in exactly one.

    >>> Shard.parse("2/3")
    Shard(number=2, count=3)
    """

    number: int = 1
    count: int = 1

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `I/N`.

        Raises:
            UsageError: It is none, or I lies outside 1 to N.
        """
        found = _SPELLING.fullmatch(text)
        number, count = map(int, found.groups()) if found else (0, 0)
        if not 1 <= number <= count:
            message = f"a shard must be I/N with I from 1 to N, such as 1/16, got {printable(text)}"
            raise UsageError(message)
        return cls(number, count)

    def holds(self, digest: bytes) -> bool:
        """Say whether the input of this digest belongs to the shard."""
        return int.from_bytes(digest[:8], "big") % self.count == self.number - 1

    @property
    def folder_name(self) -> str:
        """The folder of its results beside those of the other shards; empty where it is all."""
        width = len(str(self.count))
        return f"shard-{self.number:0{width}}-of-{self.count}" if self.count > 1 else ""

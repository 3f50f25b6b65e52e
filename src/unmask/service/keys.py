"""API keys: who may ask, and whose a job is."""

import hashlib
import hmac
from pathlib import Path
from typing import Final

from unmask.errors import UsageError
from unmask.service.problems import ProblemError

ANYBODY: Final = ""
"""Owns the jobs of a service without keys."""
_SHORTEST: Final = 16
"""Characters of a key: 16 random ones of base 64 hold 96 bits."""


class KeyRing:
    """The keys that are let in; without any, everybody is.

    Args:
        path: A file with one key per line; empty lines and lines that begin with # are passed over.

    Raises:
        UsageError: The file cannot be read, holds no key or a short one.
    """

    def __init__(self, path: Path | None) -> None:
        self._digests = () if path is None else tuple(map(_digest, _read_keys(path)))

    @property
    def required(self) -> bool:
        """Whether a key is needed."""
        return bool(self._digests)

    def identify(self, presented: str | None) -> str:
        """Who presents this key; every key is compared, in constant time.

        Raises:
            ProblemError: 401 where the key is missing or unknown.
        """
        if not self._digests:
            return ANYBODY
        digest = _digest(presented or "")
        matches = [hmac.compare_digest(digest, known) for known in self._digests]
        if not any(matches):
            wrong = "is not known" if presented else "is missing"
            detail = f"the API key {wrong}; send one as 'Authorization: Bearer KEY'"
            raise ProblemError(401, "unauthorized", detail, headers={"WWW-Authenticate": "Bearer"})
        return digest.hex()


def _read_keys(path: Path) -> list[str]:
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        message = f"the API keys in {path} cannot be read: {error}; give a text file, a key a line"
        raise UsageError(message) from error
    keys = [line for line in lines if line and not line.startswith("#")]
    if not keys or min(map(len, keys)) < _SHORTEST:
        message = (
            f"{path} must hold one API key per line, each of at least {_SHORTEST} characters, got "
            f"{len(keys)} keys, the shortest of {min(map(len, keys), default=0)}; "
            "make one with: openssl rand -base64 24"
        )
        raise UsageError(message)
    return keys


def _digest(key: str) -> bytes:
    """Digests are of one length, so that a comparison tells nothing of the key's."""
    return hashlib.sha256(key.encode()).digest()

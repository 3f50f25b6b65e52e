"""C2PA content credentials: who signed a file, what they claim, and whether it was changed since.

Nothing is fetched: manifests that lie elsewhere and revocation lists stay where they are. Whom to
trust is the user's to say, with a file of root certificates; without one a good signature is that
of an unverified signer. No credentials mean that nothing is known: most files have none, and they
are lost on nearly every way.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, BinaryIO, Final

from unmask.errors import MissingExtraError, UsageError
from unmask.inspection.declarations import SOURCE_TYPES, shorten, source_type

MAX_TRUST_BYTES: Final = 4 * 2**20
MAX_PROBLEMS: Final = 8
MAX_CLAIMS: Final = 24
_LOOKED_AT_BYTES: Final = 4 * 2**20
_MIME: Final = {
    "jpeg": "image/jpeg",
    "png": "image/png",
    "webp": "image/webp",
    "avif": "image/avif",
    "heic": "image/heic",
    "tiff": "image/tiff",
    "gif": "image/gif",
    "mp4": "video/mp4",
    "avi": "video/x-msvideo",
}
"""Formats that carry credentials, by the names of `unmask.media.sources`."""
_TRUST_CODES: Final = frozenset({"signingCredential.untrusted"})


class CredentialState(StrEnum):
    """What is known of a file's credentials."""

    ABSENT = "absent"
    NOT_CHECKED = "not_checked"
    TRUSTED = "trusted"
    UNVERIFIED = "unverified"
    """The signature is good, its signer is not known."""
    INVALID = "invalid"
    """The file or its credentials were changed after signing, or the certificate does not do."""
    BROKEN = "broken"
    ELSEWHERE = "elsewhere"
    """The file names an address where its credentials lie; nothing was fetched."""


STATE_WORDS: Final[Mapping[CredentialState, str]] = {
    CredentialState.ABSENT: "no content credentials; that says nothing, most files have none",
    CredentialState.NOT_CHECKED: "content credentials were not checked",
    CredentialState.TRUSTED: "signed by a trusted signer and unchanged since",
    CredentialState.UNVERIFIED: "signed and unchanged since, but whose signature it is was not "
    "verified: anybody can make such a certificate",
    CredentialState.INVALID: "the content credentials do not hold: the file was changed after "
    "signing, or the signature or its certificate is not valid",
    CredentialState.BROKEN: "the content credentials are broken and cannot be read",
    CredentialState.ELSEWHERE: "the content credentials lie at an address on the network, from "
    "which nothing was fetched",
}


@dataclass(frozen=True, slots=True)
class Credentials:
    """What the content credentials of a file say."""

    state: CredentialState
    signer: str = ""
    """The name in the signing certificate; proven only where the state is `TRUSTED`."""
    issuer: str = ""
    signed_at: str = ""
    generator: str = ""
    """The program that made the claim."""
    claims: tuple[str, ...] = ()
    source_types: tuple[str, ...] = ()
    """IPTC digital source types among the claims."""
    problems: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The credentials as plain JSON values."""
        return {**asdict(self), "state": self.state.value, "meaning": STATE_WORDS[self.state]}


def read_trust(path: Path | None) -> str:
    """The root certificates (PEM) that a user trusts; empty without a file.

    Raises:
        UsageError: the file cannot be read or holds no certificate.
    """
    if path is None:
        return ""
    try:
        with path.open("rb") as stream:
            text = stream.read(MAX_TRUST_BYTES).decode("ascii")
    except (OSError, UnicodeDecodeError) as error:
        message = f"--trust {path} cannot be read as PEM certificates: {error}"
        raise UsageError(message) from error
    if "-----BEGIN CERTIFICATE-----" not in text:
        message = f"--trust {path} holds no certificate; give root certificates in PEM form"
        raise UsageError(message)
    return text


def read_credentials(source: str | Path, media_format: str, trust: str = "") -> Credentials:
    """Read and check the content credentials of a file; never raises for what the file holds."""
    mime = _MIME.get(media_format)
    if mime is None:
        return Credentials(CredentialState.ABSENT)
    with Path(source).open("rb") as stream:
        try:
            import c2pa
        except ImportError:
            return _unchecked(stream)
        try:
            with ExitStack() as stack:
                context = stack.enter_context(c2pa.Context.from_dict(_settings(trust)))
                reader = stack.enter_context(c2pa.Reader(mime, stream, context=context))
                state = reader.get_validation_state()
                return _describe(str(state), json.loads(reader.json()))
        except c2pa.C2paError as error:
            return _explain(error, stream)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            return Credentials(CredentialState.BROKEN, problems=(shorten(str(error)),))


def _settings(trust: str) -> dict[str, Any]:
    checks = {"remote_manifest_fetch": False, "ocsp_fetch": False, "verify_trust": True}
    return {"verify": checks, **({"trust": {"trust_anchors": trust}} if trust else {})}


def _unchecked(stream: BinaryIO) -> Credentials:
    found = "whether the file holds any was not looked into"
    if _shows_traces(stream):
        found = "the file seems to hold some"
    missing = MissingExtraError("checking content credentials", "c2pa")
    return Credentials(CredentialState.NOT_CHECKED, problems=(f"{found}; {missing}",))


def _shows_traces(stream: BinaryIO) -> bool:
    """Whether a file has in its first bytes what credentials begin with."""
    stream.seek(0)
    head = stream.read(_LOOKED_AT_BYTES)
    return b"jumb" in head and b"c2pa" in head


def _explain(error: Exception, stream: BinaryIO) -> Credentials:
    text = str(error)
    if text.startswith("ManifestNotFound"):
        if not _shows_traces(stream):
            return Credentials(CredentialState.ABSENT)
        problem = "the file begins some that do not go on: it was cut, or changed by a program"
        return Credentials(CredentialState.BROKEN, problems=(problem,))
    if text.startswith("Remote"):
        return Credentials(CredentialState.ELSEWHERE, problems=(shorten(text),))
    return Credentials(CredentialState.BROKEN, problems=(shorten(text),))


def _describe(state: str, store: Mapping[str, Any]) -> Credentials:
    manifest = store["manifests"][store["active_manifest"]]
    signature = manifest.get("signature_info") or {}
    makers = manifest.get("claim_generator_info") or [{}]
    problems = [
        f"{entry.get('code')}: {entry.get('explanation', '')}"
        for entry in store.get("validation_status") or ()
        if entry.get("code") not in _TRUST_CODES
    ]
    states = {"Trusted": CredentialState.TRUSTED, "Valid": CredentialState.UNVERIFIED}
    claims = list(_list_claims(manifest))[:MAX_CLAIMS]
    types = [kind for kind in SOURCE_TYPES if any(f"{kind}:" in claim for claim in claims)]
    return Credentials(
        states.get(state, CredentialState.INVALID),
        signer=shorten(str(signature.get("common_name") or signature.get("issuer") or "")),
        issuer=shorten(str(signature.get("issuer") or "")),
        signed_at=shorten(str(signature.get("time") or "")),
        generator=shorten(
            " ".join(str(makers[0].get(key) or "") for key in ("name", "version")).strip()
        ),
        claims=tuple(claims),
        source_types=tuple(types),
        problems=tuple(shorten(problem) for problem in problems[:MAX_PROBLEMS]),
    )


def _list_claims(manifest: Mapping[str, Any]) -> Iterator[str]:
    """What the active manifest says, in words."""
    for assertion in manifest.get("assertions") or ():
        label, data = str(assertion.get("label")), assertion.get("data")
        if not label.startswith("c2pa.actions"):
            yield shorten(f"{label}")
            continue
        for action in (data or {}).get("actions") or ():
            words = [str(action.get("action"))]
            if kind := source_type(str(action.get("digitalSourceType") or "")):
                words.append(f"{kind}: {SOURCE_TYPES[kind]}")
            agent = action.get("softwareAgent")
            if agent:
                words.append(str(agent.get("name") if isinstance(agent, dict) else agent))
            yield shorten(", ".join(words))
    for ingredient in manifest.get("ingredients") or ():
        yield shorten(f"made from {ingredient.get('title') or 'another file'}")

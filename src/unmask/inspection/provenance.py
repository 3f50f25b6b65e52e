"""Where a file says it is from: credentials, metadata, traces of generators, tables, container."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter

from unmask.detection.detector import Detector
from unmask.errors import MediaError
from unmask.inspection.container import read_container
from unmask.inspection.credentials import Credentials, CredentialState, read_credentials
from unmask.inspection.declarations import (
    Declaration,
    declare_source,
    find_generator,
    shorten,
)
from unmask.inspection.fingerprints import hash_source
from unmask.inspection.jpeg import JpegFacts, read_jpeg
from unmask.inspection.metadata import packet_of, read_exif, read_xmp
from unmask.media.chunks import XMP_KEYWORD, read_texts
from unmask.media.images import DECODER_ERRORS, open_image
from unmask.media.sources import IMAGE_FORMATS, FilePath, format_of, unreadable


@dataclass(frozen=True, slots=True)
class Provenance:
    """What a file says of where it is from, and what of that can be checked."""

    media_format: str
    size_bytes: int
    sha256: str
    credentials: Credentials
    declarations: tuple[Declaration, ...] = ()
    exif: Mapping[str, str] = field(default_factory=dict)
    xmp: Mapping[str, str] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    """Of a PNG file, by keyword."""
    jpeg: JpegFacts | None = None
    container: Mapping[str, Any] | None = None
    """Of a clip."""
    warnings: tuple[str, ...] = ()

    @classmethod
    def ask(cls, detector: Detector, source: FilePath, trust: str = "") -> "Provenance":
        """What `trace` finds, looked up where the detector decodes.

        Raises:
            MediaError: as `trace`, and what the process that looks it up died of.
        """
        function = f"{__name__}:{_trace_as_json.__name__}"
        return _PLAIN.validate_python(detector.ask(function, source, trust=trust))

    def to_dict(self) -> dict[str, Any]:
        """The provenance as plain JSON values."""
        return {
            "format": self.media_format,
            "size_bytes": self.size_bytes,
            "sha256": self.sha256,
            "credentials": self.credentials.to_dict(),
            "declarations": [declaration.to_dict() for declaration in self.declarations],
            "exif": dict(self.exif),
            "xmp": dict(self.xmp),
            "texts": dict(self.texts),
            "jpeg": self.jpeg.to_dict() if self.jpeg else None,
            "container": self.container,
        }


_PLAIN: Final = TypeAdapter(Provenance)


@dataclass(slots=True)
class _Findings:
    """What was gathered so far."""

    declarations: list[Declaration] = field(default_factory=list)
    exif: dict[str, str] = field(default_factory=dict)
    xmp: dict[str, str] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    jpeg: JpegFacts | None = None
    container: dict[str, Any] | None = None
    warnings: list[str] = field(default_factory=list)


def trace(source: str | Path, trust: str = "") -> Provenance:
    """Read all that a file says of where it is from; broken metadata become warnings.

    Args:
        source: a picture or clip.
        trust: root certificates in PEM form whose signatures are trusted.

    Raises:
        MediaError: the file itself is missing, or none that is opened.
    """
    media_format = format_of(source)
    found = _Findings()
    if media_format in IMAGE_FORMATS:
        with _forgiving("the metadata", found):
            _read_picture(source, media_format, found)
    else:
        with _forgiving("the container", found):
            found.container, declarations = read_container(source)
            found.declarations += declarations
    credentials = read_credentials(source, media_format, trust)
    return Provenance(
        media_format=media_format,
        size_bytes=Path(source).stat().st_size,
        sha256=hash_source(source),
        credentials=credentials,
        declarations=(*_declare(credentials), *found.declarations),
        exif=found.exif,
        xmp=found.xmp,
        texts=found.texts,
        jpeg=found.jpeg,
        container=found.container,
        warnings=(*found.warnings, *_warn(credentials)),
    )


def _trace_as_json(source: FilePath, trust: str) -> dict[str, Any]:
    try:
        found = trace(Path(source), trust)
    except OSError as error:
        raise unreadable(source, error) from error
    said: dict[str, Any] = _PLAIN.dump_python(found, mode="json")
    return said


@contextmanager
def _forgiving(what: str, found: _Findings) -> Iterator[None]:
    """Turns what broken or hostile metadata raise into a warning; what was found before stays."""
    try:
        yield
    except (MediaError, *DECODER_ERRORS) as error:
        found.warnings.append(f"{what} could not be read to the end: {shorten(str(error))}")


def _read_picture(source: str | Path, media_format: str, found: _Findings) -> None:
    if media_format == "png":
        _read_png(source, found)
    with open_image(source) as image:
        found.exif, declarations, warnings = read_exif(image)
        found.declarations += declarations
        found.warnings += warnings
        _read_packet(packet_of(image), found)
        found.jpeg = read_jpeg(image)


def _read_png(source: str | Path, found: _Findings) -> None:
    texts, warnings = read_texts(Path(source).read_bytes())
    found.warnings += warnings
    for text in texts:
        if text.keyword.encode() == XMP_KEYWORD:
            _read_packet(text.text.encode(), found)
            continue
        found.texts.setdefault(text.keyword, shorten(text.text))
        found.declarations += filter(None, [find_generator("PNG text", text.keyword, text.text)])


def _read_packet(packet: bytes, found: _Findings) -> None:
    if packet and not found.xmp:
        found.xmp, declarations, warnings = read_xmp(packet)
        found.declarations += declarations
        found.warnings += warnings


def _declare(credentials: Credentials) -> list[Declaration]:
    if credentials.state not in {CredentialState.TRUSTED, CredentialState.UNVERIFIED}:
        return []
    where = "content credentials"
    return [declare_source(where, kind) for kind in credentials.source_types]


def _warn(credentials: Credentials) -> list[str]:
    if credentials.state in {CredentialState.INVALID, CredentialState.BROKEN}:
        return [credentials.to_dict()["meaning"]]
    if credentials.state is CredentialState.NOT_CHECKED:
        return [f"{credentials.to_dict()['meaning']}: {credentials.problems[0]}"]
    return []

"""What the container of a clip says: form, codecs, encoders, dates."""

from pathlib import Path
from typing import Any, Final

from av.error import FFmpegError

from unmask.inspection.declarations import Declaration, find_generator, shorten
from unmask.media.decoding import Decoder
from unmask.media.video import MAX_FRAME_PIXELS

MAX_TAGS: Final = 24
MAX_STREAMS: Final = 16


def read_container(source: str | Path) -> tuple[dict[str, Any], list[Declaration]]:
    """The facts of a clip as plain JSON values, and traces of generators among its tags.

    Raises:
        MediaError: the clip cannot be opened.
    """
    decoder = Decoder(source, MAX_FRAME_PIXELS)
    try:
        container = decoder.container
        tags = _read_tags(container.metadata)
        facts = {
            "format": container.format.name,
            "format_name": container.format.long_name,
            "duration_s": round(container.duration / 1e6, 3) if container.duration else None,
            "bit_rate": container.bit_rate or None,
            "tags": {name: shorten(value) for name, value in tags.items()},
            "streams": [_read_stream(one) for one in list(container.streams)[:MAX_STREAMS]],
        }
    finally:
        decoder.close()
    found = [find_generator("container", name, value) for name, value in tags.items()]
    return facts, [declaration for declaration in found if declaration]


def _read_tags(metadata: Any) -> dict[str, str]:
    return {shorten(str(k), 80): str(v) for k, v in list(metadata.items())[:MAX_TAGS]}


def _read_stream(stream: Any) -> dict[str, Any]:
    tags = {name: shorten(value) for name, value in _read_tags(stream.metadata).items()}
    facts: dict[str, Any] = {"kind": stream.type, "codec": None, "tags": tags}
    context = getattr(stream, "codec_context", None)
    if context is None:
        return facts
    try:
        facts |= {"codec": context.name, "profile": context.profile}
        if stream.type == "video":
            rate = stream.average_rate
            facts |= {
                "width_px": context.width,
                "height_px": context.height,
                "fps": round(float(rate), 3) if rate else None,
                "pixel_format": context.pix_fmt,
            }
    except (FFmpegError, ValueError, AttributeError):  # odd streams answer only in part
        return facts
    return facts

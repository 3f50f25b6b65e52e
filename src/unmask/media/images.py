"""Still pictures: any of the usual formats in, upright RGB out.

What a picture goes through, and why:

* The format is told by its first bytes and only that decoder is offered the data.
* The size is checked before anything is decoded; a truncated file is an error, not half a picture.
* EXIF orientation is applied: the face detector wants faces upright.
* An embedded ICC profile is converted to sRGB, because that is what viewers show and what the
  models saw; a profile that says sRGB in effect (most do, in many wordings) leaves every pixel
  untouched, so that no rounding covers the traces on which a verdict rests. A broken profile is
  passed over.
* Transparency is laid on mid-grey, which has an edge against neither dark nor light hair.
"""

import importlib
import io
import struct
import threading
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, ImageCms, UnidentifiedImageError

from unmask.errors import MediaError, MissingExtraError
from unmask.media.chunks import drop_text
from unmask.media.sources import (
    IMAGE_FORMATS,
    FilePath,
    check_file,
    describe,
    format_of,
    unreadable,
)
from unmask.records import Pixels

MAX_PIXELS: Final = 100_000_000
"""Largest picture that is decoded, about 10,000 x 10,000; phones reach 200 million, but few do."""
MAX_BYTES: Final = 512 * 2**20
"""Largest file that is read: an uncompressed picture of MAX_PIXELS with some room."""
BACKGROUND: Final = (128, 128, 128)
"""sRGB colour on which transparent pictures are laid."""

_SAME_COLOUR: Final = 2
"""Largest difference, of 255, by which a profile counts as sRGB: table rounding gives up to 2."""
_PROFILE_CACHE: Final = 8
_TRANSPOSE: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""EXIF orientation to what makes the picture upright. Source: EXIF 2.32, section 4.6.4, tag 274."""
_STRIP_ROWS: Final = 64
_TAG_BITS: Final = 258
_TAG_PHOTOMETRIC: Final = 262
_TAG_SAMPLE_FORMAT: Final = 339
_TAG_SUBFILE: Final = 254
_TAG_DNG_VERSION: Final = 50706

# What decoders raise on broken data. Pillow promises OSError, but its parsers read offsets, counts
# and types from the file, so that broken ones surface as whatever the next statement makes of them.
# MemoryError is a length field gone wild: the picture's own size has been checked by then.
DECODER_ERRORS: Final = (
    OSError,  # UnidentifiedImageError too
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    AssertionError,
    EOFError,
    RuntimeError,  # libavif and libwebp by their bindings
    MemoryError,
    struct.error,
    zlib.error,
)


def read_image(
    source: FilePath | bytes, *, max_pixels: int = MAX_PIXELS, max_bytes: int = MAX_BYTES
) -> Pixels:
    """Read a picture as (H, W, 3) uint8 sRGB, upright.

    Args:
        source: A path, or the content of a file.
        max_pixels: Refuse larger pictures by their header; above 179 million Pillow does itself.
        max_bytes: Refuse larger files without reading them.

    Raises:
        MediaError: `missing`, `empty`, `unreadable`, `unsupported`, `too_large` or `corrupt`.

    Example:
        >>> read_image(encode_jpeg(np.full((2, 3, 3), 200, np.uint8))).shape
        (2, 3, 3)
    """
    with open_image(source, max_pixels=max_pixels, max_bytes=max_bytes) as image:
        return to_srgb(image)


@contextmanager
def open_image(
    source: FilePath | bytes, *, max_pixels: int = MAX_PIXELS, max_bytes: int = MAX_BYTES
) -> Iterator[Image.Image]:
    """An opened picture that is not decoded yet; what its decoder raises becomes a `MediaError`.

    Args:
        source: A path, or the content of a file.
        max_pixels: Refuse larger pictures by their header; above 179 million Pillow does itself.
        max_bytes: Refuse larger files without reading them.

    Raises:
        MediaError: as `read_image`.
    """
    name = describe(source)
    image_format = format_of(source)
    if image_format not in IMAGE_FORMATS:
        message = f"{name} is a clip ({image_format}), not a picture; read it with media.video"
        raise MediaError(message, code="unsupported")
    data = read_bytes(source, max_bytes)
    if image_format == "heic":
        _register_heic(name)
    elif image_format == "png":
        data = drop_text(data)
    try:
        with (
            _quiet_pillow,
            Image.open(io.BytesIO(data), formats=_decoders(image_format)) as image,
        ):
            _check_size(name, image.size, max_pixels)
            _check_not_raw(name, image)
            yield image
    except Image.DecompressionBombError as error:
        raise _too_large(name, str(error)) from error
    except DECODER_ERRORS as error:
        reason = "its header is broken" if isinstance(error, UnidentifiedImageError) else str(error)
        message = f"{name} is a broken {image_format} file: {reason}; give an intact copy"
        raise MediaError(message, code="corrupt") from error


def encode_jpeg(pixels: Pixels, quality: int = 85) -> bytes:
    """Encode (H, W, 3) RGB pixels as a JPEG file."""
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def read_bytes(source: FilePath | bytes, max_bytes: int = MAX_BYTES) -> bytes:
    """The content of a file of limited size.

    Raises:
        MediaError: `missing`, `empty`, `unreadable` or `too_large`.
    """
    size = len(source) if isinstance(source, bytes) else check_file(source)
    if size > max_bytes:
        raise _too_large(describe(source), f"{size} bytes, expected at most {max_bytes}")
    if isinstance(source, bytes):
        return source
    try:
        return Path(source).read_bytes()
    except OSError as error:
        raise unreadable(source, error) from error


def _decoders(image_format: str) -> list[str]:
    return ["HEIF"] if image_format == "heic" else [image_format.upper()]


def _register_heic(name: str) -> None:
    try:
        pillow_heif = importlib.import_module("pillow_heif")
    except ImportError as error:
        missing = MissingExtraError(f"{name} is a HEIC picture; reading it", "heic")
        raise MediaError(str(missing), code="unsupported") from error
    pillow_heif.register_heif_opener()


def _check_size(name: str, size_px: tuple[int, int], max_pixels: int) -> None:
    width, height = size_px
    if width * height > max_pixels:
        raise _too_large(name, f"{width} x {height} pixels, expected at most {max_pixels} in all")


def _too_large(name: str, reason: str) -> MediaError:
    message = f"{name} is too large: {reason}; give a smaller one or raise the limit"
    return MediaError(message, code="too_large")


def _check_not_raw(name: str, image: Image.Image) -> None:
    """Refuse camera raw files in a TIFF coat: what Pillow would read is a thumbnail."""
    tags = getattr(image, "tag_v2", {})
    if _TAG_DNG_VERSION in tags or int(tags.get(_TAG_SUBFILE, 0)) & 1:
        message = (
            f"{name} is a camera's raw file with a thumbnail; develop it to JPEG or TIFF first"
        )
        raise MediaError(message, code="unsupported")


def to_srgb(image: Image.Image) -> Pixels:
    """Decode an opened picture of any mode as (H, W, 3) uint8 sRGB, upright."""
    image.load()
    profile = image.info.get("icc_profile")
    orientation = _read_orientation(image)
    colour, alpha = _split_alpha(image)
    colour = _apply_profile(colour, profile)
    if alpha is not None:
        colour = Image.composite(colour, Image.new("RGB", colour.size, BACKGROUND), alpha)
    if orientation in _TRANSPOSE:
        colour = colour.transpose(_TRANSPOSE[orientation])
    return _to_array(colour)


def _to_array(image: Image.Image) -> Pixels:
    """An RGB picture as (H, W, 3) uint8, strip by strip.

    At once Pillow makes two more copies on the way: of 12 megapixels in four times as long.
    """
    pixels = np.empty((image.height, image.width, 3), np.uint8)
    for top in range(0, image.height, _STRIP_ROWS):
        below = min(image.height, top + _STRIP_ROWS)
        pixels[top:below] = np.asarray(image.crop((0, top, image.width, below)))
    return pixels


def _read_orientation(image: Image.Image) -> int:
    """Read the EXIF orientation; a broken EXIF block does not make the picture unreadable."""
    try:
        orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
    except DECODER_ERRORS:
        return 1
    return orientation if isinstance(orientation, int) else 1


def _split_alpha(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """Split a picture of any mode into its colours (L, RGB, CMYK or LAB) and its opacity (L)."""
    if image.mode[0] in "IF":
        return _read_deep(image)
    if image.mode in {"L", "RGB", "CMYK", "LAB"} and "transparency" not in image.info:
        return image, None
    if image.mode == "1":
        return image.convert("L"), None
    if image.has_transparency_data:
        straight = image.convert("RGBA")
        return straight.convert("RGB"), straight.getchannel("A")
    return image.convert("RGB"), None


def _read_deep(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """Scale a picture of more than 8 bits per sample (16-bit, 32-bit integer, float) to 8 bits.

    Grey of a stated depth is scaled by that depth. 32-bit and float files do not say what white is:
    it is the first of 1 (floats only), 255, 65,535 and the file's own maximum that is not exceeded.
    """
    tags: Any = getattr(image, "tag_v2", {})
    raw = np.asarray(image)
    if raw.dtype == np.int32 and tags.get(_TAG_SAMPLE_FORMAT, (1,))[0] == 1:
        raw = raw.view(
            np.uint32
        )  # Pillow has no unsigned mode; PNG and Pillow's TIFF are not negative
    values = np.nan_to_num(raw.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    white = _find_white(image.mode, values, tags)
    if tags.get(_TAG_PHOTOMETRIC) == 0:  # white is zero
        values = white - values
    grey = Image.fromarray((np.clip(values / white, 0, 1) * 255 + 0.5).astype(np.uint8))
    clear = image.info.get("transparency")
    if not isinstance(clear, int):
        return grey, None
    return grey, Image.fromarray(np.where(raw == clear, 0, 255).astype(np.uint8))


def _find_white(mode: str, values: npt.NDArray[np.float64], tags: Any) -> float:
    if mode.startswith("I;16"):
        bits = int(tags.get(_TAG_BITS, (16,))[0])  # a 12-bit TIFF arrives in this mode too
        return float(2**bits - 1)
    brightest = float(values.max())
    steps = (1.0, 255.0, 65535.0) if mode == "F" else (255.0, 65535.0)
    return next((step for step in steps if brightest <= step), brightest)


def _apply_profile(colour: Image.Image, profile: bytes | None) -> Image.Image:
    """Convert to RGB by the embedded profile, or plainly where there is none or a broken one."""
    if profile:
        transform = _build_transform(profile, colour.mode)
        if transform is not None:
            return transform.apply(colour)
    if colour.mode == "LAB":
        lab = ImageCms.buildTransform(
            ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB"), "LAB", "RGB"
        )
        return lab.apply(colour)
    return colour if colour.mode == "RGB" else colour.convert("RGB")


@lru_cache(maxsize=_PROFILE_CACHE)
def _build_transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """Build the conversion to sRGB, or None where it is broken, of another mode or does nothing."""
    try:
        transform = ImageCms.buildTransform(
            ImageCms.ImageCmsProfile(io.BytesIO(profile)),
            ImageCms.createProfile("sRGB"),
            mode,
            "RGB",
            renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
            flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
    except (ImageCms.PyCMSError, *DECODER_ERRORS):
        return None
    if mode not in {"L", "RGB"}:
        return transform
    probe = _build_probe()
    before = np.asarray(probe).astype(np.int16)
    after = np.asarray(transform.apply(probe.convert(mode))).astype(np.int16)
    if mode == "L":
        before = np.asarray(probe.convert("L").convert("RGB")).astype(np.int16)
    return None if int(np.abs(after - before).max()) <= _SAME_COLOUR else transform


def _build_probe() -> Image.Image:
    """Build a picture with 9 steps of each primary in all combinations."""
    steps = np.linspace(0, 255, 9).astype(np.uint8)
    cube = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1)
    return Image.fromarray(cube.reshape(27, 27, 3))


class _QuietPillow:
    """Silences Pillow's warnings on odd files (broken EXIF, large size) while any thread decodes.

    `warnings.catch_warnings` does not do with threads: it puts back the filters of another moment.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._depth = 0
        self._filter: Any = None

    def __enter__(self) -> None:
        with self._lock:
            self._depth += 1
            if self._depth == 1:
                warnings.filterwarnings("ignore", module="PIL")
                self._filter = warnings.filters[0]

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._depth -= 1
            filters: Any = warnings.filters
            if self._depth == 0 and self._filter in filters:
                filters.remove(self._filter)


_quiet_pillow = _QuietPillow()

"""Clips: frames with true times, upright, in RGB.

* Times are presentation time stamps minus the stream's start, never frame number over frame rate,
  so that variable frame rates are right. What a header says of duration and count is not believed:
  the timeline is taken from the container's index where it is whole, else from the packets.
* Frames are sampled evenly in time over the whole clip. Where a keyframe lies between the decoder's
  position and the frame that is wanted, the decoder jumps there; else it reads on.
* Rotation and mirroring by the container are applied. Pixels are not resampled (non-square ones
  stay as they are), fields are not separated, high dynamic range is not tone-mapped: each would lay
  its own traces over those on which a verdict rests.
* What cannot be decoded is passed over and counted in `warnings`; nothing at all is an error.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Protocol, Self

import av
import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import Colorspace

from unmask.errors import MediaError, UsageError
from unmask.media.decoding import Beat, Decoder, Source, Timeline, survey
from unmask.media.sources import describe
from unmask.media.upright import matrix_degrees, read_matrix
from unmask.records import Frame, Pixels

MAX_FRAME_PIXELS: Final = 100_000_000
"""Largest frame that is decoded; 8K has 33 million pixels."""
DEFAULT_FRAMES: Final = 32
SEEK_FROM_FRAMES: Final = 8
"""Shortest jump, in frames, that is worth a seek: each one refills the decoder's threads."""


@dataclass(frozen=True, slots=True)
class ClipInfo:
    """What a clip is, by its packets; width and height are of the upright picture."""

    duration_s: float
    width_px: int
    height_px: int
    fps: float
    """Frames over duration, the mean where the rate varies; 0 where there is no duration."""
    frame_count: int
    rotation_deg: int
    """Clockwise turn that makes the stored pictures upright: 0, 90, 180 or 270."""
    codec: str


class OpenClip(Protocol):
    """What a stream of frames says of its clip, and what it frees at its end."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """What was passed over so far, in words."""
        ...

    def close(self) -> None:
        """Free it; can be called twice."""
        ...


class FrameStream:
    """Frames one after the other; a context manager that frees the decoder on exit or at end."""

    def __init__(self, clip: OpenClip, frames: Iterator[Frame], wanted: int | None = None) -> None:
        self._clip = clip
        self._frames = frames
        self.wanted: Final = wanted
        """How many frames were chosen, of which some may turn out to be broken; None where every
        frame is read."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """What was passed over so far, in words."""
        return self._clip.warnings

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Frame:
        try:
            return next(self._frames)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Free the decoder; can be called twice."""
        self._frames = iter(())
        self._clip.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def probe_clip(source: Source, *, max_pixels: int = MAX_FRAME_PIXELS) -> ClipInfo:
    """Measure a clip: read its index or packets and decode one frame.

    Raises:
        MediaError: As `sample_frames`.
    """
    decoder = Decoder(source, max_pixels)
    try:
        timeline = survey(source, decoder)
        first = next(decoder.frames(), None)
        if first is None:
            raise decoder.nothing_decoded()
        matrix = read_matrix(first, decoder.stream.metadata)
        size = (first.height, first.width) if matrix[0] == 0 else (first.width, first.height)
        duration_s = float(timeline.duration * decoder.time_base)
        return ClipInfo(
            duration_s=duration_s,
            width_px=size[0],
            height_px=size[1],
            fps=len(timeline.times) / duration_s if duration_s else 0.0,
            frame_count=len(timeline.times),
            rotation_deg=matrix_degrees(matrix),
            codec=decoder.stream.codec_context.name,
        )
    finally:
        decoder.close()


def sample_frames(
    source: Source,
    *,
    frames: int = DEFAULT_FRAMES,
    fps: float | None = None,
    max_pixels: int = MAX_FRAME_PIXELS,
    max_duration_s: float = math.inf,
    beat: Beat = lambda: None,
) -> FrameStream:
    """Sample a clip evenly in time, from its first frame to its last.

    Args:
        source: A path, or the content of a file.
        frames: The clip is cut into so many equal spans, and the frame shown in the middle of each
            is given; a clip of fewer frames gives each of them once.
        fps: Give the frame shown at every 1 / `fps` seconds instead; each at most once.
        max_pixels: Refuse larger frames.
        max_duration_s: Refuse longer clips.
        beat: Called for each packet that is read: a sign of progress also where no frame comes.

    Raises:
        MediaError: `missing`, `empty`, `unreadable`, `unsupported`, `no_video`, `too_large`, or
            `corrupt`, the last also at the end of the stream where nothing could be decoded.
    """
    if frames < 1 or (fps is not None and not fps > 0):
        message = f"frames must be at least 1 and fps above 0, got frames={frames} fps={fps}"
        raise UsageError(message)
    decoder = Decoder(source, max_pixels, beat)
    try:
        timeline = survey(source, decoder)
        _check_duration(source, float(timeline.duration * decoder.time_base), max_duration_s)
    except BaseException:
        decoder.close()
        raise
    wanted = timeline.choose(frames, None if fps is None else float(fps * decoder.time_base))
    return FrameStream(decoder, _Sampler(decoder, timeline).sample(wanted), len(wanted))


def _check_duration(source: Source, duration_s: float, max_duration_s: float) -> None:
    if duration_s > max_duration_s:
        message = (
            f"{describe(source)} is too large: it lasts {duration_s:.1f} s, expected at most "
            f"{max_duration_s:g} s; give a shorter clip"
        )
        raise MediaError(message, code="too_large")


def read_frames(
    source: Source,
    *,
    keep: Callable[[float], bool] = lambda _: True,
    max_pixels: int = MAX_FRAME_PIXELS,
) -> FrameStream:
    """Read every frame of a clip in order of showing.

    Args:
        source: A path, or the content of a file.
        keep: Asked with each frame's time in seconds; a frame refused is not converted nor given.
        max_pixels: Refuse larger frames.

    Raises:
        MediaError: As `sample_frames`.
    """
    decoder = Decoder(source, max_pixels)
    return FrameStream(decoder, _read_all(decoder, keep))


def _read_all(decoder: Decoder, keep: Callable[[float], bool]) -> Iterator[Frame]:
    index = -1
    for index, frame in enumerate(decoder.frames()):
        if keep(decoder.time_s(frame)):
            yield decoder.convert(frame, index)
    if index < 0:
        raise decoder.nothing_decoded()


class _Sampler:
    """Gives chosen frames in order, seeking where that saves decoding."""

    def __init__(self, decoder: Decoder, timeline: Timeline) -> None:
        self._decoder = decoder
        self._timeline = timeline
        self._run = decoder.frames()
        self._position = -1
        self._last: VideoFrame | None = None

    def sample(self, wanted: list[int]) -> Iterator[Frame]:
        given: int | None = None
        for position in wanted:
            ticks = int(self._timeline.times[position])
            if given is not None and given >= ticks:
                continue  # the frames in between could not be decoded
            frame = self._find(position, ticks)
            if frame is None or frame.pts is None or (given is not None and frame.pts <= given):
                continue
            given = frame.pts
            yield self._decoder.convert(frame, self._timeline.position_of(frame.pts))
        if given is None:
            raise self._decoder.nothing_decoded()

    def _find(self, position: int, ticks: int) -> VideoFrame | None:
        """Find the first frame shown at `ticks` or later, else the last one there is."""
        keys = self._timeline.keys_before(position)
        if not keys or keys[0] - self._position < SEEK_FROM_FRAMES:
            return self._read_until(ticks)
        frame = None
        for key in keys:
            if not self._decoder.seek(int(self._timeline.times[key])):
                return self._read_until(ticks)
            self._run = self._decoder.frames()
            self._last = None
            frame = self._read_until(ticks)
            hit = frame is not None and (frame is not self._first or (frame.pts or 0) <= ticks)
            if hit:
                break
        return frame

    def _read_until(self, ticks: int) -> VideoFrame | None:
        self._first: VideoFrame | None = None
        for frame in self._run:
            self._first = self._first or frame
            self._last = frame
            self._position = self._timeline.position_of(frame.pts or 0)
            if (frame.pts or 0) >= ticks:
                break
        return self._last


class ClipWriter:
    """Writes an MP4 clip with true times; the file appears when all of it is written.

    H.264 where the encoder is there, MPEG-4 part 2 else. Odd sides get their border repeated.
    """

    TICKS_HZ: Final = 60_000
    """Ticks per second: exact for 24, 25, 30, 50 and 60 fps; MPEG-4 part 2 allows up to 65,535."""

    def __init__(self, path: str | Path, *, fps: float = 25.0) -> None:
        self._path = Path(path)
        self._partial = self._path.with_name(f".{self._path.name}.partial")
        self._step = max(round(self.TICKS_HZ / fps), 1)
        self._fps = Fraction(fps).limit_denominator(1001)
        self._next = 0
        self._stream: Any = None
        self._container: Any = None

    def __enter__(self) -> Self:
        self._container = av.open(f"file:{self._partial}", "w", format="mp4")
        return self

    def append(self, frame: Frame | Pixels) -> None:
        """Add a frame: at its own time where it has one, else one step after the last."""
        pixels = frame.pixels if isinstance(frame, Frame) else frame
        time_s = frame.time_s if isinstance(frame, Frame) else None
        if self._stream is None:
            self._stream = self._add_stream(pixels.shape[1], pixels.shape[0])
        fitted = _fit(pixels, self._stream.width, self._stream.height)
        picture = VideoFrame.from_ndarray(fitted, format="rgb24").reformat(
            format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range="MPEG", threads=1
        )
        ticks = self._next if time_s is None else round(time_s * self.TICKS_HZ)
        picture.pts = max(ticks, self._next - self._step + 1 if self._next else 0)
        picture.time_base = Fraction(1, self.TICKS_HZ)
        self._next = picture.pts + self._step
        self._container.mux(self._stream.encode(picture))

    def _add_stream(self, width: int, height: int) -> Any:
        codec = "libx264" if "libx264" in av.codecs_available else "mpeg4"
        options = {"crf": "18", "preset": "veryfast"} if codec == "libx264" else {"q:v": "2"}
        stream: Any = self._container.add_stream(codec, rate=self._fps, options=options)
        stream.width, stream.height = width + width % 2, height + height % 2
        stream.pix_fmt = "yuv420p"
        stream.codec_context.thread_count = 1  # with more, the bytes depend on the cores
        stream.codec_context.time_base = Fraction(1, self.TICKS_HZ)
        stream.codec_context.colorspace = 1  # AVCOL_SPC_BT709
        stream.codec_context.color_range = 1  # AVCOL_RANGE_MPEG
        return stream

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None and self._stream is not None:
                self._container.mux(self._stream.encode(None))
        finally:
            self._container.close()
            if kind is None and self._stream is not None:
                self._partial.replace(self._path)
            else:
                self._partial.unlink(missing_ok=True)


def _fit(pixels: Pixels, width: int, height: int) -> Pixels:
    """Crop or extend (H, W, 3) at the right and lower border."""
    pixels = pixels[:height, :width]
    below, beside = height - pixels.shape[0], width - pixels.shape[1]
    if below or beside:
        pixels = np.pad(pixels, ((0, below), (0, beside), (0, 0)), mode="edge")
    return np.ascontiguousarray(pixels)

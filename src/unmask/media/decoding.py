"""One video stream of a file: its packets, its timeline and its frames, from anywhere in it."""

import io
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any, Final

import av
import numpy as np
import numpy.typing as npt
from av.error import FFmpegError
from av.video.frame import VideoFrame

from unmask.errors import MediaError
from unmask.media.sources import IMAGE_FORMATS, FilePath, describe, format_of
from unmask.media.upright import read_matrix, to_rgb, turn
from unmask.records import Frame

_KEY_ATTEMPTS: Final = (0, 1, 3)
"""Keyframes to go back, in turn, where a seek came out behind the wanted frame (open GOPs, TS)."""
_DEMUXERS: Final = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,flv,ogg,asf"
"""What FFmpeg may open: no playlists or lists that lead to other files or to the network."""
_INDEXED: Final = "mov"
"""The demuxer whose index lists every frame with a time that is off by a constant only."""
_UNSEEKABLE: Final = "mpeg"
"""The demuxer (program streams) that gives frames the times of their neighbours after a seek."""
_BROKEN: Final = (FFmpegError, MemoryError, IndexError)  # the last: a stream that turns up late

Source = FilePath | bytes
Beat = Callable[[], None]
"""Called for each packet that is read."""


@dataclass(frozen=True, slots=True, eq=False)
class Timeline:
    """When frames are shown, in ticks of the stream's time base."""

    times: npt.NDArray[np.int64]
    """(M,) sorted."""
    keys: npt.NDArray[np.int64]
    """(K,) sorted positions in `times` at which decoding can begin."""
    last_ticks: int
    """How long the last frame is shown."""

    @property
    def duration(self) -> int:
        """From the first frame's showing to the end of the last one's."""
        return int(self.times[-1] - self.times[0]) + self.last_ticks

    def choose(self, frames: int, per_tick: float | None) -> list[int]:
        """Choose positions in `times`: the frames shown at even times, each once."""
        count = len(self.times)
        if per_tick is None:
            if count <= frames:
                return list(range(count))
            targets = (np.arange(frames) + 0.5) * self.duration / frames
        else:
            targets = np.arange(0, self.duration or 1, 1 / per_tick)
        shown = np.searchsorted(self.times, targets + self.times[0], side="right") - 1
        return [int(position) for position in np.unique(np.clip(shown, 0, count - 1))]

    def position_of(self, pts: int) -> int:
        """Position of the frame shown at a time."""
        return max(int(np.searchsorted(self.times, pts, side="right")) - 1, 0)

    def keys_before(self, position: int) -> list[int]:
        """Positions of keyframes from which `position` may be reached, the nearest first."""
        nearest = int(np.searchsorted(self.keys, position, side="right")) - 1
        return [int(self.keys[nearest - back]) for back in _KEY_ATTEMPTS if nearest >= back]


def survey(source: Source, decoder: "Decoder") -> Timeline:
    """Learn when frames are shown, from the index where it is whole, else from all packets."""
    stream = decoder.stream
    indexed = decoder.demuxer.startswith(_INDEXED) and len(stream.index_entries) == stream.frames
    entries = list(stream.index_entries) if indexed else []
    if entries:
        whole = [entry for entry in entries if entry.pos + entry.size <= decoder.container.size]
        decoder.missing += len(entries) - len(whole)
        facts = [(entry.timestamp, entry.is_keyframe) for entry in whole if not entry.is_discard]
        # The index holds decoding times; sorted, they differ from those of showing by a constant.
        first = min((ticks for ticks, _ in facts), default=0)
        shift = 0 if stream.start_time is None else stream.start_time - first
        facts = [(ticks + shift, is_key) for ticks, is_key in facts]
        last_ticks = 0 if decoder.missing else _last_by_header(facts, stream)
    else:
        facts, last_ticks = _scan_packets(source, decoder)
    if not facts:
        raise decoder.nothing_decoded()
    facts.sort()
    times = np.array([ticks for ticks, _ in facts], np.int64)
    keys = np.flatnonzero([is_key for _, is_key in facts])
    if last_ticks <= 0:
        last_ticks = _guess_last(times, stream, decoder.time_base)
    return Timeline(times, keys, last_ticks)


def _last_by_header(facts: list[tuple[int, bool]], stream: Any) -> int:
    """Length of the last frame by the track's duration, or 0 where that is not to be believed."""
    times = sorted(ticks for ticks, _ in facts)
    longest = max((after - before for before, after in pairwise(times)), default=0)
    rest: int = (stream.duration or 0) - (times[-1] - times[0]) if times else 0
    return rest if 0 < rest <= longest else 0


def _scan_packets(source: Source, decoder: "Decoder") -> tuple[list[tuple[int, bool]], int]:
    """Read all packets undecoded; return (ticks, is_key) of each and the last one's length."""
    scanner = Decoder(source, decoder.max_pixels, decoder.beat)
    facts: list[tuple[int, bool]] = []
    last = (0, 0)
    try:
        for packet in scanner.packets():
            ticks = packet.dts if packet.pts is None else packet.pts
            if ticks is not None and not packet.is_discard:
                facts.append((ticks, packet.is_keyframe))
                last = max(last, (ticks, packet.duration or 0))
    finally:
        decoder.stopped = scanner.stopped
        scanner.close()
    return facts, last[1]


def _guess_last(times: npt.NDArray[np.int64], stream: Any, time_base: Fraction) -> int:
    if len(times) > 1:
        return round(float(times[-1] - times[0]) / (len(times) - 1))
    return round(1 / (stream.average_rate * time_base)) if stream.average_rate else 0


class Decoder:
    """One video stream, decoded from wherever it stands; broken parts are counted."""

    def __init__(self, source: Source, max_pixels: int, beat: Beat = lambda: None) -> None:
        self._name = describe(source)
        self._source = "" if isinstance(source, bytes) else str(source)
        self.max_pixels = max_pixels
        self.beat = beat
        self.broken = 0
        self.damaged = 0
        self.missing = 0
        self.stopped = ""
        self.container: Any = _open(source, self._name)
        try:
            self.stream: Any = self._choose_stream()
        except BaseException:
            self.close()
            raise
        self.demuxer: str = self.container.format.name
        self.time_base: Fraction = self.stream.time_base
        self._start: int | None = self.stream.start_time
        self._settled = True
        self._last_pts: int | None = None

    def _choose_stream(self) -> Any:
        cover = av.stream.Disposition.attached_pic
        streams = [one for one in self.container.streams.video if not one.disposition & cover]
        if not streams:
            message = f"{self._name} holds no moving picture, only sound or cover art; give a clip"
            raise MediaError(message, code="no_video")
        best = self.container.streams.best("video")
        stream = best if best in streams else streams[0]
        context = stream.codec_context
        if context is None:
            message = f"{self._name} is in a codec that cannot be decoded; convert it to H.264"
            raise MediaError(message, code="unsupported")
        self._check_size(context.width, context.height)
        context.options = {"max_pixels": str(self.max_pixels)}
        stream.thread_type = "AUTO"
        for other in self.container.streams:
            if other.index != stream.index:
                other.discard = av.stream.Discard.all
        return stream

    def _check_size(self, width: int, height: int) -> None:
        if width * height > self.max_pixels:
            message = (
                f"{self._name} has frames of {width} x {height} pixels, expected at most "
                f"{self.max_pixels} in all; give a smaller clip"
            )
            raise MediaError(message, code="too_large")

    @property
    def warnings(self) -> tuple[str, ...]:
        """What was passed over so far, in words."""
        found = []
        if self.missing:
            found.append(f"the file ends early: {self.missing} frames of its index are missing")
        if self.stopped:
            found.append(f"the container is broken: {self.stopped}")
        if self.damaged:
            found.append(f"{self.damaged} packets are damaged; some frames may be missing")
        if self.broken:
            found.append(f"{self.broken} frames could not be decoded and were passed over")
        return tuple(found)

    def nothing_decoded(self) -> MediaError:
        """Build the answer for a clip without a single good frame."""
        reasons = "; ".join(self.warnings) or "it holds no frames"
        message = f"no frame of {self._name} could be decoded: {reasons}; give an intact copy"
        return MediaError(message, code="corrupt")

    def packets(self) -> Iterator[Any]:
        """Read packets up to the end or a break of the container; the last is the flushing one."""
        packets = self.container.demux(self.stream)
        while True:
            try:
                packet = next(packets, None)
            except _BROKEN as error:
                self.stopped = _reason(error)
                return
            if packet is None:
                return
            self.beat()
            self.damaged += packet.is_corrupt
            yield packet

    def frames(self) -> Iterator[VideoFrame]:
        """Decode from the present position to the end."""
        for packet in self.packets():
            yield from self._decode(packet)
        if self.stopped:
            yield from self._decode(None)  # what the threads still hold

    def _decode(self, packet: Any) -> Iterator[VideoFrame]:
        try:
            decoded = self.stream.decode(packet)
        except EOFError:
            return
        except _BROKEN:
            self.broken += self._settled  # after a seek the first ones may lack what they refer to
            return
        for frame in decoded:
            if frame.is_corrupt:
                self.broken += self._settled
                continue
            self._check_size(frame.width, frame.height)
            self._settled = True
            self._fill_time(frame)
            yield frame

    def _fill_time(self, frame: VideoFrame) -> None:
        """Give a time to a frame without one, the only place where the frame rate is used."""
        if frame.pts is None and frame.dts is not None:
            frame.pts = frame.dts
        elif frame.pts is None:
            rate = self.stream.average_rate or Fraction(25)
            step = max(round(1 / (rate * self.time_base)), 1)
            frame.pts = 0 if self._last_pts is None else self._last_pts + step
        self._last_pts = frame.pts
        if self._start is None:
            self._start = frame.pts

    def seek(self, ticks: int) -> bool:
        """Go to the keyframe at or before a time; False where the container cannot."""
        if self.demuxer == _UNSEEKABLE:
            return False
        try:
            self.container.seek(ticks, stream=self.stream)
        except _BROKEN:
            return False
        self._settled = False
        return True

    def time_s(self, frame: VideoFrame) -> float:
        """Seconds from the stream's start to a frame's showing."""
        return float(((frame.pts or 0) - (self._start or 0)) * self.time_base)

    def convert(self, frame: VideoFrame, index: int) -> Frame:
        """Turn a decoded frame into upright RGB."""
        matrix = read_matrix(frame, self.stream.metadata)
        pixels = turn(to_rgb(frame), matrix)
        return Frame(pixels, source=self._source, index=index, time_s=self.time_s(frame))

    def close(self) -> None:
        """Free the container and the decoder; can be called twice."""
        self.container.close()


def _open(source: Source, name: str) -> Any:
    image_format = format_of(source)
    if image_format in IMAGE_FORMATS:
        message = f"{name} is a picture ({image_format}), not a clip; read it with media.images"
        raise MediaError(message, code="unsupported")
    file = io.BytesIO(source) if isinstance(source, bytes) else f"file:{os.fspath(source)}"
    try:
        return av.open(file, options={"format_whitelist": _DEMUXERS}, metadata_errors="replace")
    except _BROKEN as error:
        message = f"{name} is a broken {image_format} file: {_reason(error)}; give an intact copy"
        raise MediaError(message, code="corrupt") from error


def _reason(error: BaseException) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__

"""Read a video: its properties, its frames, and notes about what is damaged."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from fractions import Fraction
from typing import TYPE_CHECKING, BinaryIO

import av
import numpy as np

from colorize.errors import ColorizeError, error_context
from colorize.io.atomic import disk_errors_revealed
from colorize.video.deinterlace import deinterlace
from colorize.video.pixels import pixel_notes
from colorize.video.timeline import WHOLE, Excerpt, Timeline

if TYPE_CHECKING:
    from av.container.core import Chapter

UNREADABLE = "damaged, incomplete or of an unsupported format"
MAX_INTERLEAVING = Fraction(10)  # seconds by which streams may be apart in a file
MAX_MISSING = 1.0  # seconds by which a complete file may be shorter than announced


@contextmanager
def av_error_context(name: str, output: BinaryIO | None = None) -> Iterator[None]:
    """Turn failures of FFmpeg and of files into a ColorizeError that begins with the name.

    output: the file being written, if there is one.
    """
    failure = UNREADABLE if output is None else "the video can't be written"
    try:
        yield
    except (ColorizeError, av.FFmpegError, ValueError, OSError) as error:
        with error_context(name, failure), disk_errors_revealed(output):
            # FFmpeg's is an OSError with its own numbers, and it seeks to where damaged files say
            if isinstance(error, OSError) and (
                isinstance(error, av.FFmpegError) or error.errno == errno.EINVAL
            ):
                raise ValueError(error.strerror or type(error).__name__) from None
            raise error from None


class VideoReader:
    """A video being read.

    Attributes:
        stream: the video stream.
        width, height: in pixels, as stored.
        first: the first frame, which has the rotation and the color tags.
        quarter_turns: counterclockwise, from stored to upright.
        display_matrix: FFmpeg's 3×3 matrix for players to rotate by; None without rotation.
        rate: average frames per second.
        time_base: seconds per unit of time stamps.
        bits: per channel.
        excerpt: the part of the video that is read.
        progressive: whether interlaced frames are made progressive.
        timeline: shifts the time stamps of all streams.
        count: number of frames read.
        damaged: the errors of packets that could not be decoded.
    """

    def __init__(
        self,
        container: av.container.InputContainer,
        name: str,
        first: av.VideoFrame,
        excerpt: Excerpt = WHOLE,
        *,
        progressive: bool = False,
        cut_short: bool = False,
    ):
        """Read a video.

        Args:
            container: As `open_video` returns it.
            name: Of the file, for messages.
            first: As `read_first_frame` returns it.
            excerpt: The part of the video that is read.
            progressive: Whether interlaced frames are made progressive.
            cut_short: Whether the file lacks its end, see `endings`.
        """
        self.container = container
        self.stream = _video_stream(container, name)
        self.width, self.height = first.width, first.height
        self.first = first
        self.quarter_turns = round(first.rotation / 90) % 4
        self.display_matrix = _display_matrix(first)
        self.rate = _frame_rate(self.stream)
        self.time_base = self.stream.time_base or Fraction(1, 90000)
        self.excerpt = excerpt
        self.timeline = Timeline(container, excerpt.start)
        self.bits = max(part.bits for part in first.format.components)
        self.progressive = progressive
        self.count = 0
        self.damaged: list[av.FFmpegError] = []
        self._cut_short = cut_short
        self._at_end = False  # of the file
        self._untimed = 0
        self._broken: list[av.FFmpegError] = []
        self._end = Fraction(0)  # seconds, of the packets read
        self._sizes: set[tuple[int, int]] = set()  # of the frames read

    @property
    def pixel_aspect(self) -> Fraction:
        """Width of a pixel in heights; 0 if unknown."""
        return self.stream.sample_aspect_ratio or Fraction(0)

    @property
    def total(self) -> int | None:
        """Number of frames that the file announces."""
        if self.stream.frames and self.excerpt.is_whole:
            return int(self.stream.frames)
        seconds, wanted = self._announced_seconds, self.excerpt.duration
        if seconds is not None:
            seconds = max(seconds - self.excerpt.start, Fraction(0))
        seconds = min((s for s in (seconds, wanted) if s is not None), default=None)
        return round(seconds * self.rate) if seconds else None

    @property
    def _announced_seconds(self) -> Fraction | None:
        duration = self.container.duration
        seconds = None if duration is None else Fraction(duration, av.time_base)
        if self.container.format.name == "avi":  # whose duration FFmpeg shortens to the file's end
            return max(seconds or Fraction(0), Fraction(self.stream.frames) / self.rate)
        return seconds

    @property
    def chapters(self) -> list[Chapter]:
        """The chapters, with their times counted from the first time stamp; none of an excerpt."""
        if not self.excerpt.is_whole:
            return []
        chapters: list[Chapter] = self.container.chapters()
        for chapter in chapters:
            shift = round(
                self.timeline.origin / (chapter["time_base"] or Fraction(1, av.time_base))
            )
            chapter["start"] = max(chapter["start"] - shift, 0)
            chapter["end"] = max(chapter["end"] - shift, 0)
        return chapters

    def frames(self) -> Iterator[tuple[av.VideoFrame, int]]:
        """Yield each frame with its time stamp, in `time_base`.

        The time stamps of all streams follow `timeline`. Those of frames increase: a frame
        without one, or with an earlier one than the frame before, follows that at the average rate.
        """
        step = max(1, round(1 / (self.rate * self.time_base)))
        last: int | None = None
        decoded = self._decoded()
        for frame in deinterlace(decoded) if self.progressive else decoded:
            pts = frame.pts
            if pts is None or (last is not None and pts <= last):
                pts = 0 if last is None else last + step
                self._untimed += 1
            last = pts
            seconds = pts * self.time_base
            if self.excerpt.is_after(seconds):
                return
            if not self.excerpt.is_before(seconds):
                self.count += 1
                yield frame, pts

    def _decoded(self) -> Iterator[av.VideoFrame]:
        """Yield each frame as it is decoded, from a keyframe before the excerpt on."""
        _seek(self.container, self.timeline, self.excerpt)
        for packet in _shifted_packets(self.container, self.timeline, self._broken):
            if packet.pts is not None and packet.time_base is not None:
                end = (packet.pts + (packet.duration or 0)) * packet.time_base
                self._end = max(self._end, end)
            if packet.stream is self.stream:
                for frame in _decode(packet, self.damaged):
                    self._sizes.add((frame.width, frame.height))
                    yield frame
        self._at_end = True

    @property
    def notes(self) -> Iterator[str]:
        """One line for each property of the source that the result does not keep."""
        if self.damaged:
            yield f"{len(self.damaged)} damaged parts of the video were left out"
        announced = None if self.timeline.jumps else self._announced_seconds
        if not self.excerpt.is_whole:
            announced = None
        too_short = announced is not None and self._end < announced - MAX_MISSING
        if self._broken or too_short or (self._cut_short and self._at_end):
            yield f"the video is damaged or incomplete: it ends after {float(self._end):.1f} s"
        if jumps := self.timeline.jumps:
            places = "1 place" if jumps == 1 else f"{jumps} places"
            yield f"the time stamps of the file jump in {places}, where the parts were joined"
        if self._untimed:
            yield f"{self._untimed} frames had no usable time stamp and got one by the average rate"
        if self.first.interlaced_frame and not self.progressive:
            yield "the video is interlaced and was treated as whole frames; use --deinterlace"
        yield from pixel_notes(self.first, self.stream)
        if others := self._sizes - {(self.width, self.height)}:
            sizes = ", ".join(f"{width}×{height}" for width, height in sorted(others))
            yield f"the size changes within the video: frames of {sizes} were scaled to the first"


@contextmanager
def open_video(file: BinaryIO, name: str) -> Iterator[av.container.InputContainer]:
    """Open a video. A playlist is refused: no protocol to read other files is allowed."""
    file.seek(0)
    with av_error_context(name):
        # an empty whitelist allows all protocols; an unknown name in it allows none
        options = {"protocol_whitelist": "none"}
        container = av.open(file, "r", options=options, metadata_errors="replace")
    with closing(container):
        if container.format.name == "image2" or container.format.name.endswith("_pipe"):
            raise ColorizeError(
                f"{name}: is a picture, not a video", "give it a suffix such as .jpg"
            )
        yield container


def read_first_frame(file: BinaryIO, name: str) -> av.VideoFrame:
    """Return the first frame that can be decoded.

    The file must not be open as a video at the same time: its position moves.
    """
    with open_video(file, name) as container:
        stream = _video_stream(container, name)
        for packet in _packets(container, [stream], []):
            for frame in _decode(packet, []):
                return frame
    raise ColorizeError(f"{name}: {UNREADABLE} (no frame can be decoded)")


def other_packets(
    container: av.container.InputContainer, video: int, excerpt: Excerpt
) -> Iterator[tuple[Fraction, av.Packet]]:
    """Yield the packets of all streams but the video, with times that do not decrease.

    Args:
        container: The video, opened once more.
        video: Index of the video stream.
        excerpt: What is read of it.
    """
    seconds = Fraction(0)
    timeline = Timeline(container, excerpt.start)
    _seek(container, timeline, excerpt)
    for packet in _shifted_packets(container, timeline, []):
        if packet.dts is not None and packet.time_base is not None:
            time = packet.dts * packet.time_base
            if excerpt.is_after(time - MAX_INTERLEAVING):
                return
            if excerpt.is_before(time) or excerpt.is_after(time):
                continue
            seconds = max(seconds, time)
        if packet.stream.index != video:
            yield seconds, packet


def _seek(container: av.container.InputContainer, timeline: Timeline, excerpt: Excerpt) -> None:
    """Go to a keyframe before the excerpt, if there is one; else it is read from the beginning."""
    if excerpt.start:
        with suppress(av.FFmpegError):
            container.seek(int((timeline.origin + excerpt.start) * av.time_base))


def is_cover(stream: av.stream.Stream) -> bool:
    """Return whether a video stream is a cover picture."""
    return bool(stream.disposition & av.stream.Disposition.attached_pic)


def _video_stream(container: av.container.InputContainer, name: str) -> av.VideoStream:
    for stream in container.streams.video:
        if not is_cover(stream):
            if stream.codec_context is None:
                raise ColorizeError(f"{name}: its video codec is not supported")
            stream.thread_type = "AUTO"
            return stream
    raise ColorizeError(f"{name}: has no video stream")


def _frame_rate(stream: av.VideoStream) -> Fraction:
    """Return the average rate, or FFmpeg's guess where that is lower.

    For DV the average is the inverse of the time base, 60,000 frames a second.
    """
    known = [rate for rate in (stream.average_rate, stream.guessed_rate) if rate]
    return min(known, default=Fraction(25))


def _packets(
    container: av.container.InputContainer,
    streams: list[av.stream.Stream],
    broken: list[av.FFmpegError],
) -> Iterator[av.Packet]:
    """Yield packets up to the end of what is readable; add to `broken` if that comes early."""
    packets = container.demux(streams)
    while True:
        try:
            packet = next(packets, None)
        except av.FFmpegError as error:
            broken.append(error)
            return
        if packet is None:
            return
        yield packet


def _shifted_packets(
    container: av.container.InputContainer, timeline: Timeline, broken: list[av.FFmpegError]
) -> Iterator[av.Packet]:
    """Yield the packets of all streams as `_packets` does, shifted; covers have no times."""
    for packet in _packets(container, list(container.streams), broken):
        if not is_cover(packet.stream):
            timeline.shift(packet)
        yield packet


def _decode(packet: av.Packet, damaged: list[av.FFmpegError]) -> list[av.VideoFrame]:
    """Return the frames of a packet; for a damaged one none, and add the error to `damaged`."""
    try:
        return list(packet.decode())
    except av.FFmpegError as error:
        if not isinstance(error, EOFError):
            damaged.append(error)
        return []


def _display_matrix(frame: av.VideoFrame) -> list[int] | None:
    side_data = frame.side_data
    for data in side_data:
        if data.type.name == "DISPLAYMATRIX":
            return [int(value) for value in np.frombuffer(bytes(data), np.int32)]
    return None

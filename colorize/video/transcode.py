"""A film in, the film in color out: frame by frame, everything but the colors as it was.

Memory does not grow with the film's length: one frame is in work, and encoder and muxer hold a
second or so of packets. docs/video.md says what is kept in which container.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from fractions import Fraction
from typing import Any, BinaryIO

import av
import numpy as np
import numpy.typing as npt
from av.codec.context import Flags
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc, Interpolation

from colorize.errors import ColorizeError, display_name, error_context
from colorize.io.atomic import atomic_write, disk_errors_revealed
from colorize.io.photo import Photo
from colorize.io.source import open_source
from colorize.pipeline import Colorizer
from colorize.video.formats import VideoCodec, VideoResult, film_codec, muxer
from colorize.video.subtitles import Rewritten, is_gap, is_text
from colorize.video.temporal import VideoColorizer

Pixels = npt.NDArray[np.uint8]
PathLike = str | os.PathLike[str]

UNREADABLE = "damaged, incomplete or of an unsupported kind"
HD_HEIGHT = 720  # rows from which players take a film that doesn't say so for BT.709, not BT.601
HDR_TRANSFERS = (ColorTrc.SMPTE2084, ColorTrc.ARIB_STD_B67)
CONTAINER_TAGS = {"major_brand", "minor_version", "compatible_brands", "encoder", "duration"}
MP4 = ("mp4", "mov")
MP4_ALONE = ("opus", "flac", "truehd")  # sound that FFmpeg writes to .mp4 and not to .mov
REORDERED = 2  # frames: x265 leaves decoding times to chance in films no longer than its delay
MISSING_SECONDS = 1.0  # that a file may end before the time it announces
# swscale's defaults are up to a level too dark; these round to the nearest level.
EXACT = (
    Interpolation.BICUBIC
    | Interpolation.ACCURATE_RND
    | Interpolation.FULL_CHR_H_INT
    | Interpolation.FULL_CHR_H_INP
)


def colorize_video(
    source: PathLike,
    target: PathLike,
    colorizer: Colorizer,
    *,
    codec: str | None = None,
    crf: int | None = None,
    progress: Callable[[int, int | None], None] = lambda done, total: None,
) -> VideoResult:
    """Write a film in color, and return its size, its frames and what could not be kept.

    codec: one of `film_names.CODECS`, by default h264, in WebM vp9. crf: its constant rate
    factor, lower is better. progress: called after each frame with the number done and the
    number in all, if known; an exception from it ends the work. The target appears when all is
    done; with any exception it stays as it was.

    Raises ColorizeError for what is no film, or what container or codec can't hold.
    """
    name, there = display_name(source), display_name(target)
    if colorizer.options.autocontrast:
        raise ColorizeError(f"{name}: --autocontrast would make a film pulsate; leave it out")
    with error_context(there):
        container = muxer(target)
        codec, kind, crf = film_codec(container, codec, crf)
    with open_source(source) as file:
        first = _first_frame(file, name)
        with (
            _open(file, name) as film,
            atomic_write(target) as written,
            _av_failures(there, written),
            av.open(written, "w", format=container) as output,
        ):
            reader = _Reader(film, name, first)
            writer = _Writer(output, reader, kind, crf)
            colors = VideoColorizer(colorizer)
            for number, (frame, pts) in enumerate(reader.frames(writer.copy), 1):
                writer.write(_colored(frame, reader, colors), pts, frame.duration)
                progress(number, reader.total)
            writer.finish()
            notes = (*writer.notes, *reader.notes)
    return VideoResult((reader.width, reader.height), reader.count, notes)


def _colored(frame: av.VideoFrame, film: _Reader, colors: VideoColorizer) -> Pixels:
    """Return the frame in color, as it is stored; the network sees it upright."""
    stored = Photo(_pixels(frame, film.width, film.height))
    upright = Photo(np.ascontiguousarray(np.rot90(stored.pixels, film.turns)))
    ab = np.rot90(colors.predict(upright), -film.turns, axes=(1, 2))
    pixels: Pixels = colors.colorizer.merge(stored, np.ascontiguousarray(ab)).pixels
    return pixels


def _pixels(frame: av.VideoFrame, width: int, height: int) -> Pixels:
    """Return the frame as RGB with the full range of levels, or gray, uint8."""
    if frame.format.name.startswith("gray"):
        # swscale takes gray for full range whatever its tag says
        pixels: Pixels = frame.reformat(width, height, "gray", interpolation=EXACT).to_ndarray()
        return _full_range(pixels) if frame.color_range == ColorRange.MPEG else pixels
    untagged = frame.colorspace == 2  # AVCOL_SPC_UNSPECIFIED
    guess = Colorspace.ITU709 if frame.height >= HD_HEIGHT else Colorspace.ITU601
    matrix = guess if untagged and not frame.format.is_rgb else None
    rgb = frame.reformat(
        width, height, "rgb24", src_colorspace=matrix, dst_color_range=ColorRange.JPEG,
        interpolation=EXACT,
    )  # fmt: skip
    result: Pixels = rgb.to_ndarray()
    return result


def _full_range(pixels: Pixels) -> Pixels:
    """Return levels from 16 (black) to 235 (white) as levels from 0 to 255."""
    spread = (pixels.astype(np.float32) - 16) * (255 / 219)
    result: Pixels = np.rint(spread.clip(0, 255)).astype(np.uint8)
    return result


@contextmanager
def _av_failures(name: str, file: BinaryIO | None = None) -> Iterator[None]:
    """Turn failures of FFmpeg and of the file into a ColorizeError that begins with the name."""
    failure = UNREADABLE if file is None else "this film can't be written so"
    try:
        yield
    except (ColorizeError, av.FFmpegError, ValueError, OSError) as error:
        text = getattr(error, "strerror", None) or type(error).__name__
        known = ValueError(text) if isinstance(error, av.FFmpegError) else error
        with error_context(name, failure), disk_errors_revealed(file):
            raise known from None


@contextmanager
def _open(file: BinaryIO, name: str) -> Iterator[av.container.InputContainer]:
    """Open a film. It can't lead to others: a play list in it finds no protocol to read them."""
    file.seek(0)
    with _av_failures(name):
        # no whitelist of protocols is empty: an unknown name lets none through
        options = {"protocol_whitelist": "none"}
        film = av.open(file, "r", options=options, metadata_errors="replace")
    with closing(film):
        yield film


def _video(film: av.container.InputContainer, name: str) -> av.VideoStream:
    """Return the first video stream that is no cover picture."""
    for stream in film.streams.video:
        if not _is_cover(stream):
            if stream.codec_context is None:
                raise ColorizeError(f"{name}: its kind of video can't be decoded")
            stream.thread_type = "AUTO"
            return stream
    raise ColorizeError(f"{name}: has no video stream")


def _is_cover(stream: Any) -> bool:
    return bool(stream.disposition & av.stream.Disposition.attached_pic)


def _first_frame(file: BinaryIO, name: str) -> av.VideoFrame:
    """Return the first frame that can be decoded: it tells rotation and colors.

    The file must be open in no other way: its position moves.
    """
    with _open(file, name) as film:
        stream = _video(film, name)
        for packet in _packets(film, [stream], []):
            for frame in _decoded(packet, []):
                return frame
    raise ColorizeError(f"{name}: {UNREADABLE} (no frame can be decoded)")


def _packets(
    film: av.container.InputContainer, streams: list[Any], faults: list[str]
) -> Iterator[Any]:
    """Yield packets up to the end of what is readable; add to `faults` if that comes early."""
    packets = film.demux(streams)
    while True:
        try:
            packet = next(packets, None)
        except av.FFmpegError as error:
            faults.append(error.strerror or type(error).__name__)
            return
        if packet is None:
            return
        yield packet


def _decoded(packet: Any, faults: list[str]) -> list[av.VideoFrame]:
    """Return the frames of a packet, none if it is damaged: then add to `faults`."""
    try:
        return list(packet.decode())
    except av.FFmpegError as error:
        if not isinstance(error, EOFError):
            faults.append(error.strerror or type(error).__name__)
        return []


class _Reader:
    """The film that is read: what it is, its frames, and what was damaged."""

    def __init__(self, film: av.container.InputContainer, name: str, first: av.VideoFrame):
        self.container = film
        self.stream = _video(film, name)
        self.width, self.height = first.width, first.height
        self.first = first
        self.turns = round(first.rotation / 90) % 4  # counterclockwise, to stand upright
        self.matrix = _display_matrix(first)
        self.rate = self.stream.average_rate or self.stream.guessed_rate or Fraction(25)
        self.time_base = self.stream.time_base or Fraction(1, 90000)
        self.count = 0
        self._untimed = 0
        self.damaged: list[str] = []
        self._broken: list[str] = []
        self._end = Fraction(0)  # seconds, of what was read

    @property
    def total(self) -> int | None:
        """How many frames the file announces."""
        if self.stream.frames:
            return int(self.stream.frames)
        seconds = self._announced
        return round(seconds * self.rate) if seconds else None

    @property
    def _announced(self) -> Fraction | None:
        duration = self.container.duration
        return None if duration is None else Fraction(duration, av.time_base)

    def frames(self, copy: Callable[[Any], None]) -> Iterator[tuple[av.VideoFrame, int]]:
        """Yield each frame with its time, in `time_base`; packets of other streams go to `copy`.

        Times rise: a frame whose file gives it none, or an earlier one, follows at the film's
        average rate.
        """
        step = max(1, round(1 / (self.rate * self.time_base)))
        last: int | None = None
        for packet in _packets(self.container, list(self.container.streams), self._broken):
            self._note_end(packet)
            if packet.stream is not self.stream:
                copy(packet)
                continue
            for frame in _decoded(packet, self.damaged):
                pts = frame.pts
                if pts is None or (last is not None and pts <= last):
                    pts = 0 if last is None else last + step
                    self._untimed += 1
                last = pts
                self.count += 1
                yield frame, pts

    def _note_end(self, packet: Any) -> None:
        if packet.pts is not None and packet.time_base is not None:
            end = (packet.pts + (packet.duration or 0)) * packet.time_base
            self._end = max(self._end, end)

    @property
    def notes(self) -> Iterator[str]:
        """One line for each thing about the source that the viewer of the result should know."""
        if self.damaged:
            yield f"{len(self.damaged)} damaged parts of the film were left out"
        start = Fraction(self.container.start_time or 0, av.time_base)
        read, announced = self._end - start, self._announced
        if self._broken or (announced is not None and read < announced - MISSING_SECONDS):
            yield f"the film is damaged or incomplete: it ends after {float(read):.1f} s"
        if self._untimed:
            yield f"{self._untimed} frames had no usable time and got one by the average rate"
        if self.first.interlaced_frame:
            yield "the film is interlaced and was treated as whole frames; deinterlace it first"
        if self.first.color_trc in HDR_TRANSFERS:
            yield "the film is HDR and was written with its levels as they are, as SDR"
        if any(part.bits > 8 for part in self.first.format.components):
            yield "the film has more than 8 bits; the result has 8"
        if any(part.is_alpha for part in self.first.format.components):
            yield "the transparency of the film was left out"


def _display_matrix(frame: av.VideoFrame) -> list[int] | None:
    """Return FFmpeg's 3×3 matrix that says how players turn the frame, None if it says nothing."""
    side_data: Any = frame.side_data
    for data in side_data:
        if data.type.name == "DISPLAYMATRIX":
            return [int(value) for value in np.frombuffer(bytes(data), np.int32)]
    return None


class _Writer:
    """The film that is written: its video anew, the other streams as they are."""

    def __init__(
        self,
        output: av.container.OutputContainer,
        film: _Reader,
        codec: VideoCodec,
        crf: int | None,
    ):
        self.output = output
        self.film = film
        self.notes: list[str] = []
        self.video = self._add_video(codec, crf)
        self.rewritten: dict[int, Rewritten] = {}  # by the index of the stream they come from
        self.copies = self._add_copies()
        self._keep_metadata()
        self._note_shape(codec)

    def _add_video(self, codec: VideoCodec, crf: int | None) -> Any:
        """Add the video stream and return it, with what players must know of the frames."""
        options = dict(codec.options) | ({} if crf is None else {"crf": str(crf)})
        os.environ.setdefault("SVT_LOG", "1")  # errors alone, of the AV1 encoder
        stream: Any = self.output.add_stream(codec.encoder, self.film.rate, options)
        context = stream.codec_context
        context.width, context.height = self.film.width, self.film.height
        context.pix_fmt = self._pixel_format(codec)
        context.time_base = self.film.time_base
        context.flags |= Flags.frame_duration
        context.sample_aspect_ratio = self.film.stream.sample_aspect_ratio or Fraction(0)
        context.color_primaries = ColorPrimaries.BT709
        context.color_trc = ColorTrc.BT709
        if codec.pixels.startswith("yuv"):
            context.colorspace, context.color_range = Colorspace.ITU709, ColorRange.MPEG
        if codec.encoder == "libx265" and self.output.format.name in MP4:
            context.codec_tag = "hvc1"  # the tag that Apple's players know
        if self.film.matrix is not None:
            stream.set_display_matrix(self.film.matrix)
        return stream

    def _note_shape(self, codec: VideoCodec) -> None:
        """Note where pixels become square: Matroska keeps their shape in the h264 or hevc alone."""
        ratio = self.film.stream.sample_aspect_ratio
        in_stream = codec.encoder in ("libx264", "libx265")
        if ratio not in (None, 0, 1) and not in_stream and self.output.format.name not in MP4:
            self.notes.append(f"the pixels' shape, {ratio}, is lost: --codec h264 keeps it")

    def _pixel_format(self, codec: VideoCodec) -> str:
        """Return the codec's pixel format, or for odd sizes one that doesn't halve them."""
        odd = self.film.width % 2 or self.film.height % 2
        if odd and codec.pixels == "yuv420p":
            self.notes.append("an odd width or height: written as yuv444p, which few players show")
            return "yuv444p"
        return codec.pixels

    def _add_copies(self) -> dict[int, Any]:
        """Add the streams whose packets are copied, and return them by the index they come from."""
        copies: dict[int, Any] = {}
        for stream in self.film.container.streams:
            if stream.index == self.film.stream.index or stream.discard == av.stream.Discard.all:
                continue  # what is discarded is part of something else, such as chapter names
            try:
                copies[stream.index] = self._added(stream)
            except (ValueError, av.FFmpegError) as error:
                if is_text(stream):
                    self._rewrite(stream)
                else:
                    self._refuse_silence(stream, error)
        return copies

    def _added(self, stream: Any) -> Any:
        """Return a new stream of the same kind, or raise ValueError."""
        matroska = self.output.format.name == "matroska"
        if stream.type == "video" and not _is_cover(stream):
            raise ValueError("a film has one video stream")
        if stream.type == "data" or (stream.type == "attachment" and not matroska):
            raise ValueError("no place for this")
        if stream.type != "attachment" and stream.codec_context is None:
            raise ValueError("an unknown kind")
        if self.output.format.name == "mov" and stream.codec_context.name in MP4_ALONE:
            raise ValueError("FFmpeg finds out when it is too late")
        added: Any = self.output.add_stream_from_template(stream, opaque=True)
        added.metadata.update(stream.metadata)
        added.disposition = stream.disposition
        return added

    def _rewrite(self, stream: Any) -> None:
        """Add a stream for subtitles in the container's own kind of text."""
        added = Rewritten(self.output, stream)
        self.rewritten[stream.index] = added
        self.notes.append(f"subtitle stream {stream.index} was written anew as {added.kind}")

    def _refuse_silence(self, stream: Any, error: Exception) -> None:
        """Note that a stream is left out; raise ColorizeError if it is sound."""
        context = stream.codec_context
        kind = f"{stream.type} stream {stream.index}" + (f" ({context.name})" if context else "")
        if stream.type == "audio":
            raise ColorizeError(f"can't hold {kind} of the film: choose .mkv") from error
        self.notes.append(f"{kind} was left out: this container or command has no place for it")

    def _keep_metadata(self) -> None:
        film = self.film.container
        kept = {k: v for k, v in film.metadata.items() if k.lower() not in CONTAINER_TAGS}
        self.output.metadata.update(kept)
        stream = self.film.stream
        self.video.metadata.update(
            {k: v for k, v in stream.metadata.items() if k.lower() not in CONTAINER_TAGS}
        )
        self.video.disposition = stream.disposition
        if film.chapters():
            self.output.set_chapters(film.chapters())

    def copy(self, packet: Any) -> None:
        """Write a packet of another stream, bit for bit but for text of another kind."""
        index = packet.stream.index
        if index in self.rewritten and packet.size:
            for text in self.rewritten[index].packets(packet, self.film.damaged):
                self.output.mux(text)
            return
        stream = self.copies.get(index)
        if stream is not None and packet.size and not is_gap(packet):
            packet.stream = stream
            self.output.mux(packet)

    def write(self, pixels: Pixels, pts: int, duration: int) -> None:
        """Encode a frame that is shown at `pts` for `duration`, in the film's time base."""
        frame: Any = av.VideoFrame.from_ndarray(pixels, "rgb24")
        context = self.video.codec_context
        if context.pix_fmt.startswith("yuv"):
            frame = frame.reformat(
                format=context.pix_fmt, dst_colorspace=Colorspace.ITU709,
                dst_color_range=ColorRange.MPEG, interpolation=EXACT,
            )  # fmt: skip
        else:
            frame = frame.reformat(format=context.pix_fmt)
        frame.color_primaries, frame.color_trc = ColorPrimaries.BT709, ColorTrc.BT709
        frame.pts, frame.time_base, frame.duration = pts, self.film.time_base, duration
        self.output.mux(self.video.encode(frame))

    def finish(self) -> None:
        """Write what the encoder still holds. Raises ColorizeError if there was no frame."""
        if not self.film.count:
            raise ColorizeError(f"{UNREADABLE} (no frame can be decoded)")
        packets = self.video.encode(None)
        if self.film.count <= REORDERED:
            for packet in packets:
                packet.dts = packet.pts
        self.output.mux(packets)

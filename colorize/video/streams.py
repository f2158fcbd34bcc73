"""Take the sound, subtitles, covers and attachments of a video over into another container."""

from __future__ import annotations

import io
from typing import Literal

import av
from av.bitstream import BitStreamFilterContext

from colorize.errors import ColorizeError
from colorize.video.audio import AudioTranscoder, silent_wav
from colorize.video.reader import VideoReader, is_cover
from colorize.video.subtitles import SubtitleTranscoder, is_empty_sample, is_text

AudioMode = Literal["copy", "aac", "none"]
MP4_ONLY = ("opus", "flac", "truehd")  # sound that FFmpeg writes to .mp4 but not to .mov


class StreamCopier:
    """Writes all streams but the video: unchanged, or converted where the container needs it.

    Attributes:
        notes: one line for each stream that is converted or left out.
    """

    def __init__(self, output: av.container.OutputContainer, source: VideoReader, audio: AudioMode):
        """Add the streams to the output.

        Args:
            output: The open container.
            source: The video whose streams are taken over.
            audio: "aac" converts sound in other codecs, "none" leaves all sound out.

        Raises:
            ColorizeError: The container can't hold the sound.
        """
        self.notes: list[str] = []
        self._output = output
        self._source = source
        self._audio = audio
        self._copied: dict[int, av.stream.Stream] = {}  # by index in the source
        self._transcoders: dict[int, SubtitleTranscoder | AudioTranscoder] = {}
        self._next_dts: dict[int, int] = {}  # the earliest, by index in the output
        for stream in source.container.streams:
            if stream.index == source.stream.index or stream.discard == av.stream.Discard.all:
                continue  # discarded streams are part of something else, such as chapter names
            if stream.type == "audio":
                self._add_sound(stream)
            else:
                self._add(stream)

    def copy(self, packet: av.Packet) -> None:
        """Write a packet of another stream, unchanged unless its stream is converted."""
        index = packet.stream.index
        if index in self._transcoders:
            for converted in self._transcoders[index].transcode(packet, self._source.damaged):
                self._mux(converted)
            return
        stream = self._copied.get(index)
        if stream is not None and packet.size and not is_empty_sample(packet):
            packet.stream = stream
            self._mux(packet)

    def finish(self) -> None:
        """Write what the encoders of sound still hold."""
        for transcoder in self._transcoders.values():
            for packet in transcoder.flush():
                self._mux(packet)

    def _mux(self, packet: av.Packet) -> None:
        """Write a packet, later than the one before: muxers fail where packets overlap."""
        index = packet.stream.index
        if packet.dts is not None:
            packet.dts = max(packet.dts, self._next_dts.get(index, packet.dts))
            self._next_dts[index] = packet.dts + 1
            packet.pts = None if packet.pts is None else max(packet.pts, packet.dts)
        self._output.mux(packet)

    def _add_sound(self, stream: av.stream.Stream) -> None:
        """Add a stream of sound. Raises ColorizeError if the container can't hold it."""
        if self._audio == "none":
            self.notes.append(f"{_describe(stream)} was left out")
            return
        if self._audio == "aac" and _codec_name(stream) != "aac":
            self._transcoders[stream.index] = AudioTranscoder(self._output, stream)
            self.notes.append(f"{_describe(stream)} was converted to aac")
            return
        try:
            self._copied[stream.index] = add_copy(self._output, stream)
        except (ValueError, av.FFmpegError) as error:
            remedies = {"matroska": "--audio aac converts it", "webm": "choose .mkv"}
            remedy = remedies.get(self._output.format.name, "choose .mkv, or --audio aac")
            raise ColorizeError(f"can't hold {_describe(stream)} of the video", remedy) from error

    def _add(self, stream: av.stream.Stream) -> None:
        """Add a stream of another kind; note it if the container can't hold it."""
        try:
            self._copied[stream.index] = add_copy(self._output, stream)
        except (ValueError, av.FFmpegError):
            if is_text(stream):
                transcoder = SubtitleTranscoder(self._output, stream)
                self._transcoders[stream.index] = transcoder
                self.notes.append(
                    f"subtitle stream {stream.index} was converted to {transcoder.codec}"
                )
            else:
                self.notes.append(f"{_describe(stream)} was left out: the container can't hold it")


def add_copy(output: av.container.OutputContainer, stream: av.stream.Stream) -> av.stream.Stream:
    """Return a new stream of the output for the packets of another one.

    Raises:
        ValueError, av.FFmpegError: The container can't hold them.
    """
    container = output.format.name
    if stream.type == "video" and not is_cover(stream):
        raise ValueError("a second video stream")
    if stream.type == "data" or (stream.type == "attachment" and container != "matroska"):
        raise ValueError("not supported by the container")
    if container == "mov" and _codec_name(stream) in MP4_ONLY:
        raise ValueError("FFmpeg would fail only at the end")
    try:
        if stream.type != "attachment" and stream.codec_context is None:
            raise ValueError("an unknown codec")
        added = output.add_stream_from_template(stream, opaque=True)
    except ValueError:
        if stream.type != "audio":
            raise
        with av.open(io.BytesIO(), "w", format=container) as trial:
            _add_with_parameters(trial, stream)
            trial.start_encoding()  # writes the header, which fails for what can't be held
        added = _add_with_parameters(output, stream)
    added.metadata.update(stream.metadata)
    added.disposition = stream.disposition
    return added


def _add_with_parameters(
    output: av.container.OutputContainer, stream: av.stream.Stream
) -> av.stream.Stream:
    """Return a new stream with the codec parameters of another, whether or not it can be held.

    PyAV relies on `avformat_query_codec`, which denies codecs that the Matroska muxer writes under
    Microsoft's tags, as it does for `ffmpeg -c copy`: WMA, AMR, ADPCM, A-law, GSM, Speex.
    Therefore a stream of PCM is added, and its parameters are replaced.
    """
    with av.open(io.BytesIO(silent_wav())) as pcm:
        added = output.add_stream_from_template(pcm.streams.audio[0], opaque=True)
    BitStreamFilterContext("null", stream, added)  # copies the parameters
    added.codec_context.codec_tag = "\0\0\0\0"  # of the source's container; the muxer sets its own
    added.time_base = stream.time_base
    return added


def _codec_name(stream: av.stream.Stream) -> str | None:
    return None if stream.codec_context is None else stream.codec_context.name


def _describe(stream: av.stream.Stream) -> str:
    name = _codec_name(stream)
    return f"{stream.type} stream {stream.index}" + (f" ({name})" if name else "")

"""Subtitles for a container that holds text, but in another codec than the source."""

from __future__ import annotations

from collections.abc import Iterator

import av

CODECS = {"mp4": "mov_text", "mov": "mov_text", "matroska": "subrip", "webm": "webvtt"}


def is_text(stream: av.stream.Stream) -> bool:
    """Return whether a stream is text subtitles that can be decoded, rather than pictures."""
    context = stream.codec_context
    return stream.type == "subtitle" and context is not None and bool(context.codec.text_sub)


def is_empty_sample(packet: av.Packet) -> bool:
    """Return whether a packet is the empty text that MP4 stores between two subtitles.

    The muxer adds these, so that a copied one would appear twice.
    """
    context = packet.stream.codec_context
    return context is not None and context.name == "mov_text" and bytes(packet) == b"\0\0"


class SubtitleTranscoder:
    """Converts a text stream to the container's codec; `codec` is FFmpeg's name of that.

    Words, line breaks and times are kept, and the styles that both codecs have.
    """

    def __init__(self, output: av.container.OutputContainer, stream: av.stream.Stream):
        """Add the stream to the output. Raises av.FFmpegError if it can't be decoded."""
        self.codec = CODECS[output.format.name]
        self._decoder = stream.codec_context
        self._decoder.open(strict=False)
        self._stream: av.stream.Stream = output.add_stream(self.codec)
        self._encoder = self._stream.codec_context
        self._encoder.subtitle_header = self._decoder.subtitle_header
        self._encoder.time_base = self._stream.time_base = stream.time_base
        self._stream.metadata.update(stream.metadata)
        self._stream.disposition = stream.disposition

    def transcode(self, packet: av.Packet, damaged: list[av.FFmpegError]) -> Iterator[av.Packet]:
        """Yield the packets that replace one; add the error to `damaged` if it can't be read."""
        if not packet.size:
            return
        try:
            text = self._decoder.decode2(packet)
            if text is None or not len(text):
                return
            transcoded = self._encoder.encode_subtitle(text)
        except av.FFmpegError as error:
            damaged.append(error)
            return
        transcoded.pts = transcoded.dts = packet.pts
        transcoded.duration, transcoded.time_base = packet.duration, packet.time_base
        transcoded.stream = self._stream
        yield transcoded

    def flush(self) -> Iterator[av.Packet]:
        """Yield nothing: no subtitle is held back."""
        yield from ()

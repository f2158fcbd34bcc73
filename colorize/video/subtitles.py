"""Subtitles for a container that holds text, but not of the kind that the film has."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import av

KINDS = {"mp4": "mov_text", "mov": "mov_text", "matroska": "subrip", "webm": "webvtt"}


def is_text(stream: Any) -> bool:
    """Tell whether a stream is subtitles of text, not of pictures, which can be decoded."""
    context = stream.codec_context
    return stream.type == "subtitle" and context is not None and bool(context.codec.text_sub)


def is_gap(packet: Any) -> bool:
    """Tell whether a packet is the empty text that MP4 has between two: the muxer makes it anew.

    Copied as well, each gap would be there twice.
    """
    return packet.stream.codec_context.name == "mov_text" and bytes(packet) == b"\0\0"


class Rewritten:
    """A stream of a film that is written, of the container's kind; `kind`: its FFmpeg name.

    Words, line breaks and times stay; of styles what both kinds know.
    """

    def __init__(self, output: av.container.OutputContainer, stream: Any):
        """Add the stream to a film. Raises av.FFmpegError if it can't be decoded."""
        self.kind = KINDS[output.format.name]
        self._decoder = stream.codec_context
        self._decoder.open(strict=False)
        self._stream: Any = output.add_stream(self.kind)
        self._encoder = self._stream.codec_context
        self._encoder.subtitle_header = self._decoder.subtitle_header
        self._encoder.time_base = self._stream.time_base = stream.time_base
        self._stream.metadata.update(stream.metadata)
        self._stream.disposition = stream.disposition

    def packets(self, packet: Any, faults: list[str]) -> Iterator[Any]:
        """Yield what a packet of the film becomes; for a damaged one nothing: add to `faults`."""
        try:
            text = self._decoder.decode2(packet)
            if text is None or not len(text):
                return
            written = self._encoder.encode_subtitle(text)
        except av.FFmpegError as error:
            faults.append(error.strerror or type(error).__name__)
            return
        written.pts = written.dts = packet.pts
        written.duration, written.time_base = packet.duration, packet.time_base
        written.stream = self._stream
        yield written

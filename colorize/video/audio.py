"""Sound for a container that can't hold the codec of the source."""

from __future__ import annotations

import io
import wave
from collections.abc import Iterator

import av

from colorize.errors import ColorizeError

BIT_RATE = 96000  # per channel and second; FFmpeg lowers it for low sample rates
LAYOUTS = ("mono", "stereo", "3.0", "4.0", "5.0", "5.1", "6.1", "7.1")  # of 1 to 8 channels


class AudioTranscoder:
    """Converts a stream of sound to AAC; channels are kept, the sample rate if AAC has it."""

    def __init__(self, output: av.container.OutputContainer, stream: av.stream.Stream):
        """Add the stream to the output.

        Raises:
            ColorizeError: The sound can't be decoded, or the container can't hold AAC.
        """
        decoder, index = stream.codec_context, stream.index
        if decoder is None or not 1 <= decoder.channels <= len(LAYOUTS):
            raise ColorizeError(
                f"audio stream {index} of the video can't be converted",
                "--audio none leaves it out",
            )
        wanted = decoder.sample_rate
        rates = av.codec.Codec("aac", "w").audio_rates or [wanted]
        rate = min(rates, key=lambda rate: (rate < wanted, abs(rate - wanted)))
        try:
            self._stream: av.stream.Stream = output.add_stream("aac", rate=rate)
        except ValueError as error:
            raise ColorizeError("can't hold aac", "choose .mkv, or --audio none") from error
        encoder = self._stream.codec_context
        layout = decoder.layout
        unknown = layout.name.endswith("channels")  # only their number is known
        encoder.layout = LAYOUTS[decoder.channels - 1] if unknown else layout
        encoder.bit_rate = BIT_RATE * decoder.channels
        self._stream.metadata.update(stream.metadata)
        self._stream.disposition = stream.disposition

    def transcode(self, packet: av.Packet, damaged: list[av.FFmpegError]) -> Iterator[av.Packet]:
        """Yield the packets that replace one; add the error to `damaged` if it can't be read.

        An empty packet makes the decoder return what it still holds.
        """
        try:
            frames = packet.decode()
        except av.FFmpegError as error:
            damaged.append(error)
            return
        for frame in frames:
            yield from self._stream.encode(frame)

    def flush(self) -> Iterator[av.Packet]:
        """Yield the packets that the encoder still holds."""
        yield from self._stream.encode(None)


def silent_wav() -> bytes:
    """Return a WAV file of one silent sample."""
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(bytes(2))
    return file.getvalue()

"""Write a video: its encoded frames, and what the container must tell of it."""

from __future__ import annotations

import av

from colorize.video.encoder import Encoding, configure, encoder_options
from colorize.video.reader import VideoReader

CONTAINER_TAGS = {"major_brand", "minor_version", "compatible_brands", "encoder", "duration"}
MP4 = ("mp4", "mov")


class VideoWriter:
    """A video being written, without its other streams, which `StreamCopier` adds.

    Attributes:
        notes: one line for each thing that the container could not keep.
    """

    def __init__(
        self,
        output: av.container.OutputContainer,
        source: VideoReader,
        encoding: Encoding,
        comment: str | None = None,
    ):
        """Add the video stream, the titles and the chapters to the output.

        Args:
            output: The open container.
            source: The video whose properties are kept.
            encoding: How the frames are encoded.
            comment: A tag of the file, behind the source's own comment.
        """
        self.notes: list[str] = []
        self._output = output
        self._source = source
        self._video = self._add_video(encoding)
        self._copy_metadata()
        if comment:
            own = [output.metadata[key] for key in output.metadata if key.lower() == "comment"]
            output.metadata["comment"] = "; ".join([*own, comment])

    def write(self, packet: av.Packet) -> None:
        """Write a packet of the encoder."""
        packet.stream = self._video
        self._output.mux(packet)

    def _add_video(self, encoding: Encoding) -> av.stream.Stream:
        """Add the video stream with all that players must know of the frames; return it."""
        source, container, codec = self._source, self._output.format.name, encoding.codec
        stream = self._output.add_stream(codec.encoder, source.rate, encoder_options(encoding))
        context = stream.codec_context
        configure(context, source, encoding)
        if context.pix_fmt.startswith("yuv444p"):
            self.notes.append(
                "the width or height is odd: written as 4:4:4, which few players show"
            )
        if source.bits > encoding.bits:
            self.notes.append(
                f"the video has {source.bits} bits per channel, the result {encoding.bits}; "
                "--codec hevc and av1 have 10, ffv1 has 16"
            )
        if codec.encoder == "libx265" and container in MP4:
            context.codec_tag = "hvc1"  # the tag that Apple's players know
        if source.display_matrix is not None:
            stream.set_display_matrix(source.display_matrix)
        ratio = source.pixel_aspect
        stored_in_stream = codec.encoder in ("libx264", "libx265")
        if ratio not in (0, 1) and not stored_in_stream and container not in MP4:
            self.notes.append(f"the pixel aspect ratio, {ratio}, is lost: --codec h264 keeps it")
        return stream

    def _copy_metadata(self) -> None:
        container, stream = self._source.container, self._source.stream
        for copied, original in ((self._output, container), (self._video, stream)):
            tags = original.metadata.items()
            copied.metadata.update({k: v for k, v in tags if k.lower() not in CONTAINER_TAGS})
        self._video.disposition = stream.disposition
        if chapters := self._source.chapters:
            self._output.set_chapters(chapters)

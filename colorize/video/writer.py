"""Write a video: encode its frames, and tell the container what it is."""

from __future__ import annotations

import os
from fractions import Fraction

import av
from av.codec.context import Flags
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc

from colorize.color.types import Pixels
from colorize.errors import ColorizeError
from colorize.video.formats import VideoCodec
from colorize.video.reader import SWS_FLAGS, UNREADABLE, VideoReader

CONTAINER_TAGS = {"major_brand", "minor_version", "compatible_brands", "encoder", "duration"}
MP4 = ("mp4", "mov")
X265_REORDER_DELAY = 2  # frames; x265 leaves the decoding times of shorter videos undefined


class VideoWriter:
    """A video being written, without its other streams, which `StreamCopier` adds.

    Attributes:
        notes: one line for each thing that the container could not keep.
    """

    def __init__(
        self,
        output: av.container.OutputContainer,
        source: VideoReader,
        codec: VideoCodec,
        crf: int | None,
    ):
        """Add the video stream, the titles and the chapters to the output.

        Args:
            output: The open container.
            source: The video whose properties are kept.
            codec: How to encode the frames.
            crf: Constant rate factor; None for a lossless codec.
        """
        self.notes: list[str] = []
        self._output = output
        self._source = source
        self._video = self._add_video(codec, crf)
        self._copy_metadata()

    def write(self, pixels: Pixels, pts: int, duration: int) -> None:
        """Encode a frame.

        Args:
            pixels: RGB (height, width, 3).
            pts: time stamp, in the time base of the source.
            duration: in the same time base.
        """
        frame = av.VideoFrame.from_ndarray(pixels, "rgb24")
        context = self._video.codec_context
        if context.pix_fmt.startswith("yuv"):
            frame = frame.reformat(
                format=context.pix_fmt, dst_colorspace=Colorspace.ITU709,
                dst_color_range=ColorRange.MPEG, interpolation=SWS_FLAGS,
            )  # fmt: skip
        else:
            frame = frame.reformat(format=context.pix_fmt)
        frame.color_primaries, frame.color_trc = ColorPrimaries.BT709, ColorTrc.BT709
        frame.pts, frame.time_base, frame.duration = pts, self._source.time_base, duration
        self._output.mux(self._video.encode(frame))

    def finish(self) -> None:
        """Write what the encoder still holds. Raises ColorizeError if there was no frame."""
        if not self._source.count:
            raise ColorizeError(f"{UNREADABLE} (no frame can be decoded)")
        packets = self._video.encode(None)
        if self._source.count <= X265_REORDER_DELAY:
            for packet in packets:
                packet.dts = packet.pts
        self._output.mux(packets)

    def _add_video(self, codec: VideoCodec, crf: int | None) -> av.stream.Stream:
        """Add the video stream with all that players must know of the frames; return it."""
        source, container = self._source, self._output.format.name
        options = dict(codec.options) | ({} if crf is None else {"crf": str(crf)})
        os.environ.setdefault("SVT_LOG", "1")  # of the AV1 encoder: only errors
        stream = self._output.add_stream(codec.encoder, source.rate, options)
        context = stream.codec_context
        context.width, context.height = source.width, source.height
        context.pix_fmt = codec.pixel_format
        if codec.pixel_format == "yuv420p" and (source.width % 2 or source.height % 2):
            context.pix_fmt = "yuv444p"
            self.notes.append(
                "the width or height is odd: written as yuv444p, which few players show"
            )
        context.time_base = source.time_base
        context.flags |= Flags.frame_duration
        context.color_primaries = ColorPrimaries.BT709
        context.color_trc = ColorTrc.BT709
        if codec.pixel_format.startswith("yuv"):
            context.colorspace, context.color_range = Colorspace.ITU709, ColorRange.MPEG
        if codec.encoder == "libx265" and container in MP4:
            context.codec_tag = "hvc1"  # the tag that Apple's players know
        if source.display_matrix is not None:
            stream.set_display_matrix(source.display_matrix)
        ratio = source.stream.sample_aspect_ratio or Fraction(0)
        context.sample_aspect_ratio = ratio
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
        if container.chapters():
            self._output.set_chapters(container.chapters())

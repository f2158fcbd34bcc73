"""Encode frames to packets of a video stream."""

from __future__ import annotations

import os
from dataclasses import dataclass

import av
import cv2
from av.codec.context import Flags
from av.video.reformatter import (
    ColorPrimaries,
    ColorRange,
    Colorspace,
    ColorTrc,
    VideoReformatter,
)

from colorize.color.types import Pixels
from colorize.video.formats import VideoCodec, check_size
from colorize.video.pixels import RGB_FORMATS, SWS_FLAGS, SWS_WHITE, rescale
from colorize.video.reader import VideoReader

# x264's code for AVX-512 (core 165) reads memory that it has not written, at widths that are not
# multiples of 128: the same frames gave different packets. That for AVX2 does not, and is as fast.
DETERMINISTIC_X264 = "asm=avx2,fma3,bmi2"
OPENCV_AVX512 = 256  # CV_CPU_AVX512_SKX, which has no name in Python


@dataclass(frozen=True)
class Encoding:
    """How the frames of one video are encoded; made by `plan_encoding`.

    Attributes:
        codec: encoder and its options.
        crf: constant rate factor; None for a lossless codec.
        width, height: of the frames, in pixels.
        pixel_format: FFmpeg's name.
    """

    codec: VideoCodec
    crf: int | None
    width: int
    height: int
    pixel_format: str

    @property
    def bits(self) -> int:
        """Bits per channel of the result."""
        return max(int(part.bits) for part in av.VideoFormat(self.pixel_format).components)

    @property
    def pixel_bits(self) -> int:
        """Bits per channel of the pixels to encode, 8 or 16."""
        return 16 if self.bits > 8 else 8


class VideoEncoder:
    """Encodes consecutive frames; the first is a keyframe, and no packet needs earlier ones."""

    def __init__(self, source: VideoReader, encoding: Encoding):
        """Prepare to encode frames with the times of the source; see `configure`."""
        self._context = av.VideoCodecContext.create(encoding.codec.encoder, "w")
        self._context.options = encoder_options(encoding)
        configure(self._context, source, encoding)
        # that of a frame would prepare its tables for each frame again
        self._reformatter = VideoReformatter()

    def encode(self, pixels: Pixels, pts: int, duration: int) -> list[av.Packet]:
        """Return the packets that a frame completes.

        Args:
            pixels: RGB (height, width, 3), uint8 or, for more than 8 bits, uint16.
            pts: time stamp, in the time base of the source.
            duration: in the same time base.
        """
        context = self._context
        to_yuv = context.pix_fmt.startswith("yuv")
        if to_yuv and pixels.itemsize > 1:
            pixels = rescale(pixels, 0, 65535, SWS_WHITE)
        frame = av.VideoFrame.from_ndarray(pixels, RGB_FORMATS[8 * pixels.itemsize])
        if to_yuv:
            frame = self._reformatter.reformat(
                frame, format=context.pix_fmt, dst_colorspace=Colorspace.ITU709,
                dst_color_range=ColorRange.MPEG, interpolation=SWS_FLAGS,
            )  # fmt: skip
        else:
            frame = self._reformatter.reformat(frame, format=context.pix_fmt)
        frame.color_primaries, frame.color_trc = ColorPrimaries.BT709, ColorTrc.BT709
        frame.pts, frame.time_base, frame.duration = pts, context.time_base, duration
        packets: list[av.Packet] = context.encode(frame)
        return packets

    def finish(self) -> list[av.Packet]:
        """Return the packets that the encoder still holds."""
        packets: list[av.Packet] = self._context.encode(None)
        return packets


def plan_encoding(
    source: VideoReader, codec: VideoCodec, crf: int | None, size: tuple[int, int]
) -> Encoding:
    """Return how to encode: with 10 bits or more if source, codec and build have them.

    4:2:0 needs an even width and height; others are written as 4:4:4.

    Args:
        source: The video whose frames are colorized.
        codec: How to encode.
        crf: Constant rate factor; None for a lossless codec.
        size: (width, height) of the frames to encode.

    Raises:
        ColorizeError: the encoder does not take this size.
    """
    check_size(codec, *size)
    name, deep = codec.pixel_format, codec.deep_pixel_format
    if source.bits > 8 and deep is not None:
        supported = av.codec.Codec(codec.encoder, "w").video_formats or []
        name = deep if deep in [format.name for format in supported] else name
    if size[0] % 2 or size[1] % 2:
        name = name.replace("yuv420p", "yuv444p")
    return Encoding(codec, crf, *size, name)


def encoder_options(encoding: Encoding) -> dict[str, str]:
    """Return FFmpeg's private options."""
    os.environ.setdefault("SVT_LOG", "1")  # of the AV1 encoder: only errors
    codec, crf = encoding.codec, encoding.crf
    options = dict(codec.options) | ({} if crf is None else {"crf": str(crf)})
    if codec.encoder == "libx264" and cv2.checkHardwareSupport(OPENCV_AVX512):
        options["x264-params"] = DETERMINISTIC_X264
    return options


def configure(context: av.VideoCodecContext, source: VideoReader, encoding: Encoding) -> None:
    """Set size, times, pixel format and color tags of an encoder.

    Args:
        context: of the encoder, not yet open.
        source: the video whose frames are encoded.
        encoding: how to encode.
    """
    context.width, context.height = encoding.width, encoding.height
    context.pix_fmt = encoding.pixel_format
    context.framerate, context.time_base = source.rate, source.time_base
    context.flags |= Flags.frame_duration | Flags.global_header
    context.color_primaries = ColorPrimaries.BT709
    context.color_trc = ColorTrc.BT709
    if encoding.pixel_format.startswith("yuv"):
        context.colorspace, context.color_range = Colorspace.ITU709, ColorRange.MPEG
    context.sample_aspect_ratio = source.pixel_aspect

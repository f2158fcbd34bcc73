"""Encode frames to packets of a video stream."""

from __future__ import annotations

import os

import av
import cv2
from av.codec.context import Flags
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc

from colorize.color.types import Pixels
from colorize.video.formats import VideoCodec
from colorize.video.reader import RGB_FORMATS, SWS_FLAGS, SWS_WHITE, VideoReader, rescale

# x264's code for AVX-512 (core 165) reads memory that it has not written, at widths that are not
# multiples of 128: the same frames gave different packets. That for AVX2 does not, and is as fast.
DETERMINISTIC_X264 = "asm=avx2,fma3,bmi2"
OPENCV_AVX512 = 256  # CV_CPU_AVX512_SKX, which has no name in Python


class VideoEncoder:
    """Encodes consecutive frames; the first is a keyframe, and no packet needs earlier ones."""

    def __init__(self, source: VideoReader, codec: VideoCodec, crf: int | None):
        """Prepare to encode frames of the size and times of the source; see `configure`."""
        self._context = av.VideoCodecContext.create(codec.encoder, "w")
        self._context.options = encoder_options(codec, crf)
        configure(self._context, source, codec)

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
            frame = frame.reformat(
                format=context.pix_fmt, dst_colorspace=Colorspace.ITU709,
                dst_color_range=ColorRange.MPEG, interpolation=SWS_FLAGS,
            )  # fmt: skip
        else:
            frame = frame.reformat(format=context.pix_fmt)
        frame.color_primaries, frame.color_trc = ColorPrimaries.BT709, ColorTrc.BT709
        frame.pts, frame.time_base, frame.duration = pts, context.time_base, duration
        packets: list[av.Packet] = context.encode(frame)
        return packets

    def finish(self) -> list[av.Packet]:
        """Return the packets that the encoder still holds."""
        packets: list[av.Packet] = self._context.encode(None)
        return packets


def encoder_options(codec: VideoCodec, crf: int | None) -> dict[str, str]:
    """Return FFmpeg's private options; `crf` is the rate factor, None for a lossless codec."""
    os.environ.setdefault("SVT_LOG", "1")  # of the AV1 encoder: only errors
    options = dict(codec.options) | ({} if crf is None else {"crf": str(crf)})
    if codec.encoder == "libx264" and cv2.checkHardwareSupport(OPENCV_AVX512):
        options["x264-params"] = DETERMINISTIC_X264
    return options


def pixel_format(source: VideoReader, codec: VideoCodec) -> str:
    """Return FFmpeg's name of the pixel format: with 10 bits if source, codec and build have them.

    4:2:0 needs an even width and height; others are written as 4:4:4.
    """
    name, deep = codec.pixel_format, codec.deep_pixel_format
    if source.bits > 8 and deep is not None:
        supported = av.codec.Codec(codec.encoder, "w").video_formats or []
        name = deep if deep in [format.name for format in supported] else name
    odd = source.width % 2 or source.height % 2
    return name.replace("yuv420p", "yuv444p") if odd else name


def bits_of(pixel_format: str) -> int:
    """Return the bits per channel of a pixel format."""
    return max(int(part.bits) for part in av.VideoFormat(pixel_format).components)


def bits_of_pixels(source: VideoReader, codec: VideoCodec) -> int:
    """Return the bits per channel of the pixels to encode: 16 if more than 8 are kept."""
    return 16 if bits_of(pixel_format(source, codec)) > 8 else 8


def configure(context: av.VideoCodecContext, source: VideoReader, codec: VideoCodec) -> None:
    """Set size, times, pixel format and color tags of an encoder.

    Args:
        context: of the encoder, not yet open.
        source: the video whose frames are encoded.
        codec: how to encode.
    """
    context.width, context.height = source.width, source.height
    context.pix_fmt = pixel_format(source, codec)
    context.framerate, context.time_base = source.rate, source.time_base
    context.flags |= Flags.frame_duration | Flags.global_header
    context.color_primaries = ColorPrimaries.BT709
    context.color_trc = ColorTrc.BT709
    if codec.pixel_format.startswith("yuv"):
        context.colorspace, context.color_range = Colorspace.ITU709, ColorRange.MPEG
    context.sample_aspect_ratio = source.pixel_aspect

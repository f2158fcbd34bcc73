"""Encode frames to packets of a video stream."""

from __future__ import annotations

import os

import av
import cv2
from av.codec.context import Flags
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc

from colorize.color.types import Pixels
from colorize.video.formats import VideoCodec
from colorize.video.reader import SWS_FLAGS, VideoReader

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
            pixels: RGB (height, width, 3).
            pts: time stamp, in the time base of the source.
            duration: in the same time base.
        """
        frame = av.VideoFrame.from_ndarray(pixels, "rgb24")
        context = self._context
        if context.pix_fmt.startswith("yuv"):
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
    """Return FFmpeg's name of the pixel format: yuv420p needs an even width and height."""
    odd = source.width % 2 or source.height % 2
    return "yuv444p" if codec.pixel_format == "yuv420p" and odd else codec.pixel_format


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

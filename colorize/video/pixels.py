"""Convert frames of a video to pixels, with correct rounding."""

from __future__ import annotations

from collections.abc import Iterator

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace, ColorTrc, Interpolation

from colorize.color.types import Pixels

HD_HEIGHT = 720  # rows from which players take an untagged video for BT.709 rather than BT.601
SWS_WHITE = 255 << 8  # what swscale takes for white in 16-bit RGB, from and to YUV
RGB_FORMATS = {8: "rgb24", 16: "rgb48le"}  # by bits per channel
NEUTRAL = 128  # of the chroma of gray in 8 bits
YUV_FORMATS = ("yuv420p", "yuv422p", "yuv444p", "yuvj420p", "yuvj422p", "yuvj444p")
HDR_TRANSFERS = (ColorTrc.SMPTE2084, ColorTrc.ARIB_STD_B67)
# swscale's defaults are up to a level too dark; these round to the nearest level.
SWS_FLAGS = (
    Interpolation.BICUBIC
    | Interpolation.ACCURATE_RND
    | Interpolation.FULL_CHR_H_INT
    | Interpolation.FULL_CHR_H_INP
)


def frame_pixels(frame: av.VideoFrame, width: int, height: int, bits: int = 8) -> Pixels:
    """Return a frame as gray (height, width) or RGB (height, width, 3) pixels in full range.

    bits: 8 for uint8, 16 for uint16.
    """
    if frame.format.name.startswith("gray"):
        return _gray_pixels(frame, width, height, bits)
    if bits == 8 and (frame.width, frame.height) == (width, height) and is_colorless(frame):
        return _luma_pixels(frame)
    untagged = frame.colorspace == 2  # AVCOL_SPC_UNSPECIFIED
    guess = Colorspace.ITU709 if frame.height >= HD_HEIGHT else Colorspace.ITU601
    matrix = guess if untagged and not frame.format.is_rgb else None
    rgb: Pixels = frame.reformat(
        width, height, RGB_FORMATS[bits], src_colorspace=matrix, dst_color_range=ColorRange.JPEG,
        interpolation=SWS_FLAGS,
    ).to_ndarray()  # fmt: skip
    return rgb if bits == 8 or frame.format.is_rgb else rescale(rgb, 0, SWS_WHITE, 65535)


def _gray_pixels(frame: av.VideoFrame, width: int, height: int, bits: int) -> Pixels:
    """Return the pixels of a gray frame: swscale takes it for full range whatever its tag says."""
    depth = frame.format.components[0].bits
    gray: Pixels = frame.reformat(width, height, interpolation=SWS_FLAGS).to_ndarray()
    black, white = 0, 2**depth - 1
    if frame.color_range == ColorRange.MPEG:
        black, white = 16 << (depth - 8), 235 << (depth - 8)
    return rescale(gray, black, white, 2**bits - 1)


def is_colorless(frame: av.VideoFrame) -> bool:
    """Return whether the planes of a frame say gray everywhere: its luma is the whole picture."""
    if frame.format.name not in YUV_FORMATS:
        return False
    return all(bool((_plane(chroma) == NEUTRAL).all()) for chroma in frame.planes[1:])


def _luma_pixels(frame: av.VideoFrame) -> Pixels:
    """Return the pixels of a colorless frame, (height, width): what swscale gives, but sooner."""
    luma = _plane(frame.planes[0])
    if frame.color_range == ColorRange.JPEG or frame.format.name.startswith("yuvj"):
        return np.ascontiguousarray(luma)
    levels: Pixels = rescale(np.arange(256, dtype=np.uint8), 16, 235, 255)[luma]
    return levels


def _plane(plane: av.video.plane.VideoPlane) -> Pixels:
    rows: Pixels = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
    return rows[: plane.height, : plane.width]


def rescale(pixels: Pixels, black: int, white: int, top: int) -> Pixels:
    """Return levels from `black` to `white` as levels from 0 to `top`, uint8 or uint16."""
    if (black, white) == (0, top):
        return pixels
    scaled = (pixels.astype(np.float32) - black) * (top / (white - black))
    levels: Pixels = np.rint(scaled.clip(0, top)).astype(np.uint8 if top < 256 else np.uint16)
    return levels


def pixel_notes(frame: av.VideoFrame, stream: av.VideoStream) -> Iterator[str]:
    """Yield one line for each property of the pixels that the result does not keep.

    Args:
        frame: The first of the video.
        stream: Of the frame; in Matroska, its metadata tell of the transparency of VP8 and VP9.
    """
    if frame.color_trc in HDR_TRANSFERS:
        yield "the video is HDR; its levels were kept and written as SDR"
    tags = {key.lower(): value for key, value in stream.metadata.items()}
    in_metadata = tags.get("alpha_mode", "0") != "0"
    if in_metadata or any(part.is_alpha for part in frame.format.components):
        yield "the transparency of the video was left out"

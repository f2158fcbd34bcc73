"""A sheet of frames across a video, before and after, from which its colors can be judged soon."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from fractions import Fraction

import av
import numpy as np
from PIL import Image

from colorize.errors import ColorizeError, display_name, error_context
from colorize.io.photo import Photo
from colorize.io.source import open_source
from colorize.io.writers import write
from colorize.pipeline import Colorizer
from colorize.video.endings import is_cut_short
from colorize.video.formats import VideoResult
from colorize.video.pixels import frame_pixels
from colorize.video.reader import VideoReader, open_video, read_first_frame
from colorize.video.temporal import refuse_autocontrast
from colorize.video.timeline import WHOLE, Excerpt
from colorize.viewing.compare import compare

COLUMNS = 2
TILE_WIDTH = 960  # pixels, of a frame before and after
GAP = 8  # pixels between the tiles


def write_preview(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    colorizer: Colorizer,
    count: int,
    excerpt: Excerpt = WHOLE,
    *,
    format: str | None = None,
    quality: int | None = None,
    progress: Callable[[int, int | None], None] = lambda done, total: None,
) -> VideoResult:
    """Write a sheet of frames at equal distances across a video; each is colorized on its own.

    Args:
        source: the video.
        target: the picture to write.
        colorizer: network and settings.
        count: number of frames.
        excerpt: the part of the video that they are taken from.
        format: of the picture, such as "png"; None for that of the target's suffix.
        quality: of the picture, see `io.writers.write`.
        progress: called after each frame with the number done and the total.

    Raises:
        ColorizeError: the source is not a video, or does not tell its length.
    """
    name = display_name(source)
    with error_context(name):
        refuse_autocontrast(colorizer)
    colorizer = colorizer.with_options(borders="color")  # as in the video
    tiles = []
    with open_source(source) as file:
        first = read_first_frame(file, name)
        notes = ("the video is incomplete: its end is missing",) if is_cut_short(file) else ()
        with open_video(file, name) as container, error_context(name):
            reader = VideoReader(container, name, first)
            for frame in _frames_across(reader, count, excerpt):
                pixels = frame_pixels(frame, reader.width, reader.height)
                upright = Photo(np.ascontiguousarray(np.rot90(pixels, reader.quarter_turns)))
                both = compare(upright, colorizer(upright)).to_pil()
                aspect = reader.pixel_aspect or Fraction(1)
                if reader.quarter_turns % 2:
                    aspect = 1 / aspect
                height = max(1, round(TILE_WIDTH * both.height / (both.width * aspect)))
                tiles.append(both.resize((TILE_WIDTH, height), Image.Resampling.LANCZOS))
                progress(len(tiles), count)
            if not tiles:
                raise ColorizeError("no frame of that part can be decoded")
    sheet = Photo(_sheet(tiles))
    write(sheet, target, format=format, quality=quality)
    return VideoResult((sheet.width, sheet.height), len(tiles), notes)


def _frames_across(reader: VideoReader, count: int, excerpt: Excerpt) -> Iterator[av.VideoFrame]:
    """Yield frames in the middle of `count` equal parts of the excerpt."""
    duration = reader.container.duration
    whole = None if duration is None else Fraction(duration, av.time_base) - excerpt.start
    lengths = [length for length in (whole, excerpt.duration) if length is not None]
    if not lengths:
        raise ColorizeError("does not tell its length: choose a part with --start and --duration")
    length = min(lengths)
    if length <= 0:
        raise ColorizeError(f"--start {float(excerpt.start):g} is after the end of the video")
    for number in range(count):
        seconds = excerpt.start + length * (2 * number + 1) / (2 * count)
        frame = _frame_at(reader, reader.timeline.origin + seconds)
        if frame is not None:
            yield frame


def _frame_at(reader: VideoReader, seconds: Fraction) -> av.VideoFrame | None:
    """Return the first frame at a time stamp of the file or after it, or else the last before."""
    found = None
    try:
        reader.container.seek(int(seconds * av.time_base))
        for frame in reader.container.decode(reader.stream):
            found = frame
            if frame.pts is not None and frame.pts * reader.time_base >= seconds:
                break
    except av.FFmpegError:  # damaged from there on
        pass
    return found


def _sheet(tiles: list[Image.Image]) -> np.ndarray:
    """Return the tiles in rows of COLUMNS, uint8 (height, width, 3), on white."""
    columns, height = min(COLUMNS, len(tiles)), tiles[0].height
    rows = -(-len(tiles) // columns)
    size = columns * (TILE_WIDTH + GAP) - GAP, rows * (height + GAP) - GAP
    sheet = Image.new("RGB", size, "white")
    for number, tile in enumerate(tiles):
        row, column = divmod(number, columns)
        sheet.paste(tile, (column * (TILE_WIDTH + GAP), row * (height + GAP)))
    return np.asarray(sheet)

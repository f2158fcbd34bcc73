"""Colorize a video file frame by frame and keep everything but the colors.

Memory does not grow with the length of the video: one frame is colorized at a time, and encoder
and muxer hold about a second of packets. docs/video.md lists what each container keeps.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import av
import numpy as np

from colorize.color.types import Pixels
from colorize.errors import display_name, error_context
from colorize.io.atomic import atomic_write
from colorize.io.photo import Photo
from colorize.io.source import open_source
from colorize.options import VideoOptions
from colorize.pipeline import Colorizer
from colorize.video.formats import VideoResult, muxer_of, resolve_codec
from colorize.video.reader import (
    VideoReader,
    av_error_context,
    frame_pixels,
    open_video,
    read_first_frame,
)
from colorize.video.streams import StreamCopier
from colorize.video.temporal import VideoColorizer
from colorize.video.writer import VideoWriter

PathLike = str | os.PathLike[str]


def colorize_video(
    source: PathLike,
    target: PathLike,
    colorizer: Colorizer,
    options: VideoOptions | None = None,
    *,
    progress: Callable[[int, int | None], None] = lambda done, total: None,
) -> VideoResult:
    """Write a video in color; return its size, its number of frames, and what was not kept.

    The target appears when all is done; after any exception it is unchanged.

    Args:
        source: the video to read.
        target: the video to write; its suffix is that of the container.
        colorizer: network and settings.
        options: how to encode.
        progress: called after each frame with the number done and the total, None if unknown; an
            exception from it cancels the work.

    Raises:
        ColorizeError: the source is not a video, the container can't hold its sound or the codec,
            or the settings would make the video pulsate.
    """
    options = options or VideoOptions()
    name, target_name = display_name(source), display_name(target)
    with error_context(name):
        video_colorizer = VideoColorizer(colorizer)
    with error_context(target_name):
        muxer = muxer_of(target)
        codec, crf = resolve_codec(muxer, options.codec, options.crf)
    with open_source(source) as file:
        first = read_first_frame(file, name)
        with (
            open_video(file, name) as container,
            atomic_write(target) as written,
            av_error_context(target_name, written),
            av.open(written, "w", format=muxer) as output,
        ):
            reader = VideoReader(container, name, first)
            writer = VideoWriter(output, reader, codec, crf)
            copier = StreamCopier(output, reader, options.audio)
            for number, (frame, pts) in enumerate(reader.frames(copier.copy), 1):
                pixels = frame_pixels(frame, reader.width, reader.height)
                colorized = _colorize(pixels, reader.quarter_turns, video_colorizer)
                writer.write(colorized, pts, frame.duration)
                progress(number, reader.total)
            writer.finish()
            copier.finish()
            notes = (*writer.notes, *copier.notes, *reader.notes)
    return VideoResult((reader.width, reader.height), reader.count, notes)


def _colorize(pixels: Pixels, quarter_turns: int, video_colorizer: VideoColorizer) -> Pixels:
    """Return the frame in color, as it is stored; the network sees it upright."""
    upright = Photo(np.ascontiguousarray(np.rot90(pixels, quarter_turns)))
    ab = np.rot90(video_colorizer.predict(upright), -quarter_turns, axes=(1, 2))
    merged = video_colorizer.colorizer.merge(Photo(pixels), np.ascontiguousarray(ab))
    colorized: Pixels = merged.pixels
    return colorized

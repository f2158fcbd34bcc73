"""Colorize a video file frame by frame and keep everything but the colors.

Frames are encoded in pieces of some seconds, which are kept on disk and joined at the end with the
other streams: an interrupted run goes on after its last whole piece. Memory does not grow with the
length of the video. docs/video.md lists what each container keeps.
"""

from __future__ import annotations

import heapq
import os
import secrets
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, closing
from fractions import Fraction
from itertools import chain, islice
from operator import itemgetter
from pathlib import Path

import av
import numpy as np

from colorize._version import __version__
from colorize.errors import ColorizeError, display_name, error_context
from colorize.io.atomic import atomic_write
from colorize.io.source import open_source
from colorize.options import VideoOptions
from colorize.pipeline import Colorizer
from colorize.runtime.threads import available_cpus
from colorize.video.encoder import Encoding, VideoEncoder, plan_encoding
from colorize.video.endings import is_cut_short
from colorize.video.formats import VideoResult, muxer_of, resolve_codec
from colorize.video.parallel import colorize_frames, compare_frames
from colorize.video.pieces import PIECE_FRAMES, PieceFolder
from colorize.video.pixels import frame_pixels
from colorize.video.reader import (
    UNREADABLE,
    VideoReader,
    av_error_context,
    open_video,
    other_packets,
    read_first_frame,
)
from colorize.video.streams import StreamCopier
from colorize.video.temporal import refuse_autocontrast
from colorize.video.timeline import Excerpt
from colorize.video.unfinished import unfinished_folder
from colorize.video.writer import VideoWriter

PathLike = str | os.PathLike[str]


def colorize_video(
    source: PathLike,
    target: PathLike,
    colorizer: Colorizer,
    options: VideoOptions | None = None,
    *,
    settings: Mapping[str, object] | None = None,
    comment: str | None = None,
    compare: str | None = None,
    progress: Callable[[int, int | None], None] = lambda done, total: None,
) -> VideoResult:
    """Write a video in color; return its size, its number of frames, and what was not kept.

    The target appears when all is done; after any exception it is unchanged. The same call then
    goes on after the last finished piece, if `settings` are given.

    Args:
        source: the video to read.
        target: the video to write; its suffix is that of the container.
        colorizer: network and settings.
        options: how to encode.
        settings: all that the output depends on besides the source, as JSON values, such as the
            hash of the weights; None starts from the beginning after an interruption.
        comment: a tag of the file, behind the source's own comment.
        compare: layout that shows before and after in each frame, see `viewing.compare`.
        progress: called after each frame with the number done and the total, None if unknown; an
            exception from it cancels the work.

    Raises:
        ColorizeError: the source is not a video, the container can't hold its sound or the codec,
            or the settings would make the video pulsate.
    """
    options = options or VideoOptions()
    name, target_name = display_name(source), display_name(target)
    with error_context(name):
        refuse_autocontrast(colorizer)
    with error_context(target_name):
        muxer = muxer_of(target)
        codec, crf = resolve_codec(muxer, options.codec, options.crf)
    with open_source(source) as file:
        first = read_first_frame(file, name)
        cut_short = is_cut_short(file)
        with (
            open_video(file, name) as container,
            _unfinished_folder(source, target, settings) as folder,
            atomic_write(target) as written,
            av_error_context(target_name, written),
            av.open(written, "w", format=muxer) as output,
        ):
            excerpt = excerpt_of(options)
            reader = VideoReader(
                container, name, first, excerpt,
                progressive=options.deinterlace, cut_short=cut_short,
            )  # fmt: skip
            size = _compared_size(reader, compare)
            encoding = plan_encoding(reader, codec, crf, size)
            writer = VideoWriter(output, reader, encoding, comment)
            copier = StreamCopier(output, reader, options.audio)
            pieces = PieceFolder(folder)
            resumed_at = pieces.frames
            _encode(reader, colorizer, pieces, encoding, compare, progress)
            if not reader.count and options.start:
                raise ColorizeError(f"--start {options.start:g} is after the end of the video")
            if not reader.count:
                raise ColorizeError(f"{UNREADABLE} (no frame can be decoded)")
            with open_video(file, name) as again:
                video = pieces.packets(reader.time_base)
                others = other_packets(again, reader.stream.index, reader.excerpt)
                for _, packet in heapq.merge(video, others, key=itemgetter(0)):
                    if packet.stream is None:
                        writer.write(packet)
                    else:
                        copier.copy(packet)
            copier.finish()
            notes = (*writer.notes, *copier.notes, *reader.notes)
    if resumed_at:
        notes = (f"resumed after frame {resumed_at}", *notes)
    return VideoResult(size, reader.count, notes)


def excerpt_of(options: VideoOptions) -> Excerpt:
    """Return the part of a video that the options choose."""
    duration = None if options.duration is None else Fraction(str(options.duration))
    return Excerpt(Fraction(str(options.start or 0)), duration)


def _unfinished_folder(
    source: PathLike, target: PathLike, settings: Mapping[str, object] | None
) -> AbstractContextManager[Path]:
    """Return the folder for the pieces of a video; a new one if the settings are unknown."""
    if settings is None:
        return unfinished_folder(target, {"run": secrets.token_hex()}, keep=False)
    status = os.stat(source)
    versions = {"version": __version__, "libraries": av.library_versions, "frames": PIECE_FRAMES}
    identity = {"size": status.st_size, "mtime_ns": status.st_mtime_ns}
    return unfinished_folder(target, {**settings, **versions, **identity})


def _encode(
    reader: VideoReader,
    colorizer: Colorizer,
    pieces: PieceFolder,
    encoding: Encoding,
    layout: str | None,
    progress: Callable[[int, int | None], None],
) -> None:
    """Colorize and encode the frames that the pieces do not have yet, in new pieces.

    Args:
        reader: of the video; frames of finished pieces are decoded, but not colorized.
        colorizer: network and settings.
        pieces: those of interrupted runs; gets the others.
        encoding: how to encode.
        layout: of before and after in one frame; None for the colors only.
        progress: called after each frame with the number done and the total.
    """
    frames = reader.frames()
    for number, _ in enumerate(islice(frames, pieces.frames), 1):
        progress(number, reader.total)
    number = pieces.frames
    colorized = colorize_frames(
        frames,
        lambda timed: frame_pixels(timed[0], reader.width, reader.height, encoding.pixel_bits),
        colorizer,
        pieces.state,
        layout=layout,
        quarter_turns=reader.quarter_turns,
        workers=max(1, available_cpus() // colorizer.threads),
    )
    with closing(colorized):
        for start in colorized:
            encoder = VideoEncoder(reader, encoding)
            with pieces.new_piece() as piece:
                for each in chain([start], islice(colorized, PIECE_FRAMES - 1)):
                    frame, pts = each.frame
                    piece.write(encoder.encode(each.pixels, pts, frame.duration))
                    piece.state = each.state
                    number += 1
                    progress(number, reader.total)
                piece.write(encoder.finish())


def _compared_size(reader: VideoReader, layout: str | None) -> tuple[int, int]:
    """Return (width, height) of the frames as they are stored, with before and after in each."""
    blank = np.zeros((reader.height, reader.width), np.uint8)
    shown = blank if layout is None else compare_frames(blank, blank, layout, reader.quarter_turns)
    return shown.shape[1], shown.shape[0]

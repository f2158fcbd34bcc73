"""Colorize the frames of a video several at a time; only the blending of colors is sequential.

What is computed for each frame by itself, in a pool of threads: its pixels, the network's colors,
the motion from the frame before, and the merge. The results do not depend on the number of threads.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

import cv2
import numpy as np

from colorize.color.types import Floats, Pixels
from colorize.io.photo import Photo
from colorize.pipeline import Colorizer
from colorize.video.temporal import (
    FilterState,
    Motion,
    TemporalFilter,
    estimate_motion,
    grid_lightness,
    predict_ab,
)
from colorize.viewing.compare import compare

FRAMES_PER_WORKER = 2  # one in work and one waiting, so that no thread is idle

F = TypeVar("F")


@dataclass(frozen=True)
class ColorizedFrame(Generic[F]):
    """A frame in color.

    Attributes:
        frame: what was colorized.
        pixels: RGB (height, width, 3), as stored.
        state: of the temporal filter after this frame.
    """

    frame: F
    pixels: Pixels
    state: FilterState


@dataclass(frozen=True)
class _Analysis:
    pixels: Pixels
    lightness: Floats  # (GRID, GRID), upright as all that follows
    ab: Floats
    motion: Motion | None


def colorize_frames(
    frames: Iterable[F],
    read_pixels: Callable[[F], Pixels],
    colorizer: Colorizer,
    state: FilterState | None = None,
    *,
    layout: str | None = None,
    quarter_turns: int,
    workers: int,
) -> Generator[ColorizedFrame[F], None, None]:
    """Yield the frames of a video in color, in order.

    Args:
        frames: all of one video, or those after `state`.
        read_pixels: returns the pixels of a frame, gray or RGB, uint8.
        colorizer: network and settings; its `threads` are used by each worker.
        state: of the temporal filter after the frame before; None at the start.
        layout: shows before and after in one frame, see `viewing.compare`; None for the colors.
        quarter_turns: counterclockwise, from stored to upright; the network sees frames upright.
        workers: number of threads.
    """
    temporal = TemporalFilter()
    temporal.state = state
    previous = None if state is None else _resolved(state.lightness)
    analyses: deque[tuple[F, Future[_Analysis]]] = deque()
    merged: deque[tuple[F, FilterState, Future[Pixels]]] = deque()

    def analyze(frame: F, before: Future[Floats] | None, own: Future[Floats]) -> _Analysis:
        try:
            pixels = read_pixels(frame)
            upright = Photo(np.ascontiguousarray(np.rot90(pixels, quarter_turns)))
            network_input = colorizer.network_input(upright)
            lightness = grid_lightness(network_input[0, 0])
            own.set_result(lightness)
        except BaseException as error:
            own.set_exception(error)
            raise
        ab = predict_ab(colorizer, network_input)
        # that frame's turn came earlier, so that it is not waiting for this thread
        motion = None if before is None else estimate_motion(lightness, before.result())
        return _Analysis(pixels, lightness, ab, motion)

    def merge(pixels: Pixels, ab: Floats) -> Pixels:
        stored = np.ascontiguousarray(np.rot90(ab, -quarter_turns, axes=(1, 2)))
        result: Pixels = colorizer.merge(Photo(pixels), stored).pixels
        return result if layout is None else compare_frames(pixels, result, layout, quarter_turns)

    def blend_oldest() -> None:
        frame, future = analyses.popleft()
        analysis = future.result()
        ab = temporal.update(analysis.lightness, analysis.ab, analysis.motion)
        assert temporal.state is not None
        merged.append((frame, temporal.state, pool.submit(merge, analysis.pixels, ab)))

    def take_oldest() -> ColorizedFrame[F]:
        frame, state, future = merged.popleft()
        return ColorizedFrame(frame, future.result(), state)

    with _one_opencv_thread(), ThreadPoolExecutor(workers) as pool:
        try:
            for frame in frames:
                own: Future[Floats] = Future()
                analyses.append((frame, pool.submit(analyze, frame, previous, own)))
                previous = own
                if len(analyses) == workers * FRAMES_PER_WORKER:
                    blend_oldest()
                if len(merged) == workers * FRAMES_PER_WORKER:
                    yield take_oldest()
            while analyses:
                blend_oldest()
            while merged:
                yield take_oldest()
        finally:
            pool.shutdown(cancel_futures=True)


def compare_frames(before: Pixels, after: Pixels, layout: str, quarter_turns: int) -> Pixels:
    """Return both in one frame, as it is stored, so that they are side by side when shown.

    Args:
        before: gray (height, width) or RGB (height, width, 3).
        after: RGB (height, width, 3), or gray.
        layout: see `viewing.compare`.
        quarter_turns: counterclockwise, from stored to upright.
    """
    first, second = (Photo(np.rot90(pixels, quarter_turns)) for pixels in (before, after))
    shown = compare(first, second, layout).pixels
    return np.ascontiguousarray(np.rot90(shown, -quarter_turns))


def _resolved(value: Floats) -> Future[Floats]:
    future: Future[Floats] = Future()
    future.set_result(value)
    return future


@contextmanager
def _one_opencv_thread() -> Iterator[None]:
    """Let OpenCV use one thread: the workers use the others, and optical flow depends on it."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)

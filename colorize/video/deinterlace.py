"""Make progressive frames of interlaced ones."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator

import av
from av.filter import Graph


def deinterlace(frames: Iterable[av.VideoFrame]) -> Iterator[av.VideoFrame]:
    """Yield a progressive frame for each interlaced one, with its time stamp.

    FFmpeg's filter bwdif keeps the lines of a frame's first field and interpolates the others in
    time and space.
    """
    graph: Graph | None = None
    shape: tuple[int, int, str] | None = None
    held: deque[av.VideoFrame] = deque()  # frames in the filter
    for frame in frames:
        if graph is None or shape != (frame.width, frame.height, frame.format.name):
            if graph is not None:
                graph.vpush(None)
                yield from _pull(graph, held)
            graph, shape = _bwdif(frame), (frame.width, frame.height, frame.format.name)
        held.append(frame)
        graph.vpush(frame)
        yield from _pull(graph, held)
    if graph is not None:
        graph.vpush(None)
        yield from _pull(graph, held)


def _bwdif(frame: av.VideoFrame) -> Graph:
    """Return a filter for frames like one."""
    graph = Graph()
    nodes = (
        graph.add_buffer(
            width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base
        ),
        graph.add("bwdif", "mode=send_frame:parity=auto:deint=all"),
        graph.add("buffersink"),
    )
    graph.link_nodes(*nodes).configure()
    return graph


def _pull(graph: Graph, held: deque[av.VideoFrame]) -> Iterator[av.VideoFrame]:
    """Yield what the filter has completed, with the times of the oldest frames that it holds."""
    while held:
        try:
            frame = graph.vpull()
        except (av.BlockingIOError, av.EOFError):
            return
        source = held.popleft()
        frame.pts, frame.duration, frame.time_base = source.pts, source.duration, source.time_base
        yield frame

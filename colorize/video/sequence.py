"""Order the frames of image sequences, `frame_000001.png` and so on: each folder is a video."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from itertools import groupby
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")


def group_frames(frames: Iterable[T], path_of: Callable[[T], Path]) -> list[list[T]]:
    """Return the frames by folder, each folder's in the order of the numbers in their names.

    path_of: returns the file of a frame.
    """
    ordered = sorted(frames, key=lambda frame: _frame_order(path_of(frame)))
    return [list(group) for _, group in groupby(ordered, key=lambda frame: path_of(frame).parent)]


def _frame_order(path: Path) -> tuple[Path, list[tuple[int, str]]]:
    """Return a sort key by folder and natural order of names: frame_9 before frame_10."""
    parts = re.findall(r"\d+|\D+", path.name)
    return path.parent, [(int(part), part) if part.isdecimal() else (-1, part) for part in parts]

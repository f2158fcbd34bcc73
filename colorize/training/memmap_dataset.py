"""Photographs for training in a folder that is mapped into memory.

For sets larger than memory, and for processes that share one copy of it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from colorize.errors import ColorizeError
from colorize.training import data

INDEX = "index.json"  # written last, so that half a folder is none


def pack(
    folder: Path, sources: list[Path], short_side: int, stride: int, workers: int, quiet: bool
) -> None:
    """Decode the photographs into the folder, unless they are there already.

    Raises ColorizeError if a source does not exist, nothing could be decoded, or the folder
    holds other photographs.
    """
    wanted = {"sources": [str(p) for p in sources], "short_side": short_side, "stride": stride}
    if (folder / INDEX).exists():
        found = _index(folder)
        if {key: found[key] for key in wanted} != wanted:
            raise ColorizeError(f"{folder}: holds other photographs; delete it, or give another")
        return
    folder.mkdir(parents=True, exist_ok=True)
    names, shapes = [], []
    with (folder / "lightness").open("wb") as gray, (folder / "ab").open("wb") as color:
        for name, lightness, ab in data.decoded(sources, short_side, stride, workers, quiet):
            gray.write(lightness.tobytes())
            color.write(ab.tobytes())
            names.append(name)
            shapes.append(lightness.shape)
    if not names:
        raise ColorizeError(f"no photographs in {', '.join(map(str, sources))}")
    part = folder / f"{INDEX}.part"
    part.write_text(json.dumps({**wanted, "names": names, "shapes": shapes}))
    os.replace(part, folder / INDEX)


def open_packed(folder: Path) -> data.Photographs:
    """Return the folder's photographs; each is read from the disk when it is used.

    Raises ColorizeError if there are none.
    """
    if not (folder / INDEX).exists():
        raise ColorizeError(f"{folder}: no packed photographs")
    index = _index(folder)
    stride: int = index["stride"]
    shapes = [(h, w) for h, w in index["shapes"]]
    cells = [(2, h // stride, w // stride) for h, w in shapes]
    return data.Photographs(
        index["names"],
        list(_pieces(np.memmap(folder / "lightness", np.uint8, "r"), shapes)),
        list(_pieces(np.memmap(folder / "ab", np.int8, "r"), cells)),
        stride,
    )


def _index(folder: Path) -> dict[str, Any]:
    """Return what the folder's index says."""
    found: dict[str, Any] = json.loads((folder / INDEX).read_text())
    return found


def _pieces(flat: Any, shapes: list[Any]) -> Iterator[Any]:
    """Yield arrays of the shapes, one after another, as views of a flat one."""
    plain, start = np.asarray(flat), 0
    for shape in shapes:
        size = int(np.prod(shape))
        yield plain[start : start + size].reshape(shape)
        start += size

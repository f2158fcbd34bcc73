"""Photographs for training in a folder that is mapped into memory.

For datasets larger than memory (the system drops mapped pages when it needs the memory), for
runs that share the decoding, and for processes that share one copy.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict

import torch

from colorize.errors import ColorizeError
from colorize.io.atomic import atomic_write
from colorize.training.data.dataset import PhotoDataset, iter_decoded

INDEX = "index.json"  # written last: a folder without it is incomplete
PIXELS = "pixels"


class _Index(TypedDict):
    sources: list[str]
    short_side: int
    names: list[str]
    sizes: list[tuple[int, int]]


def write_memmap(
    folder: Path, sources: Sequence[Path], short_side: int, workers: int, quiet: bool
) -> None:
    """Decode the photographs into the folder, unless it already holds them.

    Args:
        folder: Created if missing.
        sources: Folders and tar files.
        short_side: Pixels, see `dataset.decode_photo`.
        workers: Number of processes that decode.
        quiet: Whether to hide the progress bar.

    Raises:
        ColorizeError: A source does not exist, nothing could be decoded, or the folder holds
            other photographs.
    """
    names = [str(path) for path in sources]
    if (folder / INDEX).exists():
        index = _read_index(folder)
        if (index["sources"], index["short_side"]) != (names, short_side):
            raise ColorizeError(
                f"{folder}: holds other photographs or another size; "
                "delete it or choose another folder"
            )
        return
    folder.mkdir(parents=True, exist_ok=True)
    index = _Index(sources=names, short_side=short_side, names=[], sizes=[])
    with (folder / PIXELS).open("wb") as stream:
        for name, pixels in iter_decoded(sources, short_side, workers, quiet):
            stream.write(pixels.tobytes())
            index["names"].append(name)
            index["sizes"].append((pixels.shape[0], pixels.shape[1]))
    if not index["names"]:
        raise ColorizeError(f"no photographs in {', '.join(names)}")
    with atomic_write(folder / INDEX) as file:
        file.write(json.dumps(index).encode())


def open_memmap(folder: Path) -> PhotoDataset:
    """Return the folder's photographs; pixels are read from the disk when they are used.

    Raises:
        ColorizeError: The folder holds no photographs, or less than its index says.
    """
    if not (folder / INDEX).exists():
        raise ColorizeError(f"{folder}: contains no decoded photographs")
    index = _read_index(folder)
    size = 3 * sum(h * w for h, w in index["sizes"])
    if (folder / PIXELS).stat().st_size != size:
        raise ColorizeError(f"{folder}: damaged; delete it to decode the photographs again")
    pixels = torch.from_file(str(folder / PIXELS), shared=False, size=size, dtype=torch.uint8)
    return PhotoDataset.from_sizes(index["names"], pixels.view(-1, 3), index["sizes"])


def _read_index(folder: Path) -> _Index:
    index: _Index = json.loads((folder / INDEX).read_bytes())
    if "sizes" not in index:
        raise ColorizeError(
            f"{folder}: written by an older version; delete it to decode the photographs again"
        )
    return index

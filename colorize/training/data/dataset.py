"""Photographs for training: decoded once, stored as Lab in one flat array of bytes.

Three bytes a pixel: 40,000 photographs of 160×213 pixels take 4 GB.
"""

from __future__ import annotations

import dataclasses
import functools
import io
import zlib
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from skimage.color import rgb2lab
from tqdm import tqdm

from colorize.errors import ColorizeError
from colorize.io.datasets import iter_files

SIDE_MULTIPLE = 4  # of the decoded photographs' sides, so that targets cover whole pixels
MAX_ASPECT = 1.5  # longer photographs are cropped in the middle
VALIDATION_EVERY = 50  # one photograph in this many is held out
CHUNK_SIZE = 64  # photographs that a decoding process takes at once
CHUNKS_PER_WORKER = 3  # in flight, which bounds the memory that waits for decoding

LabBytes = npt.NDArray[np.uint8]  # (h, w, 3): L · 2.55, a + 128, b + 128


@dataclass(frozen=True)
class PhotoDataset:
    """Photographs as one flat array; subsets share it."""

    names: list[str]
    pixels: torch.Tensor  # (total, 3) uint8: L · 2.55, a + 128, b + 128; row by row
    offsets: torch.Tensor  # (n,) int64: each photograph's first pixel
    sizes: torch.Tensor  # (n, 2) int64: heights and widths

    @classmethod
    def from_sizes(
        cls, names: list[str], pixels: torch.Tensor, sizes: Sequence[tuple[int, int]]
    ) -> PhotoDataset:
        """Return photographs that lie one after another in `pixels`."""
        shapes = torch.tensor(sizes, dtype=torch.int64).reshape(-1, 2)
        counts = shapes.prod(dim=1)
        return cls(names, pixels, counts.cumsum(0) - counts, shapes)

    def __len__(self) -> int:
        return len(self.names)

    @property
    def device(self) -> torch.device:
        """Where the photographs are stored."""
        return self.pixels.device

    @functools.cached_property
    def max_size(self) -> tuple[int, int]:
        """The largest height and the largest width."""
        h, w = self.sizes.amax(dim=0).tolist()
        return h, w

    def to(self, device: torch.device) -> PhotoDataset:
        """Return the dataset on a device."""
        tensors = (x.to(device) for x in (self.pixels, self.offsets, self.sizes))
        return PhotoDataset(self.names, *tensors)

    def photo(self, index: int) -> torch.Tensor:
        """Return one photograph, (h, w, 3) uint8."""
        h, w = self.sizes[index].tolist()
        start = int(self.offsets[index])
        return self.pixels[start : start + h * w].view(h, w, 3)

    def padded(self, indices: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return photographs as one batch, padded by repeating their edges.

        All batches of a dataset have the same size, so that interpolation rounds alike in them.

        Args:
            indices: Which photographs, (b,) int64, on any device.

        Returns:
            The photographs, (b, 3, h, w) uint8, and their sizes, (b, 2) int64.
        """
        indices = indices.to(self.device)
        sizes = self.sizes[indices]
        heights, widths = sizes[:, :1], sizes[:, 1:]
        h, w = self.max_size
        rows = torch.arange(h, device=self.device).minimum(heights - 1)  # (b, h)
        columns = torch.arange(w, device=self.device).minimum(widths - 1)  # (b, w)
        starts = self.offsets[indices, None] + rows * widths
        return self.pixels[starts[:, :, None] + columns[:, None]].movedim(-1, 1), sizes

    def subset(self, indices: Sequence[int]) -> PhotoDataset:
        """Return the photographs at the given indices; the pixels are shared."""
        index = torch.tensor(indices, dtype=torch.int64, device=self.device)
        return dataclasses.replace(
            self,
            names=[self.names[i] for i in indices],
            offsets=self.offsets[index],
            sizes=self.sizes[index],
        )

    def spaced(self, count: int) -> PhotoDataset:
        """Return at most `count` photographs, evenly spaced over the dataset."""
        step = max(len(self) / max(count, 1), 1)
        return self.subset([int(i * step) for i in range(min(count, len(self)))])

    def split(self) -> tuple[PhotoDataset, PhotoDataset]:
        """Return the training and the validation part, see `is_held_out`."""
        held_out = [is_held_out(name) for name in self.names]
        return (
            self.subset([i for i, out in enumerate(held_out) if not out]),
            self.subset([i for i, out in enumerate(held_out) if out]),
        )


def is_held_out(name: str) -> bool:
    """Return whether a photograph is for validation, by a checksum of its name."""
    return zlib.crc32(name.encode()) % VALIDATION_EVERY == 0


def decode_photo(item: tuple[str, bytes], short_side: int) -> tuple[str, LabBytes] | None:
    """Return the name and the pixels, (h, w, 3), or None if the bytes are not an image.

    The photograph is resized to `short_side`, cropped in the middle to an aspect ratio of at most
    3:2, and its sides are cut to multiples of 4.
    """
    name, data = item
    try:
        with Image.open(io.BytesIO(data)) as image:
            image.draft("RGB", (2 * short_side, 2 * short_side))
            rgb = image.convert("RGB")
    except (OSError, SyntaxError, ValueError):
        return None
    scale = short_side / min(rgb.size)
    size = (max(short_side, round(rgb.width * scale)), max(short_side, round(rgb.height * scale)))
    if size != rgb.size:
        rgb = rgb.resize(size, Image.Resampling.BICUBIC, reducing_gap=3.0)
    limit = int(short_side * MAX_ASPECT)
    w, h = (min(side, limit) // SIDE_MULTIPLE * SIDE_MULTIPLE for side in size)
    left, top = (size[0] - w) // 2, (size[1] - h) // 2
    lab = rgb2lab(np.asarray(rgb.crop((left, top, left + w, top + h)), np.float32) / 255)
    scaled = np.rint(lab * (2.55, 1, 1) + (0, 128, 128)).clip(0, 255)
    return name, scaled.astype(np.uint8)


def _decode_chunk(
    items: list[tuple[str, bytes]], short_side: int
) -> list[tuple[str, LabBytes] | None]:
    return [decode_photo(item, short_side) for item in items]


def iter_decoded(
    sources: Iterable[Path], short_side: int, workers: int = 2, quiet: bool = False
) -> Iterator[tuple[str, LabBytes]]:
    """Yield the name and pixels of every image in folders and tar files; skip other files.

    Args:
        sources: Folders and tar files.
        short_side: Pixels, see `decode_photo`.
        workers: Number of processes that decode.
        quiet: Whether to hide the progress bar.

    Raises:
        ColorizeError: A source does not exist.
    """
    files = iter_files(sources)
    chunks = iter(lambda: list(islice(files, CHUNK_SIZE)), [])
    decode = functools.partial(_decode_chunk, short_side=short_side)
    pending: deque[Future[list[tuple[str, LabBytes] | None]]] = deque()
    with (
        ProcessPoolExecutor(workers) as pool,
        tqdm(desc="decoding", unit=" photographs", disable=quiet or None) as bar,
    ):
        # Not pool.map, which reads all files before the first one is decoded.
        for chunk in chunks:
            pending.append(pool.submit(decode, chunk))
            if len(pending) >= CHUNKS_PER_WORKER * workers:
                yield from _finished(pending.popleft(), bar)
        while pending:
            yield from _finished(pending.popleft(), bar)


def _finished(
    future: Future[list[tuple[str, LabBytes] | None]], bar: tqdm[None]
) -> Iterator[tuple[str, LabBytes]]:
    results = future.result()
    bar.update(len(results))
    yield from (result for result in results if result is not None)


def load_dataset(
    sources: Sequence[Path], short_side: int = 160, workers: int = 2, quiet: bool = False
) -> PhotoDataset:
    """Decode every image in folders and tar files into memory.

    Args:
        sources: Folders and tar files.
        short_side: Pixels, see `decode_photo`.
        workers: Number of processes that decode.
        quiet: Whether to hide the progress bar.

    Raises:
        ColorizeError: A source does not exist, or nothing could be decoded.
    """
    names, sizes, content = [], [], bytearray()  # which grows in place
    for name, pixels in iter_decoded(sources, short_side, workers, quiet):
        names.append(name)
        sizes.append((pixels.shape[0], pixels.shape[1]))
        content += pixels.tobytes()
    if not names:
        raise ColorizeError(f"no photographs in {', '.join(map(str, sources))}")
    pixels_of_all = torch.frombuffer(content, dtype=torch.uint8).view(-1, 3)
    return PhotoDataset.from_sizes(names, pixels_of_all, sizes)

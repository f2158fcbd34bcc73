"""Photographs for training: decoded once, kept in memory as L and ab.

L at full size and ab at the size of the network's output, mostly a quarter of it, both in one
byte a value: 40,000 photographs of 160×213 take 2 GB and no decoding while training.
"""

from __future__ import annotations

import functools
import io
import math
import zlib
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from skimage.color import rgb2lab
from torch.nn import functional as F
from tqdm import tqdm

from colorize.errors import ColorizeError
from colorize.io.datasets import iter_files
from colorize.training.augment import resized_crop

STRIDE = 4  # of the targets; sides are multiples of it whatever the targets
MAX_ASPECT = 1.5  # longer photographs are cropped in the middle
MAX_ZOOM = 1.6  # of the enlarged crops
GRAY_LIMIT = 5  # ECCV16: a photograph whose |a| and |b| stay within is gray
HELD_OUT = 50  # one photograph in so many is for validation

Bytes = npt.NDArray[np.uint8]
SignedBytes = npt.NDArray[np.int8]


@dataclass(frozen=True)
class Photographs:
    """A training set in memory."""

    names: list[str]
    lightness: list[Bytes]  # (h, w), L · 2.55
    ab: list[SignedBytes]  # (2, h/stride, w/stride), means over stride×stride pixels
    stride: int = STRIDE

    def __len__(self) -> int:
        return len(self.names)

    def subset(self, keep: Iterable[int]) -> Photographs:
        """Return the photographs at the given positions."""
        keep = list(keep)
        return Photographs(
            [self.names[i] for i in keep],
            [self.lightness[i] for i in keep],
            [self.ab[i] for i in keep],
            self.stride,
        )

    def split(self) -> tuple[Photographs, Photographs]:
        """Return the training and the validation part, decided by a checksum of the name."""
        held_out = [zlib.crc32(name.encode()) % HELD_OUT == 0 for name in self.names]
        return (
            self.subset(i for i, out in enumerate(held_out) if not out),
            self.subset(i for i, out in enumerate(held_out) if out),
        )


def coarser(photographs: Photographs, stride: int = STRIDE) -> Photographs:
    """Return photographs whose ab is of full size with means over stride×stride pixels."""
    means = []
    for ab in photographs.ab:
        _, h, w = ab.shape
        blocks = ab.reshape(2, h // stride, stride, w // stride, stride)
        means.append(np.rint(blocks.mean(axis=(2, 4), dtype=np.float32)).astype(np.int8))
    return Photographs(photographs.names, photographs.lightness, means, stride)


def decode(
    item: tuple[str, bytes], short_side: int, stride: int = STRIDE
) -> tuple[str, Bytes, SignedBytes] | None:
    """Return the name, L and ab of one photograph, or None if the bytes are no picture.

    The photograph is resized so that its short side is `short_side`, cropped in the middle to
    an aspect of 3:2 at most, and its sides are cut to multiples of 4. ab is the mean of
    stride×stride pixels; stride is 1, 2 or 4.
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
    w, h = (min(side, limit) // STRIDE * STRIDE for side in size)
    left, top = (size[0] - w) // 2, (size[1] - h) // 2
    lab = rgb2lab(np.asarray(rgb.crop((left, top, left + w, top + h)), np.float32) / 255)
    blocks = lab[..., 1:].reshape(h // stride, stride, w // stride, stride, 2).mean(axis=(1, 3))
    ab = np.rint(blocks.transpose(2, 0, 1)).clip(-128, 127).astype(np.int8)
    return name, np.rint(lab[..., 0] * 2.55).astype(np.uint8), ab


def decoded(
    sources: Iterable[Path],
    short_side: int,
    stride: int = STRIDE,
    workers: int = 2,
    quiet: bool = False,
) -> Iterator[tuple[str, Bytes, SignedBytes]]:
    """Yield `decode` of every photograph of the folders and tar files; what is none is left out.

    Raises ColorizeError if a source does not exist.
    """
    decode_one = functools.partial(decode, short_side=short_side, stride=stride)
    with ProcessPoolExecutor(workers) as pool:
        results = pool.map(decode_one, iter_files(sources), chunksize=64)
        for result in tqdm(results, desc="decoding", unit=" photographs", disable=quiet or None):
            if result is not None:
                yield result


def load(
    sources: Iterable[Path],
    short_side: int = 160,
    workers: int = 2,
    quiet: bool = False,
    stride: int = STRIDE,
) -> Photographs:
    """Decode every photograph of the folders and tar files; what is no picture is left out.

    Raises ColorizeError if a source does not exist or nothing could be decoded.
    """
    sources = list(sources)
    photographs = Photographs([], [], [], stride)
    for name, lightness, ab in decoded(sources, short_side, stride, workers, quiet):
        photographs.names.append(name)
        photographs.lightness.append(lightness)
        photographs.ab.append(ab)
    if not len(photographs):
        raise ColorizeError(f"no photographs in {', '.join(map(str, sources))}")
    return photographs


@dataclass(frozen=True)
class Batch:
    """Crops of a training set."""

    lightness: torch.Tensor  # (b, 1, size, size), L in [0, 100]
    ab: torch.Tensor  # (b, 2, size/stride, size/stride), whole ab values
    colored: torch.Tensor  # (b,), 0 where the photograph is gray


def crop_batch(
    photographs: Photographs,
    indices: Iterable[int],
    size: int,
    rng: np.random.Generator | None,
    zoomed: float = 0.0,
    resized: float = 0.0,
) -> Batch:
    """Cut a `size`×`size` crop from each photograph, mirrored half the time.

    A share `zoomed` of the crops is smaller, each side for itself, and enlarged; a share
    `resized` is any part, see `resized_crop`, for which the targets' stride is 1. Without `rng`
    the crops are from the middle and nothing is changed. `size` is a multiple of 4.
    """
    lightness, ab = [], []
    for i in indices:
        zoom = rng is not None and zoomed > 0 and rng.random() < zoomed
        if rng is not None and resized > 0 and rng.random() < resized:
            gray, color = resized_crop(photographs.lightness[i], photographs.ab[i], size, rng)
        else:
            gray, color = _crop(photographs, i, size, rng, zoom)
        step = -1 if rng is not None and rng.random() < 0.5 else 1
        lightness.append(gray[:, ::step])
        ab.append(color[:, :, ::step])
    stacked = torch.from_numpy(np.stack(ab))
    return Batch(
        torch.from_numpy(np.stack(lightness)).unsqueeze(1).float() / 2.55,
        stacked,
        (stacked.abs().flatten(1).amax(dim=1) > GRAY_LIMIT).float(),
    )


def _crop(
    photographs: Photographs, i: int, size: int, rng: np.random.Generator | None, zoom: bool
) -> tuple[Bytes, SignedBytes]:
    """Return L (size, size) and ab (2, size/stride, size/stride) of a part of one photograph."""
    gray, color, stride = photographs.lightness[i], photographs.ab[i], photographs.stride
    n = size // stride
    h = w = n
    if zoom and rng is not None:
        h, w = (int(side) for side in rng.integers(math.ceil(n / MAX_ZOOM), n + 1, 2))
    spare = (color.shape[1] - h, color.shape[2] - w)
    y, x = (s // 2 if rng is None else int(rng.integers(s + 1)) for s in spare)
    gray = gray[y * stride : (y + h) * stride, x * stride : (x + w) * stride]
    color = color[:, y : y + h, x : x + w]
    if (h, w) != (n, n):
        gray = np.asarray(Image.fromarray(gray).resize((size, size), Image.Resampling.BICUBIC))
        larger = F.interpolate(torch.from_numpy(color)[None].float(), (n, n), mode="bilinear")
        color = larger[0].round().to(torch.int8).numpy()
    return gray, color

"""The whole tool: read → L → network → decode → enlarge ab → join → write.

>>> from colorize import Colorizer, read, write
>>> colorizer = Colorizer.from_pretrained("compact")
>>> write(colorizer(read("photo.jpg")), "photo.colorized.jpg")

`Colorizer` is the only place that knows the order of the steps. Each step is public, takes the
result of the one before, and can be replaced or looked at.
"""

from __future__ import annotations

import dataclasses
import gc
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch.nn import functional as F

from colorize import lab, registry
from colorize.enlarge import Enlarger
from colorize.errors import ColorizeError
from colorize.gamut import decode, rebalance_offset
from colorize.image import Photo
from colorize.image_encode import eight_bits

Array = npt.NDArray[Any]

NETWORK_SIZE = 256  # pixels, height and width of what the published networks see
MAX_NETWORK_SIZE = 2048
STRIP_PIXELS = 1 << 17  # a strip's arrays stay in the processor's cache
STRIP_THREADS = 2


class Colorizer:
    """A network and its settings; called with a photograph, returns it in colour."""

    def __init__(
        self,
        network: Any,
        *,
        temperature: float | None = None,
        rebalance: float | None = None,
        size: int = NETWORK_SIZE,
    ):
        """Take a network in evaluation mode (see `registry.load`) and settings.

        temperature: of the annealed mean, above 0; 1 is the mean of the distribution, towards 0
        its mode. rebalance: the share of the training's rebalancing that stays, 0 (natural
        frequencies) to 1 (as trained). None takes the network's own defaults. size: height and
        width of the network's input, a multiple of `network.multiple`.

        Raises ColorizeError for a setting out of range or one the network has no use for.
        """
        self.network = network
        self.size = size
        self.temperature = temperature
        self.rebalance = rebalance
        self._check_settings()
        self.device = next(network.parameters()).device
        self._turn = Lock()

    def _check_settings(self) -> None:
        """Fill in the network's defaults and refuse what can't work."""
        _check_size(self.size, self.network.multiple)
        if self.network.output != "logits":
            for name in ("temperature", "rebalance"):
                if getattr(self, name) is not None:
                    raise ColorizeError(
                        f"{name}: this network predicts colours, not a distribution; leave it out"
                    )
            return
        if self.rebalance is not None and self.network.class_weights is None:
            raise ColorizeError("rebalance: these weights don't say how they were rebalanced")
        if self.temperature is None:
            self.temperature = self.network.default_temperature
        if self.rebalance is None:
            self.rebalance = self.network.default_rebalance
        if not 0 < self.temperature <= 10:
            raise ColorizeError(f"temperature {self.temperature}: give one above 0, up to 10")
        if not 0 <= self.rebalance <= 1:
            raise ColorizeError(f"rebalance {self.rebalance}: give a share from 0 to 1")

    @classmethod
    def from_pretrained(
        cls,
        name: str = "compact",
        *,
        weights: str | None = None,
        device: str = "cpu",
        quiet: bool = True,
        **settings: Any,
    ) -> Colorizer:
        """Return a colorizer with a network by name, or of that kind from a weights file.

        Downloads published weights on first use, with a progress bar unless `quiet`. `settings`
        are those of `Colorizer`. Raises ColorizeError if the weights can't be had or are not
        what they should be.
        """
        network = registry.load(name, weights=weights, device=device, quiet=quiet)
        return cls(network, **settings)

    def __call__(self, photo: Photo) -> Photo:
        """Return the photograph in colour: same size, depth, alpha and metadata."""
        return self.colorize([photo])[0]

    def colorize(self, photos: Sequence[Photo]) -> list[Photo]:
        """Return photographs in colour, run through the network as one batch.

        Where the GPU's memory is too small, in smaller batches; where it is so for a single
        photograph, the network moves to the CPU for good, with a RuntimeWarning.
        """
        inputs = torch.cat([self.network_input(photo) for photo in photos])
        # on a GPU one thread at a time: two would need twice the memory, for hardly more speed
        with nullcontext() if self.device.type == "cpu" else self._turn:
            ab = self._colours(inputs)
        return [self.join(photo, small) for photo, small in zip(photos, ab, strict=True)]

    def _colours(self, inputs: torch.Tensor) -> npt.NDArray[np.float32]:
        """Return ab (b, 2, size, size) of L, in as many batches as the memory asks for."""
        try:
            return self.decode(self.predict(inputs))
        except RuntimeError as error:  # of which torch.OutOfMemoryError is one
            if not _out_of_memory(error):
                raise
        # after the except clause, whose exception would keep the batch's tensors alive
        _free_gpu_memory()
        if len(inputs) > 1:
            return np.concatenate([self._colours(half) for half in inputs.chunk(2)])
        self._move_to_cpu()
        return self._colours(inputs)

    def _move_to_cpu(self) -> None:
        """Go on without the GPU. Raises ColorizeError if that is so already."""
        if self.device.type == "cpu":
            raise ColorizeError(f"not enough memory for the network at size {self.size}")
        self.network = self.network.to("cpu")
        self.device = torch.device("cpu")
        warnings.warn(
            "the GPU has too little memory; going on with the CPU, which takes longer",
            RuntimeWarning,
            stacklevel=4,
        )

    def network_input(self, photo: Photo) -> torch.Tensor:
        """Return L at the network's size, (1, 1, size, size) in [0, 100], aspect ignored.

        As in the releases, the sRGB pixels are resized, by Pillow's bicubic filter.
        """
        image = Image.fromarray(eight_bits(photo.pixels))
        small = image.resize((self.size, self.size), Image.Resampling.BICUBIC)
        return torch.from_numpy(lab.lightness(np.asarray(small)))[None, None]

    @torch.inference_mode()
    def predict(self, lightness: torch.Tensor) -> torch.Tensor:
        """Return the network's output for L, (b, 1, h, w) in [0, 100].

        Logits over the 313 ab bins (b, 313, h/4, w/4), or ab (b, 2, h, w) where
        `network.output` is "ab".
        """
        output: torch.Tensor = self.network(lightness.to(self.device))
        return output

    @torch.inference_mode()
    def decode(self, output: torch.Tensor) -> npt.NDArray[np.float32]:
        """Return ab (b, 2, size, size) of the network's output: the annealed mean of logits."""
        if self.network.output == "ab":
            return output.float().cpu().numpy()
        assert self.temperature is not None and self.rebalance is not None
        weights = self.network.class_weights
        offset = None if weights is None else rebalance_offset(weights, self.rebalance)
        ab = decode(output, self.temperature, self.network.bin_centres, offset)
        ab = F.interpolate(ab, scale_factor=4.0, mode="bilinear", align_corners=False)
        return ab.cpu().numpy()

    def join(self, photo: Photo, ab: npt.NDArray[np.float32]) -> Photo:
        """Return the photograph with its own L and the colours ab, (2, h, w) of any size."""
        return dataclasses.replace(photo, pixels=join_strips(photo.pixels, ab))


def join_strips(pixels: Array, ab: npt.NDArray[np.float32]) -> Array:
    """Return sRGB pixels, (H, W, 3), with the L of `pixels` and ab enlarged to their size.

    pixels: (H, W) or (H, W, 3), uint8 or uint16, as the result. ab: (2, h, w). Works on strips
    of rows, so that memory beyond the result does not grow with the height.
    """
    height, width = pixels.shape[:2]
    enlarger = Enlarger(ab, (height, width))
    result = np.empty((height, width, 3), pixels.dtype)

    def strip(rows: tuple[int, int]) -> None:
        lightness = lab.lightness(pixels[slice(*rows)])
        result[slice(*rows)] = lab.join(lightness, enlarger.rows(*rows), pixels.dtype)

    with ThreadPoolExecutor(STRIP_THREADS) as threads:
        for _ in threads.map(strip, _strips(height, width)):
            pass
    return result


def _strips(height: int, width: int) -> Iterator[tuple[int, int]]:
    """Yield the first row and the one after the last of each strip."""
    rows = max(1, STRIP_PIXELS // width)
    for start in range(0, height, rows):
        yield start, min(start + rows, height)


def _out_of_memory(error: RuntimeError) -> bool:
    """Tell whether torch ran out of memory: not all of its parts raise OutOfMemoryError."""
    text = str(error).lower()
    phrases = ("out of memory", "alloc_failed", "can't allocate memory")  # CUDA, MPS; cuDNN; CPU
    return isinstance(error, torch.OutOfMemoryError) or any(part in text for part in phrases)


def _free_gpu_memory() -> None:
    """Hand back what torch keeps for later, so that a smaller batch finds it in one piece."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    if torch.backends.mps.is_available():
        torch.mps.empty_cache()


def _check_size(size: int, multiple: int) -> None:
    if size % multiple or not multiple <= size <= MAX_NETWORK_SIZE:
        raise ColorizeError(
            f"size {size}: this network takes multiples of {multiple} up to {MAX_NETWORK_SIZE}"
        )

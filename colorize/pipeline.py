"""The whole tool: read → L → network → decode → enlarge ab → join → write.

>>> from colorize import Colorizer, read, write
>>> colorizer = Colorizer.from_pretrained("compact")
>>> write(colorizer(read("photo.jpg")), "photo.colorized.jpg")

`Colorizer` is the only place that knows the order of the steps. Each step is public, takes the
result of the one before, and can be replaced or looked at.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from colorize.color import lab
from colorize.color.autocontrast import autocontrast as stretch_contrast
from colorize.color.downsampling import CELL_RESAMPLE
from colorize.color.merge import merge_lab_strips
from colorize.color.upsampling import UPSAMPLINGS, upsample_bilinear
from colorize.decoding import distribution
from colorize.decoding.annealed_mean import annealed_mean, probabilities, rebalance_offset
from colorize.decoding.bilateral import smooth_logits
from colorize.decoding.conditioning import Condition
from colorize.decoding.rare_colors import boost_rare_colors
from colorize.decoding.reference import color_histogram, prior_shift
from colorize.decoding.settings import Decoding
from colorize.errors import ColorizeError
from colorize.hints.format import Hints
from colorize.hints.propagate import propagate_hints
from colorize.hints.rasterize import HintedPixels
from colorize.io.photo import Photo, ResizeSpec
from colorize.runtime.base import Runner
from colorize.runtime.load import load_runner
from colorize.runtime.threads import available_cpus
from colorize.viewing.heatmap import render_heatmap

if TYPE_CHECKING:
    import torch

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float32]

INPUT_SIZE = 256  # pixels, height and width of what the published networks see
MAX_NETWORK_SIZE = 2048
INPUT_RESAMPLE = Image.Resampling.BICUBIC  # as in the releases


class Colorizer:
    """A network and its settings; called with a photograph, returns it in color."""

    def __init__(
        self,
        runner: Runner,
        *,
        style: str | None = None,
        temperature: float | None = None,
        rebalance: float | None = None,
        rarity: float | None = None,
        coherence: float | None = None,
        saturation: float = 1.0,
        size: int = INPUT_SIZE,
        upsampling: str = "guided",
        autocontrast: bool = False,
        hints: Hints | None = None,
        reference: Photo | None = None,
    ):
        """Take a runner (see `runtime.load`) and settings.

        style: "vivid" (the default) or "faithful", settings of the following four.
        temperature: of the annealed mean, above 0; 1 is the mean of the distribution, toward 0
        its mode. rebalance: the share of the weights' rebalancing that stays, 0 (natural
        frequencies) to 1 (as trained). rarity: how much more rare colors count where the network
        holds them likely, 0 to 1 (see `decoding.rare_colors`). coherence: how much
        places near and about as light have a say in each other's colors, 0 to 1 (see
        `decoding.bilateral`). None takes the style's. saturation: what ab is multiplied by,
        0 to 3. size: height and width of the network's input, a multiple of
        `metadata.size_divisor`.
        upsampling: "guided" (ab is enlarged along the edges of the full-size L) or "bilinear" (as
        in the releases). autocontrast: stretch the lightness of each photograph first (see
        `colorize.color.autocontrast`); the result then has the stretched lightness. hints:
        places whose color is known (see `colorize.hints.format`). reference: a photograph to
        whose colors results are drawn (see `colorize.decoding.reference`). Both are for
        photographs that are given none of their own.

        Raises ColorizeError for a setting out of range or one the network has no use for.
        """
        self.runner = runner
        self.metadata = runner.metadata
        self.size = size
        self.saturation = saturation
        self.upsampling = upsampling
        self.autocontrast = autocontrast
        self.hints = hints
        self._check_settings()
        self.temperature, self.rebalance, self.rarity, self.coherence = Decoding.of(
            self.metadata, style, temperature, rebalance, rarity, coherence
        )
        self._check_references([reference])
        self.reference = None if reference is None else color_histogram(reference.pixels)
        self.threads = available_cpus()

    def _check_settings(self) -> None:
        _check_size(self.size, self.metadata.size_divisor)
        if not 0 <= self.saturation <= 3:
            raise ColorizeError(f"saturation {self.saturation}: give a factor from 0 to 3")
        if self.upsampling not in UPSAMPLINGS:
            raise ColorizeError(f"upsampling {self.upsampling}: give {' or '.join(UPSAMPLINGS)}")

    @classmethod
    def from_pretrained(
        cls,
        name: str = "compact",
        *,
        weights: str | None = None,
        device: str = "cpu",
        backend: str | None = None,
        precision: str | None = None,
        quiet: bool = True,
        **settings: Any,
    ) -> Colorizer:
        """Return a colorizer with a network by name, or of that kind from a weights file.

        Downloads published weights on first use, with a progress bar unless `quiet`. device:
        one of torch's, or "gpu". backend: "torch", "onnx" (ONNX Runtime), or None for torch
        where it is installed and `weights` is no .onnx file. precision: of torch's numbers,
        "float32", "bfloat16", "float16", or None for the fastest that keeps the colors (see
        `colorize.runtime.precision`). `settings` are those of `Colorizer`. Raises
        ColorizeError if the weights can't be had or are not what they should be.
        """
        runner = load_runner(
            name, weights=weights, device=device, backend=backend, precision=precision, quiet=quiet
        )
        return cls(runner, **settings)

    @property
    def device(self) -> str:
        """Where the network runs: "cpu", "cuda:0", ..."""
        return self.runner.device

    def set_concurrency(self, photographs: int) -> None:
        """Use no more threads for each photograph than so many at once leave to it.

        To be called before the threads that colorize them begin.
        """
        self.threads = max(1, available_cpus() // photographs)
        self.runner.set_threads(self.threads)

    def __call__(
        self, photo: Photo, hints: Hints | None = None, reference: Photo | None = None
    ) -> Photo:
        """Return the photograph in color: same size, depth, alpha and metadata."""
        return self.colorize([photo], [hints], [reference])[0]

    def colorize(
        self,
        photos: Sequence[Photo],
        hints: Sequence[Hints | None] | None = None,
        references: Sequence[Photo | None] | None = None,
    ) -> list[Photo]:
        """Return photographs in color, run through the network as one batch.

        hints, references: those of each photograph; what is None is the colorizer's. Raises
        ColorizeError for those that don't fit the photograph or the network. What happens where
        the memory is too small: see `runtime.oom`.
        """
        photos = [self.prepared(photo) for photo in photos]
        places = self.hinted(photos, hints)
        condition = self.condition(places, references)
        lightness = np.concatenate([self.network_input(photo) for photo in photos])
        output = self.predict(lightness, condition)
        ab = self.follow(self.decode_for_merge(output), lightness, output, condition)
        return [self.join(*one) for one in zip(photos, ab, places, strict=True)]

    def prepared(self, photo: Photo) -> Photo:
        """Return the photograph as it is colored: its contrast stretched if that is asked for."""
        if not self.autocontrast:
            return photo
        return dataclasses.replace(photo, pixels=stretch_contrast(photo.pixels, photo.alpha))

    def network_input(self, photo: Photo) -> Floats:
        """Return L at the network's size, (1, 1, size, size) in [0, 100], aspect ignored.

        As in the releases, the sRGB pixels are resized, by Pillow's bicubic filter.
        """
        small = photo.thumbnail(ResizeSpec(self.size, self.size, INPUT_RESAMPLE))
        return lab.lightness(small)[None, None]

    def predict(
        self, lightness: Array | torch.Tensor, condition: Condition | None = None
    ) -> Floats:
        """Return the network's output for L, (b, 1, h, w) in [0, 100].

        Logits over the 313 ab bins (b, 313, h/4, w/4), made coherent and drawn toward the
        histograms of references, or ab (b, 2, h, w) where `metadata.output` is "ab". Without a
        `condition` the reference is the colorizer's.
        """
        lightness = _array(lightness)
        if condition is None:
            condition = self.condition([None] * len(lightness))
        hints = condition.hints if self.metadata.takes_hints else None
        result = self.runner(lightness, hints)
        if self.coherence:
            result = smooth_logits(result, lightness, self.coherence)
        if condition.histograms is not None:
            for logits, wanted in zip(result, condition.histograms, strict=True):
                if wanted.any():
                    logits += prior_shift(self._natural(logits), wanted)[:, None, None]
        return result

    def decode(self, output: Array | torch.Tensor) -> Floats:
        """Return ab (b, 2, size, size) of the network's output: the annealed mean of logits.

        Times the saturation, as for networks that predict ab.
        """
        small = self.decode_lowres(output)
        if self.metadata.output == "ab":
            return small
        h, w = small.shape[2:]
        return np.stack([upsample_bilinear(ab, (4 * h, 4 * w)) for ab in small])

    def decode_lowres(self, output: Array | torch.Tensor) -> Floats:
        """Return `decode` without enlargement: (b, 2, size/4, size/4) where there are logits."""
        output = _array(output)
        saturation = np.float32(self.saturation)
        if self.metadata.output == "ab":
            return saturation * output
        assert self.temperature is not None and self.rebalance is not None
        offset = self.offset(self.rebalance)
        return saturation * annealed_mean(
            self.weighted(output), self.temperature, self.metadata.bin_centers, offset
        )

    def weighted(self, logits: Array) -> Array:
        """Return logits (b, 313, h, w) with rare colors favored as the rarity asks for."""
        if not self.rarity:
            return logits
        assert self.metadata.prior is not None
        return boost_rare_colors(logits, self.rarity, self.metadata.prior, self.offset(0.0))

    def decode_for_merge(self, output: Array) -> Floats:
        """Return ab (b, 2, h, w) of the size from which the upsampling does best."""
        return self.decode(output) if self.upsampling == "bilinear" else self.decode_lowres(output)

    def offset(self, rebalance: float) -> Floats | None:
        """Return what to subtract from the logits for a share of the rebalancing, (313,).

        None where the rebalancing of the training isn't known.
        """
        weights = self.metadata.class_weights
        return None if weights is None else rebalance_offset(weights, rebalance)

    def _natural(self, logits: Array) -> Floats:
        """Return the distributions (313, h, w) of one picture, at natural frequencies if known."""
        result: Floats = probabilities(logits[None], 1.0, self.offset(0.0))[0]
        return result

    def join(self, photo: Photo, ab: Floats, places: HintedPixels | None = None) -> Photo:
        """Return the photograph with its own L and the colors ab, (2, h, w) of any size.

        places: pixels that have colors of their own. Guided upsampling does best with the ab
        of `decode_lowres`.
        """
        guide = None
        if self.upsampling == "guided":
            cells = ResizeSpec(ab.shape[1], ab.shape[2], CELL_RESAMPLE)
            guide = lab.lightness(photo.thumbnail(cells))
        edit_ab = None if places is None else places.apply_to
        pixels = merge_lab_strips(photo.pixels, ab, edit_ab, guide, self.threads)
        return dataclasses.replace(photo, pixels=pixels)

    def hinted(
        self, photos: Sequence[Photo], hints: Sequence[Hints | None] | None = None
    ) -> list[HintedPixels | None]:
        """Return the hinted pixels of each photograph, None for one without hints.

        Raises ColorizeError for hints outside of a photograph.
        """
        given = [self.hints if one is None else one for one in hints or [None] * len(photos)]
        return [
            None if one is None else HintedPixels.from_hints(one, photo.size)
            for photo, one in zip(photos, given, strict=True)
        ]

    def _check_references(self, references: Sequence[Photo | None]) -> None:
        if self.metadata.output == "ab" and any(one is not None for one in references):
            raise ColorizeError(
                "reference: this network predicts colors, not a distribution; use compact or eccv16"
            )

    def condition(
        self,
        places: Sequence[HintedPixels | None],
        references: Sequence[Photo | None] | None = None,
    ) -> Condition:
        """Return what hinted pixels and references give `predict` and `follow` to go by.

        Raises ColorizeError for a reference where the network predicts no distribution.
        """
        references = references or [None] * len(places)
        self._check_references(references)
        histograms = [self.reference if one is None else one for one in references]
        side = self.size // self.metadata.output_stride
        return Condition.of(places, histograms, (side, side))

    def follow(self, ab: Floats, lightness: Array, output: Array, condition: Condition) -> Floats:
        """Return decoded ab (b, 2, h, w) with the hints carried to all places like theirs.

        lightness: what `predict` got; output: what it gave. See `hints.propagate`.
        """
        if condition.hints is None:
            return ab
        logits = self.metadata.output == "logits"
        pictures = zip(ab, _array(lightness)[:, 0], condition.hints, output, strict=True)
        return np.stack(
            [
                propagate_hints(planes, gray, hints, self._natural(one) if logits else None)
                for planes, gray, hints, one in pictures
            ]
        )

    def samples(self, photo: Photo, count: int, seed: int = 0) -> list[Photo]:
        """Return `count` different colorizations, drawn from the network's distributions.

        The same seed gives the same samples, and the first ones don't depend on `count`. See
        `sampling`. Raises ColorizeError for networks without a distribution, a count below 1 or
        a negative seed.
        """
        return distribution.samples(self, photo, range(1, count + 1), seed)

    def sample(self, photo: Photo, number: int, seed: int = 0) -> Photo:
        """Return one of `samples`, the first being number 1."""
        return distribution.samples(self, photo, range(number, number + 1), seed)[0]

    def confidence(self, photo: Photo) -> Floats:
        """Return how sure the network is, (size/4, size/4) over the photograph, 0 to 1.

        1 - entropy / log 313 of the distribution at temperature 1 and, where the rebalancing of
        the training is known, natural frequencies: it does not depend on how colors are
        decoded. Raises ColorizeError for networks without a distribution.
        """
        distribution.require_distribution(self)
        output = self.predict(self.network_input(self.prepared(photo)))
        of_one: Floats = distribution.confidence_of(self, output)[0]
        return of_one

    def confidence_map(self, photo: Photo) -> Photo:
        """Return `confidence` as a heat map with a color bar, see `confidence.render_heatmap`."""
        return Photo(render_heatmap(self.confidence(photo), photo.size))


def prefetch_sizes(model: str, size: int) -> list[ResizeSpec]:
    """Return the small copies of a photograph that colors of that size are made with.

    For `Photo.thumbnail`: with guided upsampling and without autocontrast. None for a size
    that no network takes.
    """
    if not 4 <= size <= MAX_NETWORK_SIZE:
        return []
    cells = size if model == "siggraph17" else size // 4
    return [ResizeSpec(size, size, INPUT_RESAMPLE), ResizeSpec(cells, cells, CELL_RESAMPLE)]


def _array(values: Array | torch.Tensor) -> Floats:
    """Return an array or a tensor of torch, wherever it is, as a float32 array."""
    if not isinstance(values, np.ndarray):
        values = values.detach().float().cpu().numpy()
    return np.asarray(values, np.float32)


def _check_size(size: int, multiple: int) -> None:
    if size % multiple or not multiple <= size <= MAX_NETWORK_SIZE:
        raise ColorizeError(
            f"size {size}: this network takes multiples of {multiple} up to {MAX_NETWORK_SIZE}"
        )

"""The tool: from a photograph to the same photograph in color.

>>> from colorize import Colorizer, read, write
>>> colorizer = Colorizer.from_pretrained("compact")
>>> write(colorizer(read("photo.jpg")), "photo.colorized.jpg")

Only the order of the steps is decided here:

    photograph → preprocess → inside_borders → network_input → predict_logits
               → add_detail → postprocess_logits  (`predict`)
               → decode → upsample → propagate_hints → neutralize → merge  (`render`)

Each step is a method of `steps.ColorizationSteps`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import overload

import numpy as np
from PIL import Image

from colorize.color import lab
from colorize.color.borders import pad_borders
from colorize.color.types import Floats
from colorize.decoding.confidence import confidence
from colorize.hints.format import Hints, load_hints
from colorize.hints.rasterize import HintedPixels
from colorize.io.photo import Photo
from colorize.io.picture import AnyPicture, Path, Picture, from_photo, to_photo
from colorize.io.provenance import pixel_hash
from colorize.options import ColorizeOptions
from colorize.runtime.load import load_runner
from colorize.runtime.threads import available_cpus, limit_blas_threads
from colorize.steps import ColorizationSteps

AnyHints = Hints | Path | None  # None: those of the options
AnyReference = AnyPicture | None


@dataclass(frozen=True)
class Prediction:
    """What is known of a photograph before its colors are decided.

    Attributes:
        photo: Preprocessed.
        inside: Its rows and columns inside plain borders, which the rest belongs to.
        hinted: The pixels of known color; None without hints.
        lightness: The network's input, (1, 1, size, size).
        logits: The network's output for it, postprocessed.
        source: Hash of the photograph's pixels before any step, for the provenance.
    """

    photo: Photo
    inside: lab.Block
    hinted: HintedPixels | None
    lightness: Floats
    logits: Floats
    source: str


class Colorizer(ColorizationSteps):
    """A network and options; called with a photograph, returns it in color."""

    @overload
    def __call__(
        self, picture: Picture, *, hints: AnyHints = None, reference: AnyReference = None
    ) -> Picture: ...

    @overload
    def __call__(
        self, picture: Path, *, hints: AnyHints = None, reference: AnyReference = None
    ) -> Photo: ...

    def __call__(
        self, picture: AnyPicture, *, hints: AnyHints = None, reference: AnyReference = None
    ) -> Photo | Image.Image | np.ndarray | bytes:
        """Return the photograph in color: same size, depth, alpha and metadata.

        Args:
            picture: In gray or color; only its lightness counts. A Photo, a Pillow image, a NumPy
                array or the bytes of a file give back the same type, a path gives a Photo.
            hints: Known colors in this photograph, or a file of them, instead of those of the
                options.
            reference: A picture with the palette to aim for, instead of that of the options.

        Raises:
            ColorizeError: For hints outside of the photograph, a reference for a network that
                cannot follow one, or too little memory.
        """
        prediction = self.predict(to_photo(picture), hints, reference)
        return from_photo(self.render(prediction), picture)

    def predict(
        self, original: Photo, hints: AnyHints = None, reference: AnyReference = None
    ) -> Prediction:
        """Return the first half of the steps, from the photograph to the network's output."""
        photo = self.preprocess(original)
        hinted = self.rasterize_hints(photo, None if hints is None else load_hints(hints))
        inside = self.inside_borders(photo, hinted)
        hinted = None if hinted is None else hinted.crop(*inside)
        content = photo.crop(*inside)
        lightness = self.network_input(content)
        logits = self.predict_logits(lightness, hinted)
        logits = self.add_detail(logits, content)
        palette = None if reference is None else to_photo(reference)
        logits = self.postprocess_logits(logits, lightness, palette)
        return Prediction(photo, inside, hinted, lightness, logits, pixel_hash(original.pixels))

    def render(self, prediction: Prediction) -> Photo:
        """Return the second half of the steps, from the network's output to the photograph."""
        photo, hinted = prediction.photo, prediction.hinted
        ab = self.decode(prediction.logits)
        ab = self.upsample(ab)
        ab = self.propagate_hints(ab, hinted, prediction.lightness, prediction.logits)
        ab = self.neutralize(ab, prediction.inside)
        colored = self.merge(photo, ab[0], hinted, prediction.inside)
        return self.add_provenance(colored, prediction.source)

    def samples(self, photo: Photo, count: int, seed: int | None = None) -> list[Photo]:
        """Return different colorizations, drawn from the network's distributions.

        The same seed, by default that of the options, gives the same samples, and the first ones
        do not depend on `count`. See `decoding.sampling`.
        """
        seed = self.options.seed if seed is None else seed
        variants = [self.with_options(sample=n, seed=seed) for n in range(1, count + 1)]
        prediction = self.predict(to_photo(photo))
        return [variant.render(prediction) for variant in variants]

    def confidence(self, photo: Photo) -> Floats:
        """Return how certain the network is, (size/4, size/4) over the photograph, 0 to 1.

        1 - entropy / log 313 of the distribution at temperature 1 and, if the weights record them,
        at natural color frequencies. It does not depend on how colors are decoded. It is 1 on
        plain borders, by which it is larger, since they stay gray.

        Raises ColorizeError for a network that does not predict distributions.
        """
        decoder = self.require_distribution()
        prediction = self.predict(photo)
        certainty = confidence(decoder.probabilities(prediction.logits)[0])
        return pad_borders(certainty, prediction.inside, photo.size, 1.0)

    def confidence_map(self, photo: Photo) -> Photo:
        """Return `confidence` as a heat map with a color bar."""
        from colorize.viewing.heatmap import render_heatmap

        return Photo(render_heatmap(self.confidence(photo), photo.size))

    @classmethod
    def from_pretrained(
        cls,
        name: str = "compact",
        *,
        weights: str | os.PathLike[str] | None = None,
        device: str = "cpu",
        backend: str | None = None,
        precision: str | None = None,
        throughput: bool = False,
        quiet: bool = False,
        options: ColorizeOptions = ColorizeOptions(),
        **changes: object,
    ) -> Colorizer:
        """Return a colorizer with a network by its name, or of that architecture from a file.

        Args:
            name: A network of `colorize models`. Published weights are downloaded on first use.
            weights: A file to use instead of the network's own, or where to download it from:
                "https://...#sha256=...".
            device: A torch device, or "gpu" for whichever GPU there is.
            backend: "torch" or "onnx"; by default the faster one, see `runtime.load`.
            precision: "float32", "bfloat16" or "float16", of torch; by default the fastest that
                keeps the colors, see `runtime.precision`.
            throughput: Whether many photographs follow, so that a slower start pays off.
            quiet: Hide the progress bar of a download.
            options: Settings.
            changes: Single settings that replace those of `options`, such as `size=512`.

        Raises:
            ColorizeError: For weights that cannot be obtained, and in the cases of `Colorizer`.
        """
        runner = load_runner(
            name,
            weights=weights,
            device=device,
            backend=backend,
            precision=precision,
            throughput=throughput,
            quiet=quiet,
        )
        return cls(runner, options.replace(**changes))

    def with_options(self, **changes: object) -> Colorizer:
        """Return a colorizer with the same network and some options changed."""
        changed = Colorizer(self.runner, self.options.replace(**changes))
        changed.threads = self.threads
        return changed

    @property
    def device(self) -> str:
        """Where the network runs: "cpu", "cuda:0", ..."""
        return self.runner.device

    def set_concurrency(self, photographs: int) -> None:
        """Share the CPU among this number of photographs that are colorized at the same time.

        To be called before the threads that colorize them start. With several, NumPy's matrix
        products in this process take one thread each.
        """
        if photographs > 1:
            limit_blas_threads()
        self.threads = max(1, available_cpus() // photographs)
        self.runner.set_threads(self.threads)

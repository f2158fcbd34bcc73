"""The steps from a photograph to its colors, in the order in which `pipeline` takes them.

Each step takes the result of the one before; the arithmetic is in `color`, `decoding` and `hints`.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from PIL import Image

from colorize.color import lab
from colorize.color.adjust import adjust, neutralize, parse_position
from colorize.color.autocontrast import autocontrast, stretch_lightness
from colorize.color.borders import crop_borders, strips_around
from colorize.color.downsampling import CELL_RESAMPLE, block_mean
from colorize.color.merge import GRAY, merge_lab_blocks
from colorize.color.types import Floats
from colorize.color.upsampling import upsample_to_input
from colorize.decoding.decoder import LogitsDecoder
from colorize.decoding.reference import color_histogram
from colorize.errors import ColorizeError
from colorize.hints.format import Hints, load_hints
from colorize.hints.propagate import propagate_hints
from colorize.hints.rasterize import HintedPixels, cast_cells, rasterize
from colorize.io.photo import Photo, ResizeSpec
from colorize.io.picture import to_photo
from colorize.io.provenance import Provenance, canonical_settings
from colorize.models.metadata import ModelMetadata
from colorize.options import INPUT_SIZE, ColorizeOptions
from colorize.runtime.base import Runner
from colorize.runtime.threads import available_cpus

DETAIL_PIXELS = 1024 * 1024  # larger photographs are also seen at the network's detail size
HINT_STRIDE = 4  # pixels of the network's input per cell of propagated hints, at least
INPUT_RESAMPLE = Image.Resampling.BICUBIC  # as in the published code


class ColorizationSteps:
    """A network and options, bound to the steps of which each takes its share."""

    def __init__(self, runner: Runner, options: ColorizeOptions = ColorizeOptions()):
        """Check the options against the network and read the files that they name.

        Args:
            runner: A network that is ready to run, see `runtime.load`.
            options: Settings; where one is None, the network's style decides.

        Raises:
            ColorizeError: For an option that the network does not support, and for hints or a
                reference that cannot be read.
        """
        style = options.resolve_style(runner.metadata)
        self.runner = runner
        self.metadata = runner.metadata
        self.size = options.size or runner.metadata.input_size
        self.decoder = None if style is None else LogitsDecoder(runner.metadata, style)
        self.hints, reference = _read_files(options)
        self.options = options.replace(hints=self.hints, reference=reference)
        self._palette = None if reference is None else color_histogram(reference.pixels)
        self._neutral = None if options.neutral is None else parse_position(options.neutral)
        self.threads = available_cpus()

    def preprocess(self, photo: Photo) -> Photo:
        """Return the photograph whose lightness is kept: with more contrast under autocontrast."""
        if not self.options.autocontrast:
            return photo
        return dataclasses.replace(photo, pixels=autocontrast(photo.pixels, photo.alpha))

    def rasterize_hints(self, photo: Photo, hints: Hints | None = None) -> HintedPixels | None:
        """Return the pixels of the photograph that have a known color, None without hints."""
        hints = self.hints if hints is None else hints
        return None if hints is None else HintedPixels.from_hints(hints, photo.size)

    def inside_borders(self, photo: Photo, hinted: HintedPixels | None = None) -> lab.Block:
        """Return the rows and columns of the photograph that are colorized.

        Those inside its plain borders, or all of them where colors on the borders are asked for.
        """
        whole = slice(0, photo.height), slice(0, photo.width)
        if self.options.borders == "color":
            return whole
        rows, columns = crop_borders(photo.pixels)
        if hinted is not None and not hinted.are_within(rows, columns):
            return whole
        if self._neutral is not None:
            x, y = (round(coordinate) for coordinate in self._neutral)
            if y not in range(rows.start, rows.stop) or x not in range(columns.start, columns.stop):
                return whole
        return rows, columns

    def network_input(self, photo: Photo) -> Floats:
        """Return L of the photograph at the network's size, (1, 1, size, size) in [0, 100].

        The aspect ratio is not kept. The sRGB pixels are resized with Pillow's bicubic filter, as
        in the published code.
        """
        size = self.size
        return lab.lightness(photo.thumbnail(ResizeSpec(size, size, INPUT_RESAMPLE)))[None, None]

    def predict_logits(self, lightness: Floats, hinted: HintedPixels | None = None) -> Floats:
        """Return the network's output for L, (b, 1, size, size) in [0, 100].

        The network may see L with more contrast, see `ModelMetadata.input_autocontrast`.
        Logits over the ab bins (b, 313, size/4, size/4), or ab (b, 2, size, size) from a network
        that predicts colors. Raises ColorizeError for output that is not finite.
        """
        if self.metadata.input_autocontrast > 0:
            lightness = stretch_lightness(lightness, self.metadata.input_autocontrast)
        if hinted is None or not self.metadata.takes_hints:
            output = self.runner(lightness)
        else:
            output = self.runner(lightness, self._hint_map(hinted)[None])
        if not np.isfinite(output).all():
            reason = "gives colors that are not numbers: its weights are damaged"
            raise ColorizeError(f"{self.metadata.architecture} {reason}")
        return output

    def add_detail(self, logits: Floats, photo: Photo) -> Floats:
        """Return the mean of logits (1, 313, h, w) and those of a finer look at the photograph.

        At the usual size, the faces of a group have a few pixels. At the detail size, the network
        recognizes them, but less of the whole scene; the mean is better than both. It is taken of
        photographs of more than a megapixel, unless the options set the size of the input.
        """
        detail = self.metadata.detail_size
        if detail is None or self.options.size is not None:
            return logits
        if photo.height * photo.width <= DETAIL_PIXELS:
            return logits
        pixels = photo.thumbnail(ResizeSpec(detail, detail, CELL_RESAMPLE))
        fine = self.predict_logits(lab.lightness(pixels)[None, None])
        mean: Floats = np.float32(0.5) * (logits + block_mean(fine, logits.shape[2:]))
        return mean

    def postprocess_logits(
        self, logits: Floats, lightness: Floats, reference: Photo | None = None
    ) -> Floats:
        """Return logits made coherent and shifted toward the palette of the reference."""
        if reference is not None:
            self.options.replace(reference=reference).require_support(self.metadata)
        if self.decoder is None:
            return logits
        logits = self.decoder.smooth(logits, lightness)
        palette = self._palette if reference is None else color_histogram(reference.pixels)
        return logits if palette is None else self.decoder.shift_to(logits, palette)

    def decode(self, logits: Floats, smooth_along: Floats | None = None) -> Floats:
        """Return ab of the network's output, (b, 2, h, w) for (b, 313, h, w) or (b, 2, h, w).

        Args:
            logits: The network's output, from `postprocess_logits`.
            smooth_along: L (b, 1, size, size), if the logits are those of `predict_logits`: they
                are made coherent and decoded strip by strip, which is faster.
        """
        ab = logits
        if self.decoder is not None:
            sample, seed = self.options.sample, self.options.seed
            if sample is not None:
                if smooth_along is not None:
                    logits, smooth_along = self.decoder.smooth(logits, smooth_along), None
                logits = self.decoder.sample(logits, sample, seed)
            ab = self.decoder.decode(logits, smooth_along)
        return adjust(ab, self.options.saturation, self.options.warmth)

    def upsample(self, ab: Floats) -> Floats:
        """Return ab (b, 2, h, w) at the size from which `merge` upsamples it to the photograph's.

        With guided upsampling that is the size of the network's output. Bilinear upsampling goes
        by way of the size of the network's input, as in the published code.
        """
        if self.options.upsampling == "guided":
            return ab
        return upsample_to_input(ab, self.metadata.output_stride)

    def propagate_hints(
        self, ab: Floats, hinted: HintedPixels | None, lightness: Floats, logits: Floats
    ) -> Floats:
        """Return ab with the hinted colors propagated to cells that look alike.

        Args:
            ab: (1, 2, h, w), the colors without hints.
            hinted: The pixels of known color; None returns ab unchanged.
            lightness: (1, 1, size, size), the network's input.
            logits: The network's output for it, from `postprocess_logits`.
        """
        if hinted is None:
            return ab
        probabilities = None if self.decoder is None else self.decoder.probabilities(logits)[0]
        cells = self._hint_map(hinted)
        is_cast = cast_cells(hinted, cells.shape[1:], self.options.hint_scope)
        seen = self.metadata.takes_hints
        return propagate_hints(ab[0], lightness[0, 0], cells, probabilities, is_cast, seen)[None]

    def neutralize(self, ab: Floats, inside: lab.Block) -> Floats:
        """Return ab (1, 2, h, w) shifted so that the pixel that was gray is gray.

        inside: The rows and columns of the photograph that ab belongs to.
        """
        if self._neutral is None:
            return ab
        (x, y), (rows, columns) = self._neutral, inside
        size = rows.stop - rows.start, columns.stop - columns.start
        return neutralize(ab, (x - columns.start, y - rows.start), size)

    def merge(
        self,
        photo: Photo,
        ab: Floats,
        hinted: HintedPixels | None = None,
        inside: lab.Block | None = None,
    ) -> Photo:
        """Return the photograph with its own L, and ab (2, h, w) upsampled to its size.

        Args:
            photo: The photograph.
            ab: Its colors.
            hinted: Its pixels of known color, counted from the first one inside.
            inside: The rows and columns that the colors belong to; the others become gray. None:
                all.
        """
        inside = inside or (slice(0, photo.height), slice(0, photo.width))
        content = photo.crop(*inside)
        guide = None
        if self.options.upsampling == "guided":
            cells = ResizeSpec(ab.shape[1], ab.shape[2], CELL_RESAMPLE)
            guide = lab.lightness(content.thumbnail(cells))
        edit_ab = None if hinted is None else hinted.apply_to
        pixels = np.empty((*photo.size, 3), photo.pixels.dtype)
        merge_lab_blocks(content.pixels, ab, edit_ab, guide, self.threads, out=pixels[inside])
        for strip in strips_around(inside, photo.size):
            merge_lab_blocks(photo.pixels[strip], GRAY, threads=1, out=pixels[strip])
        return dataclasses.replace(photo, pixels=pixels)

    def add_provenance(self, colored: Photo, source: str) -> Photo:
        """Return the result with a record of how its colors were computed, which files keep.

        source: `pixel_hash` of the photograph before any step.
        """
        provenance = Provenance(source, _canonical_settings(self.options, self.metadata))
        metadata = dataclasses.replace(colored.metadata, provenance=provenance)
        return dataclasses.replace(colored, metadata=metadata)

    def require_distribution(self) -> LogitsDecoder:
        """Return the decoder. Raises ColorizeError for a network that predicts colors only."""
        if self.decoder is None:
            raise ColorizeError(
                "samples and confidence maps need a network that predicts a distribution of "
                f"colors, and {self.metadata.architecture} does not"
            )
        return self.decoder

    def _hint_map(self, hinted: HintedPixels) -> Floats:
        stride = self.metadata.output_stride
        if not self.metadata.takes_hints:
            stride = max(stride, HINT_STRIDE)
        side = self.size // stride
        return rasterize(hinted, (side, side))


def _read_files(options: ColorizeOptions) -> tuple[Hints | None, Photo | None]:
    """Return hints and reference, read where the options name files. Raises ColorizeError."""
    hints, reference = options.hints, options.reference
    return (
        None if hints is None else load_hints(hints),
        None if reference is None else to_photo(reference),
    )


def _canonical_settings(options: ColorizeOptions, metadata: ModelMetadata) -> str:
    """Return what colors depend on besides the photograph, as canonical JSON."""
    changed = {
        each.name: "given" if each.is_file else getattr(options, each.name)
        for each in options.changed()
    }
    network = {"model": metadata.architecture, "weights": metadata.weights}
    return canonical_settings(network | changed)


def prefetch_sizes(options: ColorizeOptions) -> list[ResizeSpec]:
    """Return the small copies of a photograph that most networks need, to be made ahead of time.

    Empty without guided upsampling, and with autocontrast, which changes the photograph first.
    """
    if options.upsampling != "guided" or options.autocontrast:
        return []
    size = options.size or INPUT_SIZE
    cells = size // 4
    return [
        ResizeSpec(size, size, INPUT_RESAMPLE),
        ResizeSpec(cells, cells, CELL_RESAMPLE),
    ]

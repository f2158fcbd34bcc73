"""Compare methods of upsampling ab to a photograph's size: python -m benchmarks.upsampling.

    python -m benchmarks.upsampling quality kodak/ bsds-100.tar --json FILE
    python -m benchmarks.upsampling cost PHOTO --json FILE
    python -m benchmarks.upsampling table FILE

`quality` takes color photographs at full size and keeps their L; ab is that of the bundled network
(to measure what users see) or the true one averaged to 64×64 (to measure only the upsampling). Both
are upsampled by every method and compared with the true ab by CIEDE2000: the mean over each
photograph, averaged over photographs, and the mean over all pixels in a band of 5 pixels along
strong color edges. An edge is strong where the gradient of the true ab, smoothed by a Gaussian of
σ = 1 pixel, is above 7 per pixel.

`cost` enlarges a photograph to 12 megapixels and measures the CPU time of merging by both methods,
alternately, and of the whole pipeline from JPEG file to JPEG file.

`table` prints such a file as the table of docs/upsampling.md.
"""

from __future__ import annotations

import argparse
import io
import json
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from scipy import ndimage
from skimage.color import deltaE_ciede2000

from colorize import Colorizer, Photo, read, write
from colorize.color import lab
from colorize.color.downsampling import area_downsample, downsampled_lightness
from colorize.color.merge import merge_lab_blocks
from colorize.color.upsampling import upsample_bilinear, upsample_guided
from colorize.io.datasets import iter_files

CELLS = 64
STRONG = 7.0  # ab units per pixel
BAND = 5  # pixels
TWELVE_MEGAPIXELS = (4000, 3000)
ROUNDS = 9

Planes = np.ndarray


def bilinear(ab: Planes, lightness: Planes, guide: Planes) -> Planes:
    """Return ab upsampled as in the releases: to 256×256, then to the photograph's size."""
    return upsample_bilinear(upsample_bilinear(ab, (4 * CELLS, 4 * CELLS)), lightness.shape)


def guided(ab: Planes, lightness: Planes, guide: Planes) -> Planes:
    """Return ab upsampled as this project does it."""
    return upsample_guided(ab, lightness, guide)


def fast_guided_filter(ab: Planes, lightness: Planes, guide: Planes) -> Planes:
    """Return the result of He and Sun's fast guided filter (2015), radius 1, ε = 40 of L²."""

    def box(planes: Planes) -> Planes:
        return np.asarray(ndimage.uniform_filter(planes, (0, 3, 3), mode="nearest"), np.float32)

    mean_l, mean_ab = box(guide[None]), box(ab)
    slope = (box(guide * ab) - mean_l * mean_ab) / (box(guide[None] ** 2) - mean_l**2 + 40)
    planes = upsample_bilinear(
        np.concatenate((box(slope), box(mean_ab - slope * mean_l))), lightness.shape
    )
    return planes[:2] * lightness + planes[2:]


def joint_bilateral(ab: Planes, lightness: Planes, guide: Planes) -> Planes:
    """Return Kopf's joint bilateral upsampling (2007): 4×4 cells, σ 0.5 cells and 10 of L."""
    positions = [(np.arange(n) + 0.5) * CELLS / n - 0.5 for n in lightness.shape]
    total, weights = np.zeros((2, *lightness.shape), np.float32), np.float32(1e-12)
    near = [np.floor(position).astype(int) for position in positions]
    for dy, dx in np.ndindex(4, 4):
        y, x = near[0] + dy - 1, near[1] + dx - 1
        far = ((positions[0] - y) ** 2)[:, None] + (positions[1] - x) ** 2
        cells = np.ix_(y.clip(0, CELLS - 1), x.clip(0, CELLS - 1))
        unlike = ((lightness - guide[cells]) / 10) ** 2
        weight = np.exp(-0.5 * (far / 0.25 + unlike)).astype(np.float32) + np.float32(1e-9)
        total += weight * ab[:, cells[0], cells[1]]
        weights = weights + weight
    return total / weights


METHODS: dict[str, Callable[[Planes, Planes, Planes], Planes]] = {
    "bilinear": bilinear,
    "guided": guided,
    "fast guided filter": fast_guided_filter,
    "joint bilateral": joint_bilateral,
}


def photographs(data: Path) -> Iterator[Planes]:
    """Yield the photographs of a folder or tar file, (H, W, 3) uint8."""
    for _, content in iter_files([data]):
        try:
            with Image.open(io.BytesIO(content)) as image:
                yield np.asarray(image.convert("RGB"))
        except OSError:
            continue


def edge_band(ab: Planes) -> Planes:
    """Return where ab (2, H, W) is within 2 pixels of a strong edge, (H, W) bool."""
    smooth = ndimage.gaussian_filter(ab, (0, 1, 1), mode="nearest")
    steepness = np.sqrt(sum(np.square(g).sum(0) for g in np.gradient(smooth, axis=(1, 2))))
    return ndimage.binary_dilation(steepness > STRONG, np.ones((BAND, BAND), bool))


class Tally:
    """Color differences of one method, photograph by photograph."""

    def __init__(self) -> None:
        """Start empty."""
        self.means: list[float] = []
        self.band_sum, self.band_pixels = 0.0, 0

    def add(self, difference: Planes, band: Planes) -> None:
        """Count the color differences (H, W) of a photograph."""
        self.means.append(float(difference.mean()))
        self.band_sum += float(difference[band].sum())
        self.band_pixels += int(band.sum())

    def figures(self, other: Tally) -> dict[str, float]:
        """Return the means, and in how many photographs the mean is below the other's."""
        better = sum(mine < its for mine, its in zip(self.means, other.means, strict=True))
        return {
            "overall": round(statistics.mean(self.means), 4),
            "band": round(self.band_sum / self.band_pixels, 4),
            "photographs_better_than_bilinear": better,
        }


def predicted_ab(colorizer: Colorizer, photo: Photo) -> np.ndarray:
    """Return the network's ab for a photograph, (1, 2, 64, 64)."""
    lightness = colorizer.network_input(photo)
    logits = colorizer.postprocess_logits(colorizer.predict_logits(lightness), lightness)
    return colorizer.decode(logits)


def quality(data: Path, colorizer: Colorizer) -> dict[str, Any]:
    """Return the figures of each method for the network's and the true colors."""
    tallies = {source: {method: Tally() for method in METHODS} for source in ("network", "truth")}
    pixels = count = 0
    for count, picture in enumerate(photographs(data), 1):
        truth = lab.rgb_to_lab(picture.astype(np.float32) / 255)
        lightness, true_ab = truth[..., 0], np.moveaxis(truth[..., 1:], -1, 0)
        shape, band = (CELLS, CELLS), edge_band(true_ab)
        sources = {
            "network": predicted_ab(colorizer, Photo(picture))[0],
            "truth": np.stack([area_downsample(plane, shape) for plane in true_ab]),
        }
        for source, ab in sources.items():
            for method, enlarged in METHODS.items():
                result = truth.copy()
                result[..., 1:] = np.moveaxis(
                    enlarged(ab, lightness, downsampled_lightness(picture, shape)), 0, -1
                )
                tallies[source][method].add(deltaE_ciede2000(truth, result), band)
        pixels += band.size
        sys.stderr.write(f"\r{data.name}: {count}")
    sys.stderr.write("\n")
    share = tallies["truth"]["bilinear"].band_pixels / pixels
    figures: dict[str, Any] = {"photographs": count, "band_share": round(share, 4)}
    for source, methods in tallies.items():
        figures[source] = {
            method: tally.figures(methods["bilinear"]) for method, tally in methods.items()
        }
    return figures


def cost(file: Path, colorizer: Colorizer, mode: str) -> dict[str, Any]:
    """Return CPU seconds of merging 12 megapixels by both methods, and of the whole pipeline.

    mode: Pillow's mode of the file, "L" or "RGB".
    """
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "large.jpg", Path(folder) / "result.jpg"
        with Image.open(file) as image:
            image.convert(mode).resize(TWELVE_MEGAPIXELS).save(source, quality=90)
        photo = read(source)
        ab = predicted_ab(colorizer, photo)
        small, plain = ab[0], colorizer.with_options(upsampling="bilinear").upsample(ab)[0]
        steps: dict[str, Callable[[], object]] = {
            "join_bilinear": lambda: merge_lab_blocks(photo.pixels, plain),
            "join_guided": lambda: merge_lab_blocks(
                photo.pixels, small, guide=downsampled_lightness(photo.pixels, small.shape[1:])
            ),
            "whole": lambda: write(colorizer(read(source)), target),
        }
        rounds = [{name: _seconds(step) for name, step in steps.items()} for _ in range(ROUNDS)]
    shares = [
        (each["join_guided"] - each["join_bilinear"]) / (each["whole"] or 1) for each in rounds[1:]
    ]
    figures = {
        f"{name}_seconds": round(statistics.median(r[name] for r in rounds[1:]), 3)
        for name in steps
    }
    return figures | {"extra_share_of_whole": round(statistics.median(shares), 4)}


def _seconds(step: Callable[[], object]) -> float:
    start = time.process_time()
    step()
    return time.process_time() - start


def table(content: dict[str, Any]) -> str:
    """Return the figures of a file in Markdown."""
    lines = []
    for name, data in content.get("quality", {}).items():
        share = 100 * data["band_share"]
        lines += [
            f"{name}: {data['photographs']} photographs, {share:.1f} % of the pixels in the band",
            "",
            "| ΔE2000 | network: overall | band | better in | truth: overall | band | better in |",
            "|---|--:|--:|--:|--:|--:|--:|",
        ]
        for method in METHODS:
            cells = [
                cell
                for source in ("network", "truth")
                for cell in (
                    f"{data[source][method]['overall']:.3f}",
                    f"{data[source][method]['band']:.3f}",
                    _better(method, data, source),
                )
            ]
            lines.append(f"| {method} | " + " | ".join(cells) + " |")
        lines.append("")
    return "\n".join(lines)


def _better(method: str, data: dict[str, Any], source: str) -> str:
    if method == "bilinear":
        return ""
    return str(data[source][method]["photographs_better_than_bilinear"])


def main(argv: list[str] | None = None) -> int:
    """Run the command and return its exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("quality", "cost", "table"))
    parser.add_argument("data", nargs="+", type=Path)
    parser.add_argument("--json", type=Path, help="add the figures to this file")
    args = parser.parse_args(argv)
    if args.what == "table":
        sys.stdout.write(table(json.loads(args.data[0].read_text())) + "\n")
        return 0
    colorizer = Colorizer.from_pretrained("compact")
    if args.what == "cost":
        figures: dict[str, Any] = {
            mode: cost(args.data[0], colorizer, mode) for mode in ("L", "RGB")
        }
    else:
        figures = {data.stem: quality(data, colorizer) for data in args.data}
    versions = {"python": platform.python_version(), "torch": torch.__version__}
    old = json.loads(args.json.read_text()) if args.json and args.json.exists() else {}
    content = old | {args.what: figures} | versions
    text = json.dumps(content, indent=1) + "\n"
    (args.json.write_text if args.json else sys.stdout.write)(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())

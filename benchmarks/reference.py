"""The published demo's steps, implemented as directly: what the benchmarks compare with.

`python -m benchmarks.reference --model eccv16 --weights FILE -i PHOTO... -o FOLDER` colorizes
photographs one after the other: Pillow's RGB, scikit-image's float64 Lab of the full size and of
256×256 (bicubic), the network in float32, ab enlarged bilinearly, `lab2rgb`, eight bits
truncated, PNG by matplotlib (zlib's level 6) or JPEG at quality 95, 4:4:4. `siggraph17` runs
its last three blocks twice, as the release does. The network itself is this project's, so that
both run the same weights; `compact`, which no release has, is decoded with its own settings.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import torch
from matplotlib import pyplot
from PIL import Image
from skimage import color
from torch.nn import functional as F

from colorize.decoding.annealed_mean import annealed_mean, rebalance_offset
from colorize.models import registry

SIZE = 256  # pixels, height and width of what the network sees


def load(file: Path) -> np.ndarray:
    """Return a photograph as RGB, (H, W, 3) uint8; gray is repeated three times."""
    pixels = np.asarray(Image.open(file))
    return np.tile(pixels[:, :, None], 3) if pixels.ndim == 2 else pixels


def lightness_of_both_sizes(rgb: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
    """Return L of the full size, (1, 1, H, W), and of 256×256, (1, 1, 256, 256), float32."""
    small = np.asarray(Image.fromarray(rgb).resize((SIZE, SIZE), Image.Resampling.BICUBIC))
    lightness = [color.rgb2lab(picture)[:, :, 0] for picture in (rgb, small)]
    full, little = (torch.Tensor(plane)[None, None] for plane in lightness)
    return full, little


def colors(network: torch.nn.Module, lightness: torch.Tensor) -> torch.Tensor:
    """Return ab, (b, 2, 256, 256), of L, (b, 1, 256, 256), all in float32."""
    metadata = network.metadata
    if metadata.output == "ab":
        siggraph17_tail_again(network, lightness)
        return network(lightness)
    offset = None
    style = metadata.styles["vivid"]
    if metadata.class_weights is not None:
        offset = rebalance_offset(metadata.class_weights, style.rebalance)
    logits = network(lightness)
    ab = torch.from_numpy(
        annealed_mean(logits.numpy(), style.temperature, metadata.bin_centers, offset)
    )
    return F.interpolate(ab, scale_factor=4.0, mode="bilinear", align_corners=False)


def siggraph17_tail_again(network: torch.nn.Module, lightness: torch.Tensor) -> torch.Tensor:
    """Run the last three blocks for nothing, as the release's forward does.

    Their inputs are zeros of the right shapes: the cost of a convolution is that of any numbers.
    """
    b, _, h, w = lightness.shape
    seven = torch.zeros(b, 512, h // 8, w // 8)
    quarter, half = torch.zeros(b, 256, h // 4, w // 4), torch.zeros(b, 128, h // 2, w // 2)
    full = torch.zeros(b, 64, h, w)
    x = network.model8(network.model8up(seven) + network.model3short8(quarter))
    x = network.model9(network.model9up(x) + network.model2short9(half))
    return network.model10(network.model10up(x) + network.model1short10(full))


def join(lightness: torch.Tensor, ab: torch.Tensor) -> np.ndarray:
    """Return sRGB in [0, 1], (H, W, 3) float64, of L (1, 1, H, W) and ab (1, 2, h, w)."""
    size = lightness.shape[2:]
    if size != ab.shape[2:]:
        ab = F.interpolate(ab, size=size, mode="bilinear", align_corners=False)
    lab = torch.cat((lightness, ab), dim=1).data.cpu().numpy()[0]
    return color.lab2rgb(lab.transpose((1, 2, 0)))


def save(rgb: np.ndarray, file: Path) -> None:
    """Write sRGB in [0, 1], truncated to eight bits, as PNG at level 6 or as JPEG."""
    if file.suffix == ".png":
        pyplot.imsave(file, rgb)
    else:
        image = Image.fromarray((rgb * 255).astype(np.uint8))
        image.save(file, quality=95, subsampling="4:4:4")


@torch.inference_mode()
def colorize(network: torch.nn.Module, rgb: np.ndarray) -> np.ndarray:
    """Return sRGB in [0, 1], (H, W, 3) float64, of RGB, (H, W, 3) uint8."""
    full, small = lightness_of_both_sizes(rgb)
    return join(full, colors(network, small))


def main(argv: list[str] | None = None) -> int:
    """Run the command and return its exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-i", "--input", nargs="+", type=Path, required=True)
    parser.add_argument("-o", "--output", type=Path, required=True, help="a folder")
    parser.add_argument("--model", default="compact")
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--format", default="png", choices=("png", "jpg"))
    args = parser.parse_args(argv)
    network = registry.load(args.model, weights=args.weights)
    args.output.mkdir(parents=True, exist_ok=True)
    for file in args.input:
        target = args.output / f"{file.stem}.{args.format}"
        save(colorize(network, load(file)), target)
    return 0


if __name__ == "__main__":
    sys.exit(main())

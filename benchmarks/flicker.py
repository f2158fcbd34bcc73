"""Measure how much colors flicker in a video, with and without the temporal filter.

`python -m benchmarks.flicker` pans and zooms over photographs, with noise like film grain, and
prints as JSON the mean difference in color (ΔE 1976 and 2000) between the same points of
successive frames, which are matched by the known motion. For comparison with publications it
prints CDC too, also of the clips in gray: what their motion and noise account for. The exit status
is 1 if the filter leaves more than half of the ΔE, fades the colors by more than 5 %, or changes
the frame after a cut.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from PIL import Image
from scipy.special import rel_entr
from skimage.color import deltaE_ciede2000

from colorize import Colorizer, Photo
from colorize.color import lab
from colorize.io.formats import has_image_suffix
from colorize.video.temporal import TemporalFilter, predict_frame

ROOT = Path(__file__).parents[1]
HEIGHT, WIDTH = 256, 384  # of the clips
WIDE = 640  # pixels, of the photographs under the camera
NOISE = 4.0  # gray levels, sigma
SPACING = 6  # pixels between the points that are compared
MARGIN = 12  # pixels at the edges without points
PATCH = 5  # pixels, side of the square whose mean color a point has: noise in L evens out
GAPS = (1, 2, 4)  # frames, of CDC
SAME_OR_HALF = 0.5
FADED = 0.95


def camera(move: str, share: float, height: int, width: int) -> np.ndarray:
    """Return the map (2, 3) from frame to photograph at a moment 0 to 1 of a camera move."""
    fit = min(height / HEIGHT, width / WIDTH)
    if move == "pan":
        scale, x = fit * 0.75, 0.1 + 0.8 * share
    else:
        scale, x = fit * (0.95 - 0.35 * share), 0.5
    left, top = x * (width - WIDTH * scale), (height - HEIGHT * scale) / 2
    return np.array([[scale, 0, left], [0, scale, top]])


def clip(gray: np.ndarray, move: str, frames: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the frames of a clip, uint8, and their maps to the photograph."""
    random = np.random.default_rng(0)
    for number in range(frames):
        transform = camera(move, number / (frames - 1), *gray.shape)
        flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
        frame = cv2.warpAffine(gray, transform, (WIDTH, HEIGHT), flags=flags)
        noisy = frame + random.normal(0, NOISE, frame.shape)
        yield np.rint(noisy.clip(0, 255)).astype(np.uint8), transform


def matched(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return points (n, 2) of a frame and where they are in a second one, from their maps."""
    y, x = np.mgrid[MARGIN : HEIGHT - MARGIN : SPACING, MARGIN : WIDTH - MARGIN : SPACING]
    points = np.stack((x.ravel(), y.ravel()), axis=1).astype(float)
    in_photograph = points @ first[:, :2].T + first[:, 2]
    moved = (in_photograph - second[:, 2]) @ np.linalg.inv(second[:, :2]).T
    inside = (moved > MARGIN) & (moved < (WIDTH - MARGIN, HEIGHT - MARGIN))
    kept = inside.all(axis=1)
    return points[kept].astype(np.float32), moved[kept].astype(np.float32)


def sample(picture: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Return a picture's Lab (n, 3) at points (n, 2), each the mean of a patch."""
    smooth = cv2.blur(picture, (PATCH, PATCH))
    return cv2.remap(smooth, points[:, None], None, cv2.INTER_LINEAR)[:, 0]


def histograms(pixels: np.ndarray) -> np.ndarray:
    """Return the shares of the 256 levels in R, G and B, (3, 256), of uint8 RGB or gray pixels."""
    rgb = pixels if pixels.ndim == 3 else np.dstack([pixels] * 3)
    counts = [np.bincount(channel.ravel(), minlength=256) for channel in np.moveaxis(rgb, 2, 0)]
    return np.array(counts) / (rgb.size // 3)


def color_distribution_consistency(frames: list[np.ndarray]) -> dict[str, float]:
    """Return CDC at each gap between frames, and the mean of them; lower is steadier.

    CDC at gap t is the mean Jensen-Shannon divergence, in nats, between the histograms of frames
    t apart, over the channels R, G and B (Liu et al., "Temporally Consistent Video Colorization
    with Deep Feature Propagation and Self-Regularization Learning", arXiv:2110.04562; a measure
    of the NTIRE 2023 video colorization challenge, CVPRW 2023).

    frames: of `histograms`, (3, 256) each.
    """
    stacked = np.stack(frames)
    figures = {}
    for gap in GAPS:
        first, second = stacked[:-gap], stacked[gap:]
        middle = (first + second) / 2
        divergence = (rel_entr(first, middle) + rel_entr(second, middle)).sum(axis=-1) / 2
        figures[f"cdc{gap}"] = float(divergence.mean())
    return {**figures, "cdc": float(np.mean(list(figures.values())))}


def flicker(pictures: list[np.ndarray], transforms: list[np.ndarray]) -> dict[str, float]:
    """Return the mean differences of matched points, and the mean chroma of the last quarter."""
    de76, de2000, ab = [], [], []
    for number in range(len(pictures) - 1):
        points, moved = matched(transforms[number], transforms[number + 1])
        before, after = sample(pictures[number], points), sample(pictures[number + 1], moved)
        de76.append(np.linalg.norm(before - after, axis=1).mean())
        de2000.append(deltaE_ciede2000(before, after).mean())
        ab.append(np.linalg.norm((before - after)[:, 1:], axis=1).mean())
    last = np.stack(pictures[-len(pictures) // 4 :])
    chroma = np.hypot(last[..., 1], last[..., 2]).mean()
    figures = {"de76": np.mean(de76), "de2000": np.mean(de2000), "ab": np.mean(ab)}
    return {name: round(float(value), 3) for name, value in (*figures.items(), ("chroma", chroma))}


def measure(
    colorizer: Colorizer, gray: np.ndarray, move: str, frames: int
) -> dict[str, dict[str, float]]:
    """Return the figures of one clip: with independent frames, with filtered ones, and in gray."""
    steady = TemporalFilter()
    pictures: dict[str, list[np.ndarray]] = {"independent": [], "filtered": []}
    levels: dict[str, list[np.ndarray]] = {"independent": [], "filtered": [], "gray": []}
    transforms = []
    for frame, transform in clip(gray, move, frames):
        photo = Photo(frame)
        small, ab = predict_frame(colorizer, photo)
        for way, colors in (("independent", ab), ("filtered", steady(small, ab))):
            pixels = colorizer.merge(photo, colors).pixels
            pictures[way].append(lab.rgb_to_lab(pixels.astype(np.float32) / 255).astype(np.float32))
            levels[way].append(histograms(pixels))
        levels["gray"].append(histograms(frame))
        transforms.append(transform)
    figures = {way: flicker(shown, transforms) for way, shown in pictures.items()}
    for way, counts in levels.items():
        cdc = color_distribution_consistency(counts)
        rounded = {name: round(value, 6) for name, value in cdc.items()}
        figures[way] = figures.get(way, {}) | rounded
    return figures


def cuts(colorizer: Colorizer, grays: list[np.ndarray]) -> list[float]:
    """Return for each cut between photographs how far the filtered ab is from the network's."""
    steady = TemporalFilter()
    differences = []
    for number, gray in enumerate(grays):
        for position, (frame, _) in enumerate(clip(gray, "pan", 4)):
            small, ab = predict_frame(colorizer, Photo(frame))
            result = steady(small, ab)
            if position == 0 and number:
                differences.append(float(np.abs(result - ab).max()))
    return differences


def photographs(folder: Path, most: int) -> dict[str, np.ndarray]:
    """Return gray photographs of a folder by name, float32, all of one width."""
    names = sorted(path for path in folder.iterdir() if has_image_suffix(path))
    grays = {}
    for path in [path for path in names if "before-after" not in path.name][:most]:
        with Image.open(path) as image:
            height = round(image.height * WIDE / image.width)
            gray = image.convert("L").resize((WIDE, height), Image.Resampling.LANCZOS)
            grays[path.stem] = np.asarray(gray, np.float32)
    return grays


def main(argv: list[str] | None = None) -> int:
    """Measure and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT / "imgs")
    parser.add_argument("--photographs", type=int, default=4)
    parser.add_argument("--frames", type=int, default=40)
    parser.add_argument("--model", default="compact")
    parser.add_argument("--json", type=Path, help="write the figures there as well")
    args = parser.parse_args(argv)
    colorizer = Colorizer.from_pretrained(args.model)
    grays = photographs(args.folder, args.photographs)
    clips = {
        f"{name} {move}": measure(colorizer, gray, move, args.frames)
        for name, gray in grays.items()
        for move in ("pan", "zoom")
    }
    mean = {
        way: {name: round(float(np.mean([figures[way][name] for figures in clips.values()])), 6)
              for name in names}
        for way, names in next(iter(clips.values())).items()
    }  # fmt: skip
    ratio = {
        name: round(mean["filtered"][name] / mean["independent"][name], 3)
        for name in mean["independent"]
    }
    after_cuts = cuts(colorizer, list(grays.values()))
    result = {
        "model": args.model, "frames": args.frames, "size": [WIDTH, HEIGHT], "noise": NOISE,
        "mean": mean, "ratio": ratio, "largest_difference_after_cuts": max(after_cuts, default=0),
        "clips": clips,
    }  # fmt: skip
    text = json.dumps(result, indent=1) + "\n"
    if args.json:
        args.json.write_text(text)
    sys.stdout.write(text)
    steady = max(ratio["de76"], ratio["de2000"]) <= SAME_OR_HALF and ratio["chroma"] >= FADED
    return 0 if steady and max(after_cuts, default=0) == 0 else 1


if __name__ == "__main__":
    sys.exit(main())

"""Golden data of pictures, how far a picture is from it, and what is allowed."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image
from skimage import io
from skimage.color import deltaE_cie76, rgb2lab

Floats = npt.NDArray[np.floating]

GRID = 64  # cells of a side
STEPS = 200  # of one unit of a or b in the data
FOLDER = Path(__file__).parent / "data"
GRIDS = FOLDER / "ab.npz"


class Limits(NamedTuple):
    """The largest ΔE (CIE 1976) to golden data that is allowed."""

    mean: float
    most: float  # of 99 % of the cells or pixels

    def __str__(self) -> str:
        """Return the limits in words."""
        return f"mean {self.mean}, 99 % up to {self.most}"


class Difference(NamedTuple):
    """The ΔE of a picture to golden data."""

    mean: float
    most: float  # of 99 %
    worst: float
    place: tuple[int, int]  # row and column of the worst

    @classmethod
    def of(cls, distance: Floats) -> Difference:
        """Return the figures of a ΔE for each place, (h, w)."""
        row, column = np.unravel_index(np.argmax(distance), distance.shape)
        most = float(np.percentile(distance, 99))
        worst = float(distance[row, column])
        return cls(float(distance.mean()), most, worst, (int(row), int(column)))

    def exceeds(self, limits: Limits) -> bool:
        """Tell whether the picture is too far from the golden data."""
        return self.mean > limits.mean or self.most > limits.most

    def __str__(self) -> str:
        """Return the figures in words."""
        return (
            f"mean ΔE {self.mean:.4f}, 99 % up to {self.most:.4f}, "
            f"worst {self.worst:.3f} at row {self.place[0]}, column {self.place[1]}"
        )


def read_rgb(path: Path) -> Floats:
    """Return a picture's sRGB in [0, 1], (H, W, 3), of 8 or 16 bits, without its alpha."""
    if path.suffix == ".tif":
        levels = io.imread(path)
    else:
        with Image.open(path) as picture:
            levels = np.asarray(picture if picture.mode == "L" else picture.convert("RGB"))
    if levels.ndim == 2:
        levels = np.repeat(levels[..., None], 3, axis=2)
    return levels[..., :3] / np.iinfo(levels.dtype).max


def ab_grid(lab: Floats) -> Floats:
    """Return the mean a and b of 64×64 cells of a picture in Lab, (64, 64, 2)."""
    planes = (Image.fromarray(lab[..., n].astype(np.float32)) for n in (1, 2))
    cells = [np.asarray(plane.resize((GRID, GRID), Image.Resampling.BOX)) for plane in planes]
    return np.stack(cells, axis=2)


def grid_difference(lab: Floats, golden: npt.NDArray[np.int16]) -> Difference:
    """Return how far the ab of a picture in Lab is from a golden grid."""
    return Difference.of(np.hypot(*np.moveaxis(ab_grid(lab) - golden / STEPS, 2, 0)))


def picture_difference(lab: Floats, golden: Path) -> Difference:
    """Return how far a picture in Lab is from a golden picture of the same size."""
    expected = rgb2lab(read_rgb(golden))
    assert lab.shape == expected.shape, f"size {lab.shape[:2]}, expected {expected.shape[:2]}"
    return Difference.of(deltaE_cie76(lab, expected))


def picture_path(key: str) -> Path:
    """Return the file of a golden picture, such as default/coffee."""
    return FOLDER / (key.replace("/", "-") + ".webp")

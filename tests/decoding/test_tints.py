"""Sepia, yellowed and other tinted scans: their cast does not reach the result.

Only L is used. The L of a tinted scan is not that of the neutral photograph (its black and white
have other lightnesses), so there are two tolerances: against a gray scan of the very same L the
result differs only by rounding; against the neutral photograph the colors differ as they do for
any photograph of less contrast.
"""

from pathlib import Path

import numpy as np
import pytest
from skimage.color import deltaE_ciede2000

from colorize import Colorizer, read
from colorize.color import lab
from colorize.io.photo import Photo
from colorize.models import weights_files
from colorize.options import ColorizeOptions

IMGS = Path(__file__).parents[2] / "imgs"
TINTS = {  # the colors of black and white
    "sepia": ((0, 0, 0), (255, 240, 205)),
    "yellowed": ((30, 24, 10), (250, 236, 190)),
    "cyanotype": ((5, 20, 50), (225, 240, 250)),
    "pink": ((20, 0, 10), (255, 225, 230)),
}


@pytest.fixture(scope="module")
def colorizer() -> Colorizer:
    if weights_files.cached_path("compact") is None:
        pytest.skip("no bundled weights")
    return Colorizer.from_pretrained("compact")


def photograph(name: str) -> Photo:
    """Return every other pixel of a photograph: the network sees 256×256 in any case."""
    return Photo(read(IMGS / name).pixels[::2, ::2].copy())


def tinted(photo: Photo, tint: str) -> Photo:
    black, white = (np.array(color) for color in TINTS[tint])
    share = photo.pixels[..., None] / 255
    return Photo(np.rint(black + share * (white - black)).astype(np.uint8))


def without_tint(photo: Photo) -> Photo:
    lightness = lab.lightness(photo.pixels)
    return Photo(
        lab.lab_to_srgb_pixels(lightness, np.zeros((2, *lightness.shape), np.float32))[
            ..., 1
        ].copy()
    )


def lab_of(photo: Photo) -> np.ndarray:
    return lab.rgb_to_lab(photo.pixels / 255)


@pytest.mark.parametrize(
    "name", ["chelsea.jpg", pytest.param("camera.jpg", marks=pytest.mark.slow)]
)
@pytest.mark.parametrize("tint", TINTS)
def test_tinted_scan_equals_gray_scan_of_same_lightness(colorizer, name, tint):
    scan = tinted(photograph(name), tint)
    result, expected = (lab_of(colorizer(p)) for p in (scan, without_tint(scan)))
    difference = deltaE_ciede2000(result, expected)
    assert difference.mean() <= 0.6
    assert np.percentile(difference, 99) <= 1.5


@pytest.mark.parametrize("tint", TINTS)
def test_tinted_scan_is_near_neutral_photograph(colorizer, tint):
    photo = photograph("chelsea.jpg")
    scan = tinted(photo, tint)
    neutral, result = lab_of(colorizer(photo)), lab_of(colorizer(scan))
    shift = result[..., 1:].mean(axis=(0, 1)) - neutral[..., 1:].mean(axis=(0, 1))
    assert np.abs(shift).max() <= 1.5  # of casts up to 17
    neutral[..., 0] = result[..., 0]  # compare only the colors
    assert deltaE_ciede2000(result, neutral).mean() <= 1.5


@pytest.mark.slow
@pytest.mark.parametrize("tint", TINTS)
def test_autocontrast_restores_lightness_of_tinted_scan(colorizer, tint):
    stretching = Colorizer(colorizer.runner, ColorizeOptions(autocontrast=True))
    photo = photograph("coffee.jpg")
    scan = tinted(photo, tint)
    neutral, plain, stretched = (
        lab_of(p) for p in (stretching(photo), colorizer(scan), stretching(scan))
    )
    left, before = (deltaE_ciede2000(r, neutral).mean() for r in (stretched, plain))
    assert left < before / 1.5
    assert left <= 1.5

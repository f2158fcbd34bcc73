"""Photographs in color, told from gray ones with a tint."""

import numpy as np
import pytest
from PIL import Image

from colorize.color import lab
from colorize.color.tint import is_color

SIZE = 96
SEPIA = 75  # hue in degrees


def lightness() -> np.ndarray:
    """Return L of a picture with shapes, gradients and grain, (SIZE, SIZE)."""
    random = np.random.default_rng(1)
    y, x = np.mgrid[0 : 1 : SIZE * 1j, 0 : 1 : SIZE * 1j]
    blocks = np.kron(random.uniform(-25, 25, (6, 6)), np.ones((SIZE // 6, SIZE // 6)))
    return np.clip(50 + 15 * np.sin(3 * x) + 10 * y + blocks + random.normal(0, 3, x.shape), 5, 95)


def picture(hue, chroma) -> np.ndarray:
    """Return (SIZE, SIZE, 3) uint8 of the shapes in color; hue in degrees, chroma in Lab units."""
    level, angle = lightness(), np.radians(hue)
    ab = [np.broadcast_to(chroma * f(angle), level.shape) for f in (np.cos, np.sin)]
    rgb = lab.lab_to_rgb(np.stack([level, *ab], -1).astype(np.float32))
    return np.rint(np.clip(rgb, 0, 1) * 255).astype(np.uint8)


def blocks(*values: float) -> np.ndarray:
    """Return the values in turn, one for each shape of a picture."""
    return np.kron(np.resize(values, (6, 6)), np.ones((SIZE // 6, SIZE // 6)))


def distance() -> np.ndarray:
    """Return the distance from the center, (SIZE, SIZE), 1 at the edges."""
    y, x = np.mgrid[-1 : 1 : SIZE * 1j, -1 : 1 : SIZE * 1j]
    return np.hypot(x, y)


def as_jpeg(rgb: np.ndarray) -> np.ndarray:
    import io

    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, "jpeg", quality=60)
    return np.asarray(Image.open(buffer))


def noisy(rgb: np.ndarray, amount: float) -> np.ndarray:
    noise = np.random.default_rng(2).normal(0, amount, rgb.shape)
    return np.clip(rgb + noise, 0, 255).astype(np.uint8)


def stamped(rgb: np.ndarray) -> np.ndarray:
    """Return a picture with a small red stamp."""
    result = rgb.copy()
    result[80:90, 80:90] = (200, 30, 40)
    return result


GRAY = {
    "gray": lambda: picture(0, 0),
    "sepia": lambda: picture(SEPIA, 22),
    "cyanotype": lambda: picture(250, 30),
    "sepia in the shadows": lambda: picture(SEPIA, 30 * (1 - lightness() / 100)),
    "hue drifts with L": lambda: picture(SEPIA - 10 + lightness() / 5, 20),
    "yellowed edges": lambda: picture(85, 25 * distance() ** 2),
    "sepia, yellowed": lambda: picture(80, 12 + 20 * distance() ** 3),
    "noise of a scanner": lambda: noisy(picture(0, 0), 6),
    "noisy sepia as JPEG": lambda: as_jpeg(noisy(picture(SEPIA, 20), 8)),
    "stamped": lambda: stamped(picture(SEPIA, 15)),
}
COLOR = {
    "sky and skin": lambda: picture(blocks(50, 250), blocks(25, 20, 8)),
    "pale": lambda: picture(blocks(30, 140, 280), 9),
    "brown and gray": lambda: picture(60, blocks(35, 2, 18, 0)),
    "one red coat": lambda: picture(30, np.where(distance() < 0.3, 60, 1)),
    "orange and teal": lambda: as_jpeg(picture(blocks(60, 60, 220), 30)),
}


@pytest.mark.parametrize("name", GRAY)
def test_gray_and_tinted_pictures_are_not_in_color(name):
    assert not is_color(GRAY[name]())


@pytest.mark.parametrize("name", COLOR)
def test_pictures_in_color_are(name):
    assert is_color(COLOR[name]())

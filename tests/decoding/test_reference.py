"""References: the histogram of one, and results drawn toward it."""

import numpy as np
import pytest
from fixtures.colorizers import make_colorizer
from PIL import Image
from skimage.color import rgb2lab

from colorize.cli import main
from colorize.color.quantization import NUM_BINS, bin_centers, soft_encode
from colorize.decoding.reference import STRENGTH, color_histogram, prior_shift
from colorize.errors import ColorizeError
from colorize.io.photo import Photo
from colorize.io.readers import read

WARM, COLD = (200, 110, 60), (60, 110, 200)


def plain(color: tuple[int, int, int], size: tuple[int, int] = (40, 50)) -> Photo:
    return Photo(np.full((*size, 3), color, np.uint8))


def gray(height: int = 48, width: int = 64) -> Photo:
    rows, columns = np.mgrid[:height, :width]
    return Photo((128 + 60 * np.sin(rows / 7) * np.cos(columns / 9)).astype(np.uint8))


def ab_of(photo: Photo) -> np.ndarray:
    return rgb2lab(photo.pixels)[..., 1:]


def test_histogram_is_mean_of_soft_encoded_colors():
    colors = np.array([(255, 0, 0), (30, 60, 90)], np.uint8)
    photo = Photo(np.repeat(np.repeat(colors, 128, axis=0)[None], 256, axis=0))
    ab = rgb2lab(colors[None] / 255)[0, :, 1:]
    expected = np.zeros(NUM_BINS)
    for bins, weights in zip(*soft_encode(ab), strict=True):
        expected[bins] += weights / 2
    found = color_histogram(photo.pixels)
    assert found.sum() == pytest.approx(1, abs=1e-5)
    assert np.abs(found - expected).sum() < 0.08  # bicubic mixes the border's cells


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_histogram_of_gray_is_around_neutral_bin(dtype):
    shares = color_histogram(gray().pixels.astype(dtype))
    assert np.hypot(*bin_centers()[shares > 0].T).max() <= 10
    assert shares.argmax() == np.flatnonzero((bin_centers() == 0).all(axis=1))[0]


def test_prior_shift_is_power_of_ratio():
    """Where the picture is one cell, twice as frequent means log 2 times the strength more."""
    p, h = (
        np.full((NUM_BINS, 1, 1), 1 / NUM_BINS, np.float32),
        np.full(NUM_BINS, 1 / NUM_BINS, np.float32),
    )
    np.testing.assert_allclose(prior_shift(p, h), 0, atol=1e-6)
    h[0], h[1] = 2 / NUM_BINS, 0
    change = prior_shift(p, h)
    assert change[0] == pytest.approx(STRENGTH * np.log(2.02 / 1.04), abs=1e-4)
    assert change[1] == pytest.approx(STRENGTH * np.log(0.02), abs=1e-4)
    np.testing.assert_allclose(change[2:], 0, atol=1e-6)


def test_prior_shift_is_bounded():
    p, h = np.zeros((NUM_BINS, 2, 2), np.float32), np.zeros(NUM_BINS, np.float32)
    p[0], h[1] = 1, 1
    assert np.isfinite(prior_shift(p, h)).all()
    assert np.abs(prior_shift(p, h)).max() <= STRENGTH * np.log(50) + 1e-4


def test_results_shift_toward_reference(network):
    colorizer = make_colorizer(network, size=64)
    warm, cold = (ab_of(colorizer(gray(), reference=plain(c))).mean((0, 1)) for c in (WARM, COLD))
    without = ab_of(colorizer(gray()))
    assert warm[1] > without[..., 1].mean() > cold[1]
    grayed = ab_of(colorizer(gray(), reference=gray()))
    assert np.linalg.norm(grayed, axis=-1).mean() < 0.8 * np.linalg.norm(without, axis=-1).mean()


def test_reference_of_colorizer_is_default(network):
    colorizer = make_colorizer(network, size=64, reference=plain(WARM))
    other = make_colorizer(network, size=64)
    own, shared = colorizer(gray(), reference=plain(COLD)), colorizer(gray())
    np.testing.assert_array_equal(own.pixels, other(gray(), reference=plain(COLD)).pixels)
    np.testing.assert_array_equal(shared.pixels, other(gray(), reference=plain(WARM)).pixels)


def test_eccv16_accepts_reference(eccv16):
    colorizer = make_colorizer(eccv16, size=32)
    lightness = colorizer.network_input(gray())
    logits = colorizer.predict_logits(lightness)
    shifted = colorizer.postprocess_logits(logits, lightness, plain(WARM))
    assert np.abs(shifted - logits).max() > 1


def test_siggraph17_rejects_reference(siggraph17):
    with pytest.raises(ColorizeError, match=r"^reference: .* distribution"):
        make_colorizer(siggraph17, size=32, reference=plain(WARM))
    with pytest.raises(ColorizeError, match=r"^reference: .* distribution"):
        make_colorizer(siggraph17, size=32)(gray(), reference=plain(WARM))


def test_command_accepts_reference(weights, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for name, photo in (("a.png", gray()), ("warm.png", plain(WARM)), ("cold.png", plain(COLD))):
        Image.fromarray(photo.pixels).save(name)
    start = ["--weights", weights, "--size", "64", "-i", "a.png", "--overwrite"]
    means = []
    for reference in ("warm.png", "cold.png"):
        assert main([*start, "-o", "out.png", "--reference", reference]) == 0
        means.append(ab_of(read("out.png"))[..., 1].mean())
    assert means[0] > means[1]
    capsys.readouterr()
    assert main([*start, "-o", "out.png", "--reference", "none.png"]) == 1
    assert capsys.readouterr().err == "colorize: none.png: no such file\n"
    with pytest.raises(SystemExit):
        main([*start, "-o", "warm.png", "--reference", "warm.png"])
    assert "-o would replace the file of --reference" in capsys.readouterr().err

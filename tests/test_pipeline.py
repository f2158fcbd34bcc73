"""Invariants of the whole way from a photograph to a photograph."""

import dataclasses
from unittest import mock

import numpy as np
import pytest
import torch
from fixtures.colorizers import make_colorizer
from fixtures.random_weights import lively
from PIL import Image
from skimage.color import rgb2lab

from colorize.color import lab
from colorize.color.merge import merge_lab_blocks
from colorize.color.quantization import bin_centers
from colorize.color.upsampling import GuidedUpsampler, upsample_bilinear
from colorize.decoding.annealed_mean import annealed_mean, rebalance_offset
from colorize.decoding.bilateral import smooth_logits
from colorize.errors import ColorizeError
from colorize.hints.format import Hint, read_hints
from colorize.io.photo import Photo
from colorize.io.readers import read
from colorize.io.writers import write
from colorize.models.siggraph17 import SIGGRAPH17
from colorize.options import ColorizeOptions
from colorize.pipeline import Colorizer
from colorize.runtime.torch_runner import TorchRunner


@pytest.fixture(scope="module")
def colorizer(network) -> Colorizer:
    return make_colorizer(network, size=64)


def gray(height: int, width: int, dtype: type = np.uint8) -> Photo:
    top = np.iinfo(dtype).max
    rows, columns = np.mgrid[:height, :width]
    wave = 0.5 + 0.4 * np.sin(rows / 9) * np.cos(columns / 13)
    return Photo((wave * top).astype(dtype))


def lightness_of(photo: Photo) -> np.ndarray:
    return rgb2lab(photo.pixels / np.iinfo(photo.pixels.dtype).max)[..., 0]


@pytest.mark.parametrize("size", [(64, 64), (1, 1), (1, 5000), (5000, 1), (33, 71), (300, 200)])
def test_size_is_kept(colorizer, size):
    result = colorizer(gray(*size))
    assert result.pixels.shape == (*size, 3)
    assert result.pixels.dtype == np.uint8


@pytest.mark.parametrize(("dtype", "limit"), [(np.uint8, 0.5), (np.uint16, 0.02)])
def test_lightness_and_bit_depth_are_kept(colorizer, dtype, limit):
    photo = gray(200, 150, dtype)
    result = colorizer(photo)
    assert result.pixels.dtype == dtype
    assert np.abs(lightness_of(result) - lab.lightness(photo.pixels)).max() <= limit


def test_result_has_color(colorizer):
    result = colorizer(gray(64, 64)).pixels.astype(int)
    assert np.ptp(result, axis=2).mean() > 5


def test_colors_of_the_input_are_ignored(colorizer):
    """Two photographs of the same L and different colors get the same colors."""
    lightness = np.full((40, 40), 60, np.float32)
    first = lab.lab_to_srgb_pixels(lightness, np.full((2, 40, 40), 15, np.float32))
    second = lab.lab_to_srgb_pixels(lightness, np.full((2, 40, 40), -15, np.float32))
    results = [colorizer(Photo(pixels)).pixels.astype(int) for pixels in (first, second)]
    assert np.abs(results[0] - results[1]).max() <= 3


def test_result_is_deterministic(colorizer):
    photo = gray(90, 120)
    np.testing.assert_array_equal(colorizer(photo).pixels, colorizer(photo).pixels)


def test_alpha_and_metadata_are_kept(colorizer):
    alpha = np.random.default_rng(0).integers(0, 256, (20, 30), np.uint8)
    photo = dataclasses.replace(gray(20, 30), alpha=alpha)
    result = colorizer(photo)
    np.testing.assert_array_equal(result.alpha, alpha)
    assert dataclasses.replace(result.metadata, provenance=None) == photo.metadata


def test_merge_in_strips_equals_merge_at_once():
    """Joining in strips equals one join of the enlarged ab."""
    photo = gray(700, 900)
    ab = np.random.default_rng(1).normal(0, 20, (2, 16, 16)).astype(np.float32)
    whole = lab.lab_to_srgb_pixels(lab.lightness(photo.pixels), upsample_bilinear(ab, (700, 900)))
    np.testing.assert_array_equal(merge_lab_blocks(photo.pixels, ab), whole)


def test_network_input_is_bicubic_lightness(colorizer):
    pixels = np.random.default_rng(2).integers(0, 256, (100, 80, 3), np.uint8)
    small = Image.fromarray(pixels).resize((64, 64), Image.Resampling.BICUBIC)
    expected = rgb2lab(np.asarray(small))[..., 0]
    result = colorizer.network_input(Photo(pixels))
    assert result.shape == (1, 1, 64, 64)
    np.testing.assert_allclose(result[0, 0], expected, atol=1e-3)


def test_network_sees_more_contrast_where_it_wants_it(network):
    class Recorder(TorchRunner):
        def __call__(self, lightness, hints=None):
            self.seen = lightness
            return super().__call__(lightness, hints)

    runner = Recorder(network)
    runner.metadata = dataclasses.replace(network.metadata, input_autocontrast=1.0)
    clear = np.random.default_rng(3).uniform(0, 100, (2, 1, 64, 64)).astype(np.float32)
    for contrast in (0.4, 0.8):
        Colorizer(runner).predict_logits(30 * (1 - contrast) + contrast * clear)
        np.testing.assert_allclose(runner.seen, clear, atol=1)


@pytest.fixture
def detailed(network) -> Colorizer:
    """Return a colorizer whose network sees 64 pixels, and 128 of large photographs."""
    runner = TorchRunner(network)
    runner.metadata = dataclasses.replace(network.metadata, input_size=64, detail_size=128)
    return Colorizer(runner)


def test_large_photographs_are_seen_at_two_sizes(detailed):
    photo = gray(1024, 1032)
    coarse = detailed.with_options(size=64).predict(photo).logits
    pixels = np.asarray(Image.fromarray(photo.pixels).resize((128, 128), Image.Resampling.BOX))
    fine = detailed.predict_logits(lab.lightness(pixels)[None, None])
    cells = torch.nn.functional.avg_pool2d(torch.from_numpy(fine), 2).numpy()
    logits = detailed.predict(photo).logits
    np.testing.assert_allclose(logits, (coarse + cells) / 2, atol=1e-4)
    assert np.abs(logits - coarse).max() > 0.1


def test_photographs_of_a_megapixel_are_seen_at_one_size(detailed):
    photo = gray(1024, 1024)
    logits = detailed.with_options(size=64).predict(photo).logits
    np.testing.assert_array_equal(detailed.predict(photo).logits, logits)


def test_network_input_of_16_bits_equals_that_of_8(colorizer):
    eight = gray(64, 64)
    sixteen = Photo(eight.pixels.astype(np.uint16) * 257)
    inputs = [colorizer.network_input(photo) for photo in (eight, sixteen)]
    np.testing.assert_array_equal(*inputs)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_guided_merge_in_strips_equals_merge_at_once(dtype):
    pixels = gray(700, 900, dtype).pixels
    ab = np.random.default_rng(1).normal(0, 20, (2, 16, 16)).astype(np.float32)
    eight = pixels if dtype == np.uint8 else np.rint(pixels / 257).astype(np.uint8)
    cells = Image.fromarray(eight).resize((16, 16), Image.Resampling.BOX)
    guide = lab.lightness(np.asarray(cells))
    upsampler = GuidedUpsampler(ab, (700, 900), guide)
    lightness = lab.lightness(pixels)
    upsampled = upsampler.block(slice(0, 700), slice(0, 900), lightness)
    whole = lab.lab_to_srgb_pixels(lightness, upsampled, dtype)
    np.testing.assert_array_equal(merge_lab_blocks(pixels, ab, guide=guide), whole)


@pytest.fixture(scope="module")
def lively_siggraph17() -> SIGGRAPH17:
    return lively(SIGGRAPH17())


@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (90, 120)])
def test_upsampling_acts_on_logits_and_ab_networks(network, lively_siggraph17, size):
    for each in (network, lively_siggraph17):
        guided, plain = (
            make_colorizer(each, size=32, upsampling=way)(gray(*size)).pixels.astype(int)
            for way in ("guided", "bilinear")
        )
        assert guided.shape == plain.shape == (*size, 3)
        if size == (90, 120):
            assert 0 < np.abs(guided - plain).mean() < 10


def test_steps_by_hand_equal_the_call(network):
    photo = gray(50, 60)
    colorizer = make_colorizer(network, size=64, upsampling="bilinear")
    logits = network(torch.from_numpy(colorizer.network_input(photo)))
    metadata = network.metadata
    offset = rebalance_offset(metadata.class_weights, 0.9)
    ab = torch.from_numpy(annealed_mean(logits.numpy(), 0.5, metadata.bin_centers, offset))
    ab = torch.nn.functional.interpolate(ab, scale_factor=4.0, mode="bilinear")[0].numpy()
    by_hand = lab.lab_to_srgb_pixels(lab.lightness(photo.pixels), upsample_bilinear(ab, (50, 60)))
    assert np.abs(colorizer(photo).pixels.astype(int) - by_hand).max() <= 1


def test_decoding_options_change_the_result(network):
    photo = gray(64, 64)
    plain = make_colorizer(network, size=64)(photo).pixels.astype(int)
    changes = {"temperature": 3.0, "rebalance": 0.0, "rare_color_boost": 0.2, "coherence": 1.0}
    for name, value in changes.items():
        changed = make_colorizer(network, size=64, **{name: value})(photo).pixels.astype(int)
        assert np.abs(changed - plain).mean() > 0.1


def test_postprocessing_smooths_logits(network):
    colorizer = make_colorizer(network, size=64, coherence=0.5)
    lightness = colorizer.network_input(gray(50, 60))
    logits = colorizer.predict_logits(lightness)
    result = colorizer.postprocess_logits(logits, lightness)
    expected = np.einsum("bqhw,qc->bchw", colorizer.decoder.probabilities(logits), bin_centers())
    np.testing.assert_allclose(result, smooth_logits(logits, lightness, expected, 0.5), atol=1e-4)


@pytest.mark.parametrize("sample", [None, 1])
def test_smoothing_while_decoding_changes_nothing(network, sample):
    colorizer = make_colorizer(network, size=128, coherence=0.5, sample=sample)
    lightness = np.concatenate([colorizer.network_input(gray(50, 60 + n)) for n in range(2)])
    logits = colorizer.predict_logits(lightness)
    expected = colorizer.decode(colorizer.postprocess_logits(logits, lightness))
    result = colorizer.decode(logits, smooth_along=lightness)
    np.testing.assert_allclose(result, expected, atol=1e-4)


def test_size_must_fit_the_network(network):
    with pytest.raises(ColorizeError, match=r"^size 104: .* multiple of 32"):
        make_colorizer(network, size=104)


def test_options_can_be_changed_on_the_same_network(network):
    colorizer = make_colorizer(network, size=64)
    colorizer.set_concurrency(1 << 10)
    pale = colorizer.with_options(saturation=0.5)
    assert (pale.runner, pale.threads) == (colorizer.runner, 1)
    assert pale.options == ColorizeOptions(size=64, saturation=0.5)


def test_hints_and_reference_are_read_from_files(network, tmp_path):
    (tmp_path / "hints.txt").write_text("10,10,#2040c0,3")
    write(Photo(np.full((8, 8, 3), (200, 120, 40), np.uint8)), tmp_path / "reference.png")
    by_name = make_colorizer(
        network, size=64, hints=tmp_path / "hints.txt", reference=str(tmp_path / "reference.png")
    )
    loaded = make_colorizer(
        network, size=64, hints=read_hints(tmp_path / "hints.txt"),
        reference=read(tmp_path / "reference.png"),
    )  # fmt: skip
    photo = gray(40, 50)
    np.testing.assert_array_equal(by_name(photo).pixels, loaded(photo).pixels)
    assert (by_name(photo).pixels != make_colorizer(network, size=64)(photo).pixels).any()


def test_hints_and_reference_of_a_call_may_be_files_or_pictures(network, tmp_path):
    gray = Photo(np.arange(64 * 64, dtype=np.uint8).reshape(64, 64))
    color = Image.new("RGB", (8, 8), "orange")
    color.save(tmp_path / "reference.png")
    (tmp_path / "hints.txt").write_text("5,5,#d8602c")
    colorizer = make_colorizer(network, size=64)
    hint = Hint(5, 5, "#d8602c")
    expected = colorizer(gray, hints=[hint], reference=Photo.from_pil(color)).pixels
    path = str(tmp_path / "reference.png")
    for hints in (tmp_path / "hints.txt", str(tmp_path / "hints.txt")):
        for reference in (color, np.asarray(color), path):
            result = colorizer(gray, hints=hints, reference=reference).pixels
            np.testing.assert_array_equal(result, expected)
    with pytest.raises(ColorizeError, match="not a hint"):
        colorizer(gray, hints=[(5, 5, "#d8602c")])


def test_eccv16_reproduces_the_published_code(eccv16):
    """The result is 110 · upsample(model_out(softmax(model8))), joined with the full-size L."""
    photo = gray(96, 130)
    colorizer = make_colorizer(eccv16, size=64, upsampling="bilinear")
    logits = eccv16(torch.from_numpy(colorizer.network_input(photo)))
    out = eccv16.model_out(torch.softmax(logits, dim=1))
    ab = 110 * torch.nn.functional.interpolate(out, scale_factor=4.0, mode="bilinear")
    np.testing.assert_allclose(colorizer.upsample(colorizer.decode(logits.numpy())), ab, atol=1e-4)
    large = torch.nn.functional.interpolate(ab, (96, 130), mode="bilinear")[0].numpy()
    released = lab.lab_to_srgb_pixels(lab.lightness(photo.pixels), large)
    assert np.abs(colorizer(photo).pixels.astype(int) - released).max() <= 1
    for name in ("rebalance", "rare_color_boost"):
        with pytest.raises(ColorizeError, match=f"^{name}: these weights"):
            make_colorizer(eccv16, size=64, **{name: 0.5})


def test_siggraph17_rejects_options_of_distributions(siggraph17):
    result = make_colorizer(siggraph17, size=64)(gray(40, 56))
    assert result.pixels.shape == (40, 56, 3)
    for name in ("temperature", "rare_color_boost", "coherence"):
        with pytest.raises(ColorizeError, match=name):
            make_colorizer(siggraph17, **{name: 0.5})


def test_saturation_multiplies_ab(network):
    photo = gray(40, 50)
    plain = make_colorizer(network, size=64)
    output = plain.predict_logits(plain.network_input(photo))
    for factor in (0, 0.5, 2):
        colorizer = make_colorizer(network, size=64, saturation=factor)
        np.testing.assert_allclose(
            colorizer.decode(output), factor * plain.decode(output), rtol=1e-5
        )
    without = make_colorizer(network, size=64, saturation=0)(photo).pixels.astype(int)
    assert np.ptp(without, axis=2).max() <= 1


def test_neutral_pixel_becomes_gray(network):
    photo = gray(80, 80)
    warm = make_colorizer(network, size=64, warmth=20)
    at = warm.with_options(neutral="40,40")(photo).pixels.astype(int)
    before = warm(photo).pixels.astype(int)
    assert np.ptp(before[40, 40]) > 10
    assert np.ptp(at[40, 40]) <= 6
    for wrong in ("40", "a,b", "1,2,3", "-1,0"):
        with pytest.raises(ColorizeError):
            warm.with_options(neutral=wrong)
    with pytest.raises(ColorizeError):
        warm.with_options(neutral="80,0")(photo)


def test_warmth_shifts_ab(network):
    plain = make_colorizer(network, size=64)
    output = plain.predict_logits(plain.network_input(gray(40, 50)))
    shift = make_colorizer(network, size=64, warmth=10).decode(output) - plain.decode(output)
    np.testing.assert_allclose(np.hypot(*shift[0]), 10, rtol=0.01)
    assert (shift[0, 1] > 9).all()


def test_hints_on_an_object_leave_distant_parts_unchanged(network):
    photo, hints = gray(80, 80), [Hint(5, 5, "#b9303a", 3)]
    without = make_colorizer(network, size=64)(photo).pixels.astype(int)
    changes = [
        np.abs(
            make_colorizer(network, size=64, hint_scope=scope, hints=hints)(photo).pixels - without
        )
        for scope in ("cast", "object")
    ]
    assert changes[1][60:, 60:].mean() < changes[0][60:, 60:].mean()
    assert changes[1][3:7, 3:7].mean() > 5


def test_saturation_acts_on_networks_that_predict_ab(siggraph17):
    ab = np.full((1, 2, 8, 8), 10, np.float32)
    assert (make_colorizer(siggraph17, saturation=1.5).decode(ab) == 15).all()


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_colors_that_are_not_numbers_are_an_error(colorizer, value):
    lightness = colorizer.network_input(gray(20, 30))
    output = colorizer.predict_logits(lightness)
    output[0, 0, 3, 3] = value
    runner = mock.Mock(return_value=output, metadata=colorizer.metadata)
    with pytest.raises(ColorizeError, match="not numbers"):
        Colorizer(runner).predict_logits(lightness)

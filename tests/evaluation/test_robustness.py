"""How degradation and scale change colors, and the page that shows it."""

import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from colorize.color import lab
from colorize.evaluation.degradations import SCAN_DEGRADATIONS
from colorize.evaluation.tasks.html_report import write_page
from colorize.evaluation.tasks.robustness import (
    SCALE,
    color_difference,
    colorize_variants,
    measure_robustness,
    scale_difference,
)
from colorize.io.datasets import iter_files
from colorize.io.photo import Photo

ROUNDING = 0.8  # ΔE2000 that comes from 8 bits


def gray_waves(height: int = 120, width: int = 160) -> np.ndarray:
    rows, columns = np.mgrid[:height, :width]
    return (128 + 100 * np.sin(rows / 9) * np.cos(columns / 13)).astype(np.uint8)


def constant(photo: Photo) -> Photo:
    """Stand for a network that gives every photograph the same color."""
    ab = np.stack([np.full(photo.size, value, np.float32) for value in (6, 9)])
    return Photo(lab.lab_to_srgb_pixels(lab.lightness(photo.pixels), ab))


def by_mean(photo: Photo) -> Photo:
    """Stand for a network whose colors follow the mean lightness of the photograph."""
    lightness = lab.lightness(photo.pixels)
    ab = np.full((2, *photo.size), lightness.mean() / 5, np.float32)
    return Photo(lab.lab_to_srgb_pixels(lightness, ab))


@pytest.fixture
def scans(tmp_path) -> Path:
    """Return a folder of two small photographs, a broken one and another file."""
    data = tmp_path / "scans"
    data.mkdir()
    Image.fromarray(gray_waves(60, 80)).save(data / "a.png")
    Image.fromarray(gray_waves(60, 80)[:, ::-1]).convert("RGB").save(data / "b<i>.jpg")
    (data / "broken.png").write_text("not an image")
    (data / "notes.txt").write_text("text")
    return data


def test_colors_that_do_not_depend_on_the_picture_are_robust():
    for variant in colorize_variants(constant, gray_waves()):
        assert variant.delta_e is None or variant.delta_e < ROUNDING
    assert scale_difference(constant, gray_waves()) < ROUNDING


def test_colors_that_follow_the_mean_change_where_the_mean_changes():
    gray = gray_waves() // 2  # dark, so that a paper border lifts the mean
    found = {each.name: each.delta_e for each in colorize_variants(by_mean, gray)}
    assert found["clean"] is None
    assert found["borders 5%"] > 2
    assert found["contrast 40%"] > 2
    assert found["blur σ 2"] < ROUNDING
    assert scale_difference(by_mean, gray) < ROUNDING


def test_color_difference_ignores_lightness():
    gray = gray_waves()
    first, second = constant(Photo(gray)).pixels, constant(Photo(gray // 2 + 60)).pixels
    assert color_difference(first, first, gray) == 0
    assert color_difference(first, second, gray) < ROUNDING
    plain = np.repeat(gray[..., None], 3, axis=2)
    assert color_difference(first, plain, gray) > 5


def test_tar_file_is_read_like_a_folder(scans):
    archive = scans.parent / "scans.tar"
    with tarfile.open(archive, "w") as tar:
        for path in sorted(scans.iterdir()):
            tar.add(path, path.name)
    rows = measure_robustness(constant, iter_files([archive]))
    assert list(rows) == ["a.png", "b<i>.jpg"]


def test_command_reports_means_by_degradation(run, scans):
    content = run("robustness", scans)
    assert content["photographs"] == 2
    assert set(content["delta_e"]) == {"a.png", "b<i>.jpg"}
    names = [each.name for each in SCAN_DEGRADATIONS] + [SCALE]
    assert list(content["mean_delta_e"]) == names
    for name in names:
        values = [row[name] for row in content["delta_e"].values()]
        assert content["mean_delta_e"][name] == pytest.approx(np.mean(values))


def test_page_shows_every_variant_and_what_failed(run, scans):
    target = scans.parent / "page.html"
    assert run("html-report", scans, "-o", target)["photographs"] == 2
    content = target.read_text("utf-8")
    assert content.count('<div class="frame">') == 2 * (1 + len(SCAN_DEGRADATIONS))
    assert content.count("<span>ΔE ") == 2 * len(SCAN_DEGRADATIONS)
    assert "<h2>b&lt;i&gt;.jpg</h2>" in content
    assert "<i>" not in content
    assert "<li>broken.png: " in content
    assert "notes.txt" not in content


def test_page_without_photographs_is_written(tmp_path):
    (tmp_path / "data").mkdir()
    page = tmp_path / "page.html"
    assert write_page(constant, iter_files([tmp_path / "data"]), page, "data") == {}
    assert "0 photographs" in page.read_text("utf-8")

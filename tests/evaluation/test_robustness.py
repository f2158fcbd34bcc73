"""The figures of damage and scale, and the page of pictures that shows them."""

import json
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from colorize.color import lab
from colorize.errors import ColorizeError
from colorize.evaluation import html_report as page
from colorize.evaluation import robustness
from colorize.evaluation.degradations import DAMAGES, DEGRADATIONS, SIDE, gray_of, gray_picture
from colorize.io.datasets import iter_files
from colorize.io.photo import Photo
from colorize.pipeline import Colorizer
from colorize.runtime.torch_runner import TorchRunner


def picture(height: int = 120, width: int = 160) -> np.ndarray:
    rows, columns = np.mgrid[:height, :width]
    return (128 + 100 * np.sin(rows / 9) * np.cos(columns / 13)).astype(np.uint8)


def constant(photo: Photo) -> Photo:
    """Stand for a network that gives every photograph the same color."""
    ab = np.stack([np.full(photo.size, value, np.float32) for value in (6, 9)])
    return Photo(lab.lab_to_srgb_pixels(lab.lightness(photo.pixels), ab))


def by_mean(photo: Photo) -> Photo:
    """Stand for a network whose colors follow the mean lightness of all it sees."""
    lightness = lab.lightness(photo.pixels)
    ab = np.full((2, *photo.size), lightness.mean() / 5, np.float32)
    return Photo(lab.lab_to_srgb_pixels(lightness, ab))


@pytest.fixture
def folder(tmp_path) -> Path:
    data = tmp_path / "data"
    data.mkdir()
    Image.fromarray(picture()).save(data / "a.png")
    Image.fromarray(picture()[:, ::-1]).convert("RGB").save(data / "b<i>.jpg")
    (data / "broken.png").write_text("no picture")
    (data / "notes.txt").write_text("text")
    return data


def test_every_degradation_changes_the_picture_and_keeps_its_place():
    gray = picture()
    for degradation in DEGRADATIONS:
        degraded = degradation.apply(gray)
        assert degraded.dtype == np.uint8
        inside = degradation.inside(degraded, gray.shape)
        assert inside.shape == gray.shape
        assert not np.array_equal(degraded, gray)
        assert np.corrcoef(inside.ravel(), gray.ravel())[0, 1] > 0.9
        np.testing.assert_array_equal(degraded, degradation.apply(gray))


def test_a_film_blind_to_red_sees_red_as_black_and_blue_lighter_than_the_eye_does():
    patches = np.array([[[255, 0, 0], [0, 0, 255], [128, 128, 128], [255, 255, 255]]], np.uint8)
    assert DAMAGES["film"](patches).tolist() == [[0, 188, 128, 255]]  # half of the light: 188
    assert DAMAGES["film"](patches)[0, 1] > gray_of(lab.lightness(patches))[0, 1]


@pytest.mark.parametrize("name", DAMAGES)
def test_every_damage_of_a_color_photograph_is_gray_and_repeatable(name):
    picture_in_color = np.stack((picture(), picture()[::-1], picture()[:, ::-1]), axis=-1)
    damaged = DAMAGES[name](picture_in_color)
    assert (damaged.shape, damaged.dtype) == ((120, 160), np.uint8)
    assert not np.array_equal(damaged, gray_of(lab.lightness(picture_in_color)))
    np.testing.assert_array_equal(damaged, DAMAGES[name](picture_in_color))


def test_degradations_are_what_their_names_say():
    flat = np.full((200, 300), 128, np.uint8)
    grain, _, faded, _, framed = (d.apply(flat) for d in DEGRADATIONS)
    assert grain.std() == pytest.approx(12, rel=0.03)
    assert np.ptp(DEGRADATIONS[2].apply(np.arange(256, dtype=np.uint8)[None])) == 102
    assert faded.std() == 0
    assert framed.shape == (220, 330)
    assert (framed != 128).sum() == 220 * 330 - 200 * 300


def test_a_picture_is_gray_of_the_same_lightness_and_bounded():
    color = lab.lab_to_srgb_pixels(
        np.full((900, 600), 60, np.float32), np.full((2, 900, 600), 20, np.float32)
    )  # fmt: skip
    gray = gray_picture(Photo(color))
    assert gray.shape == (SIDE, round(SIDE * 2 / 3))
    assert np.abs(lab.lightness(gray) - 60).max() < 0.6
    deep = Photo(picture().astype(np.uint16) * 257)
    np.testing.assert_array_equal(gray_picture(deep), picture())


def test_colors_that_do_not_follow_the_picture_are_steady():
    for version in robustness.versions(constant, picture()):
        assert version.delta_e is None or version.delta_e < 0.8  # rounding to 8 bits
    assert robustness.scale_difference(constant, picture()) < 0.8


def test_colors_that_follow_the_mean_change_where_the_mean_changes():
    gray = picture() // 2  # dark, so that paper around it lifts the mean
    found = {v.name: v.delta_e for v in robustness.versions(by_mean, gray)}
    assert found["clean"] is None
    assert found["borders 5%"] > 2
    assert found["contrast 40%"] > 2
    assert found["blur σ 2"] < 0.8
    assert robustness.scale_difference(by_mean, gray) < 0.8


def test_the_difference_is_of_colors_alone():
    gray = picture()
    one, other = constant(Photo(gray)).pixels, constant(Photo(gray // 2 + 60)).pixels
    assert robustness.color_difference(one, one, gray) == 0
    assert robustness.color_difference(one, other, gray) < 0.8
    plain = np.repeat(gray[..., None], 3, axis=2)
    assert robustness.color_difference(one, plain, gray) > 5


def test_the_command_writes_figures(folder, weights, capsys):
    arguments = ["--weights", weights, "--size", "64", "--quiet"]
    figures = folder.parent / "figures.json"
    assert robustness.main([str(folder), *arguments, "--json", str(figures)]) == 0
    content = json.loads(figures.read_text("utf-8"))
    assert content["photographs"] == 2 and set(content["delta E"]) == {"a.png", "b<i>.jpg"}
    kinds = [d.name for d in DEGRADATIONS] + [robustness.SCALE]
    assert list(content["mean delta E"]) == kinds
    for kind in kinds:
        values = [row[kind] for row in content["delta E"].values()]
        assert content["mean delta E"][kind] == pytest.approx(np.mean(values))
    said = capsys.readouterr().out
    assert "| grain σ 12 |" in said and "b<i>.jpg" in said


def test_nothing_to_measure_is_one_line(tmp_path, capsys, weights):
    (tmp_path / "notes.txt").write_text("text")
    assert robustness.main([str(tmp_path), "--weights", weights, "--quiet"]) == 1
    assert "no photographs to measure on" in capsys.readouterr().err
    with pytest.raises(ColorizeError, match="no such folder"):
        robustness.measure(constant, iter_files([tmp_path / "none"]), quiet=True)


def test_the_page_shows_every_version_and_what_failed(folder, weights, capsys):
    target = folder.parent / "page.html"
    arguments = ["--weights", weights, "--size", "64", "--quiet"]
    assert page.main([str(folder), "-o", str(target), *arguments]) == 0
    assert capsys.readouterr().out == f"{target}: 2 photographs\n"
    content = target.read_text("utf-8")
    assert content.count('<div class="frame">') == 2 * (1 + len(DEGRADATIONS))
    assert content.count("<span>ΔE ") == 2 * len(DEGRADATIONS)
    assert "<h2>b&lt;i&gt;.jpg</h2>" in content and "<i>" not in content
    assert "<li>broken.png: is not a picture in a known format</li>" in content
    assert "Mean ΔE2000" in content and "Largest: " in content
    assert "notes.txt" not in content


def test_a_tar_file_is_a_folder(folder, network):
    archive = folder.parent / "data.tar"
    with tarfile.open(archive, "w") as tar:
        for path in sorted(folder.iterdir()):
            tar.add(path, path.name)
    rows = robustness.measure(
        Colorizer(TorchRunner(network), size=64), iter_files([archive]), quiet=True
    )
    assert list(rows) == ["a.png", "b<i>.jpg"]


def test_a_page_without_photographs_says_so(tmp_path):
    (tmp_path / "data").mkdir()
    files = iter_files([tmp_path / "data"])
    assert page.write_page(constant, files, tmp_path / "p.html", "data", quiet=True) == 0
    assert "0 photographs" in (tmp_path / "p.html").read_text("utf-8")

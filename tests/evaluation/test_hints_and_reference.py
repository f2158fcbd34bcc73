"""The protocols of hints and references, on cases with known results."""

import numpy as np
import pytest
from PIL import Image

from colorize.color import lab
from colorize.evaluation.common import decode, predict
from colorize.evaluation.metrics import psnr
from colorize.evaluation.tasks.hints import as_text, patch_hints, psnr_by_hints
from colorize.evaluation.tasks.recoloring import recolor
from colorize.evaluation.tasks.reference import compare_references

SIZE = 64


@pytest.fixture(scope="module")
def one_color() -> np.ndarray:
    """Return a photograph of one ab and changing L."""
    lightness = np.tile(np.linspace(40, 70, SIZE, dtype=np.float32), (SIZE, 1))
    ab = np.stack((np.full_like(lightness, 12), np.full_like(lightness, 20)))
    return lab.lab_to_srgb_pixels(lightness, ab)


def test_patches_show_their_mean():
    ab = np.arange(2 * 10 * 10, dtype=np.float32).reshape(2, 10, 10)
    hints = patch_hints(ab, np.array([[0, 0], [4, 4]]))
    assert len(hints.rows) == 36 + 36 - 4
    assert hints.size == (10, 10)
    np.testing.assert_allclose(hints.ab[0], ab[:, :6, :6].mean(axis=(1, 2)))
    np.testing.assert_allclose(hints.ab[-1], ab[:, 4:, 4:].mean(axis=(1, 2)))
    assert (np.diff(hints.rows) >= 0).all()
    assert len(patch_hints(ab, np.zeros((0, 2), int)).rows) == 0


def test_psnr_by_hints_begins_with_gray_and_no_hints(colorizer, one_color):
    values, count = psnr_by_hints(colorizer, [one_color], (0, 5))
    truth = lab.rgb_to_lab(one_color.astype(np.float32) / 255)
    gray = lab.lab_to_srgb_pixels(truth[..., 0], 0 * np.moveaxis(truth[..., 1:], -1, 0)) / 255
    ab = decode(colorizer, predict(colorizer, truth[None, None, ..., 0]))[0]
    plain = lab.lab_to_srgb_pixels(truth[..., 0], ab) / 255
    assert count == 1
    assert list(values) == ["gray", 0, 5]
    assert values["gray"] == pytest.approx(psnr(gray, one_color / 255))
    assert values[0] == pytest.approx(psnr(plain, one_color / 255), abs=1e-3)


def test_more_hints_of_one_color_come_nearer(colorizer, one_color):
    values, _ = psnr_by_hints(colorizer, [one_color], (0, 1, 10, 50))
    assert values[0] < values[1] < values[10] < values[50]
    assert values[50] > values[0] + 5


def test_wrong_hint_moves_its_region(colorizer, one_color):
    """In a photograph of one color, everything is the region, and nothing the rest."""
    values, count = recolor(colorizer, [one_color])
    assert count == 1 and values["hints"] == 4
    assert values["region"] > 0.95
    assert 0 < values["moved"] <= 1
    gray = np.full((SIZE, SIZE, 3), 128, np.uint8)
    assert recolor(colorizer, [gray])[0]["hints"] == 0


def test_seed_decides_the_positions(colorizer, one_color):
    first, again, other = (psnr_by_hints(colorizer, [one_color], (3,), s)[0] for s in (1, 1, 2))
    assert first == again != other


def test_table_of_hints_has_gains():
    rows = as_text({"gray": 20.0, 0: 21.0, 5: 23.5}).splitlines()
    assert rows[2] == "| gray | 20.00 |  | +0.00 |"
    assert rows[4] == "| 5 | 23.50 | +2.50 | +3.50 |"


def test_truth_as_reference_helps(colorizer, one_color):
    metrics, count = compare_references(colorizer, [one_color])
    assert count == 1
    assert metrics["with"].psnr > metrics["without"].psnr + 1


def test_commands_report_hints_and_reference(run, one_color, tmp_path, capsys):
    data = tmp_path / "photographs"
    data.mkdir()
    for name in ("a.png", "b.png", "c.png"):
        Image.fromarray(one_color).save(data / name)
    content = run("hints", data, "--hints", 0, 2, "--every", 2)
    assert content["photographs"] == 2
    assert set(content["psnr"]) == {"gray", "0", "2"}
    assert "| 2 |" in capsys.readouterr().out
    content = run("reference", data, "--limit", 1)
    assert content["with"]["psnr"] > content["without"]["psnr"]

"""The figures of samples and of calibration, and the commands that print them."""

import json

import numpy as np
import pytest
from PIL import Image

from colorize.errors import ColorizeError
from colorize.evaluation import calibration, samples
from colorize.pipeline import Colorizer
from colorize.runtime.torch_runner import TorchRunner


@pytest.fixture
def colorizer(network) -> Colorizer:
    return Colorizer(TorchRunner(network))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("photographs")
    random = np.random.default_rng(0)
    for n in range(2):
        coarse = Image.fromarray(random.integers(0, 256, (4, 4, 3), np.uint8))
        coarse.resize((90, 60), Image.Resampling.BICUBIC).save(path / f"{n}.png")
    return path


def picture() -> np.ndarray:
    coarse = Image.fromarray(np.random.default_rng(1).integers(0, 256, (4, 4, 3), np.uint8))
    return np.asarray(coarse.resize((256, 256), Image.Resampling.BICUBIC))


def test_samples_that_are_all_the_single_answer(colorizer, monkeypatch):
    monkeypatch.setattr(samples, "vary", lambda colorizer, output, number, seed: output)
    spread, count = samples.measure(colorizer, [picture()], 3, quiet=True)
    assert count == 1
    assert spread.gain == 0
    assert spread.delta_e_between == 0
    assert spread.delta_e_sample == pytest.approx(spread.delta_e_single)
    assert spread.psnr_sample == pytest.approx(spread.psnr_single)


def test_the_best_sample_is_no_worse_than_the_mean_one(colorizer):
    spread, _ = samples.measure(colorizer, [picture()], 3, quiet=True)
    assert spread.psnr_best > spread.psnr_sample
    assert spread.delta_e_between > 1


def test_too_little_to_measure_is_refused(colorizer):
    with pytest.raises(ColorizeError, match="at least 2"):
        samples.measure(colorizer, [picture()], 1, quiet=True)
    for measure in (lambda: samples.measure(colorizer, [], 2, quiet=True),
                    lambda: calibration.calibrate(colorizer, [], quiet=True)):  # fmt: skip
        with pytest.raises(ColorizeError, match="no photographs"):
            measure()


def test_groups_are_sorted_by_confidence_and_equal(colorizer, monkeypatch):
    """With the error itself as the (negative) confidence the errors must grow."""
    truth = picture()

    def known(colorizer, output):
        cells = calibration._shrunk(error[..., None])[..., 0]
        return (1 / (1 + cells))[None]

    lab = calibration.lab.rgb_to_lab(truth.astype(np.float32) / 255)
    ab = np.moveaxis(colorizer.decode(colorizer.predict(lab[None, None, ..., 0]))[0], 0, -1)
    difference = calibration._shrunk(ab - lab[..., 1:])
    error = np.repeat(np.repeat(np.linalg.norm(difference, axis=-1), 4, axis=0), 4, axis=1)
    monkeypatch.setattr(calibration, "confidence_of", known)
    groups, _ = calibration.calibrate(colorizer, [truth], quiet=True)
    errors = [group.ab_error for group in groups]
    assert len(groups) == 10
    assert errors == sorted(errors)
    assert groups[0].highest > groups[-1].lowest
    assert np.mean(errors) == pytest.approx(np.linalg.norm(difference, axis=-1).mean(), rel=0.01)


def test_growth_is_told():
    group = calibration.Group
    rising = [group(0.9, 0.8, 1, 1), group(0.8, 0.7, 2, 2)]
    assert calibration.grows(rising)
    assert not calibration.grows([*rising, group(0.7, 0.6, 3, 2)])
    assert "do NOT" in calibration.table([*rising, group(0.7, 0.6, 3, 2)])


@pytest.mark.parametrize(("command", "key"), [(samples, "gain"), (calibration, "groups")])
def test_the_commands_print_and_write(
    colorizer, folder, tmp_path, monkeypatch, capsys, command, key
):
    monkeypatch.setattr(command.Colorizer, "from_pretrained", lambda *a, **k: colorizer)
    target = tmp_path / "figures.json"
    assert command.main([str(folder), "--json", str(target), "--quiet", "--limit", "1"]) == 0
    assert "photographs 1" in capsys.readouterr().out
    assert key in json.loads(target.read_text())
    assert command.main([str(tmp_path / "none"), "--quiet"]) == 1
    assert "no such folder" in capsys.readouterr().err

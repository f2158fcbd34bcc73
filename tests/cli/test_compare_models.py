"""`colorize compare-models`: one sheet of a photograph in several networks and styles."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from colorize.cli import compare_models, main
from colorize.models import registry
from colorize.models.weights_files import converted_path, weights_path
from colorize.pipeline import Colorizer


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch) -> Path:
    """Work in a folder with a photograph; no network is downloaded."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLORIZE_CACHE", str(tmp_path / "cache"))
    Image.linear_gradient("L").resize((96, 64)).save("photo.png")
    return tmp_path


@pytest.fixture
def labels(monkeypatch) -> list[str]:
    """Return the labels of the sheet, which is filled while the command runs."""
    from colorize.viewing import sheet

    shown: list[str] = []
    made = sheet.contact_sheet

    def spy(pictures, side):
        shown.extend(label for label, _ in pictures)
        return made(pictures, side)

    monkeypatch.setattr(sheet, "contact_sheet", spy)
    return shown


@pytest.fixture
def row(monkeypatch, weights) -> str:
    """Return the name of another network on this machine."""
    file = Path(weights)
    compact = registry.find("compact")
    made = dataclasses.replace(compact, name="other", file=str(file))
    monkeypatch.setitem(registry.MODELS, "other", made)
    monkeypatch.setattr(
        Colorizer, "from_pretrained", classmethod(_with_weights(Colorizer.from_pretrained, file))
    )
    return "other"


def _with_weights(load, file: Path):
    def from_pretrained(cls, name, **keywords):
        own = {"weights": file} if name == "other" else {}
        return load("compact", **own, **keywords)

    return from_pretrained


def test_default_is_every_network_on_this_machine(labels, capsys):
    assert main(["compare-models", "photo.png", "--side", "64"]) == 0
    assert labels == ["photograph", "compact, vivid"]
    assert "photo.png → photo.models.jpg" in capsys.readouterr().err
    with Image.open("photo.models.jpg") as image:
        assert np.ptp(np.asarray(image).astype(int), axis=2).max() > 10


def test_networks_and_styles_are_shown_in_their_order(labels, row):
    command = ["compare-models", "photo.png", "-o", "sheet.png", "--models", row, "compact"]
    assert main([*command, "--styles", "faithful", "vivid", "--side", "64"]) == 0
    expected = [f"{name}, {style}" for name in (row, "compact") for style in ("faithful", "vivid")]
    assert labels == ["photograph", *expected]


@pytest.mark.slow
def test_network_without_styles_is_shown_once(labels, monkeypatch):
    from fixtures.ddcolor import FixedColors, uniform_ab

    colorizer = Colorizer(FixedColors(uniform_ab(20, 20)))
    monkeypatch.setattr(Colorizer, "from_pretrained", lambda name, **keywords: colorizer)
    assert main(["compare-models", "photo.png", "--styles", "vivid", "faithful"]) == 0
    assert labels == ["photograph", "compact"]


def test_missing_downloads_are_refused_in_one_line(capsys):
    command = ["compare-models", "photo.png", "--models", "compact", "ddcolor", "eccv16"]
    assert main(command) == 1
    message = capsys.readouterr().err
    assert message.count("\n") == 1
    for part in ("ddcolor (912 MB)", "eccv16 (129 MB)", "colorize models download"):
        assert part in message
    assert not Path("photo.models.jpg").exists()


def test_converted_weights_need_no_download():
    assert weights_path("ddcolor-tiny") is None
    converted_path("ddcolor-tiny").parent.mkdir()
    converted_path("ddcolor-tiny").touch()
    assert weights_path("ddcolor-tiny") == converted_path("ddcolor-tiny")


def test_existing_file_and_the_photograph_are_kept(labels, capsys):
    Path("photo.models.jpg").write_bytes(b"mine")
    assert main(["compare-models", "photo.png"]) == 1
    assert "--overwrite" in capsys.readouterr().err
    assert Path("photo.models.jpg").read_bytes() == b"mine"
    assert main(["compare-models", "photo.png", "--overwrite", "--side", "64"]) == 0
    assert main(["compare-models", "photo.png", "-o", "photo.png", "--overwrite"]) == 1
    assert "photo.png is the photograph" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--models", "nonsense"], "invalid choice"),
        (["--styles", "nonsense"], "invalid choice"),
        (["--side", "5"], "--side 5"),
    ],
)
def test_wrong_usage_ends_with_status_2(words, reason, capsys):
    with pytest.raises(SystemExit) as error:
        main(["compare-models", "photo.png", *words])
    assert error.value.code == 2
    assert reason in capsys.readouterr().err


def test_file_that_is_not_a_photograph_is_named(capsys):
    Path("a.jpg").write_bytes(b"no picture")
    assert main(["compare-models", "a.jpg"]) == 1
    assert "a.jpg" in capsys.readouterr().err


def test_help_names_the_networks():
    text = compare_models.parser().format_help()
    assert all(name in text for name in registry.MODELS)

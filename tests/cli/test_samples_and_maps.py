"""`--samples` and `--confidence-map` on the command line: names, batches, what is refused."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from colorize.cli import main


@pytest.fixture
def colorize_(weights, tmp_path, monkeypatch, capsys):
    """Run the command in a folder of its own with a tiny network; return status and messages."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> tuple[int, str]:
        status = main(["--weights", weights, "--size", "64", *arguments])
        captured = capsys.readouterr()
        return status, captured.out + captured.err

    return run


def save(name: str) -> None:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.linear_gradient("L").resize((40, 30)).save(path)


def files(folder: str = ".") -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in Path(folder).rglob("*") if p.is_file())


def pixels(name: str) -> np.ndarray:
    with Image.open(name) as image:
        return np.asarray(image.convert("RGB")).astype(int)


def test_samples_are_numbered_and_differ(colorize_):
    save("photo.jpg")
    status, said = colorize_("-i", "photo.jpg", "-o", "out.png", "--samples", "3")
    assert status == 0
    assert "photo.jpg → out-2.png" in said
    assert files() == ["out-1.png", "out-2.png", "out-3.png", "photo.jpg"]
    assert np.abs(pixels("out-1.png") - pixels("out-2.png")).mean() > 1


def test_seed_repeats_samples(colorize_):
    save("photo.png")
    for folder, seed in (("a/", "7"), ("b/", "7"), ("c/", "8")):
        assert colorize_("-i", "photo.png", "-o", folder, "--samples", "1", "--seed", seed)[0] == 0
    assert (pixels("a/photo-1.png") == pixels("b/photo-1.png")).all()
    assert (pixels("a/photo-1.png") != pixels("c/photo-1.png")).any()


def test_samples_next_to_the_input_are_skipped_as_inputs(colorize_):
    save("scans/photo.jpg")
    assert colorize_("-i", "scans", "--samples", "2")[0] == 0
    expected = ["photo-1.colorized.jpg", "photo-2.colorized.jpg", "photo.jpg"]
    assert files("scans") == expected
    assert colorize_("-i", "scans", "--samples", "2", "--skip-existing")[0] == 0
    assert files("scans") == expected


@pytest.mark.slow
def test_manifest_resumes_samples_and_confidence_maps(colorize_):
    save("scans/one.jpg")
    save("scans/sub/two.tif")
    command = ("-i", "scans", "-o", "out", "--confidence-map", "maps", "--manifest", "m.jsonl")
    status, said = colorize_(*command, "--samples", "2")
    assert status == 0
    assert "6 done, 0 skipped, 0 failed" in said
    assert files("maps") == ["one.png", "sub/two.png"]
    assert files("out") == ["one-1.jpg", "one-2.jpg", "sub/two-1.tif", "sub/two-2.tif"]
    assert "2 done, 6 skipped" in colorize_(*command, "--samples", "3")[1]
    assert "8 done, 0 skipped" in colorize_(*command, "--samples", "3", "--seed", "1")[1]


def test_confidence_map_is_written_as_well(colorize_):
    save("photo.jpg")
    command = ("-i", "photo.jpg", "-o", "out.png", "--confidence-map", "map.png")
    assert colorize_(*command, "--compare", "--format", "png")[0] == 0
    with Image.open("map.png") as image:
        assert image.format == "PNG"
        assert image.width == 240
    status, said = colorize_(*command, "--overwrite", "--dry-run")
    assert (status, "photo.jpg → map.png" in said) == (0, True)
    status, said = colorize_(*command, "--skip-existing")
    assert (status, "map.png exists" in said) == (0, True)
    status, said = colorize_(*command)
    assert (status, "map.png exists; --overwrite replaces it" in said) == (1, True)


def test_gallery_shows_samples_but_no_confidence_map(colorize_):
    save("photo.jpg")
    status, _ = colorize_(
        "-i", "photo.jpg", "-o", "out.png", "--samples", "2", "--confidence-map", "map.png",
        "--gallery", "page.html",
    )  # fmt: skip
    assert status == 0
    page = Path("page.html").read_text(encoding="utf-8")
    assert page.count("<figure>") == 2
    assert page.count("sample 1") == page.count("sample 2") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--seed", "1"), "--seed needs --samples"),
        (("--samples", "2", "-o", "-"), "--samples "),
        (("--confidence-map", "map.png", "-o", "-"), "--confidence-map "),
        (("--samples", "0"), "from 1 to 1000, not '0'"),
        (("--samples", "1001"), "from 1 to 1000, not '1001'"),
        (("--samples", "2", "--seed", "-1"), "not '-1'"),
        (("--saturation", "4"), "from 0 to 3, not '4'"),
        (("--confidence-map", ""), "--confidence-map"),
        (("--style", "loud"), "vivid or faithful, not 'loud'"),
    ],
)
def test_wrong_usage_names_the_option(colorize_, capsys, arguments, message):
    save("photo.jpg")
    with pytest.raises(SystemExit) as stopped:
        colorize_("-i", "photo.jpg", *arguments)
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--confidence-map", "map.xyz"), "map.xyz: cannot write format"),
        (("--confidence-map", "photo.jpg"), "the output would replace an input"),
        (("--confidence-map", "out.png"), "is already the output of"),
    ],
)
def test_impossible_outputs_are_rejected(colorize_, arguments, message):
    save("photo.jpg")
    status, said = colorize_("-i", "photo.jpg", "-o", "out.png", "--overwrite", *arguments)
    assert status == 1
    assert [message in line for line in said.splitlines()].count(True) == 1


def test_several_inputs_need_a_folder_for_confidence_maps(colorize_):
    save("scans/photo.jpg")
    save("map.png")
    status, said = colorize_("-i", "scans", "-o", "out", "--confidence-map", "map.png")
    assert (status, "several inputs need a folder as --confidence-map" in said) == (1, True)
    assert not Path("out").exists()

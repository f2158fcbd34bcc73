"""`--hints-dir`: which hints a photograph of a batch gets, and when it is done again."""

import os
from pathlib import Path

import pytest
from PIL import Image

from colorize.cli import main


@pytest.fixture
def colorize_(weights, tmp_path, monkeypatch, capsys):
    """Run the command on a folder of two photographs; return status and messages."""
    monkeypatch.chdir(tmp_path)
    for name in ("scans/a.png", "scans/1950/b.png"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Image.linear_gradient("L").resize((40, 30)).save(name)
    for folder in ("hints/1950", "layers"):
        Path(folder).mkdir(parents=True)

    def run(*arguments: str) -> tuple[int, str]:
        status = main(["--weights", weights, "--size", "64", "scans", *arguments])
        captured = capsys.readouterr()
        return status, captured.out + captured.err

    return run


def color(name: str) -> tuple[int, ...]:
    with Image.open(name) as image:
        return image.convert("RGB").getpixel((20, 15))  # type: ignore[return-value]


def is_blue(name: str) -> bool:
    red, green, blue = color(name)
    return blue > max(red, green) + 30


def test_a_photograph_gets_the_hints_of_its_path_and_stem(colorize_):
    Path("hints/1950/b.txt").write_text("20,15,#0000ff,5")
    Path("hints/b.txt").write_text("20,15,#ff0000,5")
    status, said = colorize_("-o", "out", "--hints-dir", "hints")
    assert status == 0
    assert is_blue("out/1950/b.png") and not is_blue("out/a.png")
    assert "hints: 1 file belongs to no photograph of this batch: b.txt" in said


def test_hints_may_be_painted_layers_in_a_folder_below_the_photographs(colorize_):
    layer = Image.new("RGBA", (40, 30))
    layer.paste((0, 0, 255, 255), (15, 10, 25, 20))
    Path("scans/layers").mkdir()
    layer.save("scans/layers/a.png")
    status, said = colorize_("-o", "out", "--hints-dir", "scans/layers")
    assert (status, "2 done" in said) == (0, True)
    assert is_blue("out/a.png")


def test_text_files_may_lie_among_the_photographs(colorize_):
    Path("scans/a.txt").write_text("20,15,#0000ff,5")
    Path("scans/a.colorized.png").write_bytes(Path("scans/a.png").read_bytes())
    status, said = colorize_("-o", "out", "--hints-dir", "scans")
    assert (status, "2 done" in said, "no photograph" in said) == (0, True, False)
    assert is_blue("out/a.png")


def test_samples_follow_the_hints(colorize_):
    Path("hints/a.txt").write_text("20,15,#0000ff,5")
    command = ("-o", "out", "--hints-dir", "hints", "--samples", "2", "--confidence-map", "maps/")
    assert colorize_(*command)[0] == 0
    assert is_blue("out/a-1.png") and is_blue("out/a-2.png")


def test_a_changed_file_of_hints_redoes_its_photograph_only(colorize_):
    command = ("-o", "out", "--hints-dir", "hints", "--manifest", "m.jsonl")
    Path("hints/a.txt").write_text("20,15,#0000ff,5")
    assert "2 done" in colorize_(*command)[1]
    os.utime("hints/a.txt")
    assert "2 outputs are up to date" in colorize_(*command)[1]
    Path("hints/a.txt").write_text("20,15,#ff0000,5")
    assert "1 done, 1 skipped" in colorize_(*command)[1]
    assert not is_blue("out/a.png")
    Path("hints/1950/b.txt").write_text("20,15,#0000ff,5")
    assert "1 done, 1 skipped" in colorize_(*command)[1]
    Path("hints/a.txt").unlink()
    assert "1 done, 1 skipped" in colorize_(*command)[1]


def test_without_a_manifest_outputs_of_other_hints_are_errors(colorize_):
    Path("hints/a.txt").write_text("20,15,#0000ff,5")
    assert colorize_("-o", "out", "--hints-dir", "hints")[0] == 0
    Path("hints/a.txt").write_text("20,15,#ff0000,5")
    status, said = colorize_("-o", "out", "--hints-dir", "hints")
    assert (status, "1 output was made with other settings" in said) == (1, True)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"hints/a.txt": "1,1,blue"}, "hints/a.txt, line 1"),
        ({"hints/a.txt": "99,1,#0000ff"}, "hints/a.txt, line 1"),
        ({"hints/a.txt": "1,1,#0000ff", "hints/a.png": ""}, "keep one of them"),
    ],
)
def test_wrong_hints_fail_their_photograph_only(colorize_, files, message):
    for name, text in files.items():
        Path(name).write_text(text)
    status, said = colorize_("-o", "out", "--hints-dir", "hints")
    assert (status, message in said) == (1, True)
    assert "1 done, 0 skipped, 1 failed" in said


def test_hints_of_other_photographs_only_are_an_error(colorize_):
    assert colorize_("-o", "out", "--hints-dir", "hints")[0] == 0  # none yet
    Path("hints/z.txt").write_text("1,1,#0000ff")
    status, said = colorize_("-o", "out", "--hints-dir", "hints")
    assert (status, "expected names such as hints/1950/b.txt" in said) == (1, True)
    status, said = colorize_("-o", "out", "--hints-dir", "missing")
    assert (status, "missing: can't list this folder" in said) == (1, True)


def test_outputs_never_replace_hints(colorize_):
    layer = Image.new("RGBA", (40, 30), (0, 0, 255, 0))
    layer.paste((0, 0, 255, 255), (15, 10, 25, 20))
    layer.save("layers/a.png")
    before = Path("layers/a.png").read_bytes()
    status, said = colorize_("-o", "layers", "--hints-dir", "layers", "--overwrite")
    assert (status, "would replace a file that this run reads" in said) == (1, True)
    assert Path("layers/a.png").read_bytes() == before


def test_hints_that_change_during_the_batch_are_an_error(tmp_path):
    from colorize.batch import HintFile, read_hint_file
    from colorize.errors import ColorizeError

    (tmp_path / "a.txt").write_text("1,1,#0000ff")
    with pytest.raises(ColorizeError, match="changed during the batch"):
        read_hint_file(HintFile(tmp_path / "a.txt", "0" * 64))


@pytest.mark.parametrize(
    "arguments",
    [("--hints", "h.txt"), ("--watch",), ("--image-sequence",), ("-o", "-")],
)
def test_what_excludes_a_folder_of_hints(arguments, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["a.png", "--hints-dir", "hints", *arguments])
    assert stopped.value.code == 2
    assert "--hints-dir" in capsys.readouterr().err


def test_other_machines_get_absolute_names_of_hints():
    from colorize.batch import HintFile, Job
    from colorize.cli.ray import for_cluster

    job = for_cluster(Job(Path("a.png"), Path("b.png"), hints=HintFile(Path("h/a.txt"), "0")))
    assert job.hints == HintFile(Path.cwd() / "h/a.txt", "0")

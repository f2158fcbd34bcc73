"""The command: what it does, what it says, how it ends."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import colorize
from colorize.cli import main, parser
from colorize.gamut import Q
from colorize.models.weights_file import save_compact

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def weights(network, tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    prior = torch.full((Q,), 1 / Q)
    save_compact(
        network, path, class_weights=network.class_weights, prior=prior,
        temperature=0.5, rebalance=0.9,
    )  # fmt: skip
    return str(path)


@pytest.fixture
def colorize_(weights, tmp_path, monkeypatch, capsys):
    """Run the command in a folder of its own with a tiny network; return status and messages."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> tuple[int, str]:
        status = main(["--weights", weights, "--size", "64", *arguments])
        captured = capsys.readouterr()
        assert captured.out == ""
        return status, captured.err

    return run


def save(name: str, size: tuple[int, int] = (40, 30)) -> Path:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.linear_gradient("L").resize(size).save(path)
    return path


def test_one_photograph(colorize_):
    save("photo.jpg")
    status, said = colorize_("-i", "photo.jpg", "-o", "out.png")
    assert status == 0
    assert said.startswith("colorize: photo.jpg → out.png (40×30, ")
    with Image.open("out.png") as image:
        assert (image.format, image.size, image.mode) == ("PNG", (40, 30), "RGB")
        assert np.ptp(np.asarray(image).astype(int), axis=2).max() > 0


def test_beside_the_input(colorize_):
    save("photo.jpg")
    assert colorize_("-i", "photo.jpg")[0] == 0
    assert Path("photo.colorized.jpg").exists()


def test_a_folder_with_a_text_file_and_a_sub_folder(colorize_):
    save("scans/a.jpg")
    save("scans/old/b.tif")
    Path("scans/notes.txt").write_text("text")
    status, said = colorize_("-i", "scans", "-o", "out")
    assert status == 0
    assert "2 done, 0 failed" in said
    assert sorted(str(p) for p in Path("out").rglob("*.*")) == ["out/a.jpg", "out/old/b.tif"]


def test_a_pattern(colorize_):
    save("scans/a.jpg")
    save("scans/b.png")
    assert colorize_("--glob", "scans/*.jpg", "-o", "out")[0] == 0
    assert os.listdir("out") == ["a.jpg"]
    assert colorize_("-i", "scans", "--glob", "*.png", "-o", "out")[0] == 0
    assert sorted(os.listdir("out")) == ["a.jpg", "b.png"]


def test_several_inputs_go_into_a_folder(colorize_):
    save("a.png"), save("b.png")
    assert colorize_("-i", "a.png", "b.png", "-o", "out/")[0] == 0
    assert sorted(os.listdir("out")) == ["a.png", "b.png"]
    status, said = colorize_("-i", "a.png", "b.png", "-o", "a.png", "--overwrite")
    assert status == 1
    assert "several inputs need a folder" in said


def test_one_input_into_an_existing_folder(colorize_):
    save("a.png")
    Path("out").mkdir()
    assert colorize_("-i", "a.png", "-o", "out")[0] == 0
    assert os.listdir("out") == ["a.png"]


def test_one_bad_file_among_three(colorize_):
    for name in "abc":
        save(f"in/{name}.png")
    Path("in/b.png").write_bytes(b"no picture")
    status, said = colorize_("-i", "in", "-o", "out")
    assert status == 1
    assert "2 done, 1 failed" in said
    assert said.count("b.png") == 1
    assert "Traceback" not in said


def test_quiet_prints_errors_alone(colorize_):
    save("a.png")
    assert colorize_("-i", "a.png", "-o", "out.png", "--quiet") == (0, "")
    status, said = colorize_("-i", "a.png", "-o", "out.png", "--quiet")
    assert status == 1
    assert said.count("\n") == 1
    assert "out.png exists; --overwrite" in said
    assert colorize_("-i", "a.png", "-o", "out.png", "--quiet", "--overwrite") == (0, "")


def test_format_and_quality(colorize_):
    save("a.png", (200, 200))
    assert colorize_("-i", "a.png", "-o", "out/", "--format", "jpeg", "--quality", "30")[0] == 0
    assert colorize_("-i", "a.png", "-o", "fine.jpg")[0] == 0
    with Image.open("out/a.jpg") as image:
        assert image.format == "JPEG"
    assert Path("out/a.jpg").stat().st_size < Path("fine.jpg").stat().st_size


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-i", "missing.jpg", "-o", "out.png"], "missing.jpg"),
        (["-i", "text.jpg", "-o", "out.png"], "text.jpg"),
        (["-i", "empty.png", "-o", "out.png"], "empty.png"),
        (["-i", "photo.png", "-o", "text.jpg/out.png"], "text.jpg"),
        (["-i", "photo.png", "-o", "photo.png", "--overwrite"], "replace an input"),
        (["-i", "photo.png", "-o", "out.xyz"], "xyz"),
        (["-i", "photo.png", "-o", "out.png", "--format", "xyz"], "xyz"),
        (["-i", "photo.png", "-o", "out.png", "--temperature", "0"], "temperature 0"),
        (["-i", "photo.png", "-o", "out.png", "--size", "100"], "size 100"),
        (["-i", "photo.png", "-o", "out.png", "--max-pixels", "100"], "--max-pixels"),
        (["-i", "photo.png", "-o", "out.png", "--device", "nonsense"], "nonsense"),
        (["-i", "photo.png", "-o", "out.png", "--weights", "text.jpg"], "text.jpg"),
        (["--glob", "*.gif"], "no file matches"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(colorize_, arguments, message):
    save("photo.png")
    Path("text.jpg").write_text("this is text")
    Path("empty.png").touch()
    status, said = colorize_(*arguments)
    assert status == 1
    assert message in said
    assert said.count("\n") == 1
    assert "Traceback" not in said
    assert not Path("out.png").exists()


@pytest.mark.parametrize(
    "arguments",
    [[], ["-i"], ["--model", "none"], ["-i", "-", "a.jpg"], ["-i", "a", "b", "-o", "-"],
     ["-i", "a", "--quality", "0"], ["-i", "a", "--gpu", "--device", "cpu"], ["--inp", "a"]],
)  # fmt: skip
def test_wrong_usage_ends_with_two(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert "usage: colorize" in capsys.readouterr().err


def test_gpu_without_one_is_a_clear_error(colorize_):
    if torch.cuda.is_available() or torch.backends.mps.is_available():
        pytest.skip("this machine has a GPU")
    save("a.png")
    status, said = colorize_("-i", "a.png", "--gpu")
    assert status == 1
    assert "no GPU found" in said


def test_the_help_states_the_defaults_of_the_code():
    from colorize import image, pipeline

    text = " ".join(parser().format_help().split())
    assert f"default: {pipeline.NETWORK_SIZE}" in text
    assert f"default: {image.MAX_PIXELS // 10**6} million pixels" in text


def command(*arguments: str, **options) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(
        [sys.executable, "-m", "colorize", *arguments], capture_output=True, timeout=100, **options
    )


def test_a_pipe(weights, tmp_path):
    path = tmp_path / "a.png"
    Image.linear_gradient("L").save(path)
    options = ("--weights", weights, "--size", "64")
    result = command("-i", "-", "-o", "-", *options, input=path.read_bytes())
    assert result.returncode == 0, result.stderr
    target = tmp_path / "out.png"
    target.write_bytes(result.stdout)
    with Image.open(target) as image:
        assert (image.format, image.size, image.mode) == ("PNG", (256, 256), "RGB")
    bad = command("-i", "-", "-o", "-", *options, input=b"no picture")
    assert (bad.returncode, bad.stdout) == (1, b"")
    assert bad.stderr.count(b"\n") == 1


def test_names_with_a_leading_dash(colorize_):
    save("-photo.png")
    assert colorize_("--input=-photo.png", "--output=-out.png")[0] == 0
    assert Path("-out.png").exists()


def test_an_interrupted_batch_ends_with_130_and_whole_files(weights, tmp_path):
    for n in range(200):
        Image.linear_gradient("L").resize((600, 600)).save(tmp_path / f"{n:03}.png")
    out = tmp_path / "out"
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "colorize",
            "-i",
            str(tmp_path),
            "-o",
            str(out),
            "--weights",
            weights,
            "--size",
            "64",
        ],
        stderr=subprocess.PIPE,
    )
    deadline = time.monotonic() + 90
    while not (out.exists() and any(out.iterdir())) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert b"interrupted" in said and b"Traceback" not in said
    names = [path.name for path in out.iterdir()]
    assert 0 < len(names) < 200
    for path in out.iterdir():
        assert path.suffix == ".png"
        with Image.open(path) as image:
            image.load()


def test_help_and_version_do_not_import_torch():
    code = (
        "import sys; from colorize.cli import main\n"
        "try: main([{!r}])\n"
        "except SystemExit as e: pass\n"
        "assert not {{'torch', 'numpy', 'PIL'}} & set(sys.modules), 'heavy imports'"
    )
    for argument in ("--help", "--version", "--wrong"):
        subprocess.run([sys.executable, "-c", code.format(argument)], check=True, cwd=ROOT,
                       capture_output=True)  # fmt: skip


def test_importing_the_package_loads_neither_training_nor_evaluation():
    code = (
        "import sys, colorize; colorize.Colorizer; colorize.read\n"
        "loaded = [m for m in sys.modules if m.startswith('colorize.')]\n"
        "assert not [m for m in loaded if 'training' in m or 'evaluation' in m], loaded\n"
        "assert 'torchvision' not in sys.modules and 'skimage' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_models_are_listed_and_located(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("COLORIZE_CACHE", str(tmp_path))
    assert main(["models"]) == 0
    said = capsys.readouterr().out
    for name in ("compact", "eccv16", "siggraph17"):
        assert f"{name}: " in said
    assert "not downloaded yet" in said
    assert main(["models", "verify", "eccv16"]) == 1
    assert "not on this machine" in capsys.readouterr().err
    with pytest.raises(SystemExit) as ended:
        main(["models", "path"])
    assert ended.value.code == 2


def test_the_version_is_the_packages(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"colorize {colorize.__version__}\n"

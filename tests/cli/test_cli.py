"""The command: what it does, what it says, how it ends."""

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import colorize
from benchmarks.kill import Trial
from colorize.cli import main
from colorize.cli.arguments import parser
from colorize.cli.messages import log_line

ROOT = Path(__file__).parents[2]


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


def test_single_photograph_is_colorized(colorize_):
    save("photo.jpg")
    status, said = colorize_("-i", "photo.jpg", "-o", "out.png")
    assert status == 0
    assert said.startswith("colorize: photo.jpg → out.png (40×30, ")
    with Image.open("out.png") as image:
        assert (image.format, image.size, image.mode) == ("PNG", (40, 30), "RGB")
        assert np.ptp(np.asarray(image).astype(int), axis=2).max() > 0


def test_default_output_is_next_to_the_input(colorize_):
    save("photo.jpg")
    assert colorize_("-i", "photo.jpg")[0] == 0
    assert Path("photo.colorized.jpg").exists()


def test_folder_keeps_subfolders_and_skips_other_files(colorize_):
    save("scans/a.jpg")
    save("scans/old/b.tif")
    Path("scans/notes.txt").write_text("text")
    status, said = colorize_("-i", "scans", "-o", "out")
    assert status == 0
    assert "2 done, 0 skipped, 0 failed" in said
    assert sorted(str(p) for p in Path("out").rglob("*.*")) == ["out/a.jpg", "out/old/b.tif"]


def test_repeated_inputs_and_patterns_add_up(colorize_):
    for name in ("a.jpg", "b.jpg", "scans/c.png", "scans/d.gif"):
        save(name)
    assert colorize_("-i", "a.jpg", "-i", "b.jpg", "-o", "out")[0] == 0
    assert sorted(os.listdir("out")) == ["a.jpg", "b.jpg"]
    arguments = ("--glob", "scans/*.png", "--glob", "scans/*.gif", "-o", "patterns")
    assert colorize_(*arguments)[0] == 0
    assert sorted(os.listdir("patterns")) == ["c.png", "d.gif"]


def test_files_of_a_folder_in_other_formats_are_counted_in_one_line(colorize_):
    save("scans/a.png")
    Path("scans/b.psd").write_bytes(b"8BPS")
    status, said = colorize_("-i", "scans", "-o", "out", "--dry-run", "--quiet")
    assert (status, said) == (0, "")
    status, said = colorize_("-i", "scans", "-o", "out")
    assert status == 0
    assert [".psd" in line for line in said.splitlines()].count(True) == 1


def test_glob_selects_files(colorize_):
    save("scans/a.jpg")
    save("scans/b.png")
    assert colorize_("--glob", "scans/*.jpg", "-o", "out")[0] == 0
    assert os.listdir("out") == ["a.jpg"]
    assert colorize_("-i", "scans", "--glob", "*.png", "-o", "out")[0] == 0
    assert sorted(os.listdir("out")) == ["a.jpg", "b.png"]


def test_several_inputs_need_a_folder(colorize_):
    save("a.png"), save("b.png")
    assert colorize_("-i", "a.png", "b.png", "-o", "out/")[0] == 0
    assert sorted(os.listdir("out")) == ["a.png", "b.png"]
    status, said = colorize_("-i", "a.png", "b.png", "-o", "a.png", "--overwrite")
    assert status == 1
    assert "several inputs need a folder" in said


@pytest.mark.parametrize(
    "inputs", [("a.png", "b.png"), ("scans",), ("--glob", "*.png"), ("scans", "--watch", "1")]
)
@pytest.mark.parametrize("flag", ["-o", "--confidence-map"])
@pytest.mark.parametrize("name", ["one.png", "one.TIFF", "one.mp4"])
def test_several_inputs_are_not_written_to_one_file(colorize_, inputs, flag, name):
    save("a.png"), save("b.png"), save("scans/c.png")
    status, said = colorize_(*inputs, flag, name)
    assert (status, said.count("\n")) == (1, 1)
    assert "several inputs need a folder" in said and "one/" in said
    assert not os.path.lexists(name)


def test_manifest_log_and_gallery_may_be_in_a_folder_that_is_made(colorize_):
    save("a.png"), save("b.png")
    files = ["out/x/m.jsonl", "out/f.jsonl", "out/g.html"]
    logs = ["--manifest", files[0], "--failure-log", files[1], "--gallery", files[2]]
    assert colorize_("a.png", "b.png", "-o", "out", *logs)[0] == 0
    assert all(Path(name).is_file() for name in files)


def test_a_name_that_begins_with_a_hyphen_is_explained(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save("./-a.png"), save("d.png")
    with pytest.raises(SystemExit):
        parser().parse_args(["-a.png", "d.png"])
    assert "'./-a.png'" in capsys.readouterr().err


def test_an_output_folder_that_cannot_be_made_is_one_line(colorize_, monkeypatch):
    save("a.png"), save("b.png")
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    for arguments in (["a.png", "b.png", "-o", "out"], ["a.png", "-o", "out/a.png"]):
        status, said = colorize_(*arguments)
        assert (status, said.count("\n")) == (1, 1)
        assert "out: permission denied" in said and "-o" in said


def test_a_folder_may_have_the_suffix_of_a_picture(colorize_):
    save("a.png"), save("b.png")
    for _ in range(2):  # it exists the second time
        assert colorize_("a.png", "b.png", "-o", "one.png/", "--overwrite")[0] == 0
    assert colorize_("a.png", "b.png", "-o", "one.png", "--overwrite")[0] == 0
    assert sorted(os.listdir("one.png")) == ["a.png", "b.png"]


def test_output_folder_keeps_the_input_name(colorize_):
    save("a.png")
    Path("out").mkdir()
    assert colorize_("-i", "a.png", "-o", "out")[0] == 0
    assert os.listdir("out") == ["a.png"]


def test_damaged_file_does_not_stop_the_batch(colorize_):
    for name in "abc":
        save(f"in/{name}.png")
    Path("in/b.png").write_bytes(b"no picture")
    status, said = colorize_("-i", "in", "-o", "out")
    assert status == 1
    assert "2 done, 0 skipped, 1 failed" in said
    assert said.count("b.png") == 1
    assert "Traceback" not in said


def test_quiet_prints_only_errors(colorize_):
    save("a.png")
    assert colorize_("-i", "a.png", "-o", "out.png", "--quiet") == (0, "")
    status, said = colorize_("-i", "a.png", "-o", "out.png", "--quiet")
    assert status == 1
    assert said.count("\n") == 1
    assert "out.png exists; --overwrite" in said
    assert colorize_("-i", "a.png", "-o", "out.png", "--quiet", "--overwrite") == (0, "")


def test_format_and_quality_are_applied(colorize_):
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
        (["-i", "photo.png", "-o", "out.png", "--size", "100"], "size 100"),
        (["-i", "photo.png", "-o", "out.png", "--max-pixels", "100"], "--max-pixels"),
        (["-i", "pages.tif", "-o", "out.tif", "--max-pages", "1"], "--max-pages"),
        (["-i", "photo.png", "-o", "out.png", "--device", "nonsense"], "nonsense"),
        (["-i", "photo.png", "-o", "out.png", "--weights", "text.jpg"], "text.jpg"),
        (["--glob", "*.gif"], "no file matches"),
        (["-i", "x" * 300, "-o", "out.png"], "name is too long"),
        (["-i", "photo.png", "-o", "x" * 300 + ".png"], "name is too long"),
        (["-i", "photo.png", "-o", "out.png", "--manifest", "x" * 300], "too long"),
        (["-i", "photo.png", "-o", "out.png", "--manifest", "none/m"], "no such folder"),
        (["-i", "photo.png", "-o", "out.png", "--failure-log", "none/r"], "no such folder"),
    ],
)
def test_errors_are_one_line(colorize_, arguments, message):
    save("photo.png")
    with Image.open("photo.png") as photo:
        photo.save("pages.tif", save_all=True, append_images=[photo])
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
     ["-i", "a", "--quality", "0"], ["-i", "a", "--gpu", "--device", "cpu"], ["--inp", "a"],
     ["-i", ""], ["-i", "a", "-o", ""], ["-i", "a", "--size", "x"], ["-i", "a", "--size", "0"],
     ["-i", "a", "--temperature", "0"], ["-i", "a", "b", "--hints", "h"],
     ["-i", "in", "--image-sequence", "--manifest", "m"], ["-i", "a", "--gallery", "s3://b/g"],
     ["-i", "a", "--quality", "x"], ["-i", "a", "--overwrite", "--skip-existing"],
     ["-i", "a", "--manifest", "x", "--failure-log", "./x"], ["-i", "a", "--manifest", ""],
     ["-i", "-", "--manifest", "m"], ["-i", "-", "--failure-log", "r"], ["-i", "-", "--dry-run"],
     ["-i", "a", "-o", "-", "--skip-existing"], ["-i", "a", "-o", "-", "--fail-fast"]],
)  # fmt: skip
def test_wrong_usage_is_one_line_and_exits_with_2(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    usage, error = capsys.readouterr().err.splitlines()
    assert usage.startswith("usage: colorize")
    assert error.startswith("colorize: error: ")
    assert "_" not in error  # no name of ours


@pytest.mark.parametrize(
    ("former", "name", "value"),
    [("--rarity", "rare_color_boost", 0.5), ("--confidence", "confidence_map", "x.png"),
     ("--cluster", "ray", "host:1"), ("--report", "failure_log", "r.jsonl"),
     ("--sequence", "image_sequence", True)],
)  # fmt: skip
def test_former_names_of_options_are_accepted(former, name, value):
    arguments = [former] if value is True else [former, str(value)]
    assert getattr(parser().parse_args(["-i", "a", *arguments]), name) == value
    assert former + " " not in parser().format_help()


def test_missing_gpu_is_an_error(colorize_):
    if torch.cuda.is_available() or torch.backends.mps.is_available():
        pytest.skip("this machine has a GPU")
    save("a.png")
    status, said = colorize_("-i", "a.png", "--gpu")
    assert status == 1
    assert "no GPU found" in said


def test_help_states_actual_defaults():
    from colorize import options
    from colorize.io import readers

    text = " ".join(parser().format_help().split())
    assert f"default: {options.INPUT_SIZE}" in text
    assert f"default: {readers.MAX_PIXELS // 10**6} million pixels" in text


def command(*arguments: str, **options) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(
        [sys.executable, "-m", "colorize", *arguments], capture_output=True, timeout=100, **options
    )


@pytest.mark.slow
@pytest.mark.parametrize("number, arguments", [(1, ["-i", "a.png", "-o", "-"]), (1, ["models"]),
                                               (0, ["-i", "-", "-o", "b.png"])])  # fmt: skip
def test_closed_standard_streams_cause_no_traceback(number, arguments, tmp_path):
    Image.linear_gradient("L").save(tmp_path / "a.png")
    call = [sys.executable, "-m", "colorize", *arguments]
    done = subprocess.run(
        call, stderr=subprocess.PIPE, timeout=100, cwd=tmp_path, preexec_fn=lambda: os.close(number)
    )
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith(b"colorize: standard ")
    assert not (tmp_path / "b.png").exists()


@pytest.mark.slow
def test_closed_standard_error_does_not_stop_the_work(weights, tmp_path):
    save(str(tmp_path / "a.png"))
    command = [sys.executable, "-c", "from colorize.cli import run; run()"]
    arguments = ["--weights", weights, "--size", "64", "-i", "a.png", "-o", "b.png"]
    shell = 'exec "$@" 2>&- >&-'
    done = subprocess.run(["sh", "-c", shell, "sh", *command, *arguments], cwd=tmp_path)
    assert done.returncode == 0
    assert (tmp_path / "b.png").exists()


@pytest.mark.slow
def test_full_standard_output_is_one_line(weights, tmp_path):
    if not os.path.exists("/dev/full"):
        pytest.skip("no /dev/full")
    save(str(tmp_path / "a.png"))
    command = [sys.executable, "-c", "from colorize.cli import run; run()"]
    arguments = ["-i", "a.png", "-o", "b.png", "--dry-run"]
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [*command, *arguments], cwd=tmp_path, stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="the current folder cannot be removed")
def test_removed_current_folder_is_named(tmp_path, monkeypatch, capsys):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert main(["a.png"]) == 1
    assert "current folder" in capsys.readouterr().err


def test_messages_cannot_control_the_terminal(capsys):
    log_line("temperature \x1b]0;title\x07\ncolorize: all is well \u202e")
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "\x1b" not in said and "\u202e" not in said


def test_guides_are_never_replaced(colorize_):
    save("in/a.png")
    save("out/a.png")
    before = Path("out/a.png").read_bytes()
    arguments = ("-i", "in", "-o", "out", "--reference", "out/a.png", "--overwrite")
    assert colorize_(*arguments)[0] == 1
    assert Path("out/a.png").read_bytes() == before


@pytest.mark.slow
def test_pipe_does_not_replace_its_input(weights, tmp_path):
    path = save(str(tmp_path / "a.png"))
    before = path.read_bytes()
    command = [sys.executable, "-c", "from colorize.cli import run; run()"]
    arguments = ["--weights", weights, "-i", "-", "-o", "a.png", "--overwrite"]
    with path.open("rb") as file:
        done = subprocess.run([*command, *arguments], cwd=tmp_path, stdin=file)
    assert done.returncode == 1 and path.read_bytes() == before


@pytest.mark.slow
def test_pipe_is_colorized(weights, tmp_path):
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


def test_names_may_start_with_a_dash(colorize_):
    save("-photo.png")
    assert colorize_("--input=-photo.png", "--output=-out.png")[0] == 0
    assert Path("-out.png").exists()


# Batches


def test_manifest_resumes_an_interrupted_batch(colorize_):
    for name in "abc":
        save(f"in/{name}.png")
    batch = ("-i", "in", "-o", "out", "--manifest", "m.jsonl")
    assert colorize_(*batch)[0] == 0
    Path("out/b.png").unlink()
    with open("m.jsonl", "ab") as manifest:
        manifest.write(b'{"input": "/cut')
    status, said = colorize_(*batch)
    assert status == 0
    assert "1 done, 2 skipped, 0 failed" in said
    assert "3 done" in colorize_(*batch, "--temperature", "0.7")[1]
    status, said = colorize_(*batch, "--temperature", "0.7")
    assert (status, "3 outputs are up to date" in said, said.count("\n")) == (0, True, 1)
    save("in/c.png", (9, 9))
    assert "1 done, 2 skipped" in colorize_(*batch, "--temperature", "0.7")[1]


def test_manifest_compares_weights_and_format(colorize_, weights):
    save("a.png")
    batch = ("-i", "a.png", "-o", "out/", "--manifest", "m.jsonl")
    assert colorize_(*batch, "--format", "jpg")[0] == 0
    assert "is up to date" in colorize_(*batch, "--format", "jpeg")[1]
    assert "40×30" in colorize_(*batch, "--format", "jpeg", "--quality", "50")[1]
    other = Path("other.safetensors")
    other.write_bytes(Path(weights).read_bytes())
    assert "is up to date" in colorize_(
        *batch, "--format", "jpeg", "--quality", "50", "--weights", str(other)
    )[1]  # fmt: skip
    settings = json.loads(Path("m.jsonl").read_text().splitlines()[-1])["settings"]
    assert settings["weights"] == hashlib.sha256(other.read_bytes()).hexdigest()


def test_skip_existing_keeps_outputs(colorize_):
    save("a.png"), save("b.png"), save("out/a.png", (1, 1))
    status, said = colorize_("-i", "a.png", "b.png", "-o", "out", "--skip-existing")
    assert (status, "1 done, 1 skipped" in said) == (0, True)
    assert colorize_("-i", "a.png", "-o", "out", "--skip-existing") == (
        0, "colorize: a.png: out/a.png exists\n",
    )  # fmt: skip


def test_dry_run_lists_jobs_and_changes_nothing(weights, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    save("in/a.png"), save("in/b.png"), save("in/c.png"), save("out/c.png")
    before = sorted(tmp_path.rglob("*"))
    dry = ["-i", "in", "missing.png", "-o", "out", "--dry-run", "--weights", weights]
    status = main([*dry, "--manifest", "m.jsonl", "--failure-log", "r.jsonl", "--skip-existing"])
    said = capsys.readouterr()
    assert status == 1
    assert said.out.splitlines() == [
        "in/a.png → out/a.png", "in/b.png → out/b.png",
    ]  # fmt: skip
    assert "missing.png: no such file" in said.err
    assert "2 to do, 1 to skip, 1 would fail" in said.err
    assert sorted(tmp_path.rglob("*")) == before


def test_dry_run_does_not_import_torch(tmp_path):
    Image.new("L", (9, 9)).save(tmp_path / "a.png")
    (tmp_path / "w").touch()
    code = (
        "import sys; from colorize.cli import main\n"
        "assert main(sys.argv[1:]) == 0 and 'torch' not in sys.modules"
    )
    arguments = ["-i", ".", "-o", "out", "--dry-run", "--manifest", "m", "--weights", "w"]
    result = subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=tmp_path, capture_output=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert (result.returncode, result.stdout) == (0, "a.png → out/a.png\n".encode()), result.stderr
    assert sorted(os.listdir(tmp_path)) == ["a.png", "w"]


def test_fail_fast_counts_remaining_jobs(colorize_):
    for n in range(20):
        save(f"in/{n:02}.png")
    Path("in/00.png").write_bytes(b"no picture")
    status, said = colorize_("-i", "in", "-o", "out", "--fail-fast")
    assert status == 1
    done, left = (int(re.search(rf"(\d+) {word}", said)[1]) for word in ("done", "left"))
    assert done + 1 + left == 20 and left > 10
    assert len(os.listdir("out")) == done


def test_progress_bar_shows_time_left(colorize_, monkeypatch):
    for name in "abc":
        save(f"in/{name}.png")
    Path("in/d.png").write_bytes(b"no picture")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    status, said = colorize_("-i", "in", "-o", "out")
    assert status == 1
    assert re.search(r"4/4 \[\d\d:\d\d<\d\d:\d\d, .*photo", said)
    assert re.search(r"\rcolorize: in/d\.png: .*\n", said)  # on a line of its own


def test_failure_log_has_each_failure(colorize_):
    save("in/a.png")
    Path("in/b.png").write_bytes(b"no picture")
    status, said = colorize_("-i", "in", "-o", "out", "--failure-log", "failed.jsonl", "--quiet")
    (failure,) = [json.loads(line) for line in Path("failed.jsonl").read_text().splitlines()]
    assert status == 1
    assert said == f"colorize: {failure['error']}\n"
    assert failure["input"] == os.path.abspath("in/b.png")
    assert failure["output"] == os.path.abspath("out/b.png")
    status, said = colorize_("-i", "in", "-o", "out", "--failure-log", "in/a.png", "--overwrite")
    assert (status, "is not a failure log" in said) == (1, True)


def test_manifest_never_replaces_a_photograph(colorize_):
    photo = save("a.png")
    before = photo.read_bytes()
    status, said = colorize_("-i", "a.png", "-o", "out.png", "--manifest", "a.png")
    assert (status, "is not a manifest entry" in said, said.count("\n")) == (1, True, 1)
    assert photo.read_bytes() == before
    status, said = colorize_("-i", "a.png", "-o", "m.png", "--manifest", "m.png", "--overwrite")
    assert (status, "would replace" in said) == (1, True)


def test_output_folder_may_be_inside_the_input_folder(colorize_):
    save("in/a.png")
    batch = ("-i", "in", "-o", "in/out", "--overwrite")
    assert [colorize_(*batch)[0] for _ in range(2)] == [0, 0]
    assert sorted(str(p) for p in Path("in").rglob("*.*")) == ["in/a.png", "in/out/a.png"]
    assert colorize_("-i", "in", "-o", "in")[0] == 1


def test_warnings_are_one_line(colorize_, monkeypatch):
    def warn(self, photo):
        warnings.warn("the GPU has too\nlittle memory", RuntimeWarning, stacklevel=2)
        return photo

    monkeypatch.setattr("colorize.pipeline.Colorizer.__call__", warn)
    save("a.png")
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        status, said = colorize_("-i", "a.png", "-o", "out.png")
        assert status == 0
        assert said.startswith("colorize: warning: the GPU has too little memory\n")
        assert colorize_("-i", "a.png", "-o", "b.png", "--quiet") == (0, "")


@pytest.mark.slow
@pytest.mark.parametrize("locale", ["C", "C.UTF-8"])
def test_odd_names_are_printed_in_any_locale(weights, tmp_path, locale):
    name = b"new\nline \xe9 \xc3\xbc.png"
    Image.new("L", (9, 9)).save(tmp_path / "a.png")
    os.rename(tmp_path / "a.png", os.path.join(os.fsencode(tmp_path), name))
    bad = tmp_path / "-ü.png"
    bad.write_bytes(b"no picture")
    environment = os.environ | {
        "LC_ALL": locale, "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONPATH": str(ROOT),
    }  # fmt: skip
    options = ("--weights", weights, "--size", "64")
    one = command("-i", name, "-o", b"out\n.png", *options, cwd=tmp_path, env=environment)
    assert one.returncode == 0, one.stderr
    assert one.stderr.count(b"\n") == 1 and b"9" in one.stderr
    # the result of before is not an input
    dry = command("-i", ".", "-o", "out", "--dry-run", cwd=tmp_path, env=environment)
    assert (dry.returncode, dry.stdout.count(b"\n"), dry.stderr.count(b"\n")) == (0, 2, 1)
    failed = command("--input=-ü.png", *options, cwd=tmp_path, env=environment)
    assert (failed.returncode, failed.stderr.count(b"\n")) == (1, 1)
    assert command("--help", env=environment).returncode == 0


def interrupt(weights: str, folder: Path, *signals: signal.Signals) -> tuple[int, bytes, Path]:
    """Send signals to a batch of 200 that has begun; return its status and what it said."""
    for n in range(200):
        Image.linear_gradient("L").resize((600, 600)).save(folder / f"{n:03}.png")
    out = folder / "out"
    process = subprocess.Popen(
        [sys.executable, "-m", "colorize", "-i", folder, "-o", out, "--weights", weights,
         "--size", "64"], stderr=subprocess.PIPE, cwd=ROOT,
    )  # fmt: skip
    deadline = time.monotonic() + 90
    while not (out.exists() and any(out.iterdir())) and time.monotonic() < deadline:
        time.sleep(0.05)
    for number in signals:
        process.send_signal(number)
        time.sleep(0.02)
    _, said = process.communicate(timeout=60)
    return process.returncode, said, out


@pytest.mark.slow
@pytest.mark.parametrize(
    "signals", [["SIGINT"], ["SIGTERM", "SIGINT", "SIGINT", "SIGTERM"]], ids=str
)
def test_interrupted_batch_exits_with_130_and_complete_files(weights, tmp_path, signals):
    status, said, out = interrupt(weights, tmp_path, *(signal.Signals[s] for s in signals))
    assert status == 130
    assert b"interrupted" in said and b"Traceback" not in said and b"Exception" not in said
    names = [path.name for path in out.iterdir()]
    assert 0 < len(names) < 200
    for path in out.iterdir():
        assert path.suffix == ".png"
        with Image.open(path) as image:
            image.load()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there are other signals")
def test_killed_batch_loses_nothing(tmp_path):
    """Two kills; `python -m benchmarks.kill` tries as many as it is told."""
    trial = Trial(tmp_path, photographs=12)
    for kind in ("SIGKILL", "SIGINT twice"):
        trial.kill(kind)
    trial.finish()
    assert trial.violations == []
    assert trial.counts["batches finished"] >= 1


def test_ignored_signals_stay_ignored(colorize_):
    """As under nohup."""
    save("a.png")
    former = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert colorize_("-i", "a.png", "-o", "out.png")[0] == 0
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, former)


@pytest.mark.slow
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


@pytest.mark.slow
def test_pillow_allocates_in_blocks_of_64_mib():
    code = (
        "import os; os.environ.pop('PILLOW_BLOCK_SIZE', None)\n"
        "from colorize.cli import main; assert main(['-i', 'none.jpg']) == 1\n"
        "from PIL import Image; assert Image.core.get_block_size() == 64 << 20"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, capture_output=True)


def test_package_imports_neither_training_nor_evaluation():
    code = (
        "import sys, colorize; colorize.Colorizer; colorize.read\n"
        "loaded = [m for m in sys.modules if m.startswith('colorize.')]\n"
        "assert not [m for m in loaded if 'training' in m or 'evaluation' in m], loaded\n"
        "assert 'torchvision' not in sys.modules and 'skimage' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_models_command_lists_verifies_and_locates(monkeypatch, tmp_path, capsys):
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


def test_version_is_that_of_the_package(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"colorize {colorize.__version__}\n"

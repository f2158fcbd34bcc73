"""What people do every day: run a folder again, mix color and gray, read logs."""

import json
import os
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from colorize.batch import Job, Result
from colorize.cli import display, main
from colorize.cli.summary import Notes, duration
from colorize.io.signatures import is_video_content


@pytest.fixture
def colorize_(weights, tmp_path, monkeypatch, capsys):
    """Run the command in a folder of its own with a tiny network; return status and output."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> tuple[int, str, str]:
        status = main(["--weights", weights, "--size", "64", *arguments])
        captured = capsys.readouterr()
        return status, captured.err, captured.out

    return run


def save(name: str, color: bool = False, mode: str = "L") -> Path:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.linear_gradient("L").resize((40, 30)).convert(mode)
    if color:
        image = Image.merge("RGB", (image, image.rotate(90), image.rotate(180)))
    image.save(path)
    return path


@pytest.mark.slow
def test_second_identical_run_is_one_line(colorize_):
    for name in "abc":
        save(f"in/{name}.png")
    Path("in/notes.psd").write_bytes(b"8BPS")
    for arguments in (["in", "-o", "out"], ["in"], ["in", "--compare"], ["in", "--suffix", "-new"]):
        assert colorize_(*arguments)[0] == 0
        before = sorted(Path().rglob("*.*"))
        status, said, _ = colorize_(*arguments)
        assert (status, said.count("\n")) == (0, 1)
        assert "3 outputs exist" in said and "1 .psd" in said
        assert sorted(Path().rglob("*.*")) == before


def test_output_older_than_its_input_fails_in_one_line(colorize_):
    for name in "abcd":
        save(f"in/{name}.png")
    assert colorize_("in", "-o", "out")[0] == 0
    for name in "ab":
        os.utime(f"out/{name}.png", (10**9, 10**9))
    status, said, _ = colorize_("in", "-o", "out", "--failure-log", "failed.jsonl")
    assert (status, "0 done, 2 skipped, 2 failed" in said) == (1, True)
    assert [line for line in said.splitlines() if "2 outputs are older" in line]
    assert "a.png" not in said
    assert len(Path("failed.jsonl").read_text().splitlines()) == 2
    assert colorize_("in", "-o", "out", "--skip-existing")[0] == 0
    assert colorize_("in", "-o", "out", "--overwrite")[0] == 0
    assert colorize_("in", "-o", "out")[0] == 0


def test_output_of_other_settings_fails_in_one_line(colorize_):
    for name in "abc":
        save(f"in/{name}.png")
    assert colorize_("in", "-o", "out")[0] == 0
    status, said, _ = colorize_("in", "-o", "out", "--saturation", "2")
    assert (status, "3 outputs were made with other settings" in said) == (1, True)
    assert said.count("\n") == 2
    assert colorize_("in", "-o", "out", "--saturation", "2", "--skip-existing")[0] == 0
    assert colorize_("in", "-o", "out", "--saturation", "2", "--overwrite")[0] == 0
    assert colorize_("in", "-o", "out", "--saturation", "2")[0] == 0


@pytest.mark.slow
def test_photographs_in_color_are_counted_and_may_be_left_out(colorize_):
    for name, color in (("a", False), ("b", True), ("c", True), ("d", False)):
        save(f"in/{name}.png", color)
    status, said, _ = colorize_("in", "-o", "all")
    assert (status, "2 of 4 photographs were in color" in said) == (0, True)
    status, said, _ = colorize_("in", "-o", "gray", "--skip-color", "--manifest", "m.jsonl")
    assert (status, "2 photographs are in color" in said) == (0, True)
    assert sorted(os.listdir("gray")) == ["a.png", "d.png"]
    status, said, _ = colorize_("in", "-o", "gray", "--manifest", "m.jsonl")
    assert (status, "2 done, 2 skipped" in said) == (0, True)
    assert "in color" in colorize_("in/b.png", "-o", "one.png")[1]
    assert colorize_("in/b.png", "-o", "two.png", "--skip-color")[1].count("\n") == 1
    assert not Path("two.png").exists()


def test_notes_are_counted(colorize_):
    notes = Notes()
    for number in range(3000):
        job = Job(Path("a"), Path(f"out/{number}.png"))
        notes.add(Result(job, 0, notes=(f"{number} tags left out", "its depth map is left out")))
    first, second = notes.lines()
    assert first == "out/0.png and 2,999 more: 0 tags left out"
    assert second.endswith("depth map is left out")
    for letter in "abcdefghijklm":
        notes.add(Result(job, 0, notes=(letter,)))
    assert len(notes.lines()) == 11 and "5 other notes" in notes.lines()[-1]


def test_events_are_json_lines(colorize_):
    save("in/a.png"), save("in/b.png", color=True), save("out/c.png")
    save("in/c.png"), os.utime("in/c.png", (0, 0))
    Path("in/d.png").write_bytes(b"no picture")
    status, said, out = colorize_("in", "-o", "out", "--json", "--quiet")
    events = [json.loads(line) for line in out.splitlines()]
    assert (status, said.count("\n"), events[0]) == (1, 1, {"event": "start", "outputs": 4})
    by_name = {os.path.basename(e["input"]): e for e in events if "input" in e}
    assert {name: event["event"] for name, event in by_name.items()} == {
        "a.png": "done", "b.png": "done", "c.png": "skipped", "d.png": "failed",
    }  # fmt: skip
    assert (by_name["b.png"]["in_color"], by_name["b.png"]["width"]) == (True, 40)
    assert by_name["c.png"]["cause"] == "output exists"
    end = events[-1]
    assert (end["event"], end["done"], end["skipped"], end["failed"]) == ("end", 2, 1, 1)
    _, _, out = colorize_("in", "-o", "new", "--json", "--dry-run", "--quiet")
    assert [json.loads(line)["event"] for line in out.splitlines()].count("planned") == 4


def test_only_the_first_failures_are_printed(colorize_, monkeypatch):
    monkeypatch.setattr(display, "MAX_FAILURES", 3)
    save("in/a.png")
    for number in range(6):
        Path(f"in/{number}.png").write_bytes(b"no picture")
    status, said, _ = colorize_("in", "-o", "out", "--failure-log", "failed.jsonl")
    assert (status, said.count("known format"), said.count("only counted")) == (1, 3, 1)
    assert "1 done, 0 skipped, 6 failed" in said
    assert len(Path("failed.jsonl").read_text().splitlines()) == 6


def test_plain_progress_is_a_line_a_minute(colorize_, monkeypatch):
    for number in range(5):
        save(f"in/{number}.png")
    assert colorize_("in", "-o", "a", "--progress", "plain")[1].count("\n") == 1
    monkeypatch.setattr(display, "PLAIN_INTERVAL", 0)
    said = colorize_("in", "-o", "b", "--progress", "plain")[1]
    assert said.count("\n") == 6 and "3 of 5 photographs" in said


@pytest.mark.parametrize(
    ("seconds", "text"), [(4, "4 s"), (59.7, "1 min"), (150, "2 min"), (12_060, "3 h 21 min")]
)
def test_durations_are_in_their_largest_units(seconds, text):
    assert duration(seconds) == text


def test_huge_hints_are_one_line(colorize_):
    save("a.png")
    for line in ("1e200,1,#ff0000", "1,1e160,#ff0000", "1e400,1,#ff0000"):
        Path("hints.txt").write_text(line)
        status, said, _ = colorize_("a.png", "-o", "b.png", "--hints", "hints.txt", "--overwrite")
        assert (status, said.count("\n"), "unexpected" in said) == (1, 1, False)
    Path("hints.txt").write_text("1,1,#ff0000,1e200")
    assert colorize_("a.png", "-o", "b.png", "--hints", "hints.txt")[0] == 0


def test_results_are_no_inputs_whatever_they_are_called(colorize_):
    save("scans/a.png")
    more = ["-o", "scans/out", "--confidence-map", "scans/maps", "--suffix", "-x"]
    for arguments in ([], ["--compare"], ["--suffix", "-x"], more):
        assert colorize_("scans", *arguments)[0] == 0
    names = {path.name for path in Path("scans").iterdir() if path.is_file()}
    assert names == {"a.png", "a.colorized.png", "a.compare.png", "a-x.png"}
    excluding = ["--suffix", "-x", "--exclude", "out", "--exclude", "maps"]
    for arguments, jobs in ((more, 2), (excluding, 1)):  # the map is one
        status, said, _ = colorize_("scans", *arguments, "--overwrite", "--dry-run")
        assert (status, f"{jobs} to do, 0 to skip" in said) == (0, True)


def test_removed_manifest_is_noted(colorize_, monkeypatch):
    save("a.png"), save("b.png")
    call = "colorize.pipeline.Colorizer.__call__"

    def remove(self, photo):
        Path("m.jsonl").unlink(missing_ok=True)
        return photo

    monkeypatch.setattr(call, remove)
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        status, said, _ = colorize_("a.png", "b.png", "-o", "out", "--manifest", "m.jsonl")
    assert (status, "m.jsonl was removed" in said) == (0, True)


def test_manifest_of_odd_values_is_one_line(colorize_):
    save("a.png")
    assert colorize_("a.png", "-o", "b.png", "--manifest", "m.jsonl")[0] == 0
    entry = json.loads(Path("m.jsonl").read_text().splitlines()[-1])
    nested = "[" * 100_000 + "]" * 100_000
    for line in (
        json.dumps(entry | {"output": ["b.png"]}),
        json.dumps(entry).replace(json.dumps(entry["settings"]), nested),
    ):
        Path("m.jsonl").write_text(line + "\n")
        status, said, _ = colorize_("a.png", "-o", "b.png", "--manifest", "m.jsonl")
        assert (status, said.count("\n"), "line 1 is not a manifest entry" in said) == (1, 1, True)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names")
def test_named_pipe_is_not_opened_to_see_whether_it_is_a_video(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert not is_video_content(tmp_path / "pipe")  # opening it would wait for a writer


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names")
def test_failure_log_is_no_pipe(colorize_):
    save("a.png")
    os.mkfifo("pipe")
    status, said, _ = colorize_("a.png", "-o", "b.png", "--failure-log", "pipe")
    assert (status, "not a regular file" in said) == (1, True)


def test_gray_rgb_and_sepia_are_not_in_color(colorize_):
    save("in/a.png", mode="RGB")
    gray = np.asarray(Image.linear_gradient("L").resize((64, 64)), float)[..., None]
    sepia = np.clip(gray * [1.0, 0.85, 0.65] + 10, 0, 255).astype(np.uint8)
    Image.fromarray(sepia).save("in/b.jpg")
    assert "in color" not in colorize_("in", "-o", "out")[1]


def test_results_in_folders_are_recognized_by_their_metadata(colorize_):
    save("scans/a.png")
    assert colorize_("scans", "-o", "scans/anywhere", "--suffix", " (new)")[0] == 0
    compared = ["-o", "scans/compared", "--compare", "--suffix", "-2", "--exclude", "anywhere"]
    assert colorize_("scans", *compared)[0] == 0
    status, said, _ = colorize_("scans", "--manifest", "m.jsonl")
    assert (status, "1 done, 2 skipped" in said) == (0, True)
    assert "2 photographs are results of earlier runs" in said
    assert "1 to do, 2 to skip" in colorize_("scans", "-o", "other", "--dry-run")[1]
    assert {path.name for path in Path("scans").rglob("*.png")} == {
        "a.png", "a (new).png", "a-2.png", "a.colorized.png",
    }  # fmt: skip
    assert colorize_("scans/anywhere/a (new).png", "-o", "again.png")[0] == 0
    save("scans/b.png")
    assert colorize_("scans", "-o", "plain", "--no-mark")[0] == 0
    assert "2 done" in colorize_("plain", "-o", "out")[1]


def test_names_with_spaces_need_quotes(colorize_, capsys):
    save("Oma Käthes Album/a.png")
    with pytest.raises(SystemExit) as error:
        colorize_("Oma", "Käthes", "Album")
    assert error.value.code == 2
    assert "quotes: 'Oma Käthes Album'" in capsys.readouterr().err
    save("Oma.png").rename("Oma")
    assert colorize_("Oma", "Käthes", "Album", "--suffix", "-new")[0] == 1  # one of them exists


def test_options_without_effect_are_noted(colorize_):
    save("a.png")
    options = ("--crf", "20", "--codec", "hevc", "--quality", "70", "--hints-reach", "cast")
    status, said, _ = colorize_("a.png", *options)
    notes = [line for line in said.splitlines() if "without effect" in line]
    assert status == 0 and len(notes) == 3
    assert "--codec, --crf" in notes[0] and "--hint-scope" in notes[1] and "PNG" in notes[2]
    assert "without effect" not in colorize_("a.png", "-o", "a.webp", "--quality", "70")[1]
    Path("h.txt").write_text("5,5,#808080")
    hinted = ("--hints", "h.txt", "--hint-scope", "cast")
    assert "without effect" not in colorize_("a.png", "-o", "b.png", *hinted)[1]
    assert colorize_("a.png", "-o", "c.png", *options, "--quiet")[1] == ""


def test_dry_run_estimates_the_space(colorize_, monkeypatch):
    for name in ("a.jpg", "b.tif", "c.png"):
        Image.effect_noise((500, 400), 60).save(save(f"in/{name}"))
    status, said, _ = colorize_("in", "-o", "out", "--dry-run", "--format", "png")
    assert (status, "3 to do" in said, "about 1.0 MB (" in said) == (0, True, True)
    monkeypatch.setattr("colorize.batch.free_bytes", lambda folder: 500_000)
    assert "but only 500 kB are free" in colorize_("in", "-o", "out", "--dry-run")[1]
    assert not Path("out").exists()

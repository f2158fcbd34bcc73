"""Hot folders: what is put into them is colorized once it rests."""

import json
import os
from pathlib import Path

import pytest
from fixtures.batches import save

from colorize.cli import main, watch
from colorize.cli.arguments import parser
from colorize.cli.watch import HotFolders


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    return tmp_path / "in"


def names(folders: HotFolders) -> list[str]:
    return [job.source.name for job in folders.look()]


def test_files_are_taken_once_they_rest_and_again_when_they_change(folder):
    folders = HotFolders(parser().parse_args(["in", "-o", "out", "--watch"]))
    assert names(folders) == []  # an empty folder is no error
    growing = folder / "a.png"
    for size in (10, 20):
        growing.write_bytes(bytes(size))
        assert names(folders) == []
    save(folder / "b.png")
    assert names(folders) == ["a.png"]
    assert names(folders) == ["b.png"]
    assert names(folders) == []
    os.utime(growing, (1, 1))
    assert [names(folders), names(folders), names(folders)] == [[], ["a.png"], []]
    growing.unlink()
    assert names(folders) == []
    growing.write_bytes(bytes(20)), os.utime(growing, (1, 1))
    assert [names(folders), names(folders)] == [[], ["a.png"]]


def test_outputs_of_what_is_done_stay_taken(folder):
    folders = HotFolders(parser().parse_args(["in", "-o", "out", "--format", "png", "--watch"]))
    save(folder / "a.jpg")
    assert [names(folders), names(folders)] == [[], ["a.jpg"]]
    save(folder / "a.tif")
    assert names(folders) == []
    (job,) = folders.look()
    assert job.source.name == "a.tif" and "already the output" in job.rejection


def test_missing_folder_is_said_once_and_does_not_stop_the_others(folder, capsys):
    (folder.parent / "gone").mkdir()
    folders = HotFolders(parser().parse_args(["gone", "in", "-o", "out", "--watch"]))
    save(folder / "a.png")
    folders.look()
    (folder.parent / "gone").rmdir()
    assert [names(folders), names(folders), names(folders)] == [["a.png"], [], []]
    assert capsys.readouterr().err.count("gone") == 1


def test_watching_survives_restarts(folder, weights, capsys, monkeypatch):
    save(folder / "a.png")
    (folder / "broken.png").write_bytes(b"no picture")
    command = ["in", "-o", "out", "--watch", "0.1", "--manifest", "m.jsonl", "--json"]
    looks = 0

    def sleep(seconds):
        nonlocal looks
        looks += 1
        if looks == 2 and not statuses:
            save(folder / "sub/b.png")
        if looks == 6:
            raise KeyboardInterrupt

    monkeypatch.setattr(watch.time, "sleep", sleep)
    statuses = []
    for _ in range(2):
        looks = 0
        statuses.append(main([*command, "--weights", weights, "--size", "64"]))
    out, said = capsys.readouterr()
    assert statuses == [130, 130]
    assert sorted(path.name for path in Path("out").rglob("*.png")) == ["a.png", "b.png"]
    events = [json.loads(line) for line in out.splitlines()]
    assert [e["event"] for e in events].count("done") == 2
    assert [e["event"] for e in events].count("failed") == 2  # once for each start
    assert "in/a.png → out/a.png" in said and "2 done, 0 skipped, 1 failed" in said
    assert "0 done, 2 skipped, 1 failed" in said


@pytest.mark.parametrize(
    "arguments",
    [["a.png", "-o", "b.png"], ["in/none", "-o", "out"]],
)
def test_only_folders_are_watched(arguments, folder, capsys):
    save(Path("a.png"))
    assert main([*arguments, "--watch"]) == 1
    assert "needs folders" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["in", "--watch=0"], ["in", "--watch", "--dry-run"], ["--glob", "in/*", "--watch"],
        ["in", "--watch", "--gallery", "x.html"], ["-", "--watch"], ["in", "--watch", "--ray"],
    ],
)  # fmt: skip
def test_what_ends_does_not_go_with_watching(arguments):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2

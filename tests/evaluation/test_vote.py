"""The sheet of a blind vote, and its count."""

import json

import numpy as np
import pytest
from PIL import Image

from colorize.color import lab
from colorize.errors import ColorizeError
from colorize.evaluation.cli import main
from colorize.evaluation.tasks.vote import count_votes, write_sheet
from colorize.io.datasets import iter_files
from colorize.io.photo import Photo


def tint(a: float):
    def colorize(photo: Photo) -> Photo:
        ab = np.stack([np.full(photo.size, value, np.float32) for value in (a, 0)])
        return Photo(lab.lab_to_srgb_pixels(lab.lightness(photo.pixels), ab))

    return colorize


RED, GREEN = tint(40), tint(-40)


def vote(folder, *votes: str) -> None:
    lines = [f"{i:04}.jpg,{each}" for i, each in enumerate(votes, start=1)]
    (folder / "votes.csv").write_text("\n".join(["picture,vote", *lines]) + "\n")


def test_sheet_shows_both_results_on_the_sides_of_the_key(folder, tmp_path):
    assert write_sheet(RED, GREEN, iter_files([folder]), tmp_path / "sheet", seed=3) == 3
    left_of = json.loads((tmp_path / "sheet" / "key.json").read_text())["left"]
    assert list(left_of) == ["0001.jpg", "0002.jpg", "0003.jpg"]
    for name, left in left_of.items():
        with Image.open(tmp_path / "sheet" / name) as image:
            red, green = np.asarray(image).astype(int)[30, 20, :2]
        assert ("first" if red > green else "second") == left


def test_seed_decides_the_sides(folder, tmp_path):
    keys = []
    for i, seed in enumerate((1, 1, 2, 3, 4)):
        write_sheet(RED, GREEN, iter_files([folder]), tmp_path / str(i), seed)
        keys.append((json.loads((tmp_path / str(i) / "key.json").read_text()))["left"])
    assert keys[0] == keys[1]
    assert any(key != keys[0] for key in keys[2:])


def test_votes_are_counted_by_weights(folder, tmp_path):
    write_sheet(RED, GREEN, iter_files([folder]), tmp_path, seed=0)
    key = json.loads((tmp_path / "key.json").read_text())
    key["left"] = {"0001.jpg": "first", "0002.jpg": "second", "0003.jpg": "second"}
    (tmp_path / "key.json").write_text(json.dumps(key))
    vote(tmp_path, "left", "Right", "same")
    tally = count_votes(tmp_path)
    assert (tally.first, tally.second, tally.same) == (2, 0, 1)


@pytest.mark.parametrize("last", ["", "both"])
def test_missing_or_unknown_vote_is_an_error(folder, tmp_path, last):
    write_sheet(RED, GREEN, iter_files([folder]), tmp_path, seed=0)
    vote(tmp_path, "left", "right", last)
    with pytest.raises(ColorizeError, match=r"0003\.jpg"):
        count_votes(tmp_path)


def test_sheet_needs_an_empty_folder(folder, tmp_path):
    (tmp_path / "votes.csv").write_text("mine")
    with pytest.raises(ColorizeError, match="not empty"):
        write_sheet(RED, GREEN, iter_files([folder]), tmp_path, seed=0)
    assert (tmp_path / "votes.csv").read_text() == "mine"


def test_commands_write_a_sheet_and_count(run, weights, folder, tmp_path, capsys):
    sheet = tmp_path / "sheet"
    content = run("vote-sheet", folder, "--second-weights", weights, "-o", sheet, "--limit", 1)
    assert content["photographs"] == 1
    vote(sheet, "same")
    assert main(["vote-count", str(sheet)]) == 0
    assert "| same | 1 |" in capsys.readouterr().out

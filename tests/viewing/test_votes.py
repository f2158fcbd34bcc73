"""Blind comparison: the page in Chromium, its votes, `colorize vote`."""

import json

import numpy as np
import pytest

from colorize.cli.main import main
from colorize.errors import ColorizeError
from colorize.io.photo import Photo
from colorize.io.writers import write
from colorize.viewing.bradley_terry import Vote
from colorize.viewing.votes import SIGNATURE, read_votes, write_page


@pytest.fixture
def folders(tmp_path):
    """Two folders with results of three photographs, red in one and blue in the other."""
    for folder, channel, suffix in (("red", 0, ".png"), ("blue", 2, ".jpg")):
        (tmp_path / folder / "sub").mkdir(parents=True)
        pixels = np.full((40, 60, 3), 40, np.uint8)
        pixels[..., channel] = 220
        for name in ("a", "<b>", "sub/c"):
            write(Photo(pixels), tmp_path / folder / f"{name}{suffix}")
    return tmp_path / "red", tmp_path / "blue"


def save_votes(path, *winners):
    votes = [{"photo": "a", "first": "x", "second": "y", "winner": winner} for winner in winners]
    path.write_text(json.dumps({"format": "colorize votes", "version": 1, "votes": votes}))
    return path


def test_page_shows_common_photographs_and_reports_others(folders, tmp_path):
    (folders[0] / "only.png").write_bytes((folders[0] / "a.png").read_bytes())
    (folders[1] / "a.jpg").write_bytes(b"damaged")
    written = write_page(tmp_path / "vote.html", *folders, seed=0)
    assert written.pairs == 2
    assert any("only.png: not in" in line for line in written.problems)
    assert any("a.jpg" in line for line in written.problems)
    content = (tmp_path / "vote.html").read_bytes()
    assert content.startswith(SIGNATURE) and content.count(b"<fieldset ") == 2
    assert b"<b>" not in content.split(b"<main>")[1].split(b"</main>")[0]


def test_sides_depend_on_the_seed_only(folders, tmp_path):
    pages = []
    for seed in (0, 0, 1):
        write_page(tmp_path / "vote.html", *folders, seed=seed)
        pages.append((tmp_path / "vote.html").read_bytes())
    assert pages[0] == pages[1] != pages[2]


def test_other_files_are_not_replaced(folders, tmp_path):
    (tmp_path / "notes.html").write_text("mine")
    with pytest.raises(ColorizeError, match=r"notes\.html"):
        write_page(tmp_path / "notes.html", *folders)
    with pytest.raises(ColorizeError, match="no photograph"):
        write_page(tmp_path / "vote.html", folders[0], folders[0] / "sub")


def test_votes_are_read(tmp_path):
    path = save_votes(tmp_path / "votes.json", "x", None)
    assert read_votes(path) == [Vote("x", "y", "x"), Vote("x", "y", None)]


@pytest.mark.parametrize(
    "content", ["", "{}", "[1]", '{"format": "other", "votes": []}', '{"format": "colorize votes"}']
)
def test_other_files_are_no_votes(tmp_path, content):
    (tmp_path / "votes.json").write_text(content)
    with pytest.raises(ColorizeError, match=r"votes\.json: "):
        read_votes(tmp_path / "votes.json")


def test_winner_must_be_one_of_the_two(tmp_path):
    with pytest.raises(ColorizeError):
        read_votes(save_votes(tmp_path / "votes.json", "z"))


def test_command_prints_scores_of_several_files(tmp_path, capsys):
    first = save_votes(tmp_path / "anna.json", "x", "x", "x")
    second = save_votes(tmp_path / "ben.json", "x", "y", None)
    assert main(["vote", str(first), str(second)]) == 0
    _, best, other = capsys.readouterr().out.splitlines()
    assert best.startswith("x ") and "+" in best.split()[1] and best.endswith("4.5 of 6")
    assert other.startswith("y ") and other.endswith("1.5 of 6")


def test_command_writes_the_page_and_says_where(folders, tmp_path, capsys):
    page = tmp_path / "vote.html"
    assert main(["vote", *map(str, folders), "--gallery", str(page), "--title", "Mine"]) == 0
    assert str(page) in capsys.readouterr().err
    assert b"<title>Mine</title>" in page.read_bytes()
    assert main(["vote", str(tmp_path / "missing.json")]) == 1
    with pytest.raises(SystemExit):
        main(["vote", str(folders[0]), "--gallery", str(page)])


@pytest.mark.slow
def test_votes_survive_a_reload_without_storage(browser, folders, tmp_path):
    write_page(tmp_path / "vote.html", *folders, seed=3)
    page = browser.new_page()
    page.add_init_script("Object.defineProperty(window, 'localStorage', { get() { throw 1; } })")
    page.goto((tmp_path / "vote.html").as_uri())
    page.keyboard.press("2")
    page.reload()
    assert "Photograph 2 of 3, 1 voted on" in page.inner_text("#progress")
    write_page(tmp_path / "vote.html", *folders, seed=4)  # other sides at the same address
    page.reload()
    assert "Photograph 1 of 3, 0 voted on" in page.inner_text("#progress")
    page.close()


@pytest.mark.slow
@pytest.mark.parametrize("width", [1280, 360])
def test_votes_by_keys_and_mouse_are_kept_and_saved(browser, folders, tmp_path, width):
    page_file = tmp_path / "vote.html"
    write_page(page_file, *folders, seed=3)
    context = browser.new_context(viewport={"width": width, "height": 700})
    page = context.new_page()
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text))
    page.goto(page_file.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert "red" not in page.inner_text("body") and "blue" not in page.inner_text("body")
    page.keyboard.press("1")
    page.locator("fieldset:not([hidden]) .pair button").nth(1).click()
    page.reload()
    assert "Photograph 3 of 3, 2 voted on" in page.inner_text("#progress")  # nothing is lost
    page.keyboard.press("0")
    assert page.is_visible("#done")
    with page.expect_download() as download:
        page.click("#save")
    download.value.save_as(tmp_path / "votes.json")
    votes = read_votes(tmp_path / "votes.json")
    assert [vote.winner for vote in votes] == [votes[0].first, votes[1].second, None]
    assert {votes[0].first, votes[0].second} == {"red", "blue"}
    shown = page.locator("fieldset").evaluate_all("all => all.map(one => one.dataset.sides)")
    assert [vote.first for vote in votes] == [{"a": "red", "b": "blue"}[s[0]] for s in shown]
    assert errors == []
    context.close()

"""A blind comparison of two folders of results: a page to vote on, and its votes.

The page is one HTML file that loads nothing else. It shows the results of each photograph next to
each other, on sides that the seed decides, and saves the votes as JSON.
"""

from __future__ import annotations

import hashlib
import html
import json
import os
import random
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from colorize.errors import ColorizeError, display_name, error_context
from colorize.io.atomic import atomic_write
from colorize.io.formats import has_image_suffix
from colorize.io.readers import read
from colorize.io.source import open_regular
from colorize.viewing.bradley_terry import Vote
from colorize.viewing.html_page import data_uri, template, thumbnail, to_jpeg

TITLE = "Which has the better colors?"
SIGNATURE = b"<!doctype html>\n<!-- vote of colorize -->\n"
VOTES_FORMAT = "colorize votes"
MAX_SIDE = 1024  # pixels, of each picture


@dataclass(frozen=True)
class Written:
    """What is on a page.

    Attributes:
        pairs: Number of photographs.
        problems: One line for each photograph that is left out.
    """

    pairs: int
    problems: tuple[str, ...]


def write_page(
    path: Path, first: Path, second: Path, *, title: str = TITLE, seed: int | None = None
) -> Written:
    """Write the page for two folders with results of the same photographs.

    Results belong together if their paths below the folders agree, suffixes aside.

    Args:
        path: The page; an earlier one is replaced.
        first: A folder.
        second: Another one.
        title: Of the page.
        seed: Of the sides and the order; random by default.

    Raises:
        ColorizeError: If a folder cannot be read, the two have no photograph in common, or the page
            cannot be written.
    """
    name = display_name(path)
    pairs, problems = _pairs(first, second)
    if not pairs:
        folders = f"{display_name(first)} and {display_name(second)}"
        raise ColorizeError(f"{folders}: no photograph is in both")
    rng = random.Random(secrets.randbits(32) if seed is None else seed)
    rng.shuffle(pairs)
    beginning, end = template("vote.html", {"title": title})
    shown = 0
    digest = hashlib.sha256()
    with error_context(name, "cannot be written"):
        _check_replaceable(path)
    with atomic_write(path) as file:
        file.write(beginning.encode("utf-8", "replace"))
        for photo, *files in pairs:
            sides = rng.choice(["ab", "ba"])
            try:
                content = _pair(photo, sides, dict(zip("ab", files, strict=True)))
            except ColorizeError as error:
                problems.append(str(error))
                continue
            encoded = content.encode("utf-8", "replace")
            file.write(encoded)
            digest.update(encoded)
            shown += 1
        file.write(_about(first, second, digest.hexdigest()[:16]).encode())
        file.write(end.encode("utf-8", "replace"))
        if not shown:
            raise ColorizeError(f"{name}: none of the photographs can be shown: {problems[0]}")
    return Written(shown, tuple(problems))


def read_votes(path: Path) -> list[Vote]:
    """Return the votes in a file that the page saved. Raises ColorizeError for any other file."""
    name = display_name(path)
    with error_context(name, "cannot be read"):
        with open_regular(path) as file:
            content = file.read()
    try:
        data = json.loads(content)
        if data["format"] != VOTES_FORMAT:
            raise ValueError
        return [_read_vote(vote) for vote in data["votes"]]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ColorizeError(f"{name}: is not a file of votes; save one from the page") from None


def _read_vote(vote: Mapping[str, object]) -> Vote:
    first, second, winner = vote["first"], vote["second"], vote["winner"]
    if not isinstance(first, str) or not isinstance(second, str) or first == second:
        raise ValueError
    if winner is not None and not (isinstance(winner, str) and winner in (first, second)):
        raise ValueError
    return Vote(first, second, winner)


def _pairs(first: Path, second: Path) -> tuple[list[tuple[str, Path, Path]], list[str]]:
    """Return name and both files of each common photograph, and a line for each other one."""
    files, others = _results(first), _results(second)
    common = sorted(files.keys() & others.keys())
    problems = [
        f"{display_name(found[name])}: not in {display_name(other)}"
        for found, missing, other in ((files, others, second), (others, files, first))
        for name in sorted(found.keys() - missing.keys())
    ]
    return [(name, files[name], others[name]) for name in common], problems


def _results(folder: Path) -> dict[str, Path]:
    name = display_name(folder)
    if not folder.is_dir():
        raise ColorizeError(f"{name}: is not a folder")
    found: dict[str, Path] = {}
    with error_context(name, "cannot be read"):
        for path in sorted(folder.rglob("*")):
            if path.is_file() and has_image_suffix(path):
                found[display_name(path.relative_to(folder).with_suffix(""))] = path
    return found


def _check_replaceable(path: Path) -> None:
    if path.is_file():
        with path.open("rb") as file:
            if file.read(len(SIGNATURE)) not in (b"", SIGNATURE):
                raise ColorizeError("exists and is not a vote page; choose another name")
    elif os.path.lexists(path):
        raise ColorizeError("is not a regular file; choose another name")


def _pair(photo: str, sides: str, files: Mapping[str, Path]) -> str:
    buttons = ""
    for number, side in enumerate(sides, 1):
        image = thumbnail(read(files[side]), MAX_SIDE)
        size = f'width="{image.width}" height="{image.height}"'
        buttons += (
            f'<button type="button" aria-pressed="false"><img {size} alt="Version {number}" '
            f'src="{data_uri(to_jpeg(image))}"><span>{number}</span></button>\n'
        )
    shown = html.escape(photo)
    return (
        f'<fieldset data-photo="{shown}" data-sides="{sides}" hidden>\n<legend>{shown}</legend>\n'
        f'<div class="pair">\n{buttons}</div>\n</fieldset>\n'
    )


def _about(first: Path, second: Path, digest: str) -> str:
    """Return the folders' names, which the page puts into the votes, as an element of it.

    Also a name for its storage, which pages with other pictures or other sides do not share.
    """
    names = [display_name(Path(os.path.abspath(folder)).name) for folder in (first, second)]
    if names[0] == names[1]:
        names = [display_name(first), display_name(second)]
    about = {"id": f"colorize-votes-{digest}", "names": dict(zip("ab", names, strict=True))}
    return f'<div id="about" hidden>{html.escape(json.dumps(about))}</div>\n'

"""Hint files: text and paintings, valid and not."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from colorize.errors import ColorizeError
from colorize.hints.format import Hint, parse_hints, read_hints

HEX = "0123456789abcdefABCDEF"
numbers = st.floats(0, 1e308, allow_nan=False)
hints = st.builds(
    Hint, numbers, numbers, st.text(HEX, min_size=6, max_size=6).map("#{}".format),
    st.none() | numbers,
)  # fmt: skip


def write(folder: Path, text: str) -> Path:
    path = folder / "hints.txt"
    path.write_text(text, encoding="utf-8")
    return path


def format_hint(hint: Hint) -> str:
    fields = [repr(hint.x), repr(hint.y), hint.color]
    return ",".join(fields if hint.radius is None else [*fields, repr(hint.radius)])


def test_read_hints_ignores_comments_and_empty_lines(tmp_path):
    text = """# what my aunt remembers
    10, 20, #a0522d, 4   # the scarf

3.5,7,#FFFFFF
\t# 1,2,#000000
0,0,#102030,0 # the corner
"""
    expected = [Hint(10, 20, "#a0522d", 4), Hint(3.5, 7, "#FFFFFF"), Hint(0, 0, "#102030", 0)]
    assert read_hints(write(tmp_path, text)) == expected


@given(st.lists(hints, min_size=1, max_size=5))
def test_parse_hints_inverts_formatting(given_hints):
    text = "\n".join(map(format_hint, given_hints))
    assert parse_hints(text, "hints.txt") == given_hints


@given(st.text() | st.text("0123456789.,#abcdefx- \n\r\t"))
def test_parse_hints_gives_hints_or_one_line_error(text):
    try:
        assert all(isinstance(hint, Hint) for hint in parse_hints(text, "hints.txt"))
    except ColorizeError as error:
        assert str(error).startswith("hints.txt")
        assert len(str(error).splitlines()) == 1
        assert len(str(error)) < 200


@pytest.mark.parametrize(
    ("line", "part"),
    [
        ("1,2", "'1,2' has 2 fields"),
        ("1,2,#aabbcc,3,4", "scope '4'"),
        ("1,2,#aabbcc,3,cast,5", "6 fields"),
        ("1,2,3,#aabbcc", "4 fields"),
        ("1;2;#aabbcc", "1 fields"),
        ("one,2,#aabbcc", "x is 'one'"),
        ("1,,#aabbcc", "y is ''"),
        ("1,2,#aabbcc,wide", "radius is 'wide'"),
        ("1,2,#abc", "'#abc'"),
        ("1,2,red", "'red'"),
        ("1,2,#gg0000", "'#gg0000'"),
        ("-1,2,#aabbcc", "x is -1.0"),
        ("1,nan,#aabbcc", "y is nan"),
        ("1,2,#aabbcc,-3", "radius is -3.0"),
        ("1,2,#aabbcc,inf", "radius is inf"),
    ],
)
def test_read_hints_names_wrong_line_and_value(tmp_path, line, part):
    with pytest.raises(ColorizeError) as failure:
        read_hints(write(tmp_path, f"5,5,#aabbcc\n{line}\n"))
    assert "hints.txt, line 2: " in str(failure.value)
    assert part in str(failure.value)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("hints.txt", b"# nothing yet\n\n"),
        ("hints.txt", b""),
        ("hints.txt", b"\x89PNG\xff\xfe\x00"),
        ("hints.csv", b"1,2,#aabbcc\0"),
        ("hints.png", b"1,2,#aabbcc"),
    ],
)
def test_read_hints_rejects_files_without_hints(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ColorizeError, match=name):
        read_hints(tmp_path / name)


def test_read_hints_names_missing_file(tmp_path):
    with pytest.raises(ColorizeError, match=r"none.txt: .*no such file"):
        read_hints(tmp_path / "none.txt")


@pytest.mark.parametrize("channels", [3, 4])
def test_read_hints_needs_opaque_and_transparent_pixels(tmp_path, channels):
    Image.fromarray(np.zeros((8, 8, channels), np.uint8)).save(tmp_path / "p.png")
    with pytest.raises(ColorizeError, match=r"p.png: .*transparen"):
        read_hints(tmp_path / "p.png")


def test_strokes_and_scopes_are_read(tmp_path):
    lines = "1,2,3,4,5,6,#aabbcc,7,object\n1,2,#aabbcc,,cast\n1,2,3,4,#aabbcc # two points\n"
    assert read_hints(write(tmp_path, lines)) == [
        Hint(1, 2, "#aabbcc", 7, ((3, 4), (5, 6)), "object"),
        Hint(1, 2, "#aabbcc", None, (), "cast"),
        Hint(1, 2, "#aabbcc", None, ((3, 4),)),
    ]

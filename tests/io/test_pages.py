"""Pages of TIFF files and frames of animations."""

from __future__ import annotations

import dataclasses
import io
import os
from pathlib import Path

import numpy as np
import pytest
from fixtures.image_files import (
    ALPHA16,
    GRAY,
    GRAY16,
    HEIGHT,
    RGB,
    RGB16,
    WIDTH,
    animation,
    described_photo,
)

from colorize.errors import ColorizeError
from colorize.io.metadata import Metadata
from colorize.io.photo import Photo
from colorize.io.readers import read, read_pages
from colorize.io.writers import write


def test_tiff_pages_survive(tmp_path: Path) -> None:
    pages = [
        Photo(RGB, metadata=dataclasses.replace(described_photo().metadata, iptc=b"one")),
        Photo(RGB16[:5], ALPHA16[:5]),
        Photo(GRAY[:, :3], metadata=Metadata(dpi=(72.0, 144.0))),
        Photo(GRAY16),
    ]
    write(iter(pages), tmp_path / "out.tif")
    back = list(read_pages(tmp_path / "out.tif"))
    assert len(back) == 4
    for before, after in zip(pages, back, strict=True):
        np.testing.assert_array_equal(after.pixels, before.pixels)
        np.testing.assert_equal(after.alpha, before.alpha)
        assert after.metadata.dpi == before.metadata.dpi
        assert after.metadata.iptc == before.metadata.iptc


def test_read_pages_closes_its_file(tmp_path: Path) -> None:
    write([Photo(GRAY)] * 3, tmp_path / "in.tif")
    before = open_files()
    pages = read_pages(tmp_path / "in.tif")
    next(pages)
    pages.close()
    for _ in range(50):
        read(tmp_path / "in.tif")
    assert open_files() == before


def open_files() -> int:
    return len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0


@pytest.mark.parametrize("source", ["GIF", "PNG", "WEBP"])
@pytest.mark.parametrize("target", [".gif", ".png", ".webp", ".avif"])
def test_animation_keeps_frames_and_timing(source: str, target: str, tmp_path: Path) -> None:
    frames = list(read_pages(io.BytesIO(animation(source, loop=2))))
    write(iter(frames), tmp_path / f"out{target}")
    back = list(read_pages(tmp_path / f"out{target}"))
    assert [frame.metadata.duration for frame in back] == [100, 200, 300]
    if target != ".avif":
        assert {frame.metadata.loop for frame in back} == {frames[0].metadata.loop}
    for before, after in zip(frames, back, strict=True):
        assert np.abs(before.pixels.astype(int) - after.pixels).mean() < 12


def test_gif_that_plays_once_does_so_in_other_formats(tmp_path: Path) -> None:
    frames = list(read_pages(io.BytesIO(animation("GIF"))))
    write(frames, tmp_path / "out.webp")
    assert read(tmp_path / "out.webp").metadata.loop == 1
    write(frames, tmp_path / "out.gif")
    assert read(tmp_path / "out.gif").metadata.loop is None


def test_transparent_gif_frames_do_not_show_through(tmp_path: Path) -> None:
    frames = []
    for turn in range(3):
        alpha = np.zeros((HEIGHT, WIDTH), np.uint8)
        alpha[:, turn * 10 : turn * 10 + 10] = 255
        frames.append(Photo(RGB, alpha, Metadata(duration=50.0, loop=0)))
    write(frames, tmp_path / "out.gif")
    back = list(read_pages(tmp_path / "out.gif"))
    for before, after in zip(frames, back, strict=True):
        np.testing.assert_array_equal(after.alpha, before.alpha)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".gif", ".bmp"])
def test_write_rejects_pages_that_the_format_cannot_hold(suffix: str, tmp_path: Path) -> None:
    with pytest.raises(ColorizeError, match=r"out\.\w+: \w+ cannot hold these several pages"):
        write([Photo(GRAY), Photo(RGB)], tmp_path / f"out{suffix}")
    assert list(tmp_path.iterdir()) == []

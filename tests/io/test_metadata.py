"""EXIF, XMP, IPTC, resolution and texts, and what other programs find of them."""

from __future__ import annotations

import dataclasses
import io
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from fixtures.image_files import (
    ALPHA,
    ALPHA16,
    DPI,
    GRAY,
    HEIGHT,
    RGB,
    RGB16,
    WIDTH,
    described_photo,
    exif_bytes,
    image_of,
    saved,
)
from PIL import Image, PngImagePlugin

from colorize.io.formats import FORMATS, SUFFIXES, output_format
from colorize.io.icc import srgb_profile
from colorize.io.metadata import Metadata
from colorize.io.photo import Photo
from colorize.io.readers import read
from colorize.io.writers import write


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("suffix", sorted(SUFFIXES - {".j2k", ".j2c", ".jpc"}))
def test_metadata_is_kept_or_noted(suffix: str, deep: bool, tmp_path: Path) -> None:
    photo = dataclasses.replace(described_photo(), pixels=RGB16 if deep else RGB)
    notes = " ".join(write(photo, tmp_path / f"out{suffix}"))
    back = read(tmp_path / f"out{suffix}").metadata
    before = photo.metadata
    for field, name in (("xmp", "XMP"), ("iptc", "IPTC")):
        if getattr(back, field) is None:
            assert f"cannot hold {name}" in notes
        else:
            assert getattr(back, field) == getattr(before, field)
    if back.exif is None:
        assert "cannot hold EXIF" in notes
    else:
        assert exif_values(back.exif) == exif_values(before.exif)
    assert "the resolution" in notes or back.dpi == pytest.approx(DPI, abs=0.05)
    assert "comments" in notes or back.text == (("Comment", "a note"),)


def exif_values(block: bytes | None) -> dict[str, Any]:
    """Return what a block says of the picture, less what belongs to the file's own layout."""
    exif = Image.Exif()
    exif.load(block or b"")
    layout = {0x0112, 0x011A, 0x011B, 0x0128, 0x8769, 0x8825}
    values: dict[str, Any] = {str(k): v for k, v in exif.items() if k not in layout}
    return values | {"exif": exif.get_ifd(0x8769), "gps": exif.get_ifd(0x8825)}


def test_color_files_embed_srgb_and_gray_files_no_profile(tmp_path: Path) -> None:
    for suffix in (".jpg", ".png", ".tif", ".webp", ".avif", ".heic"):
        for pixels in (RGB, RGB16, GRAY):
            path = tmp_path / f"out{suffix}"
            write(Photo(pixels), path)
            if suffix == ".heic":
                continue
            with Image.open(path) as image:
                profile = image.info.get("icc_profile")
            assert (profile is not None) == (pixels.ndim == 3)
            assert profile in (None, srgb_profile())


def test_write_is_deterministic(tmp_path: Path) -> None:
    for suffix in (".jpg", ".png", ".tif", ".webp", ".gif"):
        write(described_photo(), tmp_path / f"one{suffix}")
        write(described_photo(), tmp_path / f"two{suffix}")
        one, two = (tmp_path / f"{name}{suffix}" for name in ("one", "two"))
        assert one.read_bytes() == two.read_bytes()


def test_png_texts_are_kept(tmp_path: Path) -> None:
    info = PngImagePlugin.PngInfo()
    info.add_text("Author", "E. Atget")
    info.add_itxt("Title", "Wien, Ägypten \u0416")
    content = saved(image_of(GRAY), "PNG", pnginfo=info)
    for pixels in (RGB, RGB16):
        photo = dataclasses.replace(read(io.BytesIO(content)), pixels=pixels)
        write(photo, tmp_path / "out.png")
        assert read(tmp_path / "out.png").metadata.text == (
            ("Author", "E. Atget"),
            ("Title", "Wien, Ägypten \u0416"),
        )


def test_metadata_too_long_for_jpeg_is_noted(tmp_path: Path) -> None:
    metadata = Metadata(exif=exif_bytes()[6:] + bytes(70000))
    notes = write(Photo(RGB, metadata=metadata), tmp_path / "out.jpg")
    assert any("EXIF of" in note for note in notes)


def test_damaged_exif_does_not_prevent_reading_or_writing(tmp_path: Path) -> None:
    for block in (
        b"Exif\0\0",
        b"Exif\0\0II*\0\xff\xff\xff\x7f",
        b"Exif\0\0MM\0*\0\0\0\x08\xff\xff",
    ):
        photo = read(io.BytesIO(saved(image_of(GRAY), "JPEG", exif=block)))
        for suffix in (".jpg", ".tif", ".png", ".webp", ".avif", ".jp2"):
            write(photo, tmp_path / f"out{suffix}")
            assert read(tmp_path / f"out{suffix}").size == (HEIGHT, WIDTH)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("exiftool") is None, reason="exiftool is not installed")
@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp", ".jp2", ".avif", ".heic"])
def test_exiftool_finds_the_metadata(suffix: str, deep: bool, tmp_path: Path) -> None:
    photo = dataclasses.replace(described_photo(), pixels=RGB16 if deep else RGB)
    path = tmp_path / f"out{suffix}"
    write(photo, path)
    command = ["exiftool", "-j", "-G", "-struct", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    (found,) = json.loads(done.stdout)
    assert "ExifTool:Error" not in found
    assert found.get("ExifTool:Warning", "") in ("", "[minor] Unrecognized MakerNotes")
    assert (found["EXIF:Artist"], found["XMP:City"]) == ("E. Atget", "Vienna")
    assert found["EXIF:DateTimeOriginal"] == "1903:05:01 11:59:00"
    assert found["EXIF:GPSLatitude"].startswith("48 deg 12' 30")
    kept = FORMATS[output_format(path)].keeps
    if "iptc" in kept:
        assert found["IPTC:By-line"] == "Atget"
    if suffix in (".png", ".tif"):
        assert str(found["PNG:BitDepth" if suffix == ".png" else "EXIF:BitsPerSample"]).split()[0] \
            == ("16" if deep else "8")  # fmt: skip


@pytest.mark.skipif(shutil.which("identify") is None, reason="ImageMagick is not installed")
@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_imagemagick_finds_depth_alpha_and_profile(suffix: str, deep: bool, tmp_path: Path) -> None:
    pixels, alpha = (RGB16, ALPHA16) if deep else (RGB, ALPHA)
    path = tmp_path / f"out{suffix}"
    write(Photo(pixels, alpha, described_photo().metadata), path)
    done = subprocess.run(
        ["identify", "-verbose", str(path)], capture_output=True, text=True, check=True
    )
    assert f"Depth: {16 if deep else 8}-bit" in done.stdout
    assert "Alpha" in done.stdout and "Profile-icc" in done.stdout
    assert "error" not in done.stderr and "duplicate" not in done.stderr

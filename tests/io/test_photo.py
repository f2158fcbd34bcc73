"""Every kind of file in and out: pixels, alpha and metadata; and every fault as one line."""

from __future__ import annotations

import dataclasses
import io
import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fixtures.sample_files import (
    ADOBE_RGB,
    ALPHA,
    ALPHA16,
    DISPLAY_P3,
    DPI,
    GRAY,
    GRAY16,
    HEIGHT,
    IPTC,
    RGB,
    RGB16,
    SRGB,
    WIDTH,
    XMP,
    Kind,
    all_kinds,
    animation,
    app13,
    cmyk_profile,
    exif_bytes,
    gray_profile,
    heic,
    image_of,
    plain_tiff,
    rgb_profile,
    saved,
)
from PIL import Image, ImageOps, PngImagePlugin

from benchmarks.fuzz_reader import mutated
from benchmarks.list_formats import DOCUMENT, document
from colorize.color.bit_depth import to_uint8
from colorize.errors import ColorizeError, display_name
from colorize.io import atomic as image_files
from colorize.io import tiff_ifd as tiff
from colorize.io.atomic import remove_stale_temp_files
from colorize.io.exif import read_orientation
from colorize.io.formats import FORMATS, SUFFIXES, has_image_suffix, output_format
from colorize.io.icc import srgb_profile
from colorize.io.metadata import Metadata
from colorize.io.photo import Photo
from colorize.io.readers import read, read_pages
from colorize.io.writers import write

KINDS = all_kinds()
LOSSLESS = (".png", ".tif", ".jp2")


def kind_id(kind: Kind) -> str:
    return f"{kind.suffix}-{kind.name}"


@pytest.mark.parametrize("kind", KINDS, ids=kind_id)
def test_read_gives_what_the_file_holds(kind: Kind) -> None:
    photos = list(read_pages(io.BytesIO(kind.content())))
    assert len(photos) == kind.pages
    photo = photos[0]
    assert photo.size == (HEIGHT, WIDTH)
    assert photo.metadata.notes == ()
    if kind.pixels is not None:
        assert photo.pixels.dtype == kind.pixels.dtype
        np.testing.assert_array_equal(photo.pixels, kind.pixels)
        np.testing.assert_equal(photo.alpha, kind.alpha)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.pixels is None], ids=kind_id)
def test_read_is_close_where_the_file_has_losses(kind: Kind) -> None:
    photo = read(io.BytesIO(kind.content()))
    truth = RGB if photo.pixels.ndim == 3 else GRAY
    if kind.name in ("1 bit", "1 bit (P4)"):  # dithered: right on average only
        assert set(np.unique(photo.pixels)) == {0, 255}
    elif kind.name == "Lab":
        assert np.ptp(photo.pixels.astype(int), axis=2).max() <= 2
        assert abs(int(photo.pixels[GRAY == 128][0, 0]) - 119) <= 1  # L* = 50.2
    elif kind.name == "CMYK with profile":
        assert np.ptp(photo.pixels.astype(int), axis=2).max() <= 2  # its inks only make gray
        assert np.ptp(photo.pixels) > 200
    else:
        error = np.abs(photo.pixels.astype(int) - truth)
        if photo.alpha is not None:
            error = error[photo.alpha > 128]
        assert np.median(error) <= 12


@pytest.mark.parametrize("kind", KINDS, ids=kind_id)
def test_a_colored_photo_comes_back_from_its_own_format(kind: Kind, tmp_path: Path) -> None:
    photo = read(io.BytesIO(kind.content()))
    gray = photo.pixels if photo.pixels.ndim == 2 else photo.pixels[..., 1]
    rgb = np.stack([gray, gray // 2, gray // 3], axis=-1)
    path = tmp_path / f"out{kind.suffix}"
    write(dataclasses.replace(photo, pixels=rgb), path)
    back = read(path)
    kept = FORMATS[output_format(path)]
    assert back.size == photo.size
    if kept.alpha and photo.alpha is not None and kind.suffix not in (".heic", ".gif"):
        np.testing.assert_array_equal(back.alpha, photo.alpha)
    if kind.suffix in LOSSLESS:
        expected = rgb if kept.deep else to_uint8(rgb)
        np.testing.assert_array_equal(back.pixels, expected)


def test_write_reads_back_every_deep_value_exactly(tmp_path: Path) -> None:
    ramp = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    photo = Photo(np.stack([ramp, ramp.T, 65535 - ramp], axis=-1), ramp[::-1].copy())
    for suffix in (".png", ".tif"):
        write(photo, tmp_path / f"deep{suffix}")
        back = read(tmp_path / f"deep{suffix}")
        np.testing.assert_array_equal(back.pixels, photo.pixels)
        np.testing.assert_array_equal(back.alpha, photo.alpha)


def test_sixteen_bits_round_to_the_nearest_of_eight() -> None:
    levels = np.arange(65536, dtype=np.uint16)
    np.testing.assert_array_equal(to_uint8(levels), np.rint(levels / 257))


def test_deep_gray_is_written_without_loss(tmp_path: Path) -> None:
    for suffix in (".png", ".tif"):
        write(Photo(GRAY16, ALPHA16), tmp_path / f"gray{suffix}")
        back = read(tmp_path / f"gray{suffix}")
        np.testing.assert_array_equal(back.pixels, GRAY16)
        np.testing.assert_array_equal(back.alpha, ALPHA16)


def test_the_table_of_formats_is_up_to_date() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == document()


# --- orientation --------------------------------------------------------------------------


def upright_reference(stored: np.ndarray, orientation: int) -> np.ndarray:
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = Image.fromarray(stored)
    image.info["exif"] = exif.tobytes()
    return np.asarray(ImageOps.exif_transpose(image))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif", ".jp2", ".avif", ".heic"])
def test_orientation_is_applied_once_and_reset(
    suffix: str, orientation: int, tmp_path: Path
) -> None:
    path = tmp_path / f"in{suffix}"
    turned_file(path, orientation)
    expected = upright_reference(GRAY, orientation)
    photo = read(path)
    gray = photo.pixels if photo.pixels.ndim == 2 else photo.pixels[..., 0]
    assert gray.shape == expected.shape
    assert np.abs(gray.astype(int) - expected).mean() < 8
    write(photo, tmp_path / f"out{suffix}")
    again = read(tmp_path / f"out{suffix}")
    assert again.size == photo.size
    assert read_orientation(again.metadata.exif, again.metadata.xmp) == 1
    if suffix != ".heic":
        with Image.open(tmp_path / f"out{suffix}") as image:
            assert image.getexif().get(0x0112, 1) == 1


def turned_file(path: Path, orientation: int) -> None:
    exif = exif_bytes(orientation)
    if path.suffix == ".tif":
        image_of(GRAY).save(path, exif=exif)
    elif path.suffix == ".heic":
        path.write_bytes(heic(RGB[..., [0, 0, 0]], exif=exif))
    elif path.suffix == ".jp2":
        path.write_bytes(
            saved(image_of(GRAY), "JPEG2000")
            + struct.pack(">I", 24 + len(exif) - 6) + b"uuidJpgTiffExif->JP2" + exif[6:]
        )  # fmt: skip
    else:
        options: dict[str, Any] = {".webp": {"lossless": True}}.get(path.suffix, {"quality": 95})
        image_of(GRAY).save(path, exif=exif, **options)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_of_deep_files_is_applied(orientation: int, tmp_path: Path) -> None:
    content = plain_tiff(RGB16, 2)
    tag = tiff.Tag(3, struct.pack("<H", orientation))
    photo = read(io.BytesIO(with_tag(content, tiff.ORIENTATION, tag)))
    for channel in range(3):
        expected = upright_reference((RGB16[..., channel] >> 8).astype(np.uint8), orientation)
        np.testing.assert_array_equal(photo.pixels[..., channel] >> 8, expected)


def test_xmp_orientation_counts_where_exif_has_none() -> None:
    photo = read(io.BytesIO(saved(image_of(GRAY), "JPEG", xmp=XMP)))
    assert photo.size == (WIDTH, HEIGHT)
    assert photo.metadata.xmp == XMP.replace(b'Orientation="6"', b'Orientation="1"')


@pytest.mark.parametrize("pixels", [GRAY, GRAY16])
def test_xmp_orientation_counts_in_tiff_of_any_depth(pixels: np.ndarray) -> None:
    content = with_tag(plain_tiff(pixels, 1), tiff.XMP, tiff.Tag(1, XMP))
    photo = read(io.BytesIO(content))
    np.testing.assert_array_equal(photo.pixels, np.rot90(pixels, -1))


def with_tag(content: bytes, number: int, tag: tiff.Tag) -> bytes:
    """Return a TIFF of plain_tiff, little-endian, with one tag more."""
    directory = next(tiff.read_ifds(io.BytesIO(content)))
    directory.tags[number] = tag
    start = len(content) + len(content) % 2
    header = content[:4] + struct.pack("<I", start)
    return header + content[8:].ljust(start - 8, b"\0") + tiff.pack(directory, start)


def test_turned_exif_keeps_all_but_orientation_dimensions_and_thumbnail() -> None:
    before = exif_bytes(6)
    after = read(io.BytesIO(saved(image_of(GRAY), "JPEG", exif=before))).metadata.exif
    assert after is not None and len(after) == len(before) - 6
    exif = Image.Exif()
    exif.load(after)
    assert exif[0x0112] == 1
    inner = exif.get_ifd(0x8769)
    assert (inner[0xA002], inner[0xA003], inner[0x927C]) == (HEIGHT, WIDTH, b"mk\1\2")


# --- metadata -----------------------------------------------------------------------------

DESCRIBED = {
    "jpg": lambda: saved(
        image_of(RGB), "JPEG", exif=exif_bytes(), xmp=XMP.replace(b'"6"', b'"1"'),
        extra=app13(IPTC), dpi=DPI, comment="a note",
    ),
}  # fmt: skip


def described_photo() -> Photo:
    return read(io.BytesIO(DESCRIBED["jpg"]()))


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("suffix", sorted(SUFFIXES - {".j2k", ".j2c", ".jpc"}))
def test_metadata_survive_or_are_noted(suffix: str, deep: bool, tmp_path: Path) -> None:
    photo = dataclasses.replace(described_photo(), pixels=RGB16 if deep else RGB)
    notes = " ".join(write(photo, tmp_path / f"out{suffix}"))
    back = read(tmp_path / f"out{suffix}").metadata
    before = photo.metadata
    for field, name in (("xmp", "XMP"), ("iptc", "IPTC")):
        if getattr(back, field) is None:
            assert f"no place for {name}" in notes
        else:
            assert getattr(back, field) == getattr(before, field)
    if back.exif is None:
        assert "no place for EXIF" in notes
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


def test_color_files_name_srgb_and_gray_ones_no_profile(tmp_path: Path) -> None:
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


def test_the_same_photo_gives_the_same_bytes(tmp_path: Path) -> None:
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


def test_exif_too_long_for_jpeg_is_noted(tmp_path: Path) -> None:
    metadata = Metadata(exif=exif_bytes()[6:] + bytes(70000), xmp=XMP + b" " * 70000)
    notes = write(Photo(RGB, metadata=metadata), tmp_path / "out.jpg")
    assert any("EXIF of" in note for note in notes) and any("XMP of" in note for note in notes)


def test_damaged_exif_is_no_obstacle(tmp_path: Path) -> None:
    for block in (
        b"Exif\0\0",
        b"Exif\0\0II*\0\xff\xff\xff\x7f",
        b"Exif\0\0MM\0*\0\0\0\x08\xff\xff",
    ):
        photo = read(io.BytesIO(saved(image_of(GRAY), "JPEG", exif=block)))
        for suffix in (".jpg", ".tif", ".png", ".webp", ".avif", ".jp2"):
            write(photo, tmp_path / f"out{suffix}")
            assert read(tmp_path / f"out{suffix}").size == (HEIGHT, WIDTH)


# --- color profiles ----------------------------------------------------------------------


def srgb_curve(linear: np.ndarray) -> np.ndarray:
    linear = linear.clip(0, 1)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


@pytest.mark.parametrize(
    ("primaries", "gamma"), [(ADOBE_RGB, 2.19921875), (DISPLAY_P3, 2.2), (SRGB, 1.0)]
)
@pytest.mark.parametrize("deep", [False, True])
def test_rgb_profiles_are_converted_to_srgb(
    primaries: np.ndarray, gamma: float, deep: bool
) -> None:
    colors = np.array([[200, 120, 90], [30, 60, 50], [128, 128, 128], [250, 240, 230]])
    top = 65535 if deep else 255
    stored = (colors * (top // 255))[None].astype(np.uint16 if deep else np.uint8)
    file = io.BytesIO(saved_with_profile(stored, rgb_profile(primaries, gamma)))
    curve_gamma = round(gamma * 256) / 256
    linear = (stored.astype(float) / top) ** curve_gamma @ (np.linalg.inv(SRGB) @ primaries).T
    error = read(file).pixels / top - srgb_curve(linear)
    assert np.abs(error).max() <= (0.008 if deep else 1.2 / 255)  # deep: of LittleCMS near black


def saved_with_profile(stored: np.ndarray, profile: bytes) -> bytes:
    if stored.dtype == np.uint8:
        return saved(Image.fromarray(stored), "PNG", icc_profile=profile)
    content = plain_tiff(stored, 2 if stored.ndim == 3 else 1)
    return with_tag(content, tiff.ICC_PROFILE, tiff.Tag(7, profile))


@pytest.mark.parametrize("deep", [False, True])
def test_gray_gamma_becomes_srgb_gray(deep: bool) -> None:
    stored = GRAY16 if deep else GRAY
    top = 65535 if deep else 255
    pixels = read(io.BytesIO(saved_with_profile(stored, gray_profile(2.2)))).pixels
    expected = srgb_curve((stored / top) ** (round(2.2 * 256) / 256))
    assert pixels.ndim == 2
    assert np.abs(pixels / top - expected).max() <= (0.003 if deep else 1.2 / 255)


@pytest.mark.parametrize("gamma", [1.0, 0.55])
def test_the_gamma_of_a_png_is_corrected(gamma: float) -> None:
    info = PngImagePlugin.PngInfo()
    info.add(b"gAMA", struct.pack(">I", round(gamma * 100000)))
    pixels = read(io.BytesIO(saved(image_of(GRAY), "PNG", pnginfo=info))).pixels
    expected = srgb_curve((GRAY / 255) ** (1 / gamma)) * 255
    assert np.abs(pixels - expected).max() <= 0.51


def test_an_srgb_profile_changes_nothing() -> None:
    for image in (image_of(RGB), image_of(GRAY)):
        photo = read(io.BytesIO(saved(image, "PNG", icc_profile=srgb_profile())))
        np.testing.assert_array_equal(photo.pixels, np.asarray(image))


def test_a_cmyk_profile_decides_over_the_plain_formula() -> None:
    inks = np.zeros((1, 4, 4), np.uint8)
    inks[0, 1] = (0, 255, 255, 0)  # by the profile magenta and yellow do not darken
    inks[0, 2] = (0, 0, 0, 255)
    inks[0, 3] = (128, 0, 0, 0)
    image = Image.frombytes("CMYK", (4, 1), inks.tobytes())
    pixels = read(io.BytesIO(saved(image, "TIFF", icc_profile=cmyk_profile()))).pixels
    assert pixels[0, 0].min() >= 254 and pixels[0, 1].min() >= 254
    assert pixels[0, 2].max() <= 1
    assert np.abs(pixels[0, 3].astype(int) - 118).max() <= 2  # L* = 49.8


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_a_damaged_or_foreign_profile_is_left_aside(mode: str) -> None:
    image = image_of(RGB).convert(mode)
    for profile in (b"no profile at all", gray_profile(2.2)[:150], cmyk_profile()[:-300]):
        photo = read(io.BytesIO(saved(image, "TIFF", icc_profile=profile)))
        np.testing.assert_array_equal(
            photo.pixels, np.asarray(image if mode != "CMYK" else image.convert("RGB"))
        )


# --- pages and animations -----------------------------------------------------------------


def test_tiff_pages_are_all_written(tmp_path: Path) -> None:
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


def test_read_pages_is_lazy_and_closes_its_file(tmp_path: Path) -> None:
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
def test_animations_keep_frames_and_timing(source: str, target: str, tmp_path: Path) -> None:
    frames = list(read_pages(io.BytesIO(animation(source, loop=2))))
    write(iter(frames), tmp_path / f"out{target}")
    back = list(read_pages(tmp_path / f"out{target}"))
    assert [frame.metadata.duration for frame in back] == [100, 200, 300]
    if target != ".avif":
        assert {frame.metadata.loop for frame in back} == {frames[0].metadata.loop}
    for before, after in zip(frames, back, strict=True):
        assert np.abs(before.pixels.astype(int) - after.pixels).mean() < 12


def test_a_gif_that_plays_once_does_so_in_other_formats(tmp_path: Path) -> None:
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
def test_pages_that_a_format_cannot_hold_are_refused(suffix: str, tmp_path: Path) -> None:
    with pytest.raises(ColorizeError, match=r"out\.\w+: \w+ cannot hold these several pages"):
        write([Photo(GRAY), Photo(RGB)], tmp_path / f"out{suffix}")
    assert list(tmp_path.iterdir()) == []


# --- formats and names --------------------------------------------------------------------


def test_output_format_is_asked_of_option_suffix_and_source() -> None:
    assert output_format("a.JPG") == "JPEG"
    assert output_format("a.jpg", "png") == "PNG"
    assert output_format("a.jpg", "TIF") == output_format("a", "tiff") == "TIFF"
    assert output_format(io.BytesIO(), None, "GIF") == "GIF"
    assert output_format(io.BytesIO()) == "PNG"
    for target, format in (("a.txt", None), ("a", None), ("a.png", "mp4")):
        with pytest.raises(ColorizeError, match="choose one of"):
            output_format(target, format)


def test_is_photo_name() -> None:
    assert has_image_suffix("scans/A.TIF") and has_image_suffix(Path("a.b.heic"))
    assert not any(map(has_image_suffix, ("a.txt", "jpg", ".jpg", ".hidden.png", "a.png.tmp")))


def test_display_name_is_one_printable_line() -> None:
    assert display_name(Path("Straße 1.jpg")) == "Straße 1.jpg"
    assert display_name("a\nb.jpg") == r"'a\nb.jpg'"
    assert display_name(b"\xff\xfe.jpg") == r"'\udcff\udcfe.jpg'"
    assert display_name(io.BytesIO()) == "stream"


def test_names_with_newlines_dashes_and_no_utf8(tmp_path: Path) -> None:
    for name in (b"a\nb.png", b"-o.png", b"\xff\xfe.png", b"x" * 250 + b".png"):
        path = os.path.join(os.fsencode(tmp_path), name)
        write(Photo(RGB16), path)
        np.testing.assert_array_equal(read(path).pixels, RGB16)


def test_quality_and_its_limits(tmp_path: Path) -> None:
    for suffix in (".jpg", ".webp", ".avif", ".jp2", ".heic"):
        sizes = []
        for quality in (10, 90):
            write(Photo(RGB), tmp_path / f"out{suffix}", quality=quality)
            sizes.append((tmp_path / f"out{suffix}").stat().st_size)
        assert sizes[0] < sizes[1]
    with pytest.raises(ColorizeError, match="give 0 to 100"):
        write(Photo(RGB), tmp_path / "out.jpg", quality=101)


def test_webp_stays_lossless_and_jpeg_keeps_full_color(tmp_path: Path) -> None:
    photo = read(io.BytesIO(saved(image_of(RGB, ALPHA), "PNG")))
    write(photo, tmp_path / "out.webp")
    np.testing.assert_array_equal(read(tmp_path / "out.webp").pixels, RGB)
    write(photo, tmp_path / "out.jpg")
    with Image.open(tmp_path / "out.jpg") as image:
        layers: Any = image.layer  # type: ignore[attr-defined]
        assert [layer[1:3] for layer in layers] == [(1, 1)] * 3


def test_alpha_is_laid_on_white_with_a_note(tmp_path: Path) -> None:
    photo = Photo(np.zeros((8, 8, 3), np.uint8), np.full((8, 8), 51, np.uint8))
    for suffix in (".jpg", ".bmp", ".ppm"):
        notes = write(photo, tmp_path / f"out{suffix}")
        assert notes == [f"{output_format('x' + suffix)} has no alpha: laid on white"]
        assert np.abs(read(tmp_path / f"out{suffix}").pixels.astype(int) - 204).max() <= 1


# --- streams ------------------------------------------------------------------------------


class Pipe(io.RawIOBase):
    """A stream as stdin and stdout are: neither seeks nor tells."""

    def __init__(self, content: bytes = b"") -> None:
        self.content = io.BytesIO(content)

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self.content.readinto(buffer)

    def write(self, data: Any) -> int:
        return self.content.write(data)


@pytest.mark.parametrize("kind", KINDS[::5], ids=kind_id)
def test_pipes_in_and_out(kind: Kind) -> None:
    source = io.BufferedReader(Pipe(kind.content()))
    photo = read(source)
    target = Pipe()
    write(photo, target, format="png")  # type: ignore[arg-type]
    np.testing.assert_array_equal(read(io.BytesIO(target.content.getvalue())).pixels, photo.pixels)


def test_a_stream_keeps_the_format_of_its_source() -> None:
    photo = read(io.BytesIO(saved(image_of(GRAY), "WEBP")))
    target = io.BytesIO()
    write(photo, target)
    assert target.getvalue()[8:12] == b"WEBP"


def test_a_closed_pipe_is_an_error() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with pytest.raises(ColorizeError, match="broken pipe"), open(writer, "wb", 0) as file:
        write(Photo(GRAY), file, format="png")


# --- library users ------------------------------------------------------------------------


def test_from_array_takes_one_to_four_channels() -> None:
    for array in (GRAY, GRAY[..., None], RGB, np.dstack([GRAY, ALPHA]), np.dstack([RGB, ALPHA])):
        photo = Photo.from_array(array)
        assert photo.pixels.shape[:2] == (photo.height, photo.width) == photo.size
        assert (photo.alpha is None) == (array.ndim == 2 or array.shape[2] in (1, 3))
    for wrong in (RGB[0, 0], RGB.astype(float), RGB[:0], np.zeros((2, 2, 5), np.uint8)):
        with pytest.raises(ColorizeError):
            Photo.from_array(wrong)
    with pytest.raises(ColorizeError, match="alpha"):
        Photo(RGB, ALPHA[:3])


@pytest.mark.parametrize(
    "mode", ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "LAB", "HSV",
             "I;16", "I", "F", "La", "RGBa"],
)  # fmt: skip
def test_from_pillow_takes_every_mode(mode: str) -> None:
    image = image_in(mode)
    photo = Photo.from_pillow(image)
    assert photo.size == (HEIGHT, WIDTH)
    if mode in ("L", "LA", "RGB", "RGBA", "I;16", "1"):
        np.testing.assert_array_equal(np.asarray(photo.to_pillow()), np.asarray(image) * (
            np.uint8(255) if mode == "1" else 1))  # fmt: skip


def image_in(mode: str) -> Image.Image:
    if mode == "I;16":
        return Image.fromarray(GRAY16)
    if mode in ("La", "RGBa"):
        return image_in(mode.upper()).convert(mode)
    if mode == "PA":
        return image_in("P").convert("PA")
    if mode == "LAB":
        return Image.merge("LAB", image_of(RGB).split())
    if mode in ("LA", "RGBA"):
        return image_of(GRAY if mode == "LA" else RGB, ALPHA)
    return image_of(RGB).convert(mode)


def test_reading_leaves_pillow_and_warnings_as_they_were(tmp_path: Path) -> None:
    limit, filters = Image.MAX_IMAGE_PIXELS, list(warnings.filters)
    write([Photo(GRAY), Photo(RGB16)], tmp_path / "a.tif")
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: read(tmp_path / "a.tif"), range(20)))
    assert limit == Image.MAX_IMAGE_PIXELS
    assert list(warnings.filters) == filters


def test_threads_read_and_write_without_disturbing_each_other(tmp_path: Path) -> None:
    kinds = [kind for kind in KINDS if kind.pixels is not None]

    def there_and_back(number: int) -> bool:
        kind = kinds[number % len(kinds)]
        photo = read(io.BytesIO(kind.content()))
        path = tmp_path / f"{number}.png"
        write(photo, path)
        return np.array_equal(read(path).pixels, photo.pixels)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(there_and_back, range(2 * len(kinds))))


def test_importing_is_light() -> None:
    code = (
        "import sys, json; from colorize.io import readers, writers; "
        "print(json.dumps([m for m in ('torch', 'torchvision', 'skimage', 'scipy', 'pyvips', "
        "'pillow_heif') if m in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []


# --- faults -------------------------------------------------------------------------------


def reason(source: Any, **options: Any) -> str:
    """Return why a source cannot be read: one line that begins with its name."""
    with pytest.raises(ColorizeError) as caught:
        for _ in read_pages(source, **options):
            pass
    message = str(caught.value)
    assert message.startswith(display_name(source) + ": ")
    assert "\n" not in message and len(message) < 400
    return message


def test_what_is_no_file_is_named(tmp_path: Path) -> None:
    assert "no such file" in reason(tmp_path / "missing.jpg")
    assert "is a folder" in reason(tmp_path)
    os.symlink("nowhere", tmp_path / "link.jpg")
    assert "leads nowhere" in reason(tmp_path / "link.jpg")
    os.symlink("loop.jpg", tmp_path / "loop.jpg")
    assert "link" in reason(tmp_path / "loop.jpg")
    (tmp_path / "empty.jpg").touch()
    assert "is empty" in reason(tmp_path / "empty.jpg")
    assert "is empty" in reason(io.BytesIO())
    (tmp_path / "text.jpg").write_text("not a picture")
    assert "not a picture" in reason(tmp_path / "text.jpg")
    assert "null byte" in reason("a\0b.jpg")


def test_a_fifo_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo.jpg")
    assert "not a regular file" in reason(tmp_path / "fifo.jpg")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "secret.jpg").write_bytes(b"x")
    (tmp_path / "secret.jpg").chmod(0)
    assert "permission denied" in reason(tmp_path / "secret.jpg")


def test_a_wrong_suffix_does_not_matter(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(saved(image_of(RGB), "PNG"))
    photo = read(tmp_path / "a.jpg")
    assert photo.metadata.format == "PNG"
    np.testing.assert_array_equal(photo.pixels, RGB)


@pytest.mark.parametrize("kind", KINDS, ids=kind_id)
def test_a_truncated_file_is_an_error_never_a_half_picture(kind: Kind) -> None:
    content = kind.content()
    whole = list(read_pages(io.BytesIO(content)))
    for share in (0.1, 0.4, 0.6, 0.8, 0.95):
        try:
            pages = list(read_pages(io.BytesIO(content[: int(len(content) * share)])))
        except ColorizeError:
            continue
        for page, before in zip(pages, whole, strict=False):
            np.testing.assert_array_equal(page.pixels, before.pixels)


def test_too_many_pixels_are_refused_before_decoding() -> None:
    for content in bombs():
        assert "allow it with --max-pixels" in reason(io.BytesIO(content))
    small = io.BytesIO(saved(image_of(GRAY), "PNG"))
    assert "more than 0.0005 megapixels" in reason(small, max_pixels=500)
    assert read(small, max_pixels=HEIGHT * WIDTH).size == (HEIGHT, WIDTH)


def bombs() -> list[bytes]:
    side = 60000
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header)
    png += png_chunk(b"IDAT", zlib.compress(bytes(1 << 20))) + png_chunk(b"IEND", b"")
    jpeg = saved(image_of(GRAY), "JPEG")
    frame = jpeg.index(b"\xff\xc0")
    jpeg = jpeg[: frame + 5] + struct.pack(">HH", side, side) + jpeg[frame + 9 :]
    gif = saved(image_of(GRAY), "GIF")
    ppm = b"P5\n%d %d\n255\n" % (side, side)
    return [png, jpeg, ppm, gif[:6] + struct.pack("<HH", side, side) + gif[10:]]


def png_chunk(name: bytes, content: bytes) -> bytes:
    checksum = struct.pack(">I", zlib.crc32(name + content))
    return struct.pack(">I", len(content)) + name + content + checksum


def test_bombs_in_texts_and_profiles_are_refused_or_left_out() -> None:
    bomb = zlib.compress(bytes(20 << 20), 9)
    png = saved(image_of(GRAY), "PNG")
    for chunk in (png_chunk(b"zTXt", b"k\0\0" + bomb), png_chunk(b"iCCP", b"k\0\0" + bomb)):
        assert "damaged" in reason(io.BytesIO(png[:33] + chunk + png[33:]))


def test_numbers_that_are_no_picture_are_refused() -> None:
    gray = GRAY.astype(np.float32)
    for change, expected in (
        (np.nan, "not numbers"), (np.inf, "not numbers"), (-1.0, "from -1"), (70000.0, "to 70000"),
    ):  # fmt: skip
        wrong = gray.copy()
        wrong[3, 4] = change
        assert expected in reason(io.BytesIO(plain_tiff(wrong, 1)))
    assert "scale them" in reason(io.BytesIO(plain_tiff(gray.astype(np.int32) * 1000, 1)))


def test_deep_files_of_other_color_spaces_are_refused() -> None:
    for photometric in (3, 6, 8):  # palette, YCbCr, Lab
        assert "convert it to RGB" in reason(io.BytesIO(plain_tiff(RGB16, photometric)))
    assert "has 9 channels" in reason(io.BytesIO(plain_tiff(np.dstack([RGB16] * 3), 2)))


def test_extreme_shapes_survive(tmp_path: Path) -> None:
    for shape in ((1, 1), (1, 60000), (60000, 1), (1, 5)):
        photo = Photo((np.arange(np.prod(shape)) % 251).reshape(shape).astype(np.uint8))
        for suffix in (".png", ".tif", ".jpg", ".bmp"):
            write(photo, tmp_path / f"out{suffix}")
            assert read(tmp_path / f"out{suffix}").size == shape
    with pytest.raises(ColorizeError, match="60000 pixels a side are more than WEBP holds"):
        write(Photo(np.zeros((60000, 1), np.uint8)), tmp_path / "out.webp")


def test_circular_tiff_directories_end() -> None:
    content = bytearray(plain_tiff(GRAY, 1))
    (start,) = struct.unpack_from("<I", content, 4)
    (count,) = struct.unpack_from("<H", content, start)
    struct.pack_into("<I", content, start + 2 + 12 * count, start)
    assert "loop" in reason(io.BytesIO(bytes(content)))


def test_fuzzed_files_raise_nothing_but_our_error() -> None:
    random = np.random.default_rng(0)
    contents = [kind.content() for kind in KINDS]
    for number in range(400):
        content = mutated(contents[number % len(contents)], random)
        try:
            for photo in read_pages(io.BytesIO(content), max_pixels=1_000_000):
                assert photo.pixels.size > 0
        except ColorizeError as error:
            assert "\n" not in str(error)


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    from colorize.io import high_bit_depth as deep_image

    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    assert "pip install 'colorize-photos[heic]'" in reason(io.BytesIO(heic(RGB)))
    monkeypatch.setitem(sys.modules, "pyvips", None)
    deep_image._vips.cache_clear()
    assert "pip install 'pyvips[binary]'" in reason(io.BytesIO(plain_tiff(RGB16, 2)))
    deep_image._vips.cache_clear()


# --- writing safely -----------------------------------------------------------------------


def failing_pages(error: BaseException) -> Any:
    yield Photo(RGB)
    raise error


@pytest.mark.parametrize(
    "error", [RuntimeError("network"), KeyboardInterrupt(), ColorizeError("x")]
)
@pytest.mark.parametrize("suffix", [".tif", ".gif", ".jpg"])
def test_a_failure_between_pages_leaves_the_old_file(
    error: BaseException, suffix: str, tmp_path: Path
) -> None:
    (tmp_path / f"out{suffix}").write_bytes(b"old")
    with pytest.raises(type(error)) as caught:
        write(failing_pages(error), tmp_path / f"out{suffix}")
    assert caught.value is error
    assert [path.name for path in tmp_path.iterdir()] == [f"out{suffix}"]
    assert (tmp_path / f"out{suffix}").read_bytes() == b"old"


def test_permissions_follow_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write(Photo(GRAY), tmp_path / "out.png")
    finally:
        os.umask(before)
    assert (tmp_path / "out.png").stat().st_mode & 0o777 == 0o640


def test_targets_that_cannot_be_are_named(tmp_path: Path) -> None:
    (tmp_path / "folder.png").mkdir()
    for target, expected in (
        (tmp_path / "none" / "out.png", "no such file"),
        (tmp_path / "folder.png", "is a folder"),
        ("/proc/out.png", "no such file|permission"),
    ):
        with pytest.raises(ColorizeError, match=expected) as caught:
            write(Photo(GRAY), target)
        assert str(caught.value).startswith(f"{target}: ")
    with pytest.raises(ColorizeError, match="no picture to write"):
        write([], tmp_path / "out.png")


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp", ".jp2"])
@pytest.mark.parametrize("deep", [False, True])
def test_a_full_disk_is_named_and_leaves_nothing(
    suffix: str, deep: bool, tmp_path: Path, small_disk: Path
) -> None:
    random = np.random.default_rng(0)
    noise = random.integers(0, 256, (400, 500, 3)).astype(np.uint16 if deep else np.uint8)
    with pytest.raises(ColorizeError, match=r"out\.\w+: the disk is full"):
        write(Photo(noise * (257 if deep else 1)), small_disk / f"out{suffix}")
    assert list(small_disk.iterdir()) == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Any:
    """Give a folder on a file system of 64 KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = shutil.which("mount")
    command = [mount or "mount", "-t", "tmpfs", "-o", "size=64k", "none", str(folder)]
    if mount is None or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("needs the right to mount a file system")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


KILLED = """
import sys, time
import numpy as np
from colorize.io.photo import Photo
from colorize.io.writers import write
def pages():
    yield Photo(np.zeros((9, 9, 3), np.uint8))
    print("writing", flush=True)
    time.sleep(60)
    yield Photo(np.zeros((9, 9, 3), np.uint8))
write(pages(), sys.argv[1])
"""


def test_a_killed_run_leaves_one_temporary_that_is_removed(tmp_path: Path) -> None:
    target = tmp_path / "out.tif"
    run = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(target)], stdout=subprocess.PIPE, text=True
    )
    assert run.stdout is not None and run.stdout.readline() == "writing\n"
    (temporary,) = tmp_path.iterdir()
    assert image_files.is_temp_file(temporary.name) and not has_image_suffix(temporary)
    assert remove_stale_temp_files(tmp_path) == 0, "a run that still writes keeps its file"
    run.send_signal(signal.SIGKILL)
    run.wait()
    run.stdout.close()
    assert list(tmp_path.iterdir()) == [temporary]
    assert remove_stale_temp_files(tmp_path) == 1
    assert list(tmp_path.iterdir()) == []


def test_leftovers_are_told_from_other_files(tmp_path: Path) -> None:
    for name in (".a.png.tmp", "a.colorize-0123456789ab.tmp", ".b.colorize-xyz.tmp", "c.png"):
        (tmp_path / name).touch()
    (tmp_path / ".d.png.colorize-0123456789ab.tmp").touch()
    assert remove_stale_temp_files(tmp_path) == 1
    assert len(list(tmp_path.iterdir())) == 4


# --- other programs -----------------------------------------------------------------------


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
def test_imagemagick_sees_depth_alpha_and_profile(suffix: str, deep: bool, tmp_path: Path) -> None:
    pixels, alpha = (RGB16, ALPHA16) if deep else (RGB, ALPHA)
    path = tmp_path / f"out{suffix}"
    write(Photo(pixels, alpha, described_photo().metadata), path)
    done = subprocess.run(
        ["identify", "-verbose", str(path)], capture_output=True, text=True, check=True
    )
    assert f"Depth: {16 if deep else 8}-bit" in done.stdout
    assert "Alpha" in done.stdout and "Profile-icc" in done.stdout
    assert "error" not in done.stderr and "duplicate" not in done.stderr

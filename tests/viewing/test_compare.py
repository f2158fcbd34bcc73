"""Before and after in one picture."""

import dataclasses
import io
import struct

import numpy as np
import pytest
from PIL import Image

from colorize import batch, read
from colorize.cli import main
from colorize.errors import ColorizeError
from colorize.io.exif import PIXEL_X_DIMENSION, PIXEL_Y_DIMENSION
from colorize.io.metadata import Metadata
from colorize.io.photo import Photo
from colorize.io.tiff_ifd import EXIF_IFD
from colorize.viewing.compare import compare


def pair(height=30, width=41, dtype=np.uint8) -> tuple[Photo, Photo]:
    rng = np.random.default_rng(0)
    top = np.iinfo(dtype).max
    alpha = rng.integers(0, top, (height, width), dtype)
    before = Photo(rng.integers(0, top, (height, width), dtype), alpha)
    after = Photo(rng.integers(0, top, (height, width, 3), dtype), alpha)
    return before, after


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_side_by_side_shows_both_in_full(dtype):
    before, after = pair(dtype=dtype)
    both = compare(before, after)
    assert both.pixels.shape == (30, 41 + 2 + 41, 3)
    assert both.pixels.dtype == dtype
    assert (both.pixels[:, :41] == before.pixels[..., None]).all()
    assert (both.pixels[:, 41:43] == np.iinfo(dtype).max).all()
    assert (both.pixels[:, 43:] == after.pixels).all()
    assert (both.alpha[:, :41] == before.alpha).all()
    assert (both.alpha[:, 41:43] == np.iinfo(dtype).max).all()
    assert (both.alpha[:, 43:] == after.alpha).all()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_split_shows_half_of_each_at_same_size(dtype):
    before, after = pair(dtype=dtype)
    both = compare(before, after, "split")
    assert both.pixels.shape == (30, 41, 3)
    assert (both.pixels[:, :19] == before.pixels[:, :19, None]).all()
    assert (both.pixels[:, 19:21] == np.iinfo(dtype).max).all()
    assert (both.pixels[:, 21:] == after.pixels[:, 21:]).all()
    assert (both.alpha[:, 21:] == after.alpha[:, 21:]).all()


def test_color_photograph_stays_in_color_on_left():
    _, after = pair()
    sepia = dataclasses.replace(after, pixels=after.pixels[::-1].copy())
    assert (compare(sepia, after).pixels[:, :41] == sepia.pixels).all()


@pytest.mark.parametrize("width", [1, 2, 3, 4, 5])
def test_narrow_photographs_show_more_than_line(width):
    before = Photo(np.zeros((4, width), np.uint8))
    after = Photo(np.full((4, width, 3), 9, np.uint8))
    assert 9 in compare(before, after, "split").pixels
    assert compare(before, after).width == 2 * width + 2


def exif_block(width: int, tiff_type: int) -> bytes:
    """Return a block that states a width and a height, as SHORT (3) or LONG (4)."""
    value = "<HHIHxx" if tiff_type == 3 else "<HHII"
    inner = b"".join(
        struct.pack(value, tag, tiff_type, 1, size)
        for tag, size in ((PIXEL_X_DIMENSION, width), (PIXEL_Y_DIMENSION, 30))
    )
    pointer = struct.pack("<HHHIII", 1, EXIF_IFD, 4, 1, 26, 0)
    return b"II*\0" + struct.pack("<I", 8) + pointer + struct.pack("<H", 2) + inner + bytes(4)


@pytest.mark.parametrize(("width", "tiff_type"), [(41, 3), (41, 4), (40000, 3)])
def test_exif_has_size_of_comparison(width, tiff_type):
    before, after = pair()
    after = dataclasses.replace(after, metadata=Metadata(exif=exif_block(width, tiff_type)))
    both = compare(before, after)
    exif = Image.Exif()
    exif.load(both.metadata.exif)
    assert exif.get_ifd(EXIF_IFD) == {PIXEL_X_DIMENSION: 84, PIXEL_Y_DIMENSION: 30}


def test_damaged_exif_is_kept():
    before, after = pair()
    after = dataclasses.replace(after, metadata=Metadata(exif=b"II*\0\xff\xff\xff\xff"))
    assert compare(before, after).metadata == after.metadata


def test_compare_rejects_other_layouts_sizes_and_depths():
    before, after = pair()
    with pytest.raises(ColorizeError, match=r"above.*side.*split"):
        compare(before, after, "above")
    with pytest.raises(ColorizeError, match=r"41x30 uint8.*20x30 uint8"):
        compare(before, Photo(after.pixels[:, :20]))
    with pytest.raises(ColorizeError, match="41x30 uint16"):
        compare(pair(dtype=np.uint16)[0], after)


def redden(photo: Photo) -> Photo:
    pixels = np.zeros((*photo.size, 3), photo.pixels.dtype)
    pixels[..., 0] = np.iinfo(photo.pixels.dtype).max
    return dataclasses.replace(photo, pixels=pixels)


@pytest.mark.parametrize(("layout", "width"), [("side-by-side", 82), ("split", 40)])
@pytest.mark.parametrize("suffix", ["jpg", "png", "tif", "webp"])
def test_batch_writes_comparisons_in_any_format(tmp_path, layout, width, suffix):
    source = tmp_path / f"a.{suffix}"
    Image.new("L", (40, 30), 90).save(source)
    jobs = batch.plan_jobs(batch.find_images([tmp_path]), tmp_path / "out", True)
    (result,) = batch.run(jobs, redden, batch.WriteOptions(compare=layout))
    assert result.error is None
    written = read(tmp_path / "out" / f"a.{suffix}")
    assert written.size == (30, width)
    assert np.abs(written.pixels[:, :15].astype(int) - 90).max() <= 2  # the gray photograph
    assert written.pixels[:, -15:, 0].min() > 240 and written.pixels[:, -15:, 1].max() < 15


def test_comparison_keeps_16_bits(tmp_path):
    source = tmp_path / "deep.png"
    Image.fromarray(np.full((20, 30), 12345, np.uint16)).save(source)
    jobs = batch.plan_jobs(batch.find_images([source]), tmp_path / "out.png", False)
    (result,) = batch.run(jobs, redden, batch.WriteOptions(compare="side-by-side"))
    assert result.error is None
    pixels = read(tmp_path / "out.png").pixels
    assert pixels.dtype == np.uint16
    assert (pixels[:, :30] == 12345).all()


class _Pipe:
    def __init__(self, content: bytes = b""):
        self.buffer = io.BytesIO(content)

    def isatty(self) -> bool:
        return False


def test_pipe_writes_comparison(weights, monkeypatch):
    content = io.BytesIO()
    Image.linear_gradient("L").save(content, "PNG")
    stdin, stdout = _Pipe(content.getvalue()), _Pipe()
    monkeypatch.setattr("sys.stdin", stdin)
    monkeypatch.setattr("sys.stdout", stdout)
    arguments = ["--weights", weights, "--size", "64", "-i", "-", "-o", "-", "--compare"]
    assert main([*arguments, "--quiet"]) == 0
    stdout.buffer.seek(0)
    assert read(stdout.buffer).size == (256, 514)


@pytest.mark.parametrize("extra", [["--compare=above"], ["--compare", "--gallery", "p.html"]])
def test_command_rejects_wrong_usage(extra, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["-i", "photo.jpg", *extra])
    assert stopped.value.code == 2
    assert "--compare" in capsys.readouterr().err

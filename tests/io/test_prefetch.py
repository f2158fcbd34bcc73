"""Prefetching returns the same photographs and errors, only sooner."""

import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from colorize import batch
from colorize.errors import ColorizeError
from colorize.io import readers
from colorize.io.prefetch import PhotoPrefetcher
from colorize.options import ColorizeOptions
from colorize.pipeline import Colorizer
from colorize.steps import prefetch_sizes

ROOT = Path(__file__).parents[2]
LIMIT = readers.MAX_PIXELS


@pytest.fixture
def pages(tmp_path) -> Path:
    """Return a file of three gray pages."""
    first, *others = (Image.new("L", (20 + i, 30), 50 * i) for i in range(3))
    first.save(tmp_path / "a.tif", save_all=True, append_images=others)
    return tmp_path / "a.tif"


def test_pages_come_in_order(pages):
    with PhotoPrefetcher(pages, max_pixels=LIMIT) as prefetcher:
        found = list(prefetcher.pages())
    for a, b in zip(found, readers.read_pages(pages), strict=True):
        np.testing.assert_array_equal(a.pixels, b.pixels)


def test_reading_starts_at_once(pages, monkeypatch):
    started = threading.Event()

    read_pages = readers.read_pages

    def noticed(*arguments, **options):
        started.set()
        yield from read_pages(*arguments, **options)

    monkeypatch.setattr(readers, "read_pages", noticed)
    with PhotoPrefetcher(pages, max_pixels=LIMIT):
        assert started.wait(30)


def test_errors_are_raised_by_pages(tmp_path):
    with PhotoPrefetcher(tmp_path / "none.jpg", max_pixels=LIMIT) as prefetcher:
        with pytest.raises(ColorizeError, match=r"none.jpg: no such file"):
            next(prefetcher.pages())


def test_thread_ends_with_the_block(pages):
    threads = threading.active_count()
    with pytest.raises(KeyboardInterrupt), PhotoPrefetcher(pages, max_pixels=LIMIT):
        raise KeyboardInterrupt
    assert threading.active_count() == threads


def test_thumbnails_are_those_that_the_colorizer_uses(weights):
    options = ColorizeOptions(size=64)
    colorizer = Colorizer.from_pretrained(weights=weights, options=options)
    photo, untouched = (readers.read(ROOT / "imgs" / "chelsea.jpg") for _ in range(2))
    specs = prefetch_sizes(options)
    for spec in specs:
        photo.thumbnail(spec)
    np.testing.assert_array_equal(colorizer(photo).pixels, colorizer(untouched).pixels)
    assert list(photo._thumbnails) == specs  # and no others were made


def test_changed_photographs_need_no_thumbnails():
    assert prefetch_sizes(ColorizeOptions(autocontrast=True)) == []


def test_batch_uses_the_prefetched_photograph(tmp_path, monkeypatch):
    source = ROOT / "imgs" / "chelsea.jpg"
    job = batch.Job(source, tmp_path / "out.png")
    with PhotoPrefetcher(source, max_pixels=LIMIT) as prefetcher:
        monkeypatch.setattr(readers, "read_pages", lambda *a, **o: pytest.fail("read again"))
        (result,) = batch.run([job], lambda photo: photo, prefetcher=prefetcher)
    assert result.error is None
    with Image.open(source) as before, Image.open(job.target) as after:
        np.testing.assert_array_equal(np.asarray(before), np.asarray(after))

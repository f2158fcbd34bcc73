"""Reading ahead gives the same photographs and errors, only sooner."""

import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from colorize import batch
from colorize.errors import ColorizeError
from colorize.io import readers
from colorize.io.prefetch import PhotoPrefetcher
from colorize.pipeline import Colorizer, prefetch_sizes

ROOT = Path(__file__).parents[2]
LIMIT = readers.MAX_PIXELS


@pytest.fixture
def pages(tmp_path) -> Path:
    """Return a file of three gray pages."""
    first, *others = (Image.new("L", (20 + i, 30), 50 * i) for i in range(3))
    first.save(tmp_path / "a.tif", save_all=True, append_images=others)
    return tmp_path / "a.tif"


def test_all_pages_come_in_their_order(pages):
    with PhotoPrefetcher(pages, max_pixels=LIMIT) as early:
        found = list(early.pages())
    for one, other in zip(found, readers.read_pages(pages), strict=True):
        np.testing.assert_array_equal(one.pixels, other.pixels)


def test_reading_begins_before_anybody_asks(pages, monkeypatch):
    begun = threading.Event()

    read_pages = readers.read_pages

    def noticed(*arguments, **options):
        begun.set()
        yield from read_pages(*arguments, **options)

    monkeypatch.setattr(readers, "read_pages", noticed)
    with PhotoPrefetcher(pages, max_pixels=LIMIT):
        assert begun.wait(30)


def test_errors_come_where_the_pages_are_asked_for(tmp_path):
    with PhotoPrefetcher(tmp_path / "none.jpg", max_pixels=LIMIT) as early:
        with pytest.raises(ColorizeError, match=r"none.jpg: no such file"):
            next(early.pages())


def test_a_photograph_not_asked_for_is_let_go(pages):
    threads = threading.active_count()
    with pytest.raises(KeyboardInterrupt), PhotoPrefetcher(pages, max_pixels=LIMIT):
        raise KeyboardInterrupt
    assert threading.active_count() == threads


@pytest.mark.parametrize("model", ["compact", "siggraph17"])
def test_the_copies_are_those_that_colors_are_made_with(weights, model):
    colorizer = Colorizer.from_pretrained(weights=weights, size=64)
    photo, other = (readers.read(ROOT / "imgs" / "chelsea.jpg") for _ in range(2))
    specs = prefetch_sizes(model, 64)
    for spec in specs:
        photo.thumbnail(spec)
    np.testing.assert_array_equal(colorizer(photo).pixels, colorizer(other).pixels)
    if model == "compact":
        assert list(photo._thumbnails) == specs  # and no others were made


def test_no_copies_are_made_for_sizes_that_no_network_takes():
    assert prefetch_sizes("compact", 1) == []
    assert prefetch_sizes("compact", 1 << 20) == []


def test_a_batch_takes_the_photograph_that_was_read_ahead(tmp_path, monkeypatch):
    source = ROOT / "imgs" / "chelsea.jpg"
    job = batch.Job(source, tmp_path / "out.png")
    with PhotoPrefetcher(source, max_pixels=LIMIT) as early:
        monkeypatch.setattr(readers, "read_pages", lambda *a, **o: pytest.fail("read again"))
        (result,) = batch.run([job], lambda photo: photo, prefetcher=early)
    assert result.error is None
    with Image.open(source) as one, Image.open(job.target) as other:
        np.testing.assert_array_equal(np.asarray(one), np.asarray(other))

"""Decoding and storage of training photographs."""

import io
import tarfile

import numpy as np
import pytest
import torch
from fixtures.training import dataset_of, soft_code
from PIL import Image
from skimage.color import rgb2lab

from colorize.color.quantization import NUM_BINS
from colorize.errors import ColorizeError
from colorize.training.color_prior import compute_prior
from colorize.training.data.dataset import (
    PhotoDataset,
    decode_photo,
    is_held_out,
    iter_decoded,
    load_dataset,
)
from colorize.training.data.memmap import INDEX, PIXELS, open_memmap, write_memmap


def test_load_dataset_decodes_images_and_skips_other_files(photos):
    assert len(photos) == 12
    assert photos.sizes[1].tolist() == [32, 36]  # 38 columns cut to a multiple of 4
    assert photos.photo(1).shape == (32, 36, 3)


def test_load_dataset_reads_tar_files_like_folders(photo_folder, photos, tmp_path):
    with tarfile.open(tmp_path / "photos.tar", "w") as tar:
        for path in sorted(photo_folder.iterdir()):
            tar.add(path, path.name)
    from_tar = load_dataset([tmp_path / "photos.tar"], short_side=32, workers=1, quiet=True)
    assert from_tar.names == photos.names
    assert torch.equal(from_tar.pixels, photos.pixels)


def test_load_dataset_without_images_fails(tmp_path):
    (tmp_path / "a.txt").write_text("not a picture")
    with pytest.raises(ColorizeError, match="no photographs"):
        load_dataset([tmp_path], workers=1, quiet=True)
    with pytest.raises(ColorizeError, match="missing"):
        load_dataset([tmp_path / "missing"], workers=1, quiet=True)


@pytest.mark.parametrize("suffix", ["tar", "tar.gz"])
def test_load_dataset_refuses_damaged_tar_files(suffix, photo_folder, tmp_path):
    file = tmp_path / f"photos.{suffix}"
    with tarfile.open(file, "w:gz" if suffix.endswith("gz") else "w") as tar:
        tar.add(photo_folder, "photos")
    content = file.read_bytes()
    end = len(content) // 2 if suffix == "tar.gz" else 1100  # amid the first photograph
    for damaged in (content[:end], b"a photograph" * 100):
        file.write_bytes(damaged)
        with pytest.raises(ColorizeError, match=rf"photos\.{suffix}: not a tar file, or a damaged"):
            load_dataset([file], workers=1, quiet=True)


def test_iter_decoded_reads_only_a_few_files_ahead(monkeypatch, tmp_path):
    stream = io.BytesIO()
    Image.new("RGB", (32, 32)).save(stream, "PNG")
    read = []

    def files(sources):
        for i in range(2000):
            read.append(i)
            yield str(i), stream.getvalue()

    monkeypatch.setattr("colorize.training.data.dataset.iter_files", files)
    decoded = iter_decoded([tmp_path], 32, workers=1, quiet=True)
    next(decoded)
    assert len(read) < 500
    decoded.close()


def test_decode_photo_stores_lab_in_bytes():
    stream = io.BytesIO()
    Image.new("RGB", (64, 64), (200, 40, 40)).save(stream, "PNG")
    name, pixels = decode_photo(("red", stream.getvalue()), 32)
    lightness, a, b = rgb2lab(np.array([[[200, 40, 40]]], np.uint8))[0, 0]
    assert name == "red"
    assert pixels.shape == (32, 32, 3)
    assert pixels[0, 0] == pytest.approx((2.55 * lightness, a + 128, b + 128), abs=0.51)


def test_padded_repeats_the_edges():
    small, large = (np.random.default_rng(0).integers(0, 256, (*size, 3)) for size in
                    ((4, 12), (8, 8)))  # fmt: skip
    photos, sizes = dataset_of(small, large).padded(torch.tensor([1, 0]))
    assert sizes.tolist() == [[8, 8], [4, 12]]
    assert photos.shape == (2, 3, 8, 12)
    first, second = photos.movedim(1, -1).numpy()
    np.testing.assert_array_equal(first[:, :8], large)
    np.testing.assert_array_equal(first[:, 8:], large[:, 7:].repeat(4, axis=1))
    np.testing.assert_array_equal(second[:4], small)
    np.testing.assert_array_equal(second[4:], small[3:].repeat(4, axis=0))


def test_split_is_by_name_and_complete(photos):
    names = [f"p{i}" for i in range(1000)]
    many = PhotoDataset.from_sizes(names, photos.pixels[:16], [(4, 4)] * 1000)
    training, validation = many.split()
    assert 5 <= len(validation) <= 40
    assert sorted(training.names + validation.names) == sorted(names)
    assert all(map(is_held_out, validation.names))
    assert len(many.spaced(10)) == 10
    assert many.spaced(10).names[1] == "p100"
    assert len(many.spaced(5000)) == 1000
    assert len(many.spaced(0)) == 0


def test_subset_shares_pixels_and_keeps_photos(photos):
    some = photos.subset([7, 2])
    assert some.names == [photos.names[7], photos.names[2]]
    assert torch.equal(some.photo(0), photos.photo(7))
    assert some.pixels.data_ptr() == photos.pixels.data_ptr()


def test_memmap_holds_the_same_photos(photo_folder, photos, tmp_path):
    folder = tmp_path / "decoded"
    write_memmap(folder, [photo_folder], 32, workers=1, quiet=True)
    mapped = open_memmap(folder)
    assert mapped.names == photos.names
    assert torch.equal(mapped.sizes, photos.sizes)
    assert torch.equal(mapped.pixels, photos.pixels)
    before = (folder / INDEX).stat().st_mtime_ns
    write_memmap(folder, [photo_folder], 32, workers=1, quiet=True)
    assert (folder / INDEX).stat().st_mtime_ns == before


def test_memmap_rejects_other_and_damaged_folders(photo_folder, tmp_path):
    folder = tmp_path / "decoded"
    write_memmap(folder, [photo_folder], 32, workers=1, quiet=True)
    with pytest.raises(ColorizeError, match="other photographs"):
        write_memmap(folder, [photo_folder], 64, workers=1, quiet=True)
    with pytest.raises(ColorizeError):
        open_memmap(tmp_path)
    (folder / PIXELS).write_bytes(b"short")
    with pytest.raises(ColorizeError, match="damaged"):
        open_memmap(folder)
    (folder / INDEX).write_text('{"sources": [], "short_side": 32, "names": [], "shapes": []}')
    with pytest.raises(ColorizeError, match="older version"):
        open_memmap(folder)


def test_compute_prior_is_the_soft_code_of_the_target_pixels():
    photo = np.full((4, 4, 3), (100, 12 + 128, -7 + 128))
    photo[:2, :, 1] -= 2  # the mean counts, at stride 4
    photo[2:, :, 1] += 2
    bins, weights = soft_code(12, -7)
    expected = torch.zeros(NUM_BINS).scatter(0, bins, weights)
    torch.testing.assert_close(compute_prior(dataset_of(photo), 4), expected)

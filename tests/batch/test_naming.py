"""What outputs are called."""

from pathlib import Path

import pytest

from colorize import batch
from colorize.batch import Source


@pytest.mark.parametrize(
    ("name", "format", "expected"),
    [
        ("photo.jpg", None, "photo.colorized.jpg"),
        ("photo.JPEG", None, "photo.colorized.JPEG"),
        ("photo.xyz", None, "photo.colorized.png"),
        ("photo", None, "photo.colorized.png"),
        ("photo.jpg", "png", "photo.colorized.png"),
        ("photo.tar.tif", None, "photo.tar.colorized.tif"),
    ],
)
def test_default_outputs_are_next_to_their_inputs(name, format, expected):
    jobs = batch.plan_jobs([Source(Path("scans") / name, Path(name))], None, False, format)
    assert [job.target for job in jobs] == [Path("scans") / expected]


def test_outputs_in_a_folder_mirror_subfolders():
    sources = [Source(Path("in/x/a.jpg"), Path("x/a.jpg")), Source(Path("b.gif"), Path("b.gif"))]
    jobs = batch.plan_jobs(sources, Path("out"), True, "webp")
    assert [job.target for job in jobs] == [Path("out/x/a.webp"), Path("out/b.webp")]


def test_file_named_twice_is_one_job():
    sources = [Source(Path("in/a.png"), Path("a.png"))] * 2
    assert len(batch.plan_jobs(sources, Path("out"), True)) == 1


def test_tag_of_compared_or_edited_pictures():
    source = Source(Path("scans/photo.jpg"), Path("photo.jpg"))
    video = Source(Path("scans/clip.mp4"), Path("clip.mp4"))

    def names(output, folder, tag, samples=None):
        jobs = batch.plan_jobs([source, video], output, folder, None, samples, tag)
        return [str(job.target) for job in jobs]

    assert names(None, False, "-edited") == ["scans/photo-edited.jpg", "scans/clip-edited.mp4"]
    assert names(Path("out"), True, "-edited") == ["out/photo-edited.jpg", "out/clip-edited.mp4"]
    assert names(None, False, ".compare") == ["scans/photo.compare.jpg", "scans/clip.compare.mp4"]
    assert names(Path("out"), True, ".compare") == ["out/photo.compare.jpg", "out/clip.compare.mp4"]
    assert names(Path("x.jpg"), False, ".compare")[0] == "x.jpg"
    assert names(None, False, "-edited", 2)[:2] == [
        "scans/photo-1-edited.jpg", "scans/photo-2-edited.jpg"
    ]  # fmt: skip

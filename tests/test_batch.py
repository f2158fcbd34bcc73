"""Finding files, naming outputs, and what happens when one fails."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from colorize import batch
from colorize.batch import Job, Source
from colorize.errors import ColorizeError
from colorize.image import Photo


def save(path: Path, size: tuple[int, int] = (8, 6)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", size, 128).save(path)
    return path


def redden(photo: Photo) -> Photo:
    """Stand for the network: every pixel red."""
    pixels = np.zeros((photo.height, photo.width, 3), np.uint8)
    pixels[..., 0] = 200
    return dataclasses.replace(photo, pixels=pixels)


def run(jobs, colorize=redden, **options):
    return {result.job: result for result in batch.run(jobs, colorize, **options)}


def test_a_folder_gives_its_photographs_with_sub_folders_and_no_others(tmp_path):
    for name in ("b.jpg", "a.png", "sub/c.TIF", ".hidden.jpg", "sub/.x/d.jpg"):
        save(tmp_path / name) if not name.endswith("TIF") else save(tmp_path / "sub/c.TIF")
    (tmp_path / "notes.txt").write_text("text")
    found = batch.find([tmp_path])
    assert [str(s.relative) for s in found] == ["a.png", "b.jpg", "sub/c.TIF"]


def test_a_pattern_chooses_among_a_folders_files(tmp_path):
    save(tmp_path / "a.png")
    save(tmp_path / "sub/b.jpg")
    assert [s.relative for s in batch.find([tmp_path], "*.jpg")] == [Path("sub/b.jpg")]
    with pytest.raises(ColorizeError, match="no file matches"):
        batch.find([tmp_path], "*.gif")


def test_a_pattern_by_itself_is_relative_to_its_fixed_part(tmp_path):
    save(tmp_path / "scans/a.jpg")
    save(tmp_path / "scans/deep/b.jpg")
    found = batch.find([], f"{tmp_path}/scans/**/*.jpg")
    assert sorted(s.relative for s in found) == [Path("a.jpg"), Path("deep/b.jpg")]
    with pytest.raises(ColorizeError, match="no file matches"):
        batch.find([], f"{tmp_path}/none/*.jpg")


def test_a_folder_without_photographs_is_said(tmp_path):
    with pytest.raises(ColorizeError, match="no photographs"):
        batch.find([tmp_path])


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
def test_outputs_beside_their_inputs(name, format, expected):
    jobs = batch.plan([Source(Path("scans") / name, Path(name))], None, False, format)
    assert [job.target for job in jobs] == [Path("scans") / expected]


def test_results_of_an_earlier_run_are_no_inputs():
    sources = [Source(Path(name), Path(name)) for name in ("a.jpg", "a.colorized.jpg")]
    assert [job.source for job in batch.plan(sources, None, True)] == [Path("a.jpg")]


def test_outputs_in_a_folder_mirror_the_sub_folders():
    sources = [Source(Path("in/x/a.jpg"), Path("x/a.jpg")), Source(Path("b.gif"), Path("b.gif"))]
    jobs = batch.plan(sources, Path("out"), True, "webp")
    assert [job.target for job in jobs] == [Path("out/x/a.webp"), Path("out/b.webp")]


def test_one_bad_file_among_three_costs_the_others_nothing(tmp_path):
    jobs = [Job(save(tmp_path / f"{n}.png"), tmp_path / f"out/{n}.png") for n in "abc"]
    jobs[1].source.write_bytes(b"no picture at all")
    results = run(jobs)
    assert [results[job].error is None for job in jobs] == [True, False, True]
    assert "b.png" in results[jobs[1]].error
    assert "\n" not in results[jobs[1]].error
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["a.png", "c.png"]
    assert Image.open(jobs[0].target).getpixel((0, 0)) == (200, 0, 0)


def test_a_fault_in_colorizing_is_one_line_and_no_half_file(tmp_path):
    def faulty(photo: Photo) -> Photo:
        raise RuntimeError("first line\nsecond line")

    job = Job(save(tmp_path / "a.png"), tmp_path / "out.png")
    error = run([job], faulty)[job].error
    assert "unexpected RuntimeError: first line second line" in error
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.png"]


def test_an_existing_output_is_kept_unless_asked(tmp_path):
    job = Job(save(tmp_path / "a.png"), tmp_path / "out.png")
    job.target.write_bytes(b"precious")
    assert "exists" in run([job])[job].error
    assert job.target.read_bytes() == b"precious"
    assert run([job], overwrite=True)[job].error is None
    assert job.target.read_bytes() != b"precious"


def test_an_input_is_never_replaced(tmp_path):
    a, b = save(tmp_path / "a.png"), save(tmp_path / "b.png")
    before = a.read_bytes()
    link = tmp_path / "link.png"
    link.symlink_to(a)
    for target in (a, link):
        job = Job(a, target)
        assert (
            "replace an input" in run([job, Job(b, tmp_path / "x.png")], overwrite=True)[job].error
        )
    job = Job(b, a)
    assert "replace an input" in run([Job(a, tmp_path / "y.png"), job], overwrite=True)[job].error
    assert a.read_bytes() == before


def test_two_inputs_with_one_output_are_not_mixed_up(tmp_path):
    first, second = (
        Job(save(tmp_path / name), tmp_path / "out" / "a.png") for name in ("a.png", "x/a.png")
    )
    results = run([first, second])
    assert results[first].error is None
    assert "already the output of" in results[second].error


def test_every_page_is_colorized(tmp_path):
    source = tmp_path / "pages.tif"
    pages = [Image.new("L", (5, 4), v) for v in (10, 200)]
    pages[0].save(source, save_all=True, append_images=pages[1:])
    job = Job(source, tmp_path / "out.tif")
    assert run([job])[job].error is None
    with Image.open(job.target) as image:
        assert image.n_frames == 2


def test_the_report_counts():
    report = batch.Report()
    job = Job(Path("a"), Path("b"))
    report.add(batch.Result(job, 0.1))
    assert report.return_code == 0
    report.add(batch.Result(job, 0.1, error="broken"))
    assert (report.done, len(report.failed), report.return_code) == (1, 1, 1)

"""Finding files, naming outputs, and what happens when one fails."""

import dataclasses
import json
import os
import subprocess
import tempfile
import threading
import time
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from colorize import batch
from colorize.batch import Job, Source, WriteOptions, runner
from colorize.batch import conflicts as collisions
from colorize.batch.manifest import Manifest
from colorize.errors import ColorizeError
from colorize.io.photo import Photo


def save(path: Path, size: tuple[int, int] = (8, 6)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", size, 128).save(path)
    return path


def size_of(path: Path) -> tuple[int, int]:
    with Image.open(path) as picture:
        return picture.size


def redden(photo: Photo) -> Photo:
    """Stand for the network: every pixel red."""
    pixels = np.zeros((photo.height, photo.width, 3), np.uint8)
    pixels[..., 0] = 200
    return dataclasses.replace(photo, pixels=pixels)


def run(jobs, colorize=redden, fail_fast=False, **options):
    results = batch.run(jobs, colorize, WriteOptions(**options), fail_fast=fail_fast)
    return {result.job: result for result in results}


def preview(jobs, **options):
    return {result.job: result for result in batch.dry_run(jobs, WriteOptions(**options))}


def state(result: batch.Result) -> str:
    return "failed" if result.error else "skipped" if result.skipped else "done"


def content(folder: Path) -> dict[str, bytes]:
    """Return all files below a folder, hidden ones too."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_a_folder_gives_its_photographs_with_sub_folders_and_no_others(tmp_path):
    for name in ("b.jpg", "a.png", "sub/c.TIF", ".hidden.jpg", "sub/.x/d.jpg"):
        save(tmp_path / name) if not name.endswith("TIF") else save(tmp_path / "sub/c.TIF")
    (tmp_path / "notes.txt").write_text("text")
    found = batch.find_images([tmp_path])
    assert [str(s.relative) for s in found] == ["a.png", "b.jpg", "sub/c.TIF"]


def test_a_pattern_chooses_among_a_folders_files(tmp_path):
    save(tmp_path / "a.png")
    save(tmp_path / "sub/b.jpg")
    assert [s.relative for s in batch.find_images([tmp_path], "*.jpg")] == [Path("sub/b.jpg")]
    with pytest.raises(ColorizeError, match="no file matches"):
        batch.find_images([tmp_path], "*.gif")


def test_a_pattern_by_itself_is_relative_to_its_fixed_part(tmp_path):
    save(tmp_path / "scans/a.jpg")
    save(tmp_path / "scans/deep/b.jpg")
    found = batch.find_images([], f"{tmp_path}/scans/**/*.jpg")
    assert sorted(s.relative for s in found) == [Path("a.jpg"), Path("deep/b.jpg")]
    with pytest.raises(ColorizeError, match="no file matches"):
        batch.find_images([], f"{tmp_path}/none/*.jpg")


def test_a_folder_without_photographs_is_said(tmp_path):
    with pytest.raises(ColorizeError, match="no photographs"):
        batch.find_images([tmp_path])


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
    jobs = batch.plan_jobs([Source(Path("scans") / name, Path(name))], None, False, format)
    assert [job.target for job in jobs] == [Path("scans") / expected]


def test_earlier_results_in_folders_are_skipped(tmp_path):
    for name in ("a.png", "a.colorized.png", "b-2.colorized.png"):
        save(tmp_path / name)
    for inputs, pattern in (([tmp_path], None), ([tmp_path], "*.png"), ([], f"{tmp_path}/*.png")):
        assert [s.path.name for s in batch.find_images(inputs, pattern)] == ["a.png"]
    with_output = batch.find_images([tmp_path], None, tmp_path / "out")
    assert len(with_output) == 3
    (tmp_path / "a.png").unlink()
    with pytest.raises(ColorizeError, match="nothing to do"):
        batch.find_images([tmp_path])


def test_an_earlier_result_is_taken_when_named_without_its_original():
    def found(*names: str) -> list[str]:
        return [source.path.name for source in batch.find_images([Path(name) for name in names])]

    assert found("a.colorized.jpg") == ["a.colorized.jpg"]
    assert found("b.jpg", "a.colorized.jpg") == ["b.jpg", "a.colorized.jpg"]
    assert found("a.jpg", "a.colorized.jpg", "a-2.colorized.png") == ["a.jpg"]


def test_outputs_in_a_folder_mirror_the_sub_folders():
    sources = [Source(Path("in/x/a.jpg"), Path("x/a.jpg")), Source(Path("b.gif"), Path("b.gif"))]
    jobs = batch.plan_jobs(sources, Path("out"), True, "webp")
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
    report.add(batch.Result(job, 0.1, skipped="exists"))
    assert report.return_code == 0
    report.add(batch.Result(job, 0.1, error="broken"))
    assert (report.done, report.skipped, report.failed, report.return_code) == (1, 1, 1, 1)
    assert report.summary.startswith("1 done, 1 skipped, 1 failed in 0.0 s (")


# Existing outputs and the manifest


def test_existing_outputs_are_skipped_if_asked(tmp_path):
    old, new = (Job(save(tmp_path / f"{n}.png"), tmp_path / f"out/{n}.png") for n in "ab")
    save(old.target)
    before = old.target.read_bytes()
    results = run([old, new], skip_existing=True)
    assert [state(results[job]) for job in (old, new)] == ["skipped", "done"]
    assert "exists" in results[old].skipped
    assert old.target.read_bytes() == before


def test_what_is_neither_file_nor_link_is_never_replaced(tmp_path):
    jobs = [Job(save(tmp_path / f"{n}.png"), tmp_path / f"out/{n}.png") for n in "ab"]
    jobs[0].target.mkdir(parents=True)
    os.mkfifo(jobs[1].target)
    for result in run(jobs, overwrite=True).values():
        assert "is a folder" in result.error or "not a regular file" in result.error
    assert jobs[0].target.is_dir() and jobs[1].target.is_fifo()


@pytest.fixture
def batch_of_three(tmp_path):
    """Return a function that runs three jobs with a manifest and gives their states."""
    jobs = [Job(save(tmp_path / f"in/{n}.png"), tmp_path / f"out/{n}.png") for n in "abc"]

    def go(settings="1", colorize=redden, **options) -> list[str]:
        with Manifest.appending(tmp_path / "m.jsonl", {"size": settings}) as manifest:
            looked = preview(jobs, manifest=manifest, **options)
            results = run(jobs, colorize, manifest=manifest, **options)
        states = [state(results[job]) for job in jobs if job in results]
        if colorize is redden:
            assert [state(looked[job]) for job in jobs if job in results] == states
        return states

    go.jobs = jobs
    return go


def test_a_second_run_does_what_is_missing(batch_of_three):
    assert batch_of_three() == ["done"] * 3
    assert batch_of_three() == ["skipped"] * 3
    batch_of_three.jobs[1].target.unlink()
    assert batch_of_three() == ["skipped", "done", "skipped"]


def test_a_changed_setting_or_input_is_done_again_without_overwrite(batch_of_three):
    batch_of_three()
    save(batch_of_three.jobs[2].source, (9, 9))
    assert batch_of_three() == ["skipped", "skipped", "done"]
    assert size_of(batch_of_three.jobs[2].target) == (9, 9)
    assert batch_of_three("2") == ["done"] * 3
    assert batch_of_three("2") == ["skipped"] * 3


def test_an_output_that_someone_else_changed_is_kept(batch_of_three):
    batch_of_three()
    target = batch_of_three.jobs[0].target
    target.write_bytes(b"retouched by hand")
    assert batch_of_three() == ["failed", "skipped", "skipped"]
    assert batch_of_three("2", skip_existing=True) == ["skipped", "done", "done"]
    assert target.read_bytes() == b"retouched by hand"
    assert batch_of_three("2", overwrite=True) == ["done", "skipped", "skipped"]
    assert target.read_bytes() != b"retouched by hand"


def test_an_output_the_manifest_does_not_know_is_kept(batch_of_three):
    target = save(batch_of_three.jobs[1].target, (1, 1))
    assert batch_of_three() == ["done", "failed", "done"]
    assert size_of(target) == (1, 1)


def test_failures_are_tried_again(batch_of_three):
    def faulty(photo: Photo) -> Photo:
        raise ColorizeError("no luck")

    assert batch_of_three(colorize=faulty) == ["failed"] * 3
    assert batch_of_three() == ["done"] * 3


def test_a_preview_touches_nothing(tmp_path):
    good, bad, gone = (Job(tmp_path / f"{n}.png", tmp_path / f"out/{n}.png") for n in "abc")
    save(good.source), save(bad.source), save(bad.target)
    (tmp_path / "out/.x.png.colorize-0123456789ab.tmp").touch()
    before = content(tmp_path)
    results = preview([good, bad, gone], manifest=Manifest(tmp_path / "m.jsonl", {}))
    assert [state(result) for result in results.values()] == ["done", "failed", "failed"]
    assert "no such file" in results[gone].error
    assert content(tmp_path) == before


# Many files, stopping early


def test_no_more_jobs_are_begun_than_are_in_work(tmp_path):
    """50,000 results or futures would not fit: a slow consumer holds the batch up."""
    jobs = [Job(save(tmp_path / f"{n}.png"), tmp_path / f"out/{n}.png") for n in range(30)]
    begun = []

    def count(photo: Photo) -> Photo:
        begun.append(photo)
        return redden(photo)

    results = batch.run(jobs, count, workers=2)
    next(results)
    time.sleep(0.2)
    assert len(begun) <= 2 * runner.JOBS_PER_WORKER + 1
    assert len(list(results)) == 29
    assert len(begun) == 30


def test_after_a_failure_fail_fast_begins_nothing(tmp_path):
    jobs = [Job(save(tmp_path / f"{n:02}.png"), tmp_path / f"out/{n:02}.png") for n in range(30)]
    jobs[3].source.write_bytes(b"no picture")
    results = run(jobs, fail_fast=True)
    assert results[jobs[3]].error is not None
    assert 3 <= len(results) < 12
    done = [result for result in results.values() if result.error is None]
    assert len(list((tmp_path / "out").iterdir())) == len(done)


def test_closing_gives_up_what_is_in_work(tmp_path):
    jobs = [Job(save(tmp_path / f"{n}.png"), tmp_path / f"out/{n}.png") for n in range(9)]
    begun, go_on = threading.Event(), threading.Event()

    def slow(photo: Photo) -> Photo:
        if photo.width == 9:
            begun.set()
            go_on.wait(10)
        return redden(photo)

    for job in jobs[1:]:
        save(job.source, (9, 9))
    with Manifest.appending(tmp_path / "m.jsonl", {}) as manifest:
        results = batch.run(jobs, slow, WriteOptions(manifest=manifest))
        next(results)
        begun.wait(10)
        threading.Timer(0.1, go_on.set).start()
        results.close()
    assert list(content(tmp_path / "out")) == ["0.png"]
    lines = [json.loads(line) for line in (tmp_path / "m.jsonl").read_text().splitlines()]
    assert [line["output"][-5:] for line in lines if line["status"] != "started"] == ["0.png"]


def test_leftovers_of_a_killed_run_are_removed(tmp_path):
    job = Job(save(tmp_path / "a.png"), save(tmp_path / "out/a.png"))
    leftover = tmp_path / "out/.a.png.colorize-0123456789ab.tmp"
    leftover.write_bytes(b"half")
    run([job], skip_existing=True)
    assert list(content(tmp_path / "out")) == ["a.png"]


def test_the_batch_ends_where_the_manifest_cannot_be_written(tmp_path, monkeypatch):
    jobs = [Job(save(tmp_path / f"{n}.png"), tmp_path / f"out/{n}.png") for n in range(9)]
    with Manifest.appending(tmp_path / "m.jsonl", {}) as manifest:
        monkeypatch.setattr(os, "write", lambda *_: (_ for _ in ()).throw(OSError(28, "No space")))
        with pytest.raises(ColorizeError, match=r"m\.jsonl: .*disk is full"):
            run(jobs, manifest=manifest)
        monkeypatch.undo()
    assert not (tmp_path / "out").exists()


# The report of failures


def test_failures_are_reported_one_a_line(tmp_path):
    path = tmp_path / "failed.jsonl"
    for _ in range(2):  # the second replaces the first
        with batch.failure_log(path) as add:
            add(batch.Result(Job(Path("a\n\udcff.png"), Path("out.png")), 0, "a: broken"))
        (line,) = path.read_bytes().splitlines()
        said = json.loads(line)
        assert os.fsencode(said["input"]).endswith(b"/a\n\xff.png")
        assert said["error"] == "a: broken"
    with batch.failure_log(path):
        pass
    assert path.read_bytes() == b""


def test_a_report_replaces_nothing_but_a_report(tmp_path):
    photo = save(tmp_path / "a.png")
    before = photo.read_bytes()
    with Manifest.appending(tmp_path / "m.jsonl", {}) as manifest:
        manifest.start(photo, tmp_path / "b.png")
    for path in (photo, tmp_path / "m.jsonl"):
        with pytest.raises(ColorizeError, match="not a failure log"), batch.failure_log(path):
            pass
    with pytest.raises(ColorizeError, match="no such"), batch.failure_log(tmp_path / "x/y"):
        pass
    assert photo.read_bytes() == before


# Names, links, and what is no photograph


def test_a_file_named_twice_is_one_job():
    sources = [Source(Path("in/a.png"), Path("a.png"))] * 2
    assert len(batch.plan_jobs(sources, Path("out"), True)) == 1


def test_an_input_is_not_replaced_through_links(tmp_path):
    a, b = save(tmp_path / "in/a.png"), save(tmp_path / "in/b.png")
    before = content(tmp_path / "in")
    (tmp_path / "out").mkdir()
    os.link(a, tmp_path / "out/a.png")
    (tmp_path / "out/b.png").symlink_to(b)
    (tmp_path / "alias").symlink_to(tmp_path / "in")
    jobs = [Job(p, tmp_path / folder / p.name) for p in (a, b) for folder in ("out", "alias")]
    for result in run(jobs, overwrite=True).values():
        assert "replace an input" in result.error
    assert content(tmp_path / "in") == before


def test_outputs_that_differ_in_case_are_one_file_on_some_disks(tmp_path, monkeypatch):
    upper = unicodedata.normalize("NFC", "Éa.png")
    lower = unicodedata.normalize("NFD", "éA.PNG")
    jobs = [Job(save(tmp_path / n / "a.png"), tmp_path / "out" / n) for n in (upper, lower)]
    assert batch.find_conflicts(jobs) == {}
    monkeypatch.setattr(collisions, "ignores_case", lambda folder: True)
    assert "already the output" in batch.find_conflicts(jobs)[jobs[1]]


def test_whether_a_disk_ignores_case_is_found_out(tmp_path):
    (tmp_path / "Case").mkdir()
    assert collisions.ignores_case(tmp_path / "Case/none") == (tmp_path / "cASE").exists()
    (tmp_path / "cASE").symlink_to(tmp_path / "Case")  # what such a disk would show
    assert collisions.ignores_case(tmp_path / "Case/none")


def test_manifest_and_report_are_no_outputs(tmp_path):
    job = Job(save(tmp_path / "a.png"), tmp_path / "m.png")
    result = run([job], reserved=(tmp_path / "x/../m.png",), overwrite=True)[job]
    assert "replace the manifest" in result.error
    assert not job.target.exists()


def test_outputs_inside_the_input_folder_are_no_inputs(tmp_path):
    save(tmp_path / "in/a.png")
    out = tmp_path / "in/out"
    for _ in range(2):
        found = batch.find_images([tmp_path / "in"], None, out)
        assert [str(source.relative) for source in found] == ["a.png"]
        found = batch.find_images([], f"{tmp_path}/in/**/*.png", out)
        assert [str(source.relative) for source in found] == ["a.png"]
        save(out / "a.png")
    assert len(batch.find_images([tmp_path / "in"])) == 2
    assert len(batch.find_images([tmp_path / "in"], None, tmp_path / "in")) == 2
    assert len(batch.find_images([out], None, out / "deeper")) == 1


def test_odd_things_in_a_folder_cost_the_photographs_nothing(tmp_path):
    good = save(tmp_path / "in/good.png")
    os.mkfifo(tmp_path / "in/pipe.png")
    (tmp_path / "in/dangling.jpg").symlink_to(tmp_path / "nowhere")
    (tmp_path / "in/loop.jpg").symlink_to(tmp_path / "in/loop.jpg")
    (tmp_path / "in/folder.jpg").mkdir()
    save(tmp_path / "in/folder.jpg/inside.png")
    (tmp_path / "in/up").symlink_to(tmp_path / "in")
    (tmp_path / "in/empty.png").touch()
    jobs = batch.plan_jobs(batch.find_images([tmp_path / "in"]), tmp_path / "out", True)
    with Manifest.appending(tmp_path / "m.jsonl", {}) as manifest:
        results = run(jobs, manifest=manifest)
    errors = {job.source.name: result.error for job, result in results.items()}
    assert errors.pop(good.name) is None and errors.pop("inside.png") is None
    assert "not a regular file" in errors.pop("pipe.png")
    assert "leads nowhere" in errors.pop("dangling.jpg")
    assert errors.pop("loop.jpg") and "empty" in errors.pop("empty.png")
    assert errors == {}
    assert sorted(content(tmp_path / "out")) == ["folder.jpg/inside.png", "good.png"]


@pytest.mark.parametrize("name", [b"new\nline.png", b"latin\xe9.png", b"-o.png", b"a\x1b[1m.png"])
def test_odd_names_work_and_are_said_on_one_printable_line(tmp_path, name):
    source = save(tmp_path / "in/plain.png").rename(tmp_path / "in" / os.fsdecode(name))
    jobs = batch.plan_jobs(batch.find_images([tmp_path / "in"]), tmp_path / "out", True)
    assert [result.error for result in run(jobs).values()] == [None]
    assert os.listdir(os.fsencode(tmp_path / "out")) == [name]
    again = run(jobs)[jobs[0]].error
    source.write_bytes(b"no picture")
    broken = run(jobs, overwrite=True)[jobs[0]].error
    for error in (again, broken):
        assert error.isprintable()
    with pytest.raises(ColorizeError) as caught:
        batch.find_images([tmp_path / "in"], os.fsdecode(name) + "none")
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("pattern", ["/abs/*.png", "**.png/x"])
def test_a_pattern_that_cannot_be_is_one_line(tmp_path, pattern):
    save(tmp_path / "a.png")
    with pytest.raises(ColorizeError, match=r"png"):
        batch.find_images([tmp_path], pattern)


def test_no_memory_for_a_photograph_is_one_line(tmp_path):
    def greedy(photo: Photo) -> Photo:
        raise MemoryError

    job = Job(save(tmp_path / "a.png"), tmp_path / "out.png")
    assert run([job], greedy)[job].error.endswith("a.png: not enough memory for this picture")


# Permissions and disks: as root, by another user's eyes and mounts


@pytest.fixture
def as_nobody() -> Iterator[Path]:
    """Give a folder and become a user for whom permissions count."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o777)
        if os.geteuid() != 0:
            yield Path(folder)
            return
        os.seteuid(65534)
        try:
            yield Path(folder)
        finally:
            os.seteuid(0)


def test_what_may_not_be_read_or_written_costs_the_others_nothing(as_nobody):
    for name in ("good", "secret", "shut/inside"):
        save(as_nobody / f"in/{name}.png")
    (as_nobody / "in/secret.png").chmod(0)
    (as_nobody / "in/shut").chmod(0)
    sources = batch.find_images([as_nobody / "in"])
    results = run(batch.plan_jobs(sources, as_nobody / "out", True))
    errors = {job.source.name: result.error for job, result in results.items()}
    assert errors["good.png"] is None
    assert "permission denied" in errors["secret.png"]
    assert "shut: can't list this folder: permission denied" in errors["shut"]
    (as_nobody / "out").chmod(0o555)
    jobs = [
        Job(as_nobody / "in/good.png", as_nobody / f"out/{name}") for name in ("b.png", "x/c.png")
    ]
    for result in run(jobs).values():
        assert "permission denied" in result.error
    for path in (as_nobody / "in/shut", as_nobody / "out"):
        path.chmod(0o755)
    assert list(content(as_nobody / "out")) == ["good.png"]


@pytest.fixture
def small_disk(tmp_path) -> Iterator[Path]:
    """Give a file system of 64 KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount("-t", "tmpfs", "-o", "size=64k", "none", str(folder))
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def mount(*arguments: str) -> None:
    try:
        subprocess.run(["mount", *arguments], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("mounting a file system is not allowed here")


def noise(photo: Photo) -> Photo:
    pixels = np.random.default_rng(0).integers(0, 256, (photo.height, photo.width, 3), np.uint8)
    return dataclasses.replace(photo, pixels=pixels)


def test_a_full_disk_fails_what_does_not_fit_and_leaves_no_half_file(small_disk, tmp_path):
    sizes = {"a": (20, 20), "b": (500, 500), "c": (30, 30)}
    jobs = [
        Job(save(tmp_path / f"{n}.png", size), small_disk / f"out/{n}.png")
        for n, size in sizes.items()
    ]
    # One after another: what does not fit would take the others' room while it is being written.
    results = {result.job: result for result in batch.run(jobs, noise, workers=1)}
    assert [results[job].error is None for job in jobs] == [True, False, True]
    assert "the disk is full" in results[jobs[1]].error
    assert sorted(content(small_disk)) == ["out/a.png", "out/c.png"]


def test_a_manifest_on_a_full_disk_ends_the_batch_with_whole_lines(small_disk, tmp_path):
    file = small_disk / "m.jsonl"
    jobs = [Job(save(tmp_path / f"{n}.png"), tmp_path / f"out/{n}.png") for n in range(40)]
    (small_disk / "ballast").write_bytes(bytes(48 << 10))
    with (
        Manifest.appending(file, {}) as manifest,
        pytest.raises(ColorizeError, match="disk is full"),
    ):
        run(jobs, manifest=manifest)
    assert file.read_bytes().endswith(b"}\n")
    (small_disk / "ballast").unlink()
    with Manifest.appending(file, {}) as manifest:
        results = run(jobs, manifest=manifest)
    assert not [result.error for result in results.values() if result.error]
    assert any(result.skipped for result in results.values())
    assert len(content(tmp_path / "out")) == 40


def test_a_read_only_disk_is_said(tmp_path):
    job = Job(save(tmp_path / "a.png"), tmp_path / "disk/out/a.png")
    (tmp_path / "disk").mkdir()
    mount("-t", "tmpfs", "-o", "ro", "none", str(tmp_path / "disk"))
    try:
        assert "read-only" in run([job])[job].error
        straight = Job(job.source, tmp_path / "disk/a.png")
        assert "read-only" in run([straight])[straight].error
        with (
            pytest.raises(ColorizeError, match="read-only"),
            Manifest.appending(tmp_path / "disk/m.jsonl", {}),
        ):
            pass
    finally:
        subprocess.run(["umount", str(tmp_path / "disk")], check=True)

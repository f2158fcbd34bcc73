"""Running jobs: failures, cancellation, and how many run at a time."""

import dataclasses
import errno
import json
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import numpy as np
import pytest
from fixtures.batches import content, redden, run, save, size_of, state
from PIL import Image

from colorize import batch
from colorize.batch import Job, WriteOptions, runner
from colorize.batch.manifest import Manifest
from colorize.errors import ColorizeError
from colorize.io.photo import Photo
from colorize.io.prefetch import PhotoPrefetcher


def test_bad_file_does_not_stop_the_others(tmp_path):
    jobs = [Job(save(tmp_path / f"{n}.png"), tmp_path / f"out/{n}.png") for n in "abc"]
    jobs[1].source.write_bytes(b"no picture at all")
    results = run(jobs)
    assert [results[job].error is None for job in jobs] == [True, False, True]
    assert "b.png" in results[jobs[1]].error
    assert "\n" not in results[jobs[1]].error
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["a.png", "c.png"]
    assert Image.open(jobs[0].target).getpixel((0, 0)) == (200, 0, 0)


@pytest.mark.parametrize("sample", [None, 1])
def test_error_of_the_network_names_the_photograph(sample, tmp_path):
    def faulty(*_: object) -> Photo:
        raise ColorizeError("gives colors that are not numbers")

    job = Job(save(tmp_path / "a.png"), tmp_path / "out.png", sample=sample)
    (result,) = batch.run([job], faulty, WriteOptions(), render=faulty)
    assert result.error == f"{job.source}: gives colors that are not numbers"


def test_nothing_is_colorized_for_a_folder_that_cannot_be_written(tmp_path, monkeypatch):
    def never(photo: Photo) -> Photo:
        raise AssertionError

    monkeypatch.setattr(os, "access", lambda path, mode: False)
    job = Job(save(tmp_path / "a.png"), tmp_path / "out/new/a.png")
    done = Job(job.source, save(tmp_path / "b.png"))
    results = run([job, done], never, existing="keep")
    assert results[job].error.endswith("new: permission denied")
    assert results[done].skipped


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OSError(errno.EMFILE, "Too many open files", "a_module.py"), "too many open files"),
        (ImportError("libx.so: cannot allocate memory"), "a library cannot be loaded: libx.so"),
        (MemoryError(), "not enough memory"),
    ],
)
def test_lack_of_something_is_not_taken_for_a_bug(error, reason, tmp_path):
    def faulty(photo: Photo) -> Photo:
        raise error

    job = Job(save(tmp_path / "a.png"), tmp_path / "out.png")
    said = run([job], faulty)[job].error
    assert said.startswith(f"{job.source}: {reason}") and "report it" not in said


def test_unexpected_exception_is_one_line_and_leaves_no_file(tmp_path):
    def faulty(photo: Photo) -> Photo:
        raise RuntimeError("first line\nsecond line")

    job = Job(save(tmp_path / "a.png"), tmp_path / "out.png")
    error = run([job], faulty)[job].error
    assert "unexpected RuntimeError: first line second line" in error
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.png"]


def test_every_page_is_colorized(tmp_path):
    source = tmp_path / "pages.tif"
    pages = [Image.new("L", size, 99) for size in ((5, 4), (3, 2))]
    pages[0].save(source, save_all=True, append_images=pages[1:])
    job = Job(source, tmp_path / "out.tif")
    result = run([job])[job]
    assert result.error is None
    assert (result.size, result.pages) == ((5, 4), 2)
    with Image.open(job.target) as image:
        assert image.n_frames == 2


def test_slow_consumer_limits_started_jobs(tmp_path):
    """50,000 results or futures would not fit: a slow consumer holds the batch up."""
    jobs = [Job(save(tmp_path / f"{n}.png"), tmp_path / f"out/{n}.png") for n in range(30)]
    started = []

    def count(photo: Photo) -> Photo:
        started.append(photo)
        return redden(photo)

    results = batch.run(jobs, count, workers=2)
    next(results)
    time.sleep(0.2)
    assert len(started) <= 2 * runner.JOBS_PER_WORKER + 1
    assert len(list(results)) == 29
    assert len(started) == 30


def test_fail_fast_starts_nothing_after_a_failure(tmp_path):
    jobs = [Job(save(tmp_path / f"{n:02}.png"), tmp_path / f"out/{n:02}.png") for n in range(30)]
    jobs[3].source.write_bytes(b"no picture")
    results = run(jobs, fail_fast=True)
    assert results[jobs[3]].error is not None
    assert 3 <= len(results) < 12
    done = [result for result in results.values() if result.error is None]
    assert len(list((tmp_path / "out").iterdir())) == len(done)


def test_closing_cancels_running_jobs(tmp_path):
    jobs = [Job(save(tmp_path / f"{n}.png"), tmp_path / f"out/{n}.png") for n in range(9)]
    started, resume = threading.Event(), threading.Event()

    def slow(photo: Photo) -> Photo:
        if photo.width == 9:
            started.set()
            resume.wait(10)
        return redden(photo)

    for job in jobs[1:]:
        save(job.source, (9, 9))
    with Manifest.appending(tmp_path / "m.jsonl", {}) as manifest:
        results = batch.run(jobs, slow, WriteOptions(manifest=manifest))
        next(results)
        started.wait(10)
        threading.Timer(0.1, resume.set).start()
        results.close()
    assert list(content(tmp_path / "out")) == ["0.png"]
    lines = [json.loads(line) for line in (tmp_path / "m.jsonl").read_text().splitlines()]
    assert [line["output"][-5:] for line in lines if line["status"] != "started"] == ["0.png"]


def test_unwritable_manifest_ends_the_batch(tmp_path, monkeypatch):
    jobs = [Job(save(tmp_path / f"{n}.png"), tmp_path / f"out/{n}.png") for n in range(9)]
    with Manifest.appending(tmp_path / "m.jsonl", {}) as manifest:
        monkeypatch.setattr(os, "write", lambda *_: (_ for _ in ()).throw(OSError(28, "No space")))
        with pytest.raises(ColorizeError, match=r"m\.jsonl: .*disk is full"):
            run(jobs, manifest=manifest)
        monkeypatch.undo()
    assert not (tmp_path / "out").exists()


def test_pipes_and_broken_links_do_not_stop_the_others(tmp_path):
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
def test_unprintable_names_work_and_are_printed_on_one_line(tmp_path, name):
    source = save(tmp_path / "in/plain.png").rename(tmp_path / "in" / os.fsdecode(name))
    jobs = batch.plan_jobs(batch.find_images([tmp_path / "in"]), tmp_path / "out", True)
    assert [result.error for result in run(jobs).values()] == [None]
    assert os.listdir(os.fsencode(tmp_path / "out")) == [name]
    again = run(jobs)[jobs[0]].error
    source.write_bytes(b"no picture")
    broken = run(jobs, existing="replace")[jobs[0]].error
    for error in (again, broken):
        assert error.isprintable()
    with pytest.raises(ColorizeError) as caught:
        batch.find_images([tmp_path / "in"], [os.fsdecode(name) + "none"])
    assert str(caught.value).isprintable()


def test_memory_error_is_one_line(tmp_path):
    def greedy(photo: Photo) -> Photo:
        raise MemoryError

    job = Job(save(tmp_path / "a.png"), tmp_path / "out.png")
    assert run([job], greedy)[job].error.endswith("a.png: not enough memory for this picture")


def test_file_that_appears_while_a_photograph_is_in_work_is_kept(tmp_path):
    job = Job(save(tmp_path / "in/a.png"), tmp_path / "out/a.png")

    def slow(photo: Photo) -> Photo:
        job.target.parent.mkdir()
        job.target.write_bytes(b"of the user")
        return redden(photo)

    result = run([job], slow)[job]
    assert state(result) == "failed" and "another file" in result.error
    assert job.target.read_bytes() == b"of the user"


def test_of_two_runs_into_one_folder_the_later_result_is_refused(tmp_path):
    jobs = [Job(save(tmp_path / f"in/{n}.png"), tmp_path / f"out/{n}.png") for n in range(6)]
    both_have_begun = threading.Barrier(2)

    def colorizer(level):
        def colorize(photo: Photo) -> Photo:
            with suppress(threading.BrokenBarrierError):
                both_have_begun.wait(timeout=5)
            return dataclasses.replace(photo, pixels=np.full((*photo.size, 3), level, np.uint8))

        return colorize

    with ThreadPoolExecutor() as threads:
        options = WriteOptions(existing="refuse")
        runs = [
            threads.submit(lambda level: list(batch.run(jobs, colorizer(level), options)), level)
            for level in (50, 200)
        ]
        results = [dict((result.job, state(result)) for result in run.result()) for run in runs]
    for job in jobs:
        assert sorted(result[job] for result in results) == ["done", "failed"]
        with Image.open(job.target) as picture:
            level = picture.getpixel((0, 0))[0]
        assert results[level > 100][job] == "done"


def test_photograph_replaced_after_it_was_read_ahead_is_read_again(tmp_path):
    source, target = save(tmp_path / "a.png", (8, 6)), tmp_path / "out.png"
    with PhotoPrefetcher(source, max_pixels=10**6) as prefetcher:
        save(tmp_path / "new.png", (10, 12)).replace(source)
        results = batch.run([Job(source, target)], redden, prefetcher=prefetcher)
        assert [state(result) for result in results] == ["done"]
    assert size_of(target) == (10, 12)

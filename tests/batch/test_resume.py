"""Second runs: existing outputs and the manifest."""

import os
import time

import pytest
from fixtures.batches import content, dry_run, redden, run, save, size_of, state

from colorize.batch import Job
from colorize.batch.manifest import Manifest
from colorize.errors import ColorizeError
from colorize.io.photo import Photo


def test_existing_output_is_kept_without_overwrite(tmp_path):
    job = Job(save(tmp_path / "a.png"), tmp_path / "out.png")
    job.target.write_bytes(b"precious")
    assert "exists" in run([job])[job].error
    assert job.target.read_bytes() == b"precious"
    assert run([job], existing="replace")[job].error is None
    assert job.target.read_bytes() != b"precious"


def test_skip_existing_skips_existing_outputs(tmp_path):
    old, new = (Job(save(tmp_path / f"{n}.png"), tmp_path / f"out/{n}.png") for n in "ab")
    save(old.target)
    before = old.target.read_bytes()
    results = run([old, new], existing="keep")
    assert [state(results[job]) for job in (old, new)] == ["skipped", "done"]
    assert "exists" in results[old].skipped
    assert old.target.read_bytes() == before


@pytest.fixture
def batch_of_three(tmp_path):
    """Return a function that runs three jobs with a manifest and gives their states."""
    jobs = [Job(save(tmp_path / f"in/{n}.png"), tmp_path / f"out/{n}.png") for n in "abc"]

    def go(settings="1", colorize=redden, **options) -> list[str]:
        with Manifest.appending(tmp_path / "m.jsonl", {"size": settings}) as manifest:
            planned = dry_run(jobs, manifest=manifest, **options)
            results = run(jobs, colorize, manifest=manifest, **options)
        states = [state(results[job]) for job in jobs if job in results]
        if colorize is redden:
            assert [state(planned[job]) for job in jobs if job in results] == states
        return states

    go.jobs = jobs
    return go


def test_second_run_colorizes_what_is_missing(batch_of_three):
    assert batch_of_three() == ["done"] * 3
    assert batch_of_three() == ["skipped"] * 3
    batch_of_three.jobs[1].target.unlink()
    assert batch_of_three() == ["skipped", "done", "skipped"]


def test_changed_setting_or_input_is_redone_without_overwrite(batch_of_three):
    batch_of_three()
    save(batch_of_three.jobs[2].source, (9, 9))
    assert batch_of_three() == ["skipped", "skipped", "done"]
    assert size_of(batch_of_three.jobs[2].target) == (9, 9)
    assert batch_of_three("2") == ["done"] * 3
    assert batch_of_three("2") == ["skipped"] * 3


def test_edited_output_is_kept(batch_of_three):
    batch_of_three()
    target = batch_of_three.jobs[0].target
    target.write_bytes(b"retouched by hand")
    assert batch_of_three() == ["failed", "skipped", "skipped"]
    assert batch_of_three("2", existing="keep") == ["skipped", "done", "done"]
    assert target.read_bytes() == b"retouched by hand"
    assert batch_of_three("2", existing="replace") == ["done", "skipped", "skipped"]
    assert target.read_bytes() != b"retouched by hand"


def test_output_missing_from_the_manifest_is_kept(batch_of_three):
    target = save(batch_of_three.jobs[1].target, (1, 1))
    assert batch_of_three() == ["done", "failed", "done"]
    assert size_of(target) == (1, 1)


@pytest.mark.parametrize(
    ("days", "expected"), [(-1, "skipped"), (0.5, "failed"), (9999, "skipped")]
)
def test_input_of_a_wrong_clock_is_not_newer(days, expected, tmp_path):
    job = Job(save(tmp_path / "a.png"), save(tmp_path / "out.png"))
    seconds = time.time() + 86_400 * days
    os.utime(job.source, (seconds, seconds))
    assert state(run([job], existing="keep newer")[job]) == expected


def test_failures_are_retried(batch_of_three):
    def faulty(photo: Photo) -> Photo:
        raise ColorizeError("no luck")

    assert batch_of_three(colorize=faulty) == ["failed"] * 3
    assert batch_of_three() == ["done"] * 3


def test_dry_run_changes_nothing(tmp_path):
    good, bad, gone = (Job(tmp_path / f"{n}.png", tmp_path / f"out/{n}.png") for n in "abc")
    save(good.source), save(bad.source), save(bad.target)
    (tmp_path / "out/.x.png.colorize-0123456789ab.tmp").touch()
    before = content(tmp_path)
    results = dry_run([good, bad, gone], manifest=Manifest(tmp_path / "m.jsonl", {}))
    assert [state(result) for result in results.values()] == ["done", "failed", "failed"]
    assert "no such file" in results[gone].error
    assert content(tmp_path) == before


def test_temporary_files_of_killed_runs_are_removed(tmp_path):
    job = Job(save(tmp_path / "a.png"), save(tmp_path / "out/a.png"))
    leftover = tmp_path / "out/.a.png.colorize-0123456789ab.tmp"
    leftover.write_bytes(b"half")
    run([job], existing="keep")
    assert list(content(tmp_path / "out")) == ["a.png"]

"""Inputs and other files that no output may replace."""

import os
import unicodedata

from fixtures.batches import content, run, save

from colorize import batch
from colorize.batch import Job, conflicts


def test_input_is_never_replaced(tmp_path):
    a, b = save(tmp_path / "a.png"), save(tmp_path / "b.png")
    before = a.read_bytes()
    link = tmp_path / "link.png"
    link.symlink_to(a)
    for target in (a, link):
        job = Job(a, target)
        assert (
            "replace an input"
            in run([job, Job(b, tmp_path / "x.png")], existing="replace")[job].error
        )
    job = Job(b, a)
    assert (
        "replace an input" in run([Job(a, tmp_path / "y.png"), job], existing="replace")[job].error
    )
    assert a.read_bytes() == before


def test_second_input_with_the_same_output_is_rejected(tmp_path):
    first, second = (
        Job(save(tmp_path / name), tmp_path / "out" / "a.png") for name in ("a.png", "x/a.png")
    )
    results = run([first, second])
    assert results[first].error is None
    assert "already the output of" in results[second].error


def test_folders_and_pipes_are_never_replaced(tmp_path):
    jobs = [Job(save(tmp_path / f"{n}.png"), tmp_path / f"out/{n}.png") for n in "ab"]
    jobs[0].target.mkdir(parents=True)
    os.mkfifo(jobs[1].target)
    for result in run(jobs, existing="replace").values():
        assert "is a folder" in result.error or "not a regular file" in result.error
    assert jobs[0].target.is_dir() and jobs[1].target.is_fifo()


def test_input_is_not_replaced_through_links(tmp_path):
    a, b = save(tmp_path / "in/a.png"), save(tmp_path / "in/b.png")
    before = content(tmp_path / "in")
    (tmp_path / "out").mkdir()
    os.link(a, tmp_path / "out/a.png")
    (tmp_path / "out/b.png").symlink_to(b)
    (tmp_path / "alias").symlink_to(tmp_path / "in")
    jobs = [Job(p, tmp_path / folder / p.name) for p in (a, b) for folder in ("out", "alias")]
    for result in run(jobs, existing="replace").values():
        assert "replace an input" in result.error
    assert content(tmp_path / "in") == before


def test_outputs_that_differ_in_case_conflict_where_case_is_ignored(tmp_path, monkeypatch):
    upper = unicodedata.normalize("NFC", "Éa.png")
    lower = unicodedata.normalize("NFD", "éA.PNG")
    jobs = [Job(save(tmp_path / n / "a.png"), tmp_path / "out" / n) for n in (upper, lower)]
    assert batch.find_conflicts(jobs) == {}
    monkeypatch.setattr(conflicts, "ignores_case", lambda folder: True)
    assert "already the output" in batch.find_conflicts(jobs)[jobs[1]]


def test_case_insensitive_file_system_is_detected(tmp_path):
    (tmp_path / "Case").mkdir()
    assert conflicts.ignores_case(tmp_path / "Case/none") == (tmp_path / "cASE").exists()
    (tmp_path / "cASE").symlink_to(tmp_path / "Case")  # what such a disk would show
    assert conflicts.ignores_case(tmp_path / "Case/none")


def test_manifest_and_failure_log_are_never_replaced(tmp_path):
    job = Job(save(tmp_path / "a.png"), tmp_path / "m.png")
    result = run([job], reserved=(tmp_path / "x/../m.png",), existing="replace")[job]
    assert "manifest" in result.error
    assert not job.target.exists()

"""Counts and the failure log."""

import json
import os
from pathlib import Path

import pytest
from fixtures.batches import save

from colorize import batch
from colorize.batch import Job
from colorize.batch.manifest import Manifest
from colorize.errors import ColorizeError


def test_report_counts_results():
    report = batch.Report()
    job = Job(Path("a"), Path("b"))
    report.add(batch.Result(job, 0.1))
    report.add(batch.Result(job, 0.1, skipped="exists"))
    assert report.return_code == 0
    report.add(batch.Result(job, 0.1, error="broken"))
    assert (report.done, report.skipped, report.failed, report.return_code) == (1, 1, 1, 1)
    assert report.summary.startswith("1 done, 1 skipped, 1 failed in 0.0 s (")


def test_failure_log_has_one_line_per_failure(tmp_path):
    path = tmp_path / "failed.jsonl"
    for _ in range(2):  # the second replaces the first
        with batch.failure_log(path) as add:
            add(batch.Result(Job(Path("a\n\udcff.png"), Path("out.png")), 0, "a: broken"))
        (line,) = path.read_bytes().splitlines()
        entry = json.loads(line)
        assert os.fsencode(entry["input"]).endswith(b"/a\n\xff.png")
        assert entry["error"] == "a: broken"
    with batch.failure_log(path):
        pass
    assert path.read_bytes() == b""


def test_failure_log_replaces_only_a_failure_log(tmp_path):
    photo = save(tmp_path / "a.png")
    before = photo.read_bytes()
    with Manifest.appending(tmp_path / "m.jsonl", {}) as manifest:
        manifest.start(photo, tmp_path / "b.png")
    answer = tmp_path / "answer.json"
    answer.write_text('{"error": {"code": 1}, "precious": "answer"}')
    for path in (photo, tmp_path / "m.jsonl", answer):
        with pytest.raises(ColorizeError, match="not a failure log"), batch.failure_log(path):
            pass
    with pytest.raises(ColorizeError, match="no such"), batch.failure_log(tmp_path / "x/y"):
        pass
    assert photo.read_bytes() == before
    assert "precious" in answer.read_text()

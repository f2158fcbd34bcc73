"""Properties of planned jobs and manifest entries, for any file names."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from colorize import batch
from colorize.batch import Source
from colorize.batch.manifest import Manifest, finish_entry

PROFILE = settings(
    deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)

# Few letters, so that names collide; case, tags, numbers and suffixes as planning handles them.
stems = st.from_regex(r"[aA]{1,2}(-[12])?(\.colorized)?", fullmatch=True)
suffixes = st.sampled_from(["", ".jpg", ".JPG", ".png", ".gif", ".xyz", ".mp4", ".avi"])
folders = st.sampled_from(["", "x", "X", "x/y"])
paths = st.builds(lambda *parts: Path(parts[0], parts[1] + parts[2]), folders, stems, suffixes)
sources = st.lists(paths.map(lambda path: Source("in" / path, path)), max_size=12)
outputs = st.sampled_from([None, Path("out"), Path("in"), Path("in/x")])
formats = st.sampled_from([None, "png", "jpeg"])


@settings(PROFILE)
@given(sources, outputs, formats, st.none() | st.integers(1, 3))
def test_jobs_that_may_run_share_no_output_and_replace_no_input(sources, output, format, samples):
    jobs = batch.plan_jobs(sources, output, True, format, samples)
    rejected = batch.find_conflicts(jobs)
    targets = [job.target for job in jobs if job not in rejected]
    assert len(set(targets)) == len(targets)
    assert not set(targets) & {source.path for source in sources}


@settings(PROFILE)
@given(sources, outputs)
def test_each_source_gets_one_job(sources, output):
    jobs = batch.plan_jobs(sources, output, True)
    assert [job.source for job in jobs] == list(dict.fromkeys(source.path for source in sources))


names = st.binary(min_size=1, max_size=40).filter(
    lambda name: not set(name) & {0, ord("/")} and name not in (b".", b"..")
)


@pytest.mark.skipif(os.name == "nt", reason="names are not bytes")
@settings(PROFILE, max_examples=50)
@given(names, names, st.text(), st.none() | st.text(), st.floats(0, 1e6))
def test_manifest_entries_are_read_as_written(tmp_path, source, target, setting, error, seconds):
    file = tmp_path / "m.jsonl"
    file.unlink(missing_ok=True)
    source_path, target_path = (Path("/none", os.fsdecode(name)) for name in (source, target))
    with Manifest.appending(file, {"setting": setting}) as manifest:
        entry = finish_entry(manifest.start(source_path, target_path), error, seconds)
        manifest.append(entry)
    assert file.read_bytes().isascii() and file.read_bytes().count(b"\n") == 2
    (read,) = Manifest(file, {})._last.values()
    assert read == entry
    assert os.fsencode(read.input) == b"/none/" + source
    assert os.fsencode(read.output) == b"/none/" + target


@pytest.mark.skipif(os.name == "nt", reason="names are not bytes")
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(names)
def test_any_name_is_up_to_date_after_its_run(tmp_path, name):
    file, source = tmp_path / "m.jsonl", tmp_path / "in" / os.fsdecode(name)
    source.parent.mkdir(exist_ok=True)
    source.write_bytes(b"gray")
    target = tmp_path / "target.png"
    with Manifest.appending(file, {}) as manifest:
        started = manifest.start(source, target)
        target.write_bytes(name)
        manifest.append(finish_entry(started, None, 1.0))
    assert Manifest(file, {}).is_current(source, target)
    assert Manifest(file, {}).is_own_output(target)

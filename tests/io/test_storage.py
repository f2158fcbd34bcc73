"""Photographs in an object store: fsspec's store in memory."""

import json
import sys
import threading
from pathlib import Path

import fsspec
import numpy as np
import pytest
from PIL import Image

from colorize.cli import main
from colorize.errors import ColorizeError
from colorize.io import storage
from colorize.io.storage import RemotePath, is_url, list_objects, parse_path, sha256, size_and_mtime


@pytest.fixture
def store(tmp_path):
    """Return fsspec's store in memory with three photographs, which are in tmp_path/in as well."""
    system = fsspec.filesystem("memory")
    (tmp_path / "in/sub").mkdir(parents=True)
    generator = np.random.default_rng(0)
    for name in ("a.jpg", "sub/b.png", "sub/c.tif"):
        noise = Image.fromarray(generator.integers(0, 256, (6, 8), np.uint8)).resize((40, 30))
        noise.save(tmp_path / "in" / name)
        system.pipe_file(f"/bucket/in/{name}", (tmp_path / "in" / name).read_bytes())
    system.pipe_file("/bucket/in/.hidden.jpg", b"x")
    system.pipe_file("/bucket/in/notes.txt", b"x")
    yield system
    system.store.clear()


def outputs(store, prefix: str) -> dict[str, bytes]:
    return {key.removeprefix(prefix): store.cat_file(key) for key in store.find(prefix)}


@pytest.fixture
def run(weights):
    return lambda *arguments: main([*arguments, "--weights", weights, "--size", "64"])


def test_only_names_with_a_scheme_are_remote():
    assert is_url("s3://bucket/a.jpg")
    assert not any(map(is_url, ("file:///a.jpg", "a.jpg", "C://a.jpg", "", None)))
    assert parse_path("file:///tmp/a.jpg") == Path("/tmp/a.jpg")
    path = parse_path("memory://bucket/sub/a.jpg")
    assert isinstance(path, RemotePath)
    assert str(path.with_name("b.png").__fspath__()) == "memory:///bucket/sub/b.png"
    assert isinstance(path.parent / "c", RemotePath)


@pytest.mark.parametrize(("name", "expected"), [("nonsense://a/b", "unknown store")])
def test_unknown_store_is_an_error(name, expected):
    with pytest.raises(ColorizeError, match=expected):
        parse_path(name)


def test_missing_package_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(ColorizeError, match=r"\[s3\]"):
        parse_path("s3://bucket/a.jpg")


def test_folder_in_a_store_matches_folder_on_disk(store, tmp_path, run):
    assert run("-i", "memory://bucket/in", "-o", "memory://bucket/out/") == 0
    assert run("-i", str(tmp_path / "in"), "-o", str(tmp_path / "out")) == 0
    expected = {n: (tmp_path / "out" / n).read_bytes() for n in ("a.jpg", "sub/b.png", "sub/c.tif")}
    assert outputs(store, "/bucket/out/") == expected


def test_pattern_in_a_store_with_output_on_disk(store, tmp_path, run):
    assert run("--glob", "memory://bucket/in/**/*.PNG", "-o", str(tmp_path / "out")) == 0
    assert [p.name for p in tmp_path.glob("out/**/*.*")] == ["b.png"]
    assert run("-i", "memory://bucket/in", "--glob", "*.jpg", "-o", str(tmp_path / "jpg")) == 0
    assert [p.name for p in tmp_path.glob("jpg/**/*.*")] == ["a.jpg"]


def test_manifest_resumes_with_objects(store, tmp_path, run, capsys):
    manifest = tmp_path / "m.jsonl"
    command = ["-i", "memory://bucket/in", "-o", "memory://bucket/out/", "--manifest"]
    assert run(*command, str(manifest)) == 0
    lines = [json.loads(line) for line in manifest.read_text().splitlines()]
    done = next(a for a in lines if a["status"] == "done" and a["input"].endswith("a.jpg"))
    assert done["input"] == "memory:///bucket/in/a.jpg"
    assert done["sha256"] == sha256(parse_path("memory://bucket/in/a.jpg"))
    assert (done["size"], done["mtime_ns"]) == size_and_mtime(
        parse_path("memory://bucket/in/a.jpg")
    )
    store.rm("/bucket/out/a.jpg")
    store.pipe_file("/bucket/in/sub/b.png", store.cat_file("/bucket/in/sub/c.tif"))
    capsys.readouterr()
    assert run(*command, str(manifest), "--dry-run") == 0
    assert "2 to do, 1 to skip" in capsys.readouterr().err
    assert run(*command, str(manifest)) == 0
    assert "2 done, 1 skipped, 0 failed" in capsys.readouterr().err


def test_existing_object_is_replaced_only_with_overwrite(store, run, capsys):
    store.pipe_file("/bucket/out/a.jpg", b"mine")
    command = ["-i", "memory://bucket/in/a.jpg", "-o", "memory://bucket/out/a.jpg"]
    assert run(*command) == 1
    assert "--overwrite replaces it" in capsys.readouterr().err
    assert store.cat_file("/bucket/out/a.jpg") == b"mine"
    assert run(*command, "--overwrite") == 0
    assert run("-i", command[1], "-o", "memory://bucket//in/a.jpg", "--overwrite") == 1
    assert "would replace an input" in capsys.readouterr().err


def test_outputs_inside_the_input_folder_are_not_inputs(store, run, capsys):
    command = ["-i", "memory://bucket/in", "-o", "memory://bucket/in/out/", "--skip-existing"]
    assert run(*command) == 0
    capsys.readouterr()
    assert run(*command) == 0
    assert "3 outputs exist" in capsys.readouterr().err


def test_failures_name_the_object_and_write_nothing(store, tmp_path, run, capsys):
    store.pipe_file("/bucket/in/bad.jpg", b"no picture")
    assert run("-i", "memory://bucket/in", "-o", "memory://bucket/out/") == 1
    message = capsys.readouterr().err
    assert "memory:///bucket/in/bad.jpg: " in message
    assert "Traceback" not in message
    assert len(outputs(store, "/bucket/out/")) == 3
    assert run("-i", "memory://bucket/none.jpg", "-o", str(tmp_path / "x.jpg")) == 1
    assert "no such object" in capsys.readouterr().err


def test_refused_write_fails_one_photograph(store, run, monkeypatch, capsys):
    usual = type(store).pipe_file

    def pipe_file(self, path, value, **more):
        if path.endswith("b.png"):
            raise PermissionError("AccessDenied")
        return usual(self, path, value, **more)

    monkeypatch.setattr(type(store), "pipe_file", pipe_file)
    assert run("-i", "memory://bucket/in", "-o", "memory://bucket/out/") == 1
    message = capsys.readouterr().err
    assert "sub/b.png: the store refuses: AccessDenied" in message
    assert "2 done, 0 skipped, 1 failed" in message


def test_missing_bucket_is_named(store, run, monkeypatch, capsys):
    def pipe_file(self, key, value, **options):
        raise FileNotFoundError("The specified bucket does not exist")  # so s3fs

    monkeypatch.setattr(type(store), "pipe_file", pipe_file)
    assert run("-i", "memory://bucket/in/a.jpg", "-o", "memory://absent/a.jpg") == 1
    assert capsys.readouterr().err.endswith("memory:///absent/a.jpg: no such bucket\n")


def test_keys_with_empty_parts_are_refused(store):
    store.store["/bucket/odd//a.jpg"] = store.store["/bucket/in/a.jpg"]
    with pytest.raises(ColorizeError, match="rename it"):
        list(list_objects(parse_path("memory://bucket/odd"), None))


@pytest.mark.parametrize("option", ["--manifest", "--failure-log", "--gallery", "--reference"])
def test_side_files_must_be_on_disk(option, capsys):
    with pytest.raises(SystemExit):
        main(["-i", "memory://bucket/in", "-o", "out/", option, "memory://bucket/x"])
    assert f"{option} needs a local file" in capsys.readouterr().err


def test_a_store_that_never_answers_fails_the_photograph(store, run, monkeypatch, capsys):
    never = threading.Event()
    monkeypatch.setattr(type(store), "cat_file", lambda *arguments, **options: never.wait(10))
    monkeypatch.setattr(storage, "TRANSFER_TIMEOUT", 0.1)
    assert run("-i", "memory://bucket/in/a.jpg", "-o", "memory://bucket/out.png") == 1
    never.set()
    assert "a.jpg: the store does not answer in time" in capsys.readouterr().err

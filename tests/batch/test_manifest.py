"""What counts as done, and that a manifest survives kills, full disks and odd names."""

import errno
import hashlib
import json
import os
import shutil
from pathlib import Path

import pytest

from colorize.batch import manifest as manifests
from colorize.batch.manifest import Manifest, finish_entry
from colorize.errors import ColorizeError

SETTINGS = {"model": "compact", "weights": "ab", "size": 256, "format": None}


@pytest.fixture
def files(tmp_path) -> tuple[Path, Path, Path]:
    """Return manifest, input and output of a photograph that was done."""
    file, source, target = tmp_path / "m.jsonl", tmp_path / "a.jpg", tmp_path / "out.jpg"
    source.write_bytes(b"gray")
    do(file, source, target)
    return file, source, target


def do(file: Path, source: Path, target: Path, settings=SETTINGS) -> None:
    with Manifest.appending(file, settings) as manifest:
        line = manifest.start(source, target)
        target.write_bytes(b"colored")
        manifest.append(finish_entry(line, None, 1.5))


def finished(file: Path, source: Path, target: Path, settings=SETTINGS) -> bool:
    return Manifest(file, settings).is_current(source, target)


def lines(file: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in file.read_bytes().splitlines()]


def test_a_line_says_all_about_a_photograph(files):
    file, source, target = files
    started, done = lines(file)
    assert started["status"] == "started"
    assert started["output_sha256"] is None
    assert done["input"] == str(source) and done["output"] == str(target)
    assert done["sha256"] == hashlib.sha256(b"gray").hexdigest()
    assert done["output_sha256"] == hashlib.sha256(b"colored").hexdigest()
    assert (done["size"], done["output_size"]) == (4, 7)
    assert done["settings"] == SETTINGS
    assert (done["status"], done["error"], done["seconds"]) == ("done", None, 1.5)


def test_what_is_done_is_finished(files):
    assert finished(*files)
    file, source, target = files
    assert not finished(file, source, target.with_name("other.jpg"))


@pytest.mark.parametrize("change", [{"weights": "cd"}, {"size": 512}, {"format": "PNG"}])
def test_a_changed_setting_is_done_again(files, change):
    assert not finished(*files, SETTINGS | change)


def test_a_changed_input_is_done_again_and_a_touched_one_not(files):
    _, source, _ = files
    os.utime(source, (1, 1))
    assert finished(*files)
    source.write_bytes(b"new!")
    assert not finished(*files)


def test_a_missing_or_changed_output_is_done_again(files):
    _file, _source, target = files
    os.utime(target, (1, 1))
    assert finished(*files)
    target.write_bytes(b"retouched")
    assert not finished(*files)
    target.unlink()
    assert not finished(*files)
    target.mkdir()
    assert not finished(*files)


def test_only_the_very_content_that_was_written_is_ours(files):
    file, _source, target = files
    other = SETTINGS | {"size": 512}
    assert Manifest(file, other).is_own_output(target)
    os.utime(target, (1, 1))
    assert Manifest(file, other).is_own_output(target)
    target.write_bytes(b"painted ")
    assert not Manifest(file, other).is_own_output(target)
    target.unlink()
    assert not Manifest(file, other).is_own_output(target)


def test_a_failed_photograph_is_tried_again(files):
    file, source, target = files
    with Manifest.appending(file, SETTINGS) as manifest:
        manifest.append(finish_entry(manifest.start(source, target), "broken", 0.1))
    assert not finished(*files)
    assert Manifest(file, SETTINGS).is_own_output(target)  # the output of the time before
    assert lines(file)[-1]["error"] == "broken"


def test_killed_before_the_output_came(tmp_path, files):
    """A line `started` and the old output, or none: nothing was done."""
    file, source, target = files
    other = SETTINGS | {"size": 512}
    with Manifest.appending(file, other) as manifest:
        manifest.start(source, target)
        new = tmp_path / "new.jpg"
        manifest.start(source, new)
    assert not finished(file, source, target, other)
    assert Manifest(file, other).is_own_output(target)
    assert not finished(file, source, new, other)


def test_killed_after_the_output_came(tmp_path, files):
    """A line `started` and a new output: it was finished, but is not proven to be ours."""
    file, source, target = files
    other = SETTINGS | {"size": 512}
    with Manifest.appending(file, other) as manifest:
        manifest.start(source, target)
        target.write_bytes(b"other colors")
    assert finished(file, source, target, other)
    assert not Manifest(file, other).is_own_output(target)


def test_an_unreadable_input_is_never_finished(tmp_path):
    file, source, target = tmp_path / "m.jsonl", tmp_path / "missing.jpg", tmp_path / "out.jpg"
    do(file, source, target)
    assert not finished(file, source, target)
    os.mkfifo(source)
    do(file, source, target)  # and does not wait for the pipe
    assert not finished(file, source, target)


def test_a_last_line_cut_off_anywhere_is_tolerated(tmp_path, files):
    file, source, _target = files
    whole = file.read_bytes()
    start = whole.index(b"\n") + 1
    for length in (*range(start, start + 15), len(whole) - 2, len(whole) - 1):
        file.write_bytes(whole[:length])
        assert finished(*files), "started, and the output is there"
        do(file, source, tmp_path / "b.jpg")
        assert [line["status"] for line in lines(file)] == ["started", "started", "done"]


def test_reading_changes_nothing(files):
    file, source, target = files
    file.write_bytes(file.read_bytes()[:-5])
    before = file.read_bytes()
    assert finished(*files)
    assert file.read_bytes() == before
    missing = file.with_name("none.jsonl")
    assert not finished(missing, source, target)
    assert not missing.exists()


@pytest.mark.parametrize(
    "content",
    [
        b"\xff\xd8\xff\xe0JFIF",
        b"text\n",
        b'{"input": 1}\n',
        b"[1]\n",
        b"\0" * 9,
        b"{",
        b'{"input": "a prompt", "model": "x"}',
    ],
)
def test_a_file_that_is_no_manifest_is_refused_and_kept(tmp_path, content):
    file = tmp_path / "photo.jpg"
    file.write_bytes(content)
    with (
        pytest.raises(ColorizeError, match=r"photo\.jpg: .*choose another file"),
        Manifest.appending(file, SETTINGS),
    ):
        pass
    assert file.read_bytes() == content


def test_folders_and_pipes_are_no_manifest(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(ColorizeError, match="regular"), Manifest.appending(path, {}):
            pass
    with pytest.raises(ColorizeError, match="no such"), Manifest.appending(tmp_path / "x/m", {}):
        pass


def test_removal_during_an_interrupted_run_is_noted(files):
    with (
        pytest.warns(RuntimeWarning, match="removed or replaced"),
        pytest.raises(KeyboardInterrupt),
        Manifest.appending(files[0], SETTINGS),
    ):
        files[0].unlink()
        raise KeyboardInterrupt


def test_two_runs_do_not_share_a_manifest(files):
    file, _source, _target = files
    with Manifest.appending(file, SETTINGS):
        with (
            pytest.raises(ColorizeError, match="another run"),
            Manifest.appending(file, SETTINGS),
        ):
            pass
        assert finished(*files)  # looking is allowed
    with Manifest.appending(file, SETTINGS):
        pass


@pytest.mark.parametrize("name", [b"new\nline.jpg", b"latin\xe9.jpg", b"-o.jpg", 'ü"\\'.encode()])
def test_any_name_is_kept_on_one_line(tmp_path, name):
    file, source = tmp_path / "m.jsonl", tmp_path / os.fsdecode(name)
    source.write_bytes(b"gray")
    do(file, source, source.with_suffix(".png"))
    assert file.read_bytes().count(b"\n") == 2
    assert file.read_bytes().isascii()
    assert os.fsencode(lines(file)[1]["input"]) == os.fsencode(source)
    assert finished(file, source, source.with_suffix(".png"))


def test_a_relative_name_means_the_same_from_elsewhere(files, monkeypatch):
    file, source, target = files
    monkeypatch.chdir(source.parent)
    assert finished(Path(file.name), Path(source.name), Path(target.name))


def test_a_copied_input_is_the_same_input(files):
    file, source, target = files
    moved = source.with_name("moved.jpg")
    shutil.copyfile(source, moved)
    assert finished(file, moved, target)


def test_a_full_disk_leaves_whole_lines(files, monkeypatch):
    file, source, target = files
    before = file.read_bytes()
    write = os.write

    def half(descriptor: int, content: bytes) -> int:
        if len(content) < 20:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(descriptor, content[: len(content) // 2])

    with Manifest.appending(file, SETTINGS) as manifest:
        monkeypatch.setattr(manifests.os, "write", half)
        with pytest.raises(ColorizeError, match=r"m\.jsonl: .*disk is full"):
            manifest.start(source, target)
        monkeypatch.undo()
    assert file.read_bytes() == before


def test_lines_in_memory_are_small(files):
    """Entries of 50,000 outputs share their settings and have no dictionaries."""
    file, _, _ = files
    done = file.read_bytes().splitlines(keepends=True)[1]
    file.write_bytes(b"".join(done.replace(b"out.jpg", b"%d.jpg" % n) for n in range(100)))
    kept = Manifest(file, SETTINGS)._last.values()
    assert len(kept) == 100
    assert len({id(line.settings) for line in kept}) == 1
    assert not any(hasattr(line, "__dict__") for line in kept)

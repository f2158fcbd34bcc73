"""An interrupted video goes on where it stopped."""

import os
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from colorize.errors import ColorizeError
from colorize.options import VideoOptions

av = pytest.importorskip("av")
pytest.importorskip("cv2")

from fixtures.videos import UNEVEN, inspect, make_video, packets  # noqa: E402

from colorize.io.atomic import lock_file  # noqa: E402
from colorize.video import transcode, unfinished  # noqa: E402
from colorize.video.pieces import decoding_times  # noqa: E402

SETTINGS = {"weights": "a hash"}


@pytest.fixture(autouse=True)
def short_pieces(monkeypatch):
    monkeypatch.setattr(transcode, "PIECE_FRAMES", 3)


def interrupted_at(frame: int):
    def progress(done: int, total: int | None) -> None:
        if done == frame:
            raise KeyboardInterrupt

    return progress


def leftovers(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.unfinished-*"))


@pytest.mark.parametrize(
    "codec", ["h264", *(pytest.param(name, marks=pytest.mark.slow) for name in ("hevc", "ffv1"))]
)
def test_resumed_video_equals_an_undisturbed_one(tmp_path, colorizer, codec):
    source = make_video(tmp_path / "clip.mkv")
    whole, resumed, options = tmp_path / "a.mkv", tmp_path / "b.mkv", VideoOptions(codec=codec)
    transcode.colorize_video(source, whole, colorizer, options)
    for frame in (2, 5, 10):
        with pytest.raises(KeyboardInterrupt):
            transcode.colorize_video(
                source, resumed, colorizer, options, settings=SETTINGS,
                progress=interrupted_at(frame),
            )  # fmt: skip
        assert not resumed.exists()
        pieces = [path.name for folder in leftovers(tmp_path) for path in folder.glob("*.piece")]
        assert len(pieces) == frame // 3
    result = transcode.colorize_video(source, resumed, colorizer, options, settings=SETTINGS)
    assert result.notes == ("resumed after frame 9",)
    assert result.frames == len(UNEVEN)
    assert packets(resumed, "video") == packets(whole, "video")
    assert packets(resumed) == packets(whole)
    assert inspect(resumed).times == inspect(source).times
    assert not leftovers(tmp_path)


@pytest.mark.slow
def test_other_settings_sources_and_unknown_settings_start_over(tmp_path, colorizer):
    source, target = make_video(tmp_path / "clip.mp4"), tmp_path / "c.mp4"

    def interrupt(settings):
        with pytest.raises(KeyboardInterrupt):
            transcode.colorize_video(
                source, target, colorizer, settings=settings, progress=interrupted_at(7)
            )

    interrupt(None)
    assert not leftovers(tmp_path)  # nobody could find it again
    interrupt(SETTINGS)
    kept = leftovers(tmp_path)
    assert len(kept) == 1
    interrupt({"weights": "others"})
    os.utime(source, ns=(0, 0))
    interrupt(SETTINGS)
    assert len(leftovers(tmp_path)) == 3
    result = transcode.colorize_video(source, target, colorizer, settings={"saturation": 2})
    assert result.notes == ()
    assert len(leftovers(tmp_path)) == 3


@pytest.mark.slow
def test_damaged_piece_and_those_after_it_are_made_again(tmp_path, colorizer):
    source = make_video(tmp_path / "clip.mp4")
    whole, resumed = tmp_path / "a.mp4", tmp_path / "b.mp4"
    transcode.colorize_video(source, whole, colorizer)
    with pytest.raises(KeyboardInterrupt):
        transcode.colorize_video(
            source, resumed, colorizer, settings=SETTINGS, progress=interrupted_at(10)
        )
    (folder,) = leftovers(tmp_path)
    os.truncate(folder / "000002.piece", 100)
    result = transcode.colorize_video(source, resumed, colorizer, settings=SETTINGS)
    assert result.notes == ("resumed after frame 3",)
    assert packets(resumed, "video") == packets(whole, "video")


@pytest.mark.skipif(os.name == "nt", reason="no locks")
def test_two_processes_do_not_write_the_same_video(tmp_path):
    target = tmp_path / "c.mp4"
    with unfinished.unfinished_folder(target, SETTINGS) as folder:
        second = unfinished.unfinished_folder(target, SETTINGS)
        with pytest.raises(ColorizeError, match="another process"), second:
            pass
        unfinished.remove_finished(tmp_path)
        assert folder.exists()
    assert not folder.exists()


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="lists open files")
@pytest.mark.parametrize("fails", [False, True])
def test_lock_is_closed_before_it_is_removed(tmp_path, monkeypatch, fails):
    """As Windows needs it, where an open file cannot be removed."""

    def remove(path, ignore_errors):
        opened = [os.path.realpath(link) for link in Path("/proc/self/fd").iterdir()]
        for file in path.iterdir():
            if str(file) not in opened:
                file.unlink()
        with suppress(OSError):
            path.rmdir()

    monkeypatch.setattr(unfinished, "WINDOWS", True)
    monkeypatch.setattr(unfinished.shutil, "rmtree", remove)
    with suppress(ZeroDivisionError), unfinished.unfinished_folder(tmp_path / "c.mp4", SETTINGS):
        if fails:
            raise ZeroDivisionError
    assert os.listdir(tmp_path) == []


def test_folder_of_a_run_that_was_killed_at_its_end_is_removed(tmp_path):
    folder = unfinished.unfinished_path(tmp_path / "c.mp4", SETTINGS)
    folder.mkdir()
    for name in ("000001.piece", "lock"):
        (folder / name).touch()
    unfinished.remove_finished(tmp_path)
    assert folder.exists()
    (folder / "finished").touch()
    with (folder / "lock").open("ab") as lock:
        lock_file(lock.fileno())
        unfinished.remove_finished(tmp_path)
        assert folder.exists()
    unfinished.remove_finished(tmp_path)
    assert not folder.exists()


def test_decoding_times_continue_across_pieces():
    pieces = [np.array([0, 3, 1, 2]), np.array([10, 20])]  # the second has nothing to reorder
    assert decoding_times(pieces).tolist() == [-1, 0, 1, 2, 3, 10]
    assert decoding_times([np.array([5])]).tolist() == [5]
    frames = np.array([0, 40, 20, 10, 30])
    assert decoding_times([frames]).tolist() == [-20, -10, 0, 10, 20]


@pytest.mark.slow
def test_command_resumes(colorize_, monkeypatch):
    make_video(Path("clip.mp4"))
    assert colorize_("-i", "clip.mp4", "-o", "whole.mp4")[0] == 0
    write = transcode.VideoWriter.write
    monkeypatch.setattr(transcode.VideoWriter, "write", lambda *_: 1 / 0)
    status, messages = colorize_("-i", "clip.mp4", "-o", "c.mp4")
    assert status == 1
    (folder,) = leftovers(Path())
    assert folder.name in messages
    monkeypatch.setattr(transcode.VideoWriter, "write", write)
    status, messages = colorize_("-i", "clip.mp4", "-o", "c.mp4")
    assert status == 0
    assert "resumed after frame 10" in messages
    assert packets(Path("c.mp4"), "video") == packets(Path("whole.mp4"), "video")
    assert sorted(os.listdir()) == ["c.mp4", "clip.mp4", "whole.mp4"]

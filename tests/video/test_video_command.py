"""The command with videos."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from colorize.cli.signals import interrupts

av = pytest.importorskip("av")
pytest.importorskip("cv2")

from fixtures.videos import OLD, UNEVEN, inspect, make_video, picture  # noqa: E402

from colorize.video.encoder import VideoEncoder  # noqa: E402


@pytest.mark.slow
def test_command_writes_a_video_and_a_line(colorize_):
    make_video(Path("clip.mp4"))
    status, messages = colorize_("-i", "clip.mp4", "-o", "clip-color.mp4")
    assert status == 0
    assert messages.startswith("colorize: clip.mp4 → clip-color.mp4 (64×48, ")
    assert messages.count("\n") == 1
    status, messages = colorize_("-i", "clip.mp4", "-o", "clip-color.mp4")
    assert status == 1
    assert "clip-color.mp4 exists; --overwrite replaces it" in messages
    args = ("--overwrite", "--quiet", "--codec", "hevc", "--crf", "30")
    assert colorize_("-i", "clip.mp4", "-o", "clip-color.mp4", *args) == (0, "")
    assert inspect(Path("clip-color.mp4")).codec == "hevc"


def test_default_output_name_and_progress_bar(colorize_, monkeypatch):
    make_video(Path("clip.MOV"), audio=None)
    Path("clip.MOV").rename("clip.avi")  # what a file is called and what it is are two things
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    status, messages = colorize_("-i", "clip.avi")
    assert status == 0
    assert sorted(os.listdir()) == ["clip.avi", "clip.colorized.mkv"]
    assert "/10 [" in messages and "frame" in messages


@pytest.mark.parametrize("suffix", [".MOD", ".m2t", ".qt", ".3g2", ".xyz", ""])
def test_content_decides_where_the_suffix_does_not(colorize_, suffix):
    container = {".MOD": ".mpg", ".m2t": ".ts", ".qt": ".mov"}.get(suffix, ".mp4")
    name = f"clip{suffix}"
    make_video(Path(f"made{container}"), audio=None, **OLD).rename(name)
    assert colorize_("-i", name)[0] == 0
    assert sorted(os.listdir()) == sorted([name, "clip.colorized.mkv"])


def test_what_the_suffix_denies_is_refused_with_the_remedy(colorize_):
    Image.fromarray(picture(0)).save("photo.png")
    Path("photo.png").rename("photo.mp4")
    make_video(Path("clip.mp4"), audio=None, times=UNEVEN[:2]).rename("clip.jpg")
    for name, what in (("photo.mp4", "is a picture"), ("clip.jpg", "is a video")):
        status, messages = colorize_("-i", name, "-o", "out/")
        assert status == 1
        assert messages.startswith(f"colorize: {name}: {what}") and "suffix" in messages


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="there are no pseudo-terminals")
def test_progress_bar_shows_on_a_terminal_of_unknown_width(colorize_, weights):
    import pty

    make_video(Path("clip.mp4"), audio=None)
    script = "import sys; from colorize import cli; sys.exit(cli.main(sys.argv[1:]))"
    options = ("--weights", weights, "--size", "64", "-i", "clip.mp4", "-o", "c.mp4")
    ours, theirs = pty.openpty()  # of 0 columns
    command = [sys.executable, "-c", script, *options]
    process = subprocess.Popen(command, stdout=theirs, stderr=theirs)
    os.close(theirs)
    messages = b""
    with suppress(OSError):  # what reading raises at the end
        while part := os.read(ours, 4096):
            messages += part
    os.close(ours)
    assert process.wait() == 0
    assert b"/10 [00:" in messages and b"frame/s]" in messages


def test_videos_are_found_by_patterns_but_not_in_folders(colorize_):
    Path("in").mkdir()
    Image.fromarray(picture(0)).save("in/a.png")
    make_video(Path("in/clip.mp4"), audio=None, times=UNEVEN[:2])
    assert colorize_("-i", "in", "-o", "out")[0] == 0
    assert os.listdir("out") == ["a.png"]
    status, messages = colorize_("-i", "in/a.png", "in/clip.mp4", "-o", "both")
    assert status == 0
    assert "2 done, 0 skipped, 0 failed" in messages
    assert sorted(os.listdir("both")) == ["a.png", "clip.mp4"]
    assert colorize_("--glob", "in/*", "-o", "all")[0] == 0
    assert sorted(os.listdir("all")) == ["a.png", "clip.mp4"]


def test_bad_videos_and_targets_are_one_line_errors(colorize_):
    Path("bad.mp4").write_text("no video")
    make_video(Path("clip.mp4"), times=UNEVEN[:2], audio=None)
    for arguments, what in (
        (("bad.mp4", "-o", "c.mp4"), "bad.mp4: damaged"),
        (("clip.mp4", "-o", "c.avi"), "c.avi: "),
        (("clip.mp4", "-o", "c.png"), "c.png: "),
        (("clip.mp4", "-o", "c.mp4", "--autocontrast"), "--autocontrast"),
    ):
        status, messages = colorize_("-i", *arguments)
        assert status == 1
        assert what in messages
        assert messages.count("\n") == 1
    assert sorted(os.listdir()) == ["bad.mp4", "clip.mp4"]
    for arguments in (("clip.mp4", "-o", "-"), ("clip.mp4", "--crf", "99")):
        assert colorize_("-i", *arguments)[0] == 2


def test_missing_extra_is_a_one_line_error(colorize_, monkeypatch):
    make_video(Path("clip.mp4"), times=UNEVEN[:2], audio=None)
    monkeypatch.setitem(sys.modules, "av", None)
    status, messages = colorize_("-i", "clip.mp4", "-o", "c.mp4")
    assert status == 1
    assert messages.startswith("colorize: clip.mp4: ") and messages.count("\n") == 1
    assert "[video]" in messages


def test_manifest_skips_a_finished_video(colorize_):
    make_video(Path("clip.mp4"), times=UNEVEN[:2], audio=None)
    arguments = ("-i", "clip.mp4", "-o", "c.mp4", "--manifest", "m.jsonl")
    assert colorize_(*arguments)[0] == 0
    stamp = os.stat("c.mp4").st_mtime_ns
    status, messages = colorize_(*arguments)
    assert status == 0
    assert "c.mp4 is up to date" in messages
    assert os.stat("c.mp4").st_mtime_ns == stamp


def test_interrupted_command_leaves_no_file(colorize_, monkeypatch):
    make_video(Path("clip.mp4"), audio=None)
    written: list[int] = []
    encode = VideoEncoder.encode

    def encode_and_interrupt(encoder, pixels, pts, duration):
        packets = encode(encoder, pixels, pts, duration)
        written.append(pts)
        if len(written) == 3:
            assert len(os.listdir()) == 3  # the temporary file is there, and the folder of pieces
            time.sleep(0.5)  # until the command waits for this thread
            os.kill(os.getpid(), signal.SIGINT)
            deadline = time.monotonic() + 30
            while not interrupts.triggered and time.monotonic() < deadline:
                time.sleep(0.01)
        return packets

    monkeypatch.setattr(VideoEncoder, "encode", encode_and_interrupt)
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    handlers = [signal.getsignal(number) for number in numbers]
    signal.signal(signal.SIGINT, signal.default_int_handler)  # nohup has it ignored
    try:
        assert colorize_("-i", "clip.mp4", "-o", "c.mp4") == (130, "colorize: interrupted\n")
    finally:  # the command leaves them ignored, for its process is about to end
        for number, handler in zip(numbers, handlers, strict=True):
            signal.signal(number, handler)
    assert len(written) < len(UNEVEN)
    assert os.listdir() == ["clip.mp4"]


@pytest.mark.parametrize(
    ("inputs", "option", "remedy"),
    [
        ("in/*", "--gallery g.html", "leave it out"),
        ("in/*", "--mark", "leave it out"),
        ("in/*.mp4", "--format png", "--codec"),
        ("in/*.mp4", "--format mkv", "--codec"),
        ("in/*.mp4", "--quality 80", "--crf"),
    ],
)
def test_options_of_photographs_are_refused_before_any_work(colorize_, inputs, option, remedy):
    Path("in").mkdir()
    Image.fromarray(picture(0)).save("in/a.png")
    make_video(Path("in/clip.mp4"), audio=None, times=UNEVEN[:2])
    status, messages = colorize_("--glob", inputs, "-o", "out", *option.split())
    assert status == 1
    assert messages.count("\n") == 1
    assert f"{option.split()[0]} is for photographs" in messages and remedy in messages
    assert os.listdir() == ["in"]


def test_options_of_photographs_act_on_those_next_to_videos(colorize_):
    Path("in").mkdir()
    Image.fromarray(picture(0)).save("in/a.png")
    make_video(Path("in/clip.mp4"), audio=None, times=UNEVEN[:2])
    status, _ = colorize_("--glob", "in/*", "-o", "out", "--format", "jpeg", "--quality", "50")
    assert status == 0
    assert sorted(os.listdir("out")) == ["a.jpg", "clip.mp4"]


@pytest.mark.parametrize("turn", [0, 90])
@pytest.mark.parametrize("layout", ["side-by-side", "split"])
def test_before_and_after_are_compared_in_each_frame(colorize_, layout, turn):
    make_video(Path("clip.mp4"), audio=None, times=UNEVEN[:3], turn=turn)
    for arguments in ((), ("--compare", layout)):
        assert colorize_("-i", "clip.mp4", "--crf", "1", *arguments)[0] == 0
    shown = [np.rot90(inspect(Path(f"clip{tag}.mp4")).frames[1], turn // 90).astype(int)
             for tag in ("", ".colorized", ".compare")]  # fmt: skip
    before, after, compared = shown
    width = before.shape[1]
    assert compared.shape[1] == (width if layout == "split" else 2 * width + 2)
    half = width // 2 - 4  # without the line
    assert np.abs(compared[:, :half] - before[:, :half]).mean() < 3
    assert np.abs(compared[:, -half:] - after[:, -half:]).mean() < 3
    assert (
        np.ptp(compared[:, -half:], axis=2).mean() > np.ptp(compared[:, :half], axis=2).mean() + 3
    )

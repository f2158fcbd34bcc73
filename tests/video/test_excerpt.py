"""A trial before a night's work: a part of a video, or a sheet of its frames."""

import os
from fractions import Fraction
from pathlib import Path

import pytest
from PIL import Image

from colorize.errors import ColorizeError
from colorize.options import VideoOptions

av = pytest.importorskip("av")
pytest.importorskip("cv2")

from fixtures.videos import inspect, make_video, packets  # noqa: E402

from colorize.video.preview import write_preview  # noqa: E402
from colorize.video.timeline import Excerpt  # noqa: E402
from colorize.video.transcode import colorize_video  # noqa: E402

TIMES = [9000 * number for number in range(40)]  # four seconds


@pytest.mark.slow
@pytest.mark.parametrize(("codec", "pixels"), [("libx264", "yuv420p"), ("ffv1", "gray")])
def test_excerpt_has_the_frames_and_sound_of_its_seconds(tmp_path, colorizer, codec, pixels):
    source = make_video(tmp_path / "clip.mkv", times=TIMES, codec=codec, pixels=pixels)
    options = VideoOptions(start=1.25, duration=1.5)
    result = colorize_video(source, tmp_path / "c.mkv", colorizer, options)
    assert result.frames == 15
    assert result.notes == ()
    wanted = [Fraction(number, 10) - Fraction(5, 4) for number in range(13, 28)]
    assert inspect(tmp_path / "c.mkv").times == wanted
    whole = colorize_video(source, tmp_path / "whole.mkv", colorizer, VideoOptions(duration=0.5))
    assert whole.frames == 5
    sound = [data for time, data in packets(source) if time < Fraction(1, 2)]
    assert [data for _, data in packets(tmp_path / "whole.mkv")] == sound


def test_excerpt_after_the_end_is_an_error(tmp_path, colorizer):
    source = make_video(tmp_path / "clip.mp4", times=TIMES)
    with pytest.raises(ColorizeError, match="--start 9 is after the end"):
        colorize_video(source, tmp_path / "c.mp4", colorizer, VideoOptions(start=9))
    with pytest.raises(ColorizeError, match="--start 9 is after the end"):
        write_preview(source, tmp_path / "c.png", colorizer, 2, Excerpt(Fraction(9)))
    assert os.listdir(tmp_path) == ["clip.mp4"]


def test_preview_shows_frames_across_the_video(tmp_path, colorizer):
    source = make_video(tmp_path / "clip.mp4", times=TIMES, turn=90)
    calls: list[tuple[int, int | None]] = []
    result = write_preview(
        source, tmp_path / "sheet.png", colorizer, 3, progress=lambda *call: calls.append(call)
    )
    assert calls == [(1, 3), (2, 3), (3, 3)]
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.size == result.size
        assert sheet.size[0] == 2 * 960 + 8
        assert sheet.size[1] == 2 * round(960 * 64 / (2 * 48 + 2)) + 8  # upright, with a line
        assert sheet.getpixel((sheet.width - 9, sheet.height - 9)) == (255, 255, 255)


def test_command_writes_trials(colorize_):
    make_video(Path("clip.mp4"), times=TIMES)
    assert colorize_("clip.mp4", "--preview", "2")[0] == 0
    assert sorted(os.listdir()) == ["clip.mp4", "clip.preview.jpg"]
    args = ("--preview", "2", "--format", "webp", "--quality", "20")
    assert colorize_("clip.mp4", *args)[0] == 0
    smaller = Path("clip.preview.webp").stat().st_size
    assert colorize_("clip.mp4", *args[:-1], "90", "--overwrite")[0] == 0
    assert smaller < 0.7 * Path("clip.preview.webp").stat().st_size
    assert colorize_("-ss", "0:00:01", "-t", "0.5", "-i", "clip.mp4", "-o", "c.mp4")[0] == 0
    assert len(inspect(Path("c.mp4")).times) == 5

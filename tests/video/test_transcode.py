"""What a colorized video keeps, and what becomes of bad ones."""

import os
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from colorize.color import lab
from colorize.errors import ColorizeError
from colorize.io.photo import Photo
from colorize.options import ColorizeOptions, VideoOptions
from colorize.pipeline import Colorizer
from colorize.runtime.torch_runner import TorchRunner

av = pytest.importorskip("av")
pytest.importorskip("cv2")

from fixtures.videos import (  # noqa: E402
    HEIGHT,
    TICK,
    UNEVEN,
    WIDTH,
    add_sound,
    inspect,
    make_video,
    packets,
    picture,
    sound,
)  # fmt: skip

from colorize.video import pixels as video_pixels  # noqa: E402
from colorize.video.pixels import frame_pixels  # noqa: E402
from colorize.video.transcode import colorize_video  # noqa: E402


def lightness(pixels: np.ndarray) -> np.ndarray:
    return lab.lightness(np.ascontiguousarray(pixels))


def test_everything_but_colors_is_kept(tmp_path, colorizer):
    source = make_video(tmp_path / "clip.mp4", turn=90, ratio=Fraction(4, 3), chapters=True)
    target = tmp_path / "color.mp4"
    result = colorize_video(source, target, colorizer)
    before, after = inspect(source), inspect(target)
    assert result.size == after.size == (WIDTH, HEIGHT)
    assert result.frames == len(after.frames) == len(UNEVEN)
    assert result.notes == ()
    assert after.times == before.times == [pts * TICK for pts in UNEVEN]
    assert after.turn == before.turn == 90
    assert after.ratio == Fraction(4, 3)
    assert after.tags == (1, 1, 1, 1)  # limited range, BT.709 three times
    assert after.metadata["title"] == "a video"
    assert after.chapters == ["one"]
    assert packets(target) == packets(source)
    assert len(os.listdir(tmp_path)) == 2


@pytest.mark.parametrize("step", [3600, 3750, 3003])  # 25, 24 and 29.97 frames a second
def test_frame_rate_is_kept(tmp_path, colorizer, step):
    source = make_video(tmp_path / "clip.mkv", audio=None, times=range(0, 6 * step, step))
    colorize_video(source, tmp_path / "color.mkv", colorizer)
    times = inspect(tmp_path / "color.mkv").times
    assert times == inspect(source).times
    assert np.allclose([float(t) for t in times], [n * step / 90000 for n in range(6)], atol=6e-4)

    def rate(path: Path) -> tuple[Fraction, int]:
        with av.open(path) as video:
            return video.streams.video[0].average_rate, video.streams.video[0].frames

    assert rate(tmp_path / "color.mkv") == rate(source)


@pytest.mark.slow
@pytest.mark.parametrize("audio", ["flac", "aac"])
def test_sound_is_copied_bit_for_bit(tmp_path, colorizer, audio):
    source = make_video(tmp_path / "clip.mkv", audio=audio)
    colorize_video(source, tmp_path / "color.mkv", colorizer)
    assert packets(tmp_path / "color.mkv") == packets(source)
    assert inspect(tmp_path / "color.mkv").times == inspect(source).times


def test_sound_the_container_cannot_hold_is_an_error(tmp_path, colorizer):
    source = make_video(tmp_path / "clip.mp4")
    with pytest.raises(ColorizeError, match=r"color\.webm: can't hold audio stream 1 \(aac\)"):
        colorize_video(source, tmp_path / "color.webm", colorizer)
    assert os.listdir(tmp_path) == ["clip.mp4"]


@pytest.mark.slow
@pytest.mark.parametrize("audio", ["flac", "libopus"])
def test_mp4_only_sound_is_an_error_for_mov(tmp_path, colorizer, audio):
    source = make_video(tmp_path / "clip.mkv", audio=audio)
    colorize_video(source, tmp_path / "color.mp4", colorizer)
    assert [p[1] for p in packets(tmp_path / "color.mp4")] == [p[1] for p in packets(source)]
    codec = audio.removeprefix("lib")
    with pytest.raises(ColorizeError, match=rf"mov: can't hold audio stream 1 \({codec}\).*\.mkv"):
        colorize_video(source, tmp_path / "color.mov", colorizer)


def test_frames_are_colored_and_keep_their_lightness(tmp_path, colorizer):
    source = make_video(tmp_path / "clip.mp4", audio=None)
    colorize_video(source, tmp_path / "color.mp4", colorizer, VideoOptions(crf=4))
    for before, after in zip(
        inspect(source).frames, inspect(tmp_path / "color.mp4").frames, strict=True
    ):
        assert np.ptp(after.astype(int), axis=2).mean() > 5
        difference = lightness(after) - lightness(before)
        assert abs(difference.mean()) < 1
        assert np.abs(difference).mean() < 2


def test_ffv1_is_lossless(tmp_path, colorizer):
    source = make_video(
        tmp_path / "clip.mkv", codec="ffv1", audio=None, times=UNEVEN[:3], pixels="gray", limits=2
    )  # fmt: skip
    colorize_video(source, tmp_path / "color.mkv", colorizer, VideoOptions(codec="ffv1"))
    first = inspect(tmp_path / "color.mkv").frames[0]
    wanted = colorizer(Photo(picture(0))).pixels
    assert (first == wanted).all()


@pytest.mark.parametrize("pixels", ["yuv420p", "gray"])
@pytest.mark.parametrize("limited", [True, False])
def test_limited_and_full_range_become_full_range(pixels, limited):
    levels = np.tile(np.arange(256, dtype=np.uint8), (16, 1))
    frame = av.VideoFrame(256, 16, pixels)
    frame.planes[0].update(levels.tobytes())
    for plane in frame.planes[1:]:
        plane.update(bytes([128]) * plane.buffer_size)
    frame.color_range, frame.colorspace = (1 if limited else 2), 1
    scaled = (levels[0].astype(float) - 16) * 255 / 219 if limited else levels[0].astype(float)
    wanted = np.rint(scaled.clip(0, 255))
    result = frame_pixels(frame, 256, 16).reshape(16, 256, -1)
    assert (result[0] == wanted[:, None]).all()


def test_network_sees_rotated_video_upright(tmp_path, network):
    inputs: list[np.ndarray] = []

    class Watching(Colorizer):
        def network_input(self, photo):
            inputs.append(photo.pixels)
            return super().network_input(photo)

    watching = Watching(TorchRunner(network), ColorizeOptions(size=64))
    source = make_video(tmp_path / "clip.mp4", turn=90, audio=None, times=UNEVEN[:2])
    colorize_video(source, tmp_path / "color.mp4", watching)
    shown = np.rot90(inspect(source).frames[0])  # players turn it counterclockwise
    assert inputs[0].shape == (WIDTH, HEIGHT)  # colorless
    assert np.abs(inputs[0][..., None].astype(int) - shown).mean() < 2


def test_odd_size_is_kept(tmp_path, colorizer):
    source = make_video(
        tmp_path / "clip.mkv", codec="ffv1", pixels="gray", size=(63, 47), audio=None
    )  # fmt: skip
    result = colorize_video(source, tmp_path / "color.mkv", colorizer)
    assert inspect(tmp_path / "color.mkv").size == (63, 47)
    assert "4:4:4" in result.notes[0]


def test_file_without_video_stream_is_an_error(tmp_path, colorizer):
    with av.open(tmp_path / "sound.mp4", "w") as output:
        stream = add_sound(output)
        output.mux(stream.encode(sound(0)))
        output.mux(stream.encode(None))
    with pytest.raises(ColorizeError, match=r"sound\.mp4: has no video stream$"):
        colorize_video(tmp_path / "sound.mp4", tmp_path / "color.mp4", colorizer)


def test_file_that_is_not_a_video_is_an_error(tmp_path, colorizer):
    make_video(tmp_path / "cut.mp4", audio=None)
    os.truncate(tmp_path / "cut.mp4", 900)  # the index at the end is gone
    (tmp_path / "text.mp4").write_text("no video")
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "list.mp4").write_text("ffconcat version 1.0\nfile cut.mp4\n")
    for name in ("cut", "text", "empty", "list", "absent"):
        with pytest.raises(ColorizeError, match=rf"^\S*{name}\.mp4: [^\n]+$"):
            colorize_video(tmp_path / f"{name}.mp4", tmp_path / "color.mp4", colorizer)
    assert not (tmp_path / "color.mp4").exists()


@pytest.mark.slow
@pytest.mark.parametrize(("suffix", "share"), [(".mkv", 0.67), (".avi", 0.25)])
def test_readable_part_of_a_damaged_video_is_written(suffix, share, tmp_path, colorizer):
    times = [90000 * number // 5 for number in range(30)]  # six seconds
    source = make_video(tmp_path / f"clip{suffix}", audio=None, times=times)
    content = source.read_bytes()
    source.write_bytes(content[: int(len(content) * share)])
    result = colorize_video(source, tmp_path / "color.mkv", colorizer)
    assert 5 < result.frames < 28
    assert len(inspect(tmp_path / "color.mkv").frames) == result.frames
    assert any("incomplete: it ends after" in note for note in result.notes)


def test_exception_leaves_no_file(tmp_path, colorizer):
    source = make_video(tmp_path / "clip.mp4")
    old = tmp_path / "color.mp4"
    old.write_text("older")

    def interrupt(done: int, total: int | None) -> None:
        if done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        colorize_video(source, old, colorizer, progress=interrupt)
    assert sorted(os.listdir(tmp_path)) == ["clip.mp4", "color.mp4"]
    assert old.read_text() == "older"


@pytest.mark.slow
def test_progress_counts_frames(tmp_path, colorizer):
    calls: list[tuple[int, int | None]] = []
    source = make_video(tmp_path / "clip.mp4")
    colorize_video(
        source, tmp_path / "c.mp4", colorizer, progress=lambda *call: calls.append(call)
    )  # fmt: skip
    assert calls == [(number, len(UNEVEN)) for number in range(1, len(UNEVEN) + 1)]


@pytest.mark.parametrize("color_range", [1, 2])
@pytest.mark.parametrize("pixels", ["yuv420p", "yuv422p", "yuv444p"])
def test_colorless_frames_are_read_from_their_luma(monkeypatch, pixels, color_range):
    levels = np.tile(np.arange(256, dtype=np.uint8), (6, 1))[:, :250]  # rows of planes are padded
    frame = av.VideoFrame(250, 6, pixels)
    for number, plane in enumerate(frame.planes):
        rows = np.full((plane.height, plane.line_size), 128, np.uint8)
        if number == 0:
            rows[:, :250] = levels
        plane.update(rows)
    frame.color_range = color_range
    gray = video_pixels.frame_pixels(frame, 250, 6)
    assert gray.shape == (6, 250)
    monkeypatch.setattr(video_pixels, "is_colorless", lambda frame: False)
    assert (video_pixels.frame_pixels(frame, 250, 6) == gray[..., None]).all()

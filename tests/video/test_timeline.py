"""Time stamps: from 0, over jumps, and true frame rates."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from colorize.options import VideoOptions

av = pytest.importorskip("av")
pytest.importorskip("cv2")

from fixtures.videos import frame_of, inspect, make_video, packets, picture  # noqa: E402

from colorize.video.transcode import colorize_video  # noqa: E402

TICKS = range(0, 36000, 3600)  # of ten frames, at 25 frames a second
LATE = 40000  # seconds


def make_late(path: Path, start: int = LATE, audio: str | None = "aac") -> Path:
    """Write a video whose time stamps begin some seconds after 0."""
    early = make_video(path.with_suffix(".mp4"), times=TICKS, audio=audio, chapters=True)
    with av.open(early) as video, av.open(path, "w") as output:
        streams = [*video.streams.video, *video.streams.audio]
        copies = {stream.index: output.add_stream_from_template(stream) for stream in streams}
        chapters = video.chapters()
        for chapter in chapters:
            shift = round(start / chapter["time_base"])
            chapter["start"], chapter["end"] = chapter["start"] + shift, chapter["end"] + shift
        output.set_chapters(chapters)
        for packet in video.demux(streams):
            if packet.size:
                shift = round(start / packet.time_base)
                packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                packet.stream = copies[packet.stream.index]
                output.mux(packet)
    early.unlink()
    return path


@pytest.mark.parametrize("suffix", [".ts", ".mkv"])
@pytest.mark.parametrize("target", ["color.mkv", "color.mp4"])
def test_time_begins_at_zero_with_the_offsets_of_the_streams(tmp_path, colorizer, suffix, target):
    source = make_late(tmp_path / f"clip{suffix}")
    colorize_video(source, tmp_path / target, colorizer)
    before, after = inspect(source), inspect(tmp_path / target)
    assert before.times[0] > LATE - 1
    assert 0 <= after.times[0] < 0.1
    assert np.allclose(np.diff([float(time) for time in after.times]), 0.04, atol=1.1e-3)
    offsets = [
        times[0] - packets(path)[0][0]
        for path, times in ((source, before.times), (tmp_path / target, after.times))
    ]
    assert float(offsets[0]) == pytest.approx(float(offsets[1]), abs=2e-3)
    with av.open(tmp_path / target) as video:
        assert video.duration < 1e6
        begins = [chapter["start"] * chapter["time_base"] for chapter in video.chapters()]
        assert suffix == ".ts" or (len(begins) == 1 and begins[0] < 0.03)


@pytest.mark.slow
@pytest.mark.parametrize("audio", ["copy", "aac"])
def test_parts_that_were_joined_follow_one_another(tmp_path, colorizer, audio):
    part = make_late(tmp_path / "part.ts", start=7).read_bytes()
    later = make_late(tmp_path / "later.ts", start=300).read_bytes()
    for number, joined in enumerate((part + part, part + later, later + part)):
        source, target = tmp_path / f"{number}.ts", tmp_path / f"{number}.mp4"
        source.write_bytes(joined)
        result = colorize_video(source, target, colorizer, VideoOptions(audio=audio))
        assert [note for note in result.notes if "jump in 1 place" in note] == list(result.notes)
        times = [float(time) for time in inspect(target).times]
        assert len(times) == 20
        assert np.all(np.diff(times) > 0.01)
        assert times[-1] < 0.9
        sounds = [float(time) for time, _ in packets(target)]
        assert np.all(np.diff(sounds) > 0)
        assert abs(sounds[-1] - times[-1]) < 0.3


def make_dv(path: Path) -> Path:
    """Write frames of PAL video from a digital camcorder, as raw DV or in AVI."""
    with av.open(path, "w") as output:
        stream = output.add_stream("dvvideo", 25)
        stream.width, stream.height, stream.pix_fmt = 720, 576, "yuv420p"
        for number in range(3):
            frame = frame_of(picture(number, 576, 720))
            frame.pts, frame.time_base = number, Fraction(1, 25)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("target", ["color.mp4", "color.mov", "color.mkv"])
def test_dv_has_its_true_rate_and_a_level_that_devices_play(tmp_path, colorizer, target):
    colorize_video(make_dv(tmp_path / "clip.dv"), tmp_path / target, colorizer)
    assert inspect(tmp_path / target).times == [0, Fraction(1, 25), Fraction(2, 25)]
    with av.open(tmp_path / target) as video:
        stream = video.streams.video[0]
        assert stream.average_rate == 25
        level = stream.codec_context.extradata[3]  # AVCLevelIndication of the avcC record
    assert level == 30


@pytest.mark.slow
def test_frames_of_another_size_are_scaled_with_a_note(tmp_path, colorizer):
    parts = [
        make_video(tmp_path / f"{width}.ts", size=(width, 48), audio=None, times=TICKS)
        for width in (64, 96)
    ]
    (tmp_path / "clip.ts").write_bytes(b"".join(part.read_bytes() for part in parts))
    result = colorize_video(tmp_path / "clip.ts", tmp_path / "color.mkv", colorizer)
    assert any("96×48 were scaled" in note for note in result.notes)
    assert {frame.shape for frame in inspect(tmp_path / "color.mkv").frames} == {(48, 64, 3)}


def test_transparency_of_vp9_is_noted(tmp_path, colorizer):
    with av.open(tmp_path / "clip.webm", "w") as output:
        stream = output.add_stream("libvpx-vp9", 25)
        stream.width, stream.height = 64, 48
        stream.metadata["alpha_mode"] = "1"
        output.mux(stream.encode(frame_of(picture(0))))
        output.mux(stream.encode(None))
    result = colorize_video(tmp_path / "clip.webm", tmp_path / "color.webm", colorizer)
    assert result.notes == ("the transparency of the video was left out",)

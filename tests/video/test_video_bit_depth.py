"""Videos of more than 8 bits per channel, and interlaced ones."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from colorize.color import lab
from colorize.options import VideoOptions

av = pytest.importorskip("av")
pytest.importorskip("cv2")

from fixtures.videos import UNEVEN, inspect, make_video, picture  # noqa: E402

from colorize.video.deinterlace import deinterlace  # noqa: E402
from colorize.video.formats import CODECS  # noqa: E402
from colorize.video.pixels import frame_pixels  # noqa: E402
from colorize.video.transcode import colorize_video  # noqa: E402

RAMP = np.tile(np.arange(64, 941, dtype=np.uint16)[:876], (96, 1))  # limited range at 10 bits


def ramp(pixels: str):
    """Return a frame with a ramp from black to nearly white, in neutral colors."""
    frame = av.VideoFrame(RAMP.shape[1], RAMP.shape[0], pixels)
    for number, plane in enumerate(frame.planes):
        padded = np.full((plane.height, plane.line_size // 2), 512, np.uint16)
        if number == 0:
            padded[:, : RAMP.shape[1]] = RAMP
        plane.update(padded.tobytes())
    frame.color_range, frame.colorspace = 1, 1
    return frame


def make_deep(path: Path) -> Path:
    with av.open(path, "w") as output:
        stream = output.add_stream("ffv1", 25)
        stream.width, stream.height, stream.pix_fmt = RAMP.shape[1], RAMP.shape[0], "yuv420p10le"
        stream.codec_context.color_range, stream.codec_context.colorspace = 1, 1
        for number in range(2):
            frame = ramp("yuv420p10le")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("pixels", ["yuv420p10le", "gray10le"])
def test_pixels_of_ten_bits_are_exact_at_sixteen(pixels):
    wanted = (RAMP.astype(float) - 64) * 65535 / 876
    result = frame_pixels(ramp(pixels), RAMP.shape[1], RAMP.shape[0], 16)
    assert np.abs(result.reshape(*RAMP.shape, -1) - wanted[..., None]).max() < 5
    eight = frame_pixels(ramp(pixels), RAMP.shape[1], RAMP.shape[0]).reshape(*RAMP.shape, -1)
    assert np.abs(eight - wanted[..., None] / 257).max() < 1.01


@pytest.mark.parametrize("codec", list(CODECS))
def test_ten_bits_stay_where_the_codec_has_them(tmp_path, colorizer, codec):
    source, target = make_deep(tmp_path / "clip.mkv"), tmp_path / "color.mkv"
    result = colorize_video(source, target, colorizer, VideoOptions(codec=codec))
    supported = [each.name for each in av.codec.Codec(CODECS[codec].encoder, "w").video_formats]
    deep = CODECS[codec].deep_pixel_format in supported
    assert deep or codec in ("h264", "vp9")
    with av.open(target) as video:
        frame = next(video.decode(video=0))
    assert (max(part.bits for part in frame.format.components) > 8) is deep
    assert [note for note in result.notes if "10 bits" in note] == list(result.notes)
    assert len(result.notes) == (0 if deep else 1)
    if codec == "ffv1":
        after = frame_pixels(frame, RAMP.shape[1], RAMP.shape[0], 16)
        before = (RAMP.astype(np.float32) - 64) / 876
        wanted = lab.rgb_to_lab(np.dstack([before] * 3))[..., 0]
        lightness = lab.rgb_to_lab(after.astype(np.float32) / 65535)[..., 0]
        assert np.abs(lightness - wanted).max() < 0.02


def make_interlaced(path: Path, frames: int = 5) -> Path:
    """Write frames whose even and odd lines show two moments of a pan."""
    with av.open(path, "w") as output:
        stream = output.add_stream("mpeg2video", 25)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        context = stream.codec_context
        context.flags |= av.codec.context.Flags.interlaced_dct
        context.options = {"top": "1", "qscale": "1"}
        for number in range(frames):
            gray = picture(16 * number, 64, 96)
            gray[1::2] = picture(16 * number + 8, 64, 96)[1::2]
            frame = av.VideoFrame.from_ndarray(gray, "gray").reformat(format="yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path


def combing(gray: np.ndarray) -> float:
    """Return how much each line differs from the mean of its neighbors."""
    lines = gray.astype(float)
    return float(np.abs(lines[1:-1] - (lines[:-2] + lines[2:]) / 2).mean())


def test_interlaced_video_is_made_progressive_on_request(tmp_path, colorizer):
    source = make_interlaced(tmp_path / "clip.mpg")
    results = [
        colorize_video(source, tmp_path / f"{on}.mkv", colorizer, VideoOptions(deinterlace=on))
        for on in (False, True)
    ]
    assert "--deinterlace" in results[0].notes[0]
    assert results[1].notes == ()
    assert results[0].frames == results[1].frames == 5
    woven, whole = inspect(tmp_path / "False.mkv"), inspect(tmp_path / "True.mkv")
    assert woven.times == whole.times
    combs = [combing(video.frames[2].mean(axis=2)) for video in (woven, whole)]
    assert combs[1] < 0.5 * combs[0]


def test_changing_sizes_and_missing_times_pass_the_deinterlacer():
    frames = [av.VideoFrame(width, 48, "yuv420p") for width in (64, 64, 96, 96, 96)]
    for number, frame in enumerate(frames):
        frame.pts, frame.time_base = None if number == 1 else number * number, Fraction(1, 25)
    result = list(deinterlace(frames))
    assert [frame.width for frame in result] == [64, 64, 96, 96, 96]
    assert [frame.pts for frame in result] == [0, None, 4, 9, 16]
    assert {frame.time_base for frame in result} == {Fraction(1, 25)}


def test_a_progressive_video_passes_as_well(tmp_path, colorizer):
    source = make_video(tmp_path / "clip.mp4", times=UNEVEN)
    colorize_video(source, tmp_path / "c.mp4", colorizer, VideoOptions(deinterlace=True))
    assert inspect(tmp_path / "c.mp4").times == inspect(source).times

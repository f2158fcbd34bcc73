"""Sound in any codec: copied where the container can hold it, converted or left out on request."""

import os

import numpy as np
import pytest

from colorize.errors import ColorizeError
from colorize.options import VideoOptions

av = pytest.importorskip("av")
pytest.importorskip("cv2")

from fixtures.videos import OLD, UNEVEN, inspect, make_video, packets  # noqa: E402

from colorize.video.transcode import colorize_video  # noqa: E402


def decoded(path) -> tuple[float, np.ndarray]:
    """Return when the sound begins, in seconds, and its first channel at 8 kHz."""
    resampler = av.AudioResampler("flt", "mono", 8000)
    with av.open(path) as video:
        frames = list(video.decode(audio=0))
    begin = float(frames[0].pts * frames[0].time_base)
    parts = [part for frame in [*frames, None] for part in resampler.resample(frame)]
    return begin, np.concatenate([part.to_ndarray()[0] for part in parts])


@pytest.mark.parametrize(
    ("suffix", "codec"),
    [(".wmv", "wmav2"), (".avi", "adpcm_ms"), (".avi", "pcm_alaw"), (".avi", "adpcm_ima_wav")],
)
def test_matroska_takes_sound_as_ffmpeg_copies_it(tmp_path, colorizer, suffix, codec):
    source = make_video(tmp_path / f"clip{suffix}", audio=codec, **OLD)
    result = colorize_video(source, tmp_path / "color.mkv", colorizer)
    assert result.notes == ()
    copied, original = packets(tmp_path / "color.mkv"), packets(source)
    assert [data for _, data in copied] == [data for _, data in original]
    times = np.array([[float(time) for time, _ in each] for each in (copied, original)])
    assert np.allclose(times[0], times[1], atol=1e-3)
    assert decoded(tmp_path / "color.mkv")[1].std() > 0
    with av.open(tmp_path / "color.mkv") as video:
        assert video.streams.audio[0].codec_context.name == codec


@pytest.mark.parametrize("codec", ["wmav2", "adpcm_ms"])
def test_sound_is_converted_on_request(tmp_path, colorizer, codec):
    suffix = ".wmv" if codec == "wmav2" else ".avi"
    source = make_video(tmp_path / f"clip{suffix}", audio=codec, **OLD)
    target = tmp_path / "color.mp4"
    with pytest.raises(ColorizeError, match=rf"audio stream 1 \({codec}\).*--audio aac"):
        colorize_video(source, target, colorizer)
    result = colorize_video(source, target, colorizer, VideoOptions(audio="aac"))
    assert result.notes == (f"audio stream 1 ({codec}) was converted to aac",)
    (begin, original), (later, converted) = decoded(source), decoded(target)
    correlation = np.correlate(converted, original, "full")
    shift = later - begin + (correlation.argmax() - len(original) + 1) / 8000
    assert abs(shift) < 0.003
    assert correlation.max() > 0.7 * np.linalg.norm(original) * np.linalg.norm(converted)
    assert len(converted) > 0.95 * len(original)


def test_aac_is_not_converted_again(tmp_path, colorizer):
    source = make_video(tmp_path / "clip.mp4", times=UNEVEN[:5])
    result = colorize_video(source, tmp_path / "c.mp4", colorizer, VideoOptions(audio="aac"))
    assert result.notes == ()
    assert packets(tmp_path / "c.mp4") == packets(source)


def test_sound_is_left_out_on_request(tmp_path, colorizer):
    source = make_video(tmp_path / "clip.mp4", times=UNEVEN[:5])
    target = tmp_path / "color.webm"
    with pytest.raises(ColorizeError, match=r"choose \.mkv"):
        colorize_video(source, target, colorizer)
    assert os.listdir(tmp_path) == ["clip.mp4"]
    result = colorize_video(source, target, colorizer, VideoOptions(audio="none"))
    assert result.notes == ("audio stream 1 (aac) was left out",)
    with av.open(target) as video:
        assert [stream.type for stream in video.streams] == ["video"]
    assert len(inspect(target).frames) == 5


def test_webm_has_no_place_for_aac(tmp_path, colorizer):
    source = make_video(tmp_path / "clip.avi", audio="pcm_s16le", **OLD)
    with pytest.raises(ColorizeError, match=r"can't hold aac: .*--audio none"):
        colorize_video(source, tmp_path / "c.webm", colorizer, VideoOptions(audio="aac"))

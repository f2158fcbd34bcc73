"""Codecs and containers."""

import os

import pytest

from colorize.errors import ColorizeError
from colorize.options import VideoOptions
from colorize.video import formats

av = pytest.importorskip("av")
pytest.importorskip("cv2")

from fixtures.videos import UNEVEN, inspect, make_video  # noqa: E402

from colorize.video.transcode import colorize_video  # noqa: E402


@pytest.mark.slow
@pytest.mark.parametrize("codec", [name for name in formats.CODECS if name != "h264"])
def test_every_codec_writes(tmp_path, colorizer, codec):
    if formats.CODECS[codec].encoder not in av.codecs_available:
        pytest.skip("not in this build of FFmpeg")
    source = make_video(tmp_path / "clip.mp4", size=(128, 96), audio=None, times=UNEVEN[:4])
    result = colorize_video(source, tmp_path / "color.mkv", colorizer, VideoOptions(codec=codec))
    assert len(inspect(tmp_path / "color.mkv").frames) == 4
    assert result.notes == ()


@pytest.mark.parametrize("container", list(formats.MUXERS))
@pytest.mark.parametrize("codec", list(formats.CODECS))
def test_container_takes_the_codec_or_names_those_it_takes(tmp_path, colorizer, container, codec):
    if formats.CODECS[codec].encoder not in av.codecs_available:
        pytest.skip("not in this build of FFmpeg")
    source = make_video(tmp_path / "clip.mp4", size=(128, 96), audio=None, times=UNEVEN[:2])
    target = tmp_path / f"color{container}"
    held = formats.SUPPORTED_CODECS.get(formats.MUXERS[container], tuple(formats.CODECS))
    if codec in held:
        colorize_video(source, target, colorizer, VideoOptions(codec=codec))
        assert len(inspect(target).frames) == 2
        return
    choice = " or ".join(held)
    with pytest.raises(ColorizeError, match=rf"can't hold {codec}: choose --codec {choice}, or"):
        colorize_video(source, target, colorizer, VideoOptions(codec=codec))


@pytest.mark.parametrize("frames", [1, 2, 3])
@pytest.mark.parametrize("codec", list(formats.CODECS))
def test_shortest_videos_are_written(tmp_path, colorizer, codec, frames):
    if formats.CODECS[codec].encoder not in av.codecs_available:
        pytest.skip("not in this build of FFmpeg")
    source = make_video(tmp_path / "clip.mp4", size=(128, 96), audio=None, times=UNEVEN[:frames])
    target = tmp_path / "color.mp4"
    colorize_video(source, target, colorizer, VideoOptions(codec=codec))
    assert inspect(target).times == inspect(source).times
    with av.open(target) as video:
        waiting = [packet.pts - packet.dts for packet in video.demux(video=0) if packet.size]
    assert frames > 2 or not any(waiting)  # there is nothing to reorder


@pytest.mark.parametrize("size", [(2, 66), (320, 24), (34, 32), (65, 67)])
@pytest.mark.parametrize("codec", list(formats.CODECS))
def test_sizes_are_written_or_refused_before_any_work(tmp_path, colorizer, codec, size):
    if formats.CODECS[codec].encoder not in av.codecs_available:
        pytest.skip("not in this build of FFmpeg")
    source = make_video(
        tmp_path / "clip.mkv", size=size, audio=None, times=UNEVEN[:3], codec="ffv1", pixels="bgr0"
    )
    target, options = tmp_path / "color.mkv", VideoOptions(codec=codec)
    wide = size[0] >= 64 and size[1] >= 16
    taken = {"hevc": wide, "av1": min(size) >= 32 and size[0] % 2 == 0}.get(codec, True)
    if taken:
        colorize_video(source, target, colorizer, options)
        assert inspect(target).frames[0].shape[1::-1] == size
        return
    with pytest.raises(ColorizeError, match=f"{codec} needs .* of at least") as error:
        colorize_video(source, target, colorizer, options, progress=pytest.fail)
    assert "--codec h264" in error.value.remedy
    assert os.listdir(tmp_path) == ["clip.mkv"]


@pytest.mark.slow
def test_crf_changes_the_file_size_and_is_checked(tmp_path, colorizer):
    source = make_video(tmp_path / "clip.mp4", audio=None)
    for crf in (5, 40):
        colorize_video(source, tmp_path / f"{crf}.mp4", colorizer, VideoOptions(crf=crf))
    sizes = [(tmp_path / f"{crf}.mp4").stat().st_size for crf in (5, 40)]
    assert sizes[1] < 0.7 * sizes[0]
    with pytest.raises(ColorizeError, match="h264 takes 0"):
        colorize_video(source, tmp_path / "x.mp4", colorizer, VideoOptions(crf=60))
    with pytest.raises(ColorizeError, match=r"takes no --crf"):
        colorize_video(source, tmp_path / "x.mkv", colorizer, VideoOptions(codec="ffv1", crf=1))

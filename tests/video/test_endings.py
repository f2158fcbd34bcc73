"""Which video files lack their end, and what is said of them."""

import io

import numpy as np
import pytest

from colorize.options import VideoOptions

av = pytest.importorskip("av")
pytest.importorskip("cv2")

from fixtures.videos import OLD, make_video  # noqa: E402

from colorize.video.endings import is_cut_short  # noqa: E402
from colorize.video.preview import write_preview  # noqa: E402
from colorize.video.reader import open_video  # noqa: E402
from colorize.video.transcode import colorize_video  # noqa: E402

CONTAINERS = {
    "mp4": {},
    "mov": {},
    "mkv": {},
    "webm": {"codec": "libvpx-vp9", "audio": "libopus"},
    "avi": {**OLD, "audio": "mp2"},
    "wmv": {**OLD, "codec": "wmv2", "audio": "wmav2"},
    "flv": {**OLD, "codec": "flv", "audio": None},
    "ogv": {**OLD, "codec": "libvpx", "audio": None},
    "mpg": {**OLD, "codec": "mpeg2video", "audio": "mp2"},
    "ts": {**OLD, "codec": "mpeg2video", "audio": "mp2"},
    "m2ts": {**OLD, "codec": "mpeg2video", "audio": "mp2"},
    "ivf": {"codec": "libvpx-vp9", "audio": None},
    "nut": {**OLD, "audio": "mp2"},
}


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    """Return what makes a video of a kind, once."""
    folder, made = tmp_path_factory.mktemp("videos"), {}

    def make(kind: str) -> bytes:
        if kind not in made:
            made[kind] = make_video(folder / f"clip.{kind}", **CONTAINERS[kind]).read_bytes()
        return made[kind]

    return make


@pytest.mark.parametrize("kind", CONTAINERS)
def test_cut_files_are_recognized_and_whole_ones_are_not(kind, video):
    content = video(kind)
    assert not is_cut_short(io.BytesIO(content))
    lengths = np.linspace(len(content) // 4, len(content) - 2, 40).astype(int)
    found = sum(is_cut_short(io.BytesIO(content[:length])) for length in lengths)
    assert found >= 38  # a few cuts are between two packets, where MPEG does not tell


def test_no_beginning_of_a_file_is_an_exception(video):
    for kind in CONTAINERS:
        for length in range(0, 600, 7):
            is_cut_short(io.BytesIO(video(kind)[:length]))


def test_a_fragment_without_its_pictures_is_missed(tmp_path):
    with av.open(tmp_path / "a.mp4", "w", options={"movflags": "frag_keyframe+empty_moov"}) as out:
        stream = out.add_stream("mpeg4", 25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(30):
            frame = av.VideoFrame(64, 48, "yuv420p")
            frame.pts = number
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    content = (tmp_path / "a.mp4").read_bytes()
    assert not is_cut_short(io.BytesIO(content))
    end_of_moof = content.rindex(b"mdat") - 4
    assert is_cut_short(io.BytesIO(content[:end_of_moof]))


@pytest.mark.parametrize("kind", ["wmv", "ts", "mkv"])
def test_a_cut_video_is_noted(kind, tmp_path, colorizer):
    source = tmp_path / f"clip.{kind}"
    content = make_video(source, **{**CONTAINERS[kind], "times": range(8)}).read_bytes()
    source.write_bytes(content[: len(content) * 5 // 6 // 188 * 188 + 94])
    result = colorize_video(source, tmp_path / "color.mkv", colorizer)
    assert [note for note in result.notes if "incomplete: it ends after" in note]
    source.write_bytes(content)
    result = colorize_video(source, tmp_path / "whole.mkv", colorizer)
    assert not [note for note in result.notes if "incomplete" in note]


def test_the_part_before_the_cut_is_complete(tmp_path, colorizer):
    source = make_video(tmp_path / "clip.mkv", audio=None, times=range(0, 90000, 6000))
    source.write_bytes(source.read_bytes()[:-500])
    result = colorize_video(source, tmp_path / "part.mkv", colorizer, VideoOptions(duration=0.2))
    assert result.frames and not result.notes
    result = write_preview(source, tmp_path / "sheet.png", colorizer, 1)
    assert result.notes == ("the video is incomplete: its end is missing",)


def test_offsets_behind_the_beginning_are_damage(video):
    """An index of NUT that a cut has moved: Python's own error of the seek says nothing."""
    content = video("nut")
    reasons = set()
    for length in range(len(content) // 2, len(content), 50):
        file = io.BytesIO(content[:length])
        try:
            with open_video(file, "clip.nut"):
                pass
        except Exception as error:
            reasons.add(str(error))
    assert all("damaged" in reason for reason in reasons)

"""Subtitles in the same container and in others."""

import pytest

av = pytest.importorskip("av")
pytest.importorskip("cv2")

from fixtures.videos import inspect, make_subtitled, packets, read_subtitles  # noqa: E402

from colorize.video.transcode import colorize_video  # noqa: E402


def test_subtitles_are_copied_bit_for_bit_into_the_same_container(tmp_path, colorizer):
    source = make_subtitled(tmp_path / "clip.mkv")
    assert colorize_video(source, tmp_path / "color.mkv", colorizer).notes == ()
    assert packets(tmp_path / "color.mkv", "subtitle") == packets(source, "subtitle")


def test_empty_samples_of_mp4_are_not_doubled(tmp_path, colorizer):
    video, again = tmp_path / "clip.mp4", tmp_path / "again.mp4"
    colorize_video(make_subtitled(tmp_path / "clip.mkv"), video, colorizer)
    assert len(packets(video, "subtitle")) == 4  # each text after a gap
    assert colorize_video(video, again, colorizer).notes == ()
    assert packets(again, "subtitle") == packets(video, "subtitle")


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".webm"])
def test_subtitles_are_transcoded_for_other_containers_and_back(tmp_path, colorizer, suffix):
    source = make_subtitled(tmp_path / "clip.mkv")
    wanted = [(0.04, 0.08, r"{\i1}A line{\i0},\Nand äöü."), (0.16, 0.04, "Another.")]
    assert read_subtitles(source) == wanted
    there, back = tmp_path / f"there{suffix}", tmp_path / "back.mkv"
    notes = colorize_video(source, there, colorizer).notes
    assert [note.split(" was ")[0] for note in notes] == [
        "subtitle stream 1", "attachment stream 2",
    ]  # fmt: skip
    assert read_subtitles(there) == wanted
    assert len(inspect(there).frames) == 5
    colorize_video(there, back, colorizer)
    assert read_subtitles(back) == wanted

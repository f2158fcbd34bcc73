"""Image sequences: the frames of a video in files."""

import os
from pathlib import Path

import pytest

from colorize.io.readers import read
from colorize.pipeline import Colorizer

av = pytest.importorskip("av")
pytest.importorskip("cv2")

from fixtures.videos import UNEVEN, make_video, save_frames  # noqa: E402

from colorize.batch.jobs import Job  # noqa: E402
from colorize.batch.sequences import group_frames  # noqa: E402
from colorize.video.record import SequenceRecord  # noqa: E402
from colorize.video.temporal import TemporalFilter, predict_frame  # noqa: E402


@pytest.mark.slow
def test_sequence_is_colorized_in_the_order_of_its_numbers(colorize_, weights):
    colorizer = Colorizer.from_pretrained("compact", weights=weights, size=64)
    save_frames(Path("in/one"), range(8, 12))  # 10 comes after 9
    save_frames(Path("in/two"), range(3))
    status, messages = colorize_("-i", "in", "-o", "out", "--image-sequence")
    assert status == 0
    assert "7 done, 0 skipped, 0 failed" in messages
    names = sorted(str(path.relative_to("out")) for path in Path("out").rglob("*.png"))
    assert len(names) == 7
    for folder, numbers in (("one", range(8, 12)), ("two", range(3))):
        temporal_filter = TemporalFilter()
        for number in numbers:
            photo = read(f"in/{folder}/frame_{number}.png")
            wanted = colorizer.merge(
                photo, temporal_filter(*predict_frame(colorizer, photo))
            ).pixels
            assert (read(f"out/{folder}/frame_{number}.png").pixels == wanted).all()
    independent = colorizer(read("in/one/frame_9.png")).pixels
    assert (independent != read("out/one/frame_9.png").pixels).any()


def test_sequence_takes_no_manifest_and_skips_bad_frames(colorize_):
    save_frames(Path("in"), range(2))
    for option in (("--skip-existing",), ("--manifest", "m.jsonl")):
        status, messages = colorize_("-i", "in", "-o", "out", "--image-sequence", *option)
        assert status == 2
        assert option[0] in messages
    (Path("in") / "frame_0.png").write_text("bad")
    status, messages = colorize_("-i", "in", "-o", "out", "--image-sequence")
    assert status == 1
    assert "1 done, 0 skipped, 1 failed" in messages


def test_sequence_rejects_videos_and_existing_frames(colorize_):
    save_frames(Path("in"), range(2))
    make_video(Path("in/clip.mp4"), times=UNEVEN[:2], audio=None)
    Path("out").mkdir()
    Path("out/frame_0.png").write_text("older")
    status, messages = colorize_("-i", "in", "in/clip.mp4", "-o", "out", "--image-sequence")
    assert status == 1
    assert "clip.mp4: is a video, not a frame" in messages
    assert "1 output exists already; --overwrite replaces" in messages
    assert "1 done, 0 skipped, 2 failed" in messages
    assert Path("out/frame_0.png").read_text() == "older"


@pytest.mark.slow
def test_interrupted_sequence_goes_on_with_the_same_colors(colorize_, monkeypatch):
    save_frames(Path("in"), range(5))
    (Path("in") / "frame_1.png").write_text("bad")
    arguments = ("-i", "in", "--image-sequence", "-o")
    assert colorize_(*arguments, "whole")[0] == 1
    add, begun = SequenceRecord.add, []

    def add_and_interrupt(record, failure, state):
        begun.append(record.done)
        if len(begun) in (3, 5):  # its output is written, but not recorded
            raise KeyboardInterrupt
        add(record, failure, state)

    monkeypatch.setattr(SequenceRecord, "add", add_and_interrupt)
    for _ in range(2):
        assert colorize_(*arguments, "out")[0] == 130
        assert len(list(Path().glob("out.unfinished-*"))) == 1
    status, messages = colorize_(*arguments, "out")
    assert begun == [0, 1, 2, 2, 3, 3, 4]
    assert status == 1
    assert "2 done, 2 skipped, 1 failed" in messages
    names = sorted(os.listdir("whole"))
    assert sorted(os.listdir("out")) == names
    for name in names:
        assert Path("out", name).read_bytes() == Path("whole", name).read_bytes()
    assert sorted(os.listdir()) == ["in", "out", "whole"]


def test_frames_are_grouped_by_folder_in_natural_order():
    names = ("b/f2.png", "a/f10.png", "a/f9.png", "b/f1.png", "a/f009.png")
    groups = group_frames([Job(Path(name), Path("out") / name) for name in names])
    assert [[job.source.name for job in group] for group in groups] == [
        ["f009.png", "f9.png", "f10.png"], ["f1.png", "f2.png"],
    ]  # fmt: skip

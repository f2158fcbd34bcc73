"""Films: what stays as it was, what is said of bad ones, and colors that don't flicker."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from fixtures.colorizers import make_colorizer
from PIL import Image

from colorize import cli
from colorize.cli.signals import interrupts
from colorize.color import lab
from colorize.color.quantization import NUM_BINS
from colorize.errors import ColorizeError
from colorize.io.photo import Photo
from colorize.io.readers import read
from colorize.models.serialization import save_compact
from colorize.pipeline import Colorizer
from colorize.video import formats as film_names

av = pytest.importorskip("av")
cv2 = pytest.importorskip("cv2")

from colorize.video import transcode as video  # noqa: E402
from colorize.video.temporal import GRID, TemporalFilter, predict_frame  # noqa: E402
from colorize.video.transcode import colorize_video  # noqa: E402

WIDTH, HEIGHT = 64, 48
TICK = Fraction(1, 90000)
UNEVEN = [0, 3600, 7200, 9000, 20000, 23600, 27000, 27777, 40000, 45000]  # in ticks
SOUND_RATE = 48000


@pytest.fixture(scope="module")
def colorizer(network) -> Colorizer:
    return make_colorizer(network, size=64)


@pytest.fixture(scope="module")
def weights(network, tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    save_compact(
        network, path, class_weights=torch.from_numpy(network.metadata.class_weights),
        prior=torch.full((NUM_BINS,), 1 / NUM_BINS), styles=network.metadata.styles,
    )  # fmt: skip
    return str(path)


def picture(number: int, height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    """Return the gray picture of a slow pan over stripes and a slope."""
    y, x = np.mgrid[:height, :width]
    gray = 128 + 60 * np.sin((x + number) / 5) * np.cos(y / 7) + 40 * x / width
    return np.clip(gray, 0, 255).astype(np.uint8)


def frame_of(gray: np.ndarray, pixels: str = "yuv420p"):
    """Return a frame of limited range with neutral colors; gray of full range."""
    return av.VideoFrame.from_ndarray(gray, "gray").reformat(format=pixels)


def add_sound(output, codec: str = "aac"):
    stream = output.add_stream(codec, rate=SOUND_RATE)
    stream.metadata["language"] = "deu"
    return stream


def sound(number: int):
    noise = np.random.default_rng(number).normal(0, 3000, (1, 2048)).astype(np.int16)
    frame = av.AudioFrame.from_ndarray(noise, "s16", "stereo")
    frame.sample_rate, frame.pts, frame.time_base = SOUND_RATE, number * 1024, 1 / Fraction(48000)
    return frame


def make(
    path: Path, *, times=UNEVEN, codec="libx264", audio="aac", size=(WIDTH, HEIGHT), turn=0,
    ratio=None, chapters=False, matrix=1, pixels="yuv420p", limits=1,
) -> Path:  # fmt: skip
    """Write a small film."""
    with av.open(path, "w") as output:
        video = output.add_stream(codec, 25, {"crf": "10"} if codec == "libx264" else {})
        context = video.codec_context
        context.width, context.height, context.pix_fmt = *size, pixels
        context.time_base = TICK
        context.colorspace, context.color_range = matrix, limits
        if ratio is not None:
            context.sample_aspect_ratio = ratio
        if turn:
            video.set_display_rotation(turn)
        output.metadata["title"] = "a film"
        if chapters:
            names = {"title": "one"}
            chapter = {"id": 1, "start": 0, "end": 300, "time_base": Fraction(1, 1000)}
            output.set_chapters([{**chapter, "metadata": names}])
        stream = add_sound(output, audio) if audio else None
        for number, pts in enumerate(times):
            frame = frame_of(picture(number, size[1], size[0]), pixels)
            frame.pts, frame.time_base = pts, TICK
            output.mux(video.encode(frame))
            if stream is not None:
                output.mux(stream.encode(sound(number)))
        output.mux(video.encode(None))
        if stream is not None:
            output.mux(stream.encode(None))
    return path


@dataclass
class Seen:
    """What a film is, as read back."""

    codec: str
    size: tuple[int, int]
    times: list[Fraction]
    turn: int
    ratio: Fraction | None
    tags: tuple[int, int, int, int]
    frames: list[np.ndarray]
    metadata: dict[str, str]
    chapters: list[str]


def seen(path: Path) -> Seen:
    with av.open(path) as film:
        stream = film.streams.video[0]
        frames = list(film.decode(stream))
        first = frames[0]
        tags = first.color_range, first.colorspace, first.color_primaries, first.color_trc
        return Seen(
            stream.codec_context.name,
            (stream.width, stream.height),
            [frame.pts * frame.time_base for frame in frames],
            first.rotation,
            stream.sample_aspect_ratio,
            tags,
            [frame.to_ndarray(format="rgb24") for frame in frames],
            dict(film.metadata),
            [chapter["metadata"]["title"] for chapter in film.chapters()],
        )


def packets(path: Path, kind: str = "audio") -> list[tuple[Fraction, bytes]]:
    with av.open(path) as film:
        stream = next(stream for stream in film.streams if stream.type == kind)
        return [(p.pts * p.time_base, bytes(p)) for p in film.demux(stream) if p.size]


def lightness(pixels: np.ndarray) -> np.ndarray:
    return lab.lightness(np.ascontiguousarray(pixels))


def test_everything_but_the_colors_stays(tmp_path, colorizer):
    source = make(tmp_path / "film.mp4", turn=90, ratio=Fraction(4, 3), chapters=True)
    target = tmp_path / "color.mp4"
    result = colorize_video(source, target, colorizer)
    before, after = seen(source), seen(target)
    assert result.size == after.size == (WIDTH, HEIGHT)
    assert result.frames == len(after.frames) == len(UNEVEN)
    assert result.notes == ()
    assert after.times == before.times == [pts * TICK for pts in UNEVEN]
    assert after.turn == before.turn == 90
    assert after.ratio == Fraction(4, 3)
    assert after.tags == (1, 1, 1, 1)  # limited range, BT.709 three times
    assert after.metadata["title"] == "a film"
    assert after.chapters == ["one"]
    assert packets(target) == packets(source)
    assert len(os.listdir(tmp_path)) == 2


@pytest.mark.parametrize("step", [3600, 3750, 3003])  # 25, 24 and 29.97 frames a second
def test_the_frame_rate_stays(tmp_path, colorizer, step):
    source = make(tmp_path / "film.mkv", audio=None, times=range(0, 6 * step, step))
    colorize_video(source, tmp_path / "color.mkv", colorizer)
    times = seen(tmp_path / "color.mkv").times
    assert times == seen(source).times
    assert np.allclose([float(t) for t in times], [n * step / 90000 for n in range(6)], atol=6e-4)

    def rate(path: Path) -> tuple[Fraction, int]:
        with av.open(path) as film:
            return film.streams.video[0].average_rate, film.streams.video[0].frames

    assert rate(tmp_path / "color.mkv") == rate(source)


@pytest.mark.parametrize("audio", ["flac", "aac"])
def test_sound_goes_into_matroska_bit_for_bit(tmp_path, colorizer, audio):
    source = make(tmp_path / "film.mkv", audio=audio)
    colorize_video(source, tmp_path / "color.mkv", colorizer)
    assert packets(tmp_path / "color.mkv") == packets(source)
    assert seen(tmp_path / "color.mkv").times == seen(source).times


def test_sound_that_the_container_cannot_hold_is_refused(tmp_path, colorizer):
    source = make(tmp_path / "film.mp4")
    with pytest.raises(ColorizeError, match=r"color\.webm: can't hold audio stream 1 \(aac\)"):
        colorize_video(source, tmp_path / "color.webm", colorizer)
    assert os.listdir(tmp_path) == ["film.mp4"]


@pytest.mark.parametrize("audio", ["flac", "libopus"])
def test_sound_for_mp4_alone_is_refused_for_mov(tmp_path, colorizer, audio):
    source = make(tmp_path / "film.mkv", audio=audio)
    colorize_video(source, tmp_path / "color.mp4", colorizer)
    assert [p[1] for p in packets(tmp_path / "color.mp4")] == [p[1] for p in packets(source)]
    kind = audio.removeprefix("lib")
    with pytest.raises(ColorizeError, match=rf"mov: can't hold audio stream 1 \({kind}\).*\.mkv"):
        colorize_video(source, tmp_path / "color.mov", colorizer)


LINES = "1\n00:00:00,040 --> 00:00:00,120\n<i>A line</i>,\nand äöü.\n\n"
LINES += "2\n00:00:00,160 --> 00:00:00,200\nAnother.\n"


def make_subtitled(path: Path) -> Path:
    """Write a film whose second stream is text and, in Matroska, whose third is a file."""
    text = path.with_suffix(".srt")
    text.write_text(LINES, encoding="utf-8")
    with av.open(path, "w") as output, av.open(text) as subtitles:
        video = output.add_stream("libx264", 25)
        video.width, video.height = WIDTH, HEIGHT
        copy = output.add_stream_from_template(subtitles.streams[0])
        copy.metadata["language"] = "deu"
        output.add_attachment("font.ttf", "font/ttf", b"no font")
        for number in range(5):
            frame = frame_of(picture(number))
            frame.pts, frame.time_base = number, Fraction(1, 25)
            output.mux(video.encode(frame))
        for packet in subtitles.demux():
            if packet.size:
                packet.stream = copy
                output.mux(packet)
        output.mux(video.encode(None))
    text.unlink()
    return path


def subtitles(path: Path) -> list[tuple[float, float, str]]:
    """Return the begin, seconds and text of the subtitles of a film."""
    with av.open(path) as film:
        stream = film.streams.subtitles[0]
        assert stream.metadata.get("language", "deu") == "deu"  # QuickTime has no place for it
        result = []
        for packet in film.demux(stream):
            times = packet.pts or 0, packet.duration or 0
            begin, length = (round(float(t * packet.time_base), 3) for t in times)
            for text in (stream.codec_context.decode2(packet) if packet.size else None) or ():
                words = text.ass.split(b",", 8)[8].decode()
                result.append((begin, length, words.replace(r"{\r}", r"{\i0}")))  # the same
        return result


def test_subtitles_stay_bit_for_bit_in_a_container_of_the_same_kind(tmp_path, colorizer):
    source = make_subtitled(tmp_path / "film.mkv")
    assert colorize_video(source, tmp_path / "color.mkv", colorizer).notes == ()
    assert packets(tmp_path / "color.mkv", "subtitle") == packets(source, "subtitle")


def test_the_gaps_between_subtitles_of_mp4_stay_as_they_were(tmp_path, colorizer):
    film, again = tmp_path / "film.mp4", tmp_path / "again.mp4"
    colorize_video(make_subtitled(tmp_path / "film.mkv"), film, colorizer)
    assert len(packets(film, "subtitle")) == 4  # each text after a gap
    assert colorize_video(film, again, colorizer).notes == ()
    assert packets(again, "subtitle") == packets(film, "subtitle")


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".webm"])
def test_subtitles_become_the_text_of_another_container_and_come_back(tmp_path, colorizer, suffix):
    source = make_subtitled(tmp_path / "film.mkv")
    wanted = [(0.04, 0.08, r"{\i1}A line{\i0},\Nand äöü."), (0.16, 0.04, "Another.")]
    assert subtitles(source) == wanted
    there, back = tmp_path / f"there{suffix}", tmp_path / "back.mkv"
    notes = colorize_video(source, there, colorizer).notes
    assert [note.split(" was ")[0] for note in notes] == [
        "subtitle stream 1", "attachment stream 2",
    ]  # fmt: skip
    assert subtitles(there) == wanted
    assert len(seen(there).frames) == 5
    colorize_video(there, back, colorizer)
    assert subtitles(back) == wanted


def test_the_film_is_colored_and_as_light_as_before(tmp_path, colorizer):
    source = make(tmp_path / "film.mp4", audio=None)
    colorize_video(source, tmp_path / "color.mp4", colorizer, crf=4)
    for before, after in zip(seen(source).frames, seen(tmp_path / "color.mp4").frames, strict=True):
        assert np.ptp(after.astype(int), axis=2).mean() > 5
        difference = lightness(after) - lightness(before)
        assert abs(difference.mean()) < 1
        assert np.abs(difference).mean() < 2


def test_ffv1_holds_the_very_pixels(tmp_path, colorizer):
    source = make(
        tmp_path / "film.mkv", codec="ffv1", audio=None, times=UNEVEN[:3], pixels="gray", limits=2
    )  # fmt: skip
    colorize_video(source, tmp_path / "color.mkv", colorizer, codec="ffv1")
    first = seen(tmp_path / "color.mkv").frames[0]
    wanted = colorizer(Photo(picture(0))).pixels
    assert (first == wanted).all()


@pytest.mark.parametrize("pixels", ["yuv420p", "gray"])
@pytest.mark.parametrize("limited", [True, False])
def test_levels_of_both_ranges_become_those_of_photographs(pixels, limited):
    from colorize.video.transcode import _pixels

    levels = np.tile(np.arange(256, dtype=np.uint8), (16, 1))
    frame = av.VideoFrame(256, 16, pixels)
    frame.planes[0].update(levels.tobytes())
    for plane in frame.planes[1:]:
        plane.update(bytes([128]) * plane.buffer_size)
    frame.color_range, frame.colorspace = (1 if limited else 2), 1
    spread = (levels[0].astype(float) - 16) * 255 / 219 if limited else levels[0].astype(float)
    wanted = np.rint(spread.clip(0, 255))
    result = _pixels(frame, 256, 16).reshape(16, 256, -1)
    assert (result[0] == wanted[:, None]).all()


def test_the_network_sees_the_picture_upright(tmp_path, network):
    inputs: list[np.ndarray] = []

    class Watching(Colorizer):
        def network_input(self, photo):
            inputs.append(photo.pixels)
            return super().network_input(photo)

    watching = Watching(network, size=64)
    source = make(tmp_path / "film.mp4", turn=90, audio=None, times=UNEVEN[:2])
    colorize_video(source, tmp_path / "color.mp4", watching)
    shown = np.rot90(seen(source).frames[0])  # players turn it counterclockwise
    assert inputs[0].shape == (WIDTH, HEIGHT, 3)
    assert np.abs(inputs[0].astype(int) - shown).mean() < 2


def test_an_odd_size_stays(tmp_path, colorizer):
    source = make(
        tmp_path / "film.mkv", codec="ffv1", pixels="gray", size=(63, 47), audio=None
    )  # fmt: skip
    result = colorize_video(source, tmp_path / "color.mkv", colorizer)
    assert seen(tmp_path / "color.mkv").size == (63, 47)
    assert "yuv444p" in result.notes[0]


@pytest.mark.parametrize("codec", [name for name in film_names.CODECS if name != "h264"])
def test_every_codec_writes(tmp_path, colorizer, codec):
    if film_names.CODECS[codec].encoder not in av.codecs_available:
        pytest.skip("not in this build of FFmpeg")
    source = make(tmp_path / "film.mp4", size=(128, 96), audio=None, times=UNEVEN[:4])
    result = colorize_video(source, tmp_path / "color.mkv", colorizer, codec=codec)
    assert len(seen(tmp_path / "color.mkv").frames) == 4
    assert result.notes == ()


@pytest.mark.parametrize("container", list(film_names.MUXERS))
@pytest.mark.parametrize("codec", list(film_names.CODECS))
def test_a_container_takes_a_codec_or_says_which(tmp_path, colorizer, container, codec):
    if film_names.CODECS[codec].encoder not in av.codecs_available:
        pytest.skip("not in this build of FFmpeg")
    source = make(tmp_path / "film.mp4", size=(128, 96), audio=None, times=UNEVEN[:2])
    target = tmp_path / f"color{container}"
    held = film_names.HELD.get(film_names.MUXERS[container], tuple(film_names.CODECS))
    if codec in held:
        colorize_video(source, target, colorizer, codec=codec)
        assert len(seen(target).frames) == 2
        return
    choice = " or ".join(held)
    with pytest.raises(ColorizeError, match=rf"can't hold {codec}: choose --codec {choice}, or"):
        colorize_video(source, target, colorizer, codec=codec)


@pytest.mark.parametrize("frames", [1, 2, 3])
@pytest.mark.parametrize("codec", list(film_names.CODECS))
def test_the_shortest_films_are_written(tmp_path, colorizer, codec, frames):
    if film_names.CODECS[codec].encoder not in av.codecs_available:
        pytest.skip("not in this build of FFmpeg")
    source = make(tmp_path / "film.mp4", size=(128, 96), audio=None, times=UNEVEN[:frames])
    target = tmp_path / "color.mp4"
    colorize_video(source, target, colorizer, codec=codec)
    assert seen(target).times == seen(source).times
    with av.open(target) as film:
        waiting = [packet.pts - packet.dts for packet in film.demux(video=0) if packet.size]
    assert frames > 2 or not any(waiting)  # there is nothing to reorder


def test_crf_decides_over_the_size(tmp_path, colorizer):
    source = make(tmp_path / "film.mp4", audio=None)
    for crf in (5, 40):
        colorize_video(source, tmp_path / f"{crf}.mp4", colorizer, crf=crf)
    sizes = [(tmp_path / f"{crf}.mp4").stat().st_size for crf in (5, 40)]
    assert sizes[1] < 0.7 * sizes[0]
    with pytest.raises(ColorizeError, match="h264 takes 0"):
        colorize_video(source, tmp_path / "x.mp4", colorizer, crf=60)
    with pytest.raises(ColorizeError, match=r"takes no --crf"):
        colorize_video(source, tmp_path / "x.mkv", colorizer, codec="ffv1", crf=1)


def test_a_film_without_video_is_refused(tmp_path, colorizer):
    with av.open(tmp_path / "sound.mp4", "w") as output:
        stream = add_sound(output)
        output.mux(stream.encode(sound(0)))
        output.mux(stream.encode(None))
    with pytest.raises(ColorizeError, match=r"sound\.mp4: has no video stream$"):
        colorize_video(tmp_path / "sound.mp4", tmp_path / "color.mp4", colorizer)


def test_what_is_no_film_is_refused(tmp_path, colorizer):
    make(tmp_path / "cut.mp4", audio=None)
    os.truncate(tmp_path / "cut.mp4", 900)  # the index at the end is gone
    (tmp_path / "text.mp4").write_text("no film")
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "list.mp4").write_text("ffconcat version 1.0\nfile cut.mp4\n")
    for name in ("cut", "text", "empty", "list", "absent"):
        with pytest.raises(ColorizeError, match=rf"^\S*{name}\.mp4: [^\n]+$"):
            colorize_video(tmp_path / f"{name}.mp4", tmp_path / "color.mp4", colorizer)
    assert not (tmp_path / "color.mp4").exists()


def test_of_a_damaged_film_the_readable_part_is_written(tmp_path, colorizer):
    times = [90000 * number // 5 for number in range(30)]  # six seconds
    source = make(tmp_path / "film.mkv", audio=None, times=times)
    content = source.read_bytes()
    source.write_bytes(content[: len(content) * 2 // 3])
    result = colorize_video(source, tmp_path / "color.mkv", colorizer)
    assert 5 < result.frames < 28
    assert len(seen(tmp_path / "color.mkv").frames) == result.frames
    assert any("incomplete: it ends after" in note for note in result.notes)


def test_a_failure_leaves_no_file(tmp_path, colorizer):
    source = make(tmp_path / "film.mp4")
    old = tmp_path / "color.mp4"
    old.write_text("older")

    def interrupt(done: int, total: int | None) -> None:
        if done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        colorize_video(source, old, colorizer, progress=interrupt)
    assert sorted(os.listdir(tmp_path)) == ["color.mp4", "film.mp4"]
    assert old.read_text() == "older"


def test_progress_counts_frames(tmp_path, colorizer):
    calls: list[tuple[int, int | None]] = []
    source = make(tmp_path / "film.mp4")
    colorize_video(
        source, tmp_path / "c.mp4", colorizer, progress=lambda *call: calls.append(call)
    )  # fmt: skip
    assert calls == [(number, len(UNEVEN)) for number in range(1, len(UNEVEN) + 1)]


@pytest.fixture
def colorize_(weights, tmp_path, monkeypatch, capsys):
    """Run the command in a folder of its own with a tiny network; return status and messages."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> tuple[int, str]:
        try:
            status = cli.main(["--weights", weights, "--size", "64", *arguments])
        except SystemExit as error:
            status = int(str(error.code))
        return status, capsys.readouterr().err

    return run


def test_the_command(colorize_):
    make(Path("film.mp4"))
    status, said = colorize_("-i", "film.mp4", "-o", "film-color.mp4")
    assert status == 0
    assert said.startswith("colorize: film.mp4 → film-color.mp4 (64×48, ")
    assert said.count("\n") == 1
    status, said = colorize_("-i", "film.mp4", "-o", "film-color.mp4")
    assert status == 1
    assert "film-color.mp4 exists; --overwrite replaces it" in said
    args = ("--overwrite", "--quiet", "--codec", "hevc", "--crf", "30")
    assert colorize_("-i", "film.mp4", "-o", "film-color.mp4", *args) == (0, "")
    assert seen(Path("film-color.mp4")).codec == "hevc"


def test_names_beside_the_input_and_a_bar_of_frames(colorize_, monkeypatch):
    make(Path("film.MOV"), audio=None)
    Path("film.MOV").rename("film.avi")  # what a file is called and what it is are two things
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    status, said = colorize_("-i", "film.avi")
    assert status == 0
    assert sorted(os.listdir()) == ["film.avi", "film.colorized.mkv"]
    assert "/10 [" in said and "frame" in said


@pytest.mark.skipif(os.name == "nt", reason="there are no pseudo-terminals")
def test_the_bar_shows_on_a_terminal_that_does_not_tell_its_width(colorize_, weights):
    import pty

    make(Path("film.mp4"), audio=None)
    script = "import sys; from colorize import cli; sys.exit(cli.main(sys.argv[1:]))"
    options = ("--weights", weights, "--size", "64", "-i", "film.mp4", "-o", "c.mp4")
    ours, theirs = pty.openpty()  # of 0 columns
    command = [sys.executable, "-c", script, *options]
    process = subprocess.Popen(command, stdout=theirs, stderr=theirs)
    os.close(theirs)
    said = b""
    with suppress(OSError):  # what reading raises at the end
        while part := os.read(ours, 4096):
            said += part
    os.close(ours)
    assert process.wait() == 0
    assert b"/10 [00:" in said and b"frame/s]" in said


def test_folders_give_photographs_and_patterns_films_too(colorize_):
    Path("in").mkdir()
    Image.fromarray(picture(0)).save("in/a.png")
    make(Path("in/film.mp4"), audio=None, times=UNEVEN[:2])
    assert colorize_("-i", "in", "-o", "out")[0] == 0
    assert os.listdir("out") == ["a.png"]
    status, said = colorize_("-i", "in/a.png", "in/film.mp4", "-o", "both")
    assert status == 0
    assert "2 done, 0 skipped, 0 failed" in said
    assert sorted(os.listdir("both")) == ["a.png", "film.mp4"]
    assert colorize_("--glob", "in/*", "-o", "all")[0] == 0
    assert sorted(os.listdir("all")) == ["a.png", "film.mp4"]


def test_bad_films_and_targets_are_one_line(colorize_):
    Path("bad.mp4").write_text("no film")
    make(Path("film.mp4"), times=UNEVEN[:2], audio=None)
    for arguments, what in (
        (("bad.mp4", "-o", "c.mp4"), "bad.mp4: damaged, incomplete or of an unsupported kind"),
        (("film.mp4", "-o", "c.avi"), "c.avi: cannot write a film with this suffix"),
        (("film.mp4", "-o", "c.png"), "c.png: cannot write a film with this suffix"),
        (("film.mp4", "-o", "c.mp4", "--autocontrast"), "leave it out"),
    ):
        status, said = colorize_("-i", *arguments)
        assert status == 1
        assert what in said
        assert said.count("\n") == 1
    assert sorted(os.listdir()) == ["bad.mp4", "film.mp4"]
    for arguments in (("film.mp4", "-o", "-"), ("film.mp4", "--crf", "99")):
        assert colorize_("-i", *arguments)[0] == 2


def test_without_the_extra_one_line_says_what_to_install(colorize_, monkeypatch):
    make(Path("film.mp4"), times=UNEVEN[:2], audio=None)
    monkeypatch.setitem(sys.modules, "av", None)
    status, said = colorize_("-i", "film.mp4", "-o", "c.mp4")
    assert status == 1
    assert said == (
        "colorize: film.mp4: films need an extra: pip install 'colorize-photos[video]'\n"
    )


def test_a_film_of_the_manifest_is_done_once(colorize_):
    make(Path("film.mp4"), times=UNEVEN[:2], audio=None)
    arguments = ("-i", "film.mp4", "-o", "c.mp4", "--manifest", "m.jsonl")
    assert colorize_(*arguments)[0] == 0
    stamp = os.stat("c.mp4").st_mtime_ns
    status, said = colorize_(*arguments)
    assert status == 0
    assert "c.mp4 is up to date" in said
    assert os.stat("c.mp4").st_mtime_ns == stamp


def test_an_interrupted_command_leaves_nothing(colorize_, monkeypatch):
    make(Path("film.mp4"), audio=None)
    written: list[int] = []
    write = video._Writer.write

    def write_and_interrupt(writer, pixels, pts, duration):
        write(writer, pixels, pts, duration)
        written.append(pts)
        if len(written) == 3:
            assert len(os.listdir()) == 2  # the temporary file is there
            time.sleep(0.5)  # until the command waits for this thread
            os.kill(os.getpid(), signal.SIGINT)
            deadline = time.monotonic() + 30
            while not interrupts.seen and time.monotonic() < deadline:
                time.sleep(0.01)

    monkeypatch.setattr(video._Writer, "write", write_and_interrupt)
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    handlers = [signal.getsignal(number) for number in numbers]
    signal.signal(signal.SIGINT, signal.default_int_handler)  # nohup has it ignored
    try:
        assert colorize_("-i", "film.mp4", "-o", "c.mp4") == (130, "colorize: interrupted\n")
    finally:  # the command leaves them ignored, for its process is about to end
        for number, handler in zip(numbers, handlers, strict=True):
            signal.signal(number, handler)
    assert len(written) < len(UNEVEN)
    assert os.listdir() == ["film.mp4"]


def save_frames(folder: Path, numbers: range) -> None:
    folder.mkdir(parents=True)
    for number in numbers:
        noise = np.random.default_rng(number).normal(0, 2, (HEIGHT, WIDTH))
        noisy = np.clip(picture(number) + noise, 0, 255).astype(np.uint8)
        Image.fromarray(noisy).save(folder / f"frame_{number}.png")


def test_a_sequence_is_one_film_in_the_order_of_its_numbers(colorize_, weights):
    colorizer = Colorizer.from_pretrained("compact", weights=weights, size=64)
    save_frames(Path("in/one"), range(8, 12))  # 10 comes after 9
    save_frames(Path("in/two"), range(3))
    status, said = colorize_("-i", "in", "-o", "out", "--image-sequence")
    assert status == 0
    assert "7 done, 0 skipped, 0 failed" in said
    names = sorted(str(path.relative_to("out")) for path in Path("out").rglob("*.png"))
    assert len(names) == 7
    for folder, numbers in (("one", range(8, 12)), ("two", range(3))):
        steady = TemporalFilter()
        for number in numbers:
            photo = read(f"in/{folder}/frame_{number}.png")
            wanted = colorizer.merge(photo, steady(*predict_frame(colorizer, photo))).pixels
            assert (read(f"out/{folder}/frame_{number}.png").pixels == wanted).all()
    alone = colorizer(read("in/one/frame_9.png")).pixels
    assert (alone != read("out/one/frame_9.png").pixels).any()


def test_a_sequence_goes_from_its_beginning(colorize_):
    save_frames(Path("in"), range(2))
    for option in (("--skip-existing",), ("--manifest", "m.jsonl")):
        status, said = colorize_("-i", "in", "-o", "out", "--image-sequence", *option)
        assert status == 2
        assert option[0] in said
    (Path("in") / "frame_0.png").write_text("bad")
    status, said = colorize_("-i", "in", "-o", "out", "--image-sequence")
    assert status == 1
    assert "1 done, 0 skipped, 1 failed" in said


def test_a_sequence_takes_no_films_and_replaces_no_frame(colorize_):
    save_frames(Path("in"), range(2))
    make(Path("in/film.mp4"), times=UNEVEN[:2], audio=None)
    Path("out").mkdir()
    Path("out/frame_0.png").write_text("older")
    status, said = colorize_("-i", "in", "in/film.mp4", "-o", "out", "--image-sequence")
    assert status == 1
    assert "film.mp4: is a video, not a frame" in said
    assert "out/frame_0.png exists; --overwrite replaces it\n" in said
    assert "1 done, 0 skipped, 2 failed" in said
    assert Path("out/frame_0.png").read_text() == "older"


def textured(seed: int, size: int = GRID) -> np.ndarray:
    """Return L of a picture with things of many sizes, as photographs have."""
    random = np.random.default_rng(seed)
    layers = [
        cv2.resize(random.normal(0, 1, (n, n)).astype(np.float32), (size, size),
                   interpolation=cv2.INTER_CUBIC) for n in (4, 8, 16, 32)
    ]  # fmt: skip
    return np.clip(50 + 12 * sum(layers), 0, 100).astype(np.float32)


def colors(seed: int, chroma: float = 30) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, chroma, (2, GRID, GRID)).astype(np.float32)


def test_colors_hold_still_where_the_picture_does():
    steady, still = TemporalFilter(), textured(0)
    results = [steady(still, colors(seed)) for seed in range(30)]
    change = np.abs(results[-1] - results[-2]).mean()
    alone = np.abs(colors(29) - colors(28)).mean()
    assert change < 0.15 * alone


def test_chroma_does_not_fade_over_time():
    steady, still = TemporalFilter(), textured(0)
    ab = np.full((2, GRID, GRID), 25, np.float32)
    for _ in range(50):
        result = steady(still, ab)
    assert np.abs(result - 25).max() < 1e-3


def test_the_first_frame_and_the_first_after_a_cut_stand_alone():
    steady = TemporalFilter()
    for seed in range(6):  # a pan
        first = steady(np.roll(textured(1), 2 * seed, axis=1), colors(seed))
        assert seed or (first == colors(0)).all()
    cut = steady(textured(2), colors(7))
    assert (cut == colors(7)).all()
    after = steady(textured(2), colors(8))
    assert np.abs(after - colors(7)).mean() < 0.3 * np.abs(colors(8) - colors(7)).mean()


def test_a_change_of_exposure_is_no_cut():
    steady, still = TemporalFilter(), textured(3)
    steady(still * 0.8, colors(0))
    result = steady(still, colors(1))
    assert np.abs(result - colors(0)).mean() < 0.3 * np.abs(colors(1) - colors(0)).mean()


def test_colors_follow_what_moves_and_leave_no_ghost():
    steady, ground = TemporalFilter(), textured(4)
    thing = textured(5)[:80, :80]

    def scene(x: int) -> tuple[np.ndarray, np.ndarray]:
        light, ab = ground.copy(), np.zeros((2, GRID, GRID), np.float32)
        light[90:170, x : x + 80] = thing
        ab[0, 90:170, x : x + 80] = 60
        return light, ab

    places = range(20, 120, 4)
    for x in places:
        result = steady(*scene(x))
    wanted = scene(places[-1])[1]
    assert result[0, 95:165, x + 8 : x + 72].min() > 50
    trail = result[0, 90:170, 20 : x - 8]
    assert np.abs(trail).mean() < 1
    assert np.abs(result - wanted).mean() < 1


@pytest.mark.parametrize("size", [8, 64, 512])
def test_any_size_of_the_network_is_followed(size):
    steady = TemporalFilter()
    light = cv2.resize(textured(6), (size, size), interpolation=cv2.INTER_AREA)
    first, second = np.zeros((2, size, size), np.float32), np.ones((2, size, size), np.float32)
    steady(light, first)
    assert steady(light, second).mean() == pytest.approx(0.1, abs=0.03)

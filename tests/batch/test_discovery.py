"""Which files folders and patterns contribute."""

import errno
import os
from collections import Counter
from pathlib import Path

import pytest
from fixtures.batches import save

from colorize import batch
from colorize.errors import ColorizeError
from colorize.io import formats


def test_folder_gives_its_photographs_and_those_of_subfolders(tmp_path):
    for name in ("b.jpg", "a.png", "sub/c.TIF", ".hidden.jpg", "sub/.x/d.jpg"):
        save(tmp_path / name) if not name.endswith("TIF") else save(tmp_path / "sub/c.TIF")
    (tmp_path / "notes.txt").write_text("text")
    found = batch.find_images([tmp_path])
    assert [str(s.relative) for s in found] == ["a.png", "b.jpg", "sub/c.TIF"]


def test_pattern_selects_files_of_a_folder(tmp_path):
    save(tmp_path / "a.png")
    save(tmp_path / "sub/b.jpg")
    assert [s.relative for s in batch.find_images([tmp_path], ["*.jpg"])] == [Path("sub/b.jpg")]
    with pytest.raises(ColorizeError, match="no file matches"):
        batch.find_images([tmp_path], ["*.gif"])


def test_pattern_without_folder_is_relative_to_its_fixed_part(tmp_path):
    save(tmp_path / "scans/a.jpg")
    save(tmp_path / "scans/deep/b.jpg")
    found = batch.find_images([], [f"{tmp_path}/scans/**/*.jpg"])
    assert sorted(s.relative for s in found) == [Path("a.jpg"), Path("deep/b.jpg")]
    with pytest.raises(ColorizeError, match="no file matches"):
        batch.find_images([], [f"{tmp_path}/none/*.jpg"])


@pytest.mark.parametrize("bad", ["empty", "missing", "*.gif"])
def test_one_bad_input_of_several_is_rejected(bad, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save(Path("a.png"))
    Path("empty").mkdir()
    if bad == "*.gif":
        found = batch.find_images([], ["*.png", bad])
    else:
        found = batch.find_images([Path("a.png"), Path(bad)])
    assert [source.path.name for source in found] == ["a.png", bad]
    if bad != "missing":  # reading it tells
        assert found[1].rejection in ("no photographs in it", "no file matches")


def test_folder_of_a_pattern_that_cannot_be_listed_is_rejected(tmp_path, monkeypatch):
    save(tmp_path / "in/a.png"), save(tmp_path / "in/locked/b.png")
    for name in ("listdir", "scandir"):
        original = getattr(os, name)

        def refuse(path, original=original):
            if os.fspath(path).endswith("locked"):
                raise PermissionError(errno.EACCES, "Permission denied", path)
            return original(path)

        monkeypatch.setattr(os, name, refuse)
    for pattern in ("in/**/*.png", "in/*/*.png"):
        *_, last = batch.find_images([], [str(tmp_path / pattern)])
        assert (last.path.name, last.rejection is None) == ("locked", False)


def test_folder_without_photographs_is_an_error(tmp_path):
    with pytest.raises(ColorizeError, match="no photographs"):
        batch.find_images([tmp_path])


def test_earlier_results_in_folders_are_skipped(tmp_path):
    for name in ("a.png", "a.colorized.png", "b-2.colorized.png"):
        save(tmp_path / name)
    for inputs, patterns in (
        ([tmp_path], []),
        ([tmp_path], ["*.png"]),
        ([], [f"{tmp_path}/*.png"]),
    ):
        assert [s.path.name for s in batch.find_images(inputs, patterns)] == ["a.png"]
    for name in ("c.compare.png", "d-edited.png"):
        save(tmp_path / name)
    found = batch.find_images(
        [tmp_path], [], [tmp_path / "out"], tags=[*batch.RESULT_TAGS, "-edited"]
    )
    assert [source.path.name for source in found] == ["a.png"]
    (tmp_path / "d-edited.png").unlink()
    (tmp_path / "a.png").unlink()
    with pytest.raises(ColorizeError, match="nothing to do"):
        batch.find_images([tmp_path])


def test_earlier_result_is_taken_when_named_without_its_original():
    def found(*names: str) -> list[str]:
        return [source.path.name for source in batch.find_images([Path(name) for name in names])]

    assert found("a.colorized.jpg") == ["a.colorized.jpg"]
    assert found("b.jpg", "a.colorized.jpg") == ["b.jpg", "a.colorized.jpg"]
    assert found("a.jpg", "a.colorized.jpg", "a-2.colorized.png") == ["a.jpg"]


def test_output_folder_inside_the_input_folder_is_skipped(tmp_path):
    save(tmp_path / "in/a.png")
    out = tmp_path / "in/out"
    for _ in range(2):
        found = batch.find_images([tmp_path / "in"], [], [out])
        assert [str(source.relative) for source in found] == ["a.png"]
        found = batch.find_images([], [f"{tmp_path}/in/**/*.png"], [out])
        assert [str(source.relative) for source in found] == ["a.png"]
        save(out / "a.png")
    assert len(batch.find_images([tmp_path / "in"])) == 2
    assert len(batch.find_images([tmp_path / "in"], [], [tmp_path / "in"])) == 2
    assert len(batch.find_images([out], [], [out / "deeper"])) == 1


@pytest.mark.parametrize("pattern", ["/abs/*.png", "**.png/x"])
def test_invalid_pattern_is_a_one_line_error(tmp_path, pattern):
    save(tmp_path / "a.png")
    with pytest.raises(ColorizeError, match=r"png"):
        batch.find_images([tmp_path], [pattern])


def test_patterns_ignore_case(tmp_path):
    for name in ("a.JPG", "Sub/b.jpg", "c.png"):
        save(tmp_path / name)
    assert len(batch.find_images([tmp_path], ["*.jpg"])) == 2
    assert len(batch.find_images([], [f"{tmp_path}/**/*.Jpg"])) == 2
    assert len(batch.find_images([], [f"{tmp_path}/sub/*.jpg"])) == 1


@pytest.mark.parametrize(
    ("exclude", "expected"),
    [
        (["*_BACK.*"], ["1950/x/c.png", "a.png", "backs/d.png"]),
        (["backs"], ["1950/b_back.png", "1950/x/c.png", "a.png"]),
        (["backs/"], ["1950/b_back.png", "1950/x/c.png", "a.png"]),
        (["a.png/"], ["1950/b_back.png", "1950/x/c.png", "a.png", "backs/d.png"]),
        (["1950/*.png"], ["1950/x/c.png", "a.png", "backs/d.png"]),
        (["1950/**/*.png", "backs/**"], ["a.png"]),
        (["/a.png"], ["1950/b_back.png", "1950/x/c.png", "backs/d.png"]),
    ],
)
def test_excluded_files_and_folders_are_skipped(tmp_path, exclude, expected):
    for name in ("a.png", "1950/b_back.png", "1950/x/c.png", "backs/d.png"):
        save(tmp_path / name)
    for inputs, patterns in (
        ([tmp_path], []),
        ([tmp_path], ["*.png"]),
        ([], [f"{tmp_path}/**/*.png"]),
    ):
        found = batch.find_images(inputs, patterns, exclude=exclude)
        assert sorted(str(source.relative) for source in found) == expected


def test_what_is_excluded_is_not_counted_and_leaves_something(tmp_path):
    save(tmp_path / "a.png")
    (tmp_path / "b.psd").write_bytes(b"x")
    left_out = Counter()
    batch.find_images([tmp_path], [], [], left_out, exclude=["*.psd"])
    assert not left_out
    with pytest.raises(ColorizeError, match="--exclude"):
        batch.find_images([tmp_path / "a.png"], exclude=["a*"])


def test_several_patterns_give_all_their_files_once(tmp_path):
    for name in ("a.png", "b.jpg", "sub/c.gif"):
        save(tmp_path / name)
    found = batch.find_images([tmp_path], ["*.png", "*.jpg", "a.*"])
    assert [source.path.name for source in found] == ["a.png", "b.jpg"]
    found = batch.find_images([], [f"{tmp_path}/**/*.gif", f"{tmp_path}/*.png"])
    assert [source.relative for source in found] == [Path("sub/c.gif"), Path("a.png")]


def test_thumbnails_and_recycle_bins_of_storage_are_left_out(tmp_path):
    save(tmp_path / "a.jpg")
    for folder in ("@eaDir/a.jpg", "#recycle", "$RECYCLE.BIN", "sub/@Recycle", "__MACOSX"):
        save(tmp_path / folder / "SYNOPHOTO_THUMB_M.jpg")
    for inputs, patterns in (
        ([tmp_path], []),
        ([tmp_path], ["*.jpg"]),
        ([], [f"{tmp_path}/**/*.jpg"]),
    ):
        assert [s.path.name for s in batch.find_images(inputs, patterns)] == ["a.jpg"]
    assert len(batch.find_images([tmp_path / "@eaDir"])) == 1  # named by the user


@pytest.fixture
def raw_extra(request, monkeypatch):
    """Whether the extra for raw files is said to be installed."""
    found = object() if request.param else None
    monkeypatch.setattr(formats, "find_spec", lambda name: found)
    formats.readable_suffixes.cache_clear()
    yield request.param
    formats.readable_suffixes.cache_clear()


@pytest.mark.parametrize("raw_extra", [False, True], indirect=True)
def test_raw_files_are_taken_where_they_can_be_developed(tmp_path, raw_extra):
    save(tmp_path / "a.png")
    (tmp_path / "b.CR2").write_bytes(b"x")
    left_out = Counter()
    found = batch.find_images([tmp_path], [], [], left_out)
    assert [s.path.name for s in found] == (["a.png", "b.CR2"] if raw_extra else ["a.png"])
    assert raw_extra or "[raw]" in batch.describe_left_out(left_out)


@pytest.mark.parametrize("raw_extra", [False], indirect=True)
def test_files_in_other_formats_are_counted(tmp_path, raw_extra):
    save(tmp_path / "a.png")
    for name in ("1.NEF", "sub/2.nef", "b.psd", "film.mp4", ".hidden", "Thumbs.db"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    left_out = Counter()
    batch.find_images([tmp_path], [], [], left_out)
    assert left_out == {".nef": 2, ".psd": 1, ".mp4": 1}
    line = batch.describe_left_out(left_out)
    assert "4 files" in line and "2 .nef" in line and "video" in line and "\n" not in line


def test_links_to_folders_do_not_multiply_photographs(tmp_path):
    save(tmp_path / "in/a.jpg")
    for name in ("one", "two"):
        (tmp_path / "in" / name).symlink_to(".", target_is_directory=True)
    assert len(batch.find_images([], [f"{tmp_path}/in/**/*.jpg"])) == 1
    assert len(batch.find_images([tmp_path / "in"], ["*.jpg"])) == 1
    assert len(batch.find_images([], [f"{tmp_path}/in/*/a.jpg"])) == 2  # as in a shell


@pytest.mark.slow
def test_deep_folders_are_searched_without_recursion(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for _ in range(1200):
        os.mkdir("d")
        os.chdir("d")
    save(Path("a.png"))
    os.chdir(tmp_path)
    assert len(batch.find_images([Path("d")])) == 1
    assert len(batch.find_images([], ["d/**/*.png"])) == 1
    for _ in range(1200):  # shutil.rmtree would recurse
        os.chdir("d")
    os.unlink("a.png")
    for _ in range(1200):
        os.chdir("..")
        os.rmdir("d")


@pytest.mark.parametrize(
    ("counts", "wanted"),
    [({".psd": 1}, ""), ({".mod": 1}, "the video, name it"), ({".mp4": 2, ".vob": 3}, "5 videos")],
)
def test_videos_left_out_are_counted_with_the_remedy(counts, wanted):
    line = batch.describe_left_out(Counter(counts))
    assert ("--glob" in line) is bool(wanted)
    assert wanted in line

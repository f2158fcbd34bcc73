"""Which files folders and patterns contribute."""

from pathlib import Path

import pytest
from fixtures.batches import save

from colorize import batch
from colorize.errors import ColorizeError


def test_folder_gives_its_photographs_and_those_of_subfolders(tmp_path):
    for name in ("b.jpg", "a.png", "sub/c.TIF", ".hidden.jpg", "sub/.x/d.jpg"):
        save(tmp_path / name) if not name.endswith("TIF") else save(tmp_path / "sub/c.TIF")
    (tmp_path / "notes.txt").write_text("text")
    found = batch.find_images([tmp_path])
    assert [str(s.relative) for s in found] == ["a.png", "b.jpg", "sub/c.TIF"]


def test_pattern_selects_files_of_a_folder(tmp_path):
    save(tmp_path / "a.png")
    save(tmp_path / "sub/b.jpg")
    assert [s.relative for s in batch.find_images([tmp_path], "*.jpg")] == [Path("sub/b.jpg")]
    with pytest.raises(ColorizeError, match="no file matches"):
        batch.find_images([tmp_path], "*.gif")


def test_pattern_without_folder_is_relative_to_its_fixed_part(tmp_path):
    save(tmp_path / "scans/a.jpg")
    save(tmp_path / "scans/deep/b.jpg")
    found = batch.find_images([], f"{tmp_path}/scans/**/*.jpg")
    assert sorted(s.relative for s in found) == [Path("a.jpg"), Path("deep/b.jpg")]
    with pytest.raises(ColorizeError, match="no file matches"):
        batch.find_images([], f"{tmp_path}/none/*.jpg")


def test_folder_without_photographs_is_an_error(tmp_path):
    with pytest.raises(ColorizeError, match="no photographs"):
        batch.find_images([tmp_path])


def test_earlier_results_in_folders_are_skipped(tmp_path):
    for name in ("a.png", "a.colorized.png", "b-2.colorized.png"):
        save(tmp_path / name)
    for inputs, pattern in (([tmp_path], None), ([tmp_path], "*.png"), ([], f"{tmp_path}/*.png")):
        assert [s.path.name for s in batch.find_images(inputs, pattern)] == ["a.png"]
    with_output = batch.find_images([tmp_path], None, tmp_path / "out")
    assert len(with_output) == 3
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
        found = batch.find_images([tmp_path / "in"], None, out)
        assert [str(source.relative) for source in found] == ["a.png"]
        found = batch.find_images([], f"{tmp_path}/in/**/*.png", out)
        assert [str(source.relative) for source in found] == ["a.png"]
        save(out / "a.png")
    assert len(batch.find_images([tmp_path / "in"])) == 2
    assert len(batch.find_images([tmp_path / "in"], None, tmp_path / "in")) == 2
    assert len(batch.find_images([out], None, out / "deeper")) == 1


@pytest.mark.parametrize("pattern", ["/abs/*.png", "**.png/x"])
def test_invalid_pattern_is_a_one_line_error(tmp_path, pattern):
    save(tmp_path / "a.png")
    with pytest.raises(ColorizeError, match=r"png"):
        batch.find_images([tmp_path], pattern)

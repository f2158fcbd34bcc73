"""Hints: read from text and paintings, at their places in the result, followed by their like."""

import numpy as np
import pytest
import torch
from fixtures.colorizers import make_colorizer
from PIL import Image
from skimage.color import rgb2lab

from colorize.cli import main
from colorize.color import lab
from colorize.errors import ColorizeError
from colorize.hints.format import Hint, HintedPixels, hint_map, read_hints, spread
from colorize.io.photo import Photo
from colorize.io.readers import read
from colorize.models import registry
from colorize.models.base import Network
from colorize.models.eccv16 import ECCV16
from colorize.models.metadata import ModelMetadata
from colorize.models.siggraph17 import SIGGRAPH17
from colorize.pipeline import Colorizer

ORANGE, BLUE = "#c08050", "#5080b0"


@pytest.fixture(scope="module")
def colorizer(network) -> Colorizer:
    return make_colorizer(network, size=64)


def gray(height: int, width: int) -> Photo:
    rows, columns = np.mgrid[:height, :width]
    wave = 0.55 + 0.15 * np.sin(rows / 9) * np.cos(columns / 13)
    return Photo((255 * wave).astype(np.uint8))


def ab_of(photo: Photo) -> np.ndarray:
    return rgb2lab(photo.pixels / np.iinfo(photo.pixels.dtype).max)[..., 1:]


def painted(shape: tuple[int, int], place: tuple[slice, slice], color: tuple[int, ...]) -> Photo:
    array = np.zeros((*shape, 4), np.uint8)
    array[place] = (*color, 255)
    return Photo.from_array(array)


def written(folder, text: str):
    path = folder / "hints.txt"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_text_is_read(tmp_path):
    text = """# what my aunt remembers
    10, 20, #a0522d, 4   # the scarf

3.5,7,#FFFFFF
\t# 1,2,#000000
0,0,#102030,0 # the corner
"""
    expected = [Hint(10, 20, "#a0522d", 4), Hint(3.5, 7, "#FFFFFF"), Hint(0, 0, "#102030", 0)]
    assert read_hints(written(tmp_path, text)) == expected


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("1,2", r"hints.txt, line 2: '1,2' has 2 fields; write x,y,#rrggbb,radius"),
        ("1,2,#aabbcc,3,4", "line 2: .* has 5 fields"),
        ("one,2,#aabbcc", "line 2: x is 'one', which is no number"),
        ("1,,#aabbcc", "line 2: y is '', which is no number"),
        ("1,2,#aabbcc,wide", "line 2: radius is 'wide', which is no number"),
        ("1,2,#abc", "line 2: '#abc' is no color; write #rrggbb"),
        ("1,2,red", "line 2: 'red' is no color"),
        ("1,2,#gg0000", "line 2: '#gg0000' is no color"),
        ("-1,2,#aabbcc", "line 2: x is -1.0; give a number from 0 on"),
        ("1,nan,#aabbcc", "line 2: y is nan"),
        ("1,2,#aabbcc,-3", "line 2: radius is -3.0"),
        ("1,2,#aabbcc,inf", "line 2: radius is inf"),
        ("1;2;#aabbcc", "line 2: .* has 1 fields"),
    ],
)
def test_a_bad_line_is_named_with_its_number_and_fault(tmp_path, line, message):
    with pytest.raises(ColorizeError, match=message) as failure:
        read_hints(written(tmp_path, f"5,5,#aabbcc\n{line}\n"))
    assert "\n" not in str(failure.value)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("hints.txt", b"# nothing yet\n\n", "no hints in it"),
        ("hints.txt", b"", "no hints in it"),
        ("hints.txt", b"\x89PNG\xff\xfe\x00", "no text file of hints"),
        ("hints.csv", b"1,2,#aabbcc\0", "no text file of hints"),
        ("hints.png", b"1,2,#aabbcc", "hints.png: "),
    ],
)
def test_what_is_no_hints_file_is_refused(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ColorizeError, match=message):
        read_hints(tmp_path / name)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ColorizeError, match=r"none.txt: cannot read: no such file"):
        read_hints(tmp_path / "none.txt")


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((8, 8, 3), np.uint8), "not transparent anywhere"),
        (np.zeros((8, 8, 4), np.uint8), "transparent all over"),
    ],
)
def test_a_painting_needs_opaque_and_transparent_pixels(tmp_path, array, message):
    Image.fromarray(array).save(tmp_path / "p.png")
    with pytest.raises(ColorizeError, match=f"p.png: {message}"):
        read_hints(tmp_path / "p.png")


def test_a_disc_has_its_radius():
    places = HintedPixels.of([Hint(10, 5, BLUE, 2)], (20, 30))
    found = set(zip(places.rows.tolist(), places.columns.tolist(), strict=True))
    expected = {(r, c) for r in range(20) for c in range(30) if (r - 5) ** 2 + (c - 10) ** 2 <= 4}
    assert found == expected


@pytest.mark.parametrize(
    ("radius", "size", "number"),
    [(0, (50, 60), 1), (1, (50, 60), 5), (None, (50, 60), 5), (None, (300, 1000), 317)],
)
def test_radii_in_pixels(radius, size, number):
    """317 pixels are a disc of radius 10: 1 % of 1000."""
    assert len(HintedPixels.of([Hint(25, 25, BLUE, radius)], size).rows) == number


def test_a_disc_is_cut_at_the_rim_and_the_later_hint_wins():
    places = HintedPixels.of([Hint(0, 0, BLUE, 5), Hint(0, 0, ORANGE, 0)], (3, 4))
    assert len(places.rows) == 12
    np.testing.assert_allclose(places.ab[0], Hint(0, 0, ORANGE).ab)
    np.testing.assert_allclose(places.ab[1], Hint(0, 0, BLUE).ab)


@pytest.mark.parametrize("place", [(30, 0), (0, 20), (29.6, 0)])
def test_a_hint_outside_is_named(place):
    with pytest.raises(ColorizeError, match=r"is outside of the photograph of 30×20 pixels"):
        HintedPixels.of([Hint(*place, BLUE)], (20, 30))


def test_a_painting_is_scaled():
    """A painting at half the size covers twice as much; its colors are those of its pixels."""
    painting = painted((10, 15), np.s_[2:4, 5:8], (192, 128, 80))
    places = HintedPixels.of(painting, (20, 30))
    assert set(places.rows.tolist()) == {4, 5, 6, 7}
    assert set(places.columns.tolist()) == set(range(10, 16))
    np.testing.assert_allclose(places.ab, np.tile(Hint(0, 0, ORANGE).ab, (24, 1)), atol=1e-3)


def test_half_transparent_pixels_are_hints_from_the_middle_on():
    array = np.zeros((1, 3, 4), np.uint8)
    array[0, :, 3] = 127, 128, 255
    assert HintedPixels.of(Photo.from_array(array), (1, 3)).columns.tolist() == [1, 2]


def test_a_painting_of_another_shape_is_refused():
    painting = painted((20, 20), np.s_[:5, :5], (200, 0, 0))
    with pytest.raises(ColorizeError, match=r"20×20 pixels, .* photograph of 30×20"):
        HintedPixels.of(painting, (20, 30))
    rounded = painted((67, 100), np.s_[:5, :5], (200, 0, 0))  # a third of 200 × 301
    HintedPixels.of(rounded, (200, 301))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("size", [(64, 64), (33, 71), (1, 1), (3, 200), (700, 301)])
@pytest.mark.parametrize("upsampling", ["guided", "bilinear"])
def test_hinted_pixels_have_their_color(network, size, dtype, upsampling):
    colorizer = make_colorizer(network, size=64, upsampling=upsampling)
    hints = [Hint(0, 0, ORANGE), Hint(size[1] - 1, size[0] - 1, BLUE, 2)]
    photo = gray(*size)
    photo = Photo(photo.pixels.astype(dtype) * (257 if dtype == np.uint16 else 1))
    result = colorizer(photo, hints=hints)
    places = HintedPixels.of(hints, size)
    difference = ab_of(result)[places.rows, places.columns] - places.ab
    assert np.hypot(*difference.T).max() <= 5


def test_hinted_pixels_have_their_color_with_the_bundled_weights():
    if registry.cached("compact") is None:
        pytest.skip("the weights are not in this checkout")
    colorizer = Colorizer.from_pretrained(size=128)
    hints = [Hint(40, 50, BLUE, 3), Hint(120, 90, ORANGE), Hint(121, 99, "#808080", 0)]
    result = colorizer(gray(150, 200), hints=hints)
    places = HintedPixels.of(hints, (150, 200))
    difference = ab_of(result)[places.rows, places.columns] - places.ab
    assert np.hypot(*difference.T).max() <= 5


def test_colors_that_cannot_be_shown_keep_hue_and_lightness(colorizer):
    """White can't be blue: the chroma shrinks, L stays."""
    photo = Photo(np.full((40, 40), 250, np.uint8))
    result = rgb2lab(colorizer(photo, hints=[Hint(20, 20, "#0000ff", 3)]).pixels / 255)[20, 20]
    hint = Hint(0, 0, "#0000ff").ab
    assert abs(result[0] - lab.lightness(photo.pixels)[0, 0]) < 0.5
    assert result[2] < 0 and np.hypot(*result[1:]) < np.hypot(*hint)


def test_hints_are_places_of_the_upright_photograph(colorizer, tmp_path):
    image = Image.fromarray(gray(40, 60).pixels)
    exif = image.getexif()
    exif[0x0112] = 6  # turn by 90°: 60 rows, 40 columns
    image.save(tmp_path / "turned.png", exif=exif)
    photo = read(tmp_path / "turned.png")
    assert photo.size == (60, 40)
    result = ab_of(colorizer(photo, hints=[Hint(30, 55, BLUE, 1)]))
    assert np.hypot(*(result[55, 30] - Hint(0, 0, BLUE).ab)) <= 5
    with pytest.raises(ColorizeError, match="40×60"):
        colorizer(photo, hints=[Hint(55, 30, BLUE)])


def test_each_photograph_has_its_own_hints(colorizer):
    plain = colorizer(gray(40, 40))
    hinted = colorizer(gray(40, 40), hints=[Hint(20, 20, BLUE, 2)])
    np.testing.assert_array_equal(plain.pixels, colorizer(gray(40, 40)).pixels)
    assert np.hypot(*(ab_of(hinted)[20, 20] - Hint(0, 0, BLUE).ab)) <= 5


def test_hints_of_the_colorizer_hold_for_photographs_without(network):
    colorizer = make_colorizer(network, size=64, hints=[Hint(20, 20, BLUE, 2)])
    alone = make_colorizer(network, size=64)(gray(40, 40), hints=[Hint(20, 20, BLUE, 2)])
    np.testing.assert_array_equal(colorizer(gray(40, 40)).pixels, alone.pixels)


def test_samples_follow_hints_too(network):
    colorizer = make_colorizer(network, size=64, hints=[Hint(20, 20, BLUE, 2)])
    for sample in colorizer.samples(gray(40, 40), 2):
        assert np.hypot(*(ab_of(sample)[20, 20] - Hint(0, 0, BLUE).ab)) <= 5


def test_the_map_has_the_mean_color_of_each_cell():
    """Cells of 4×4 pixels; a patch of 6×6 from (2, 2) on fills two by two of them."""
    rows, columns = (axis.ravel() for axis in np.mgrid[2:8, 2:8].astype(np.int32))
    ab = np.stack((rows, columns), axis=1).astype(np.float32)
    result = hint_map(HintedPixels(rows, columns, ab, (16, 16)), (4, 4))
    assert result.shape == (3, 4, 4)
    expected = np.zeros((4, 4))
    expected[1, 1] = 1  # 16 pixels; its neighbors with 8 have half as many
    expected[0, 1] = expected[1, 0] = 1
    np.testing.assert_array_equal(result[2], expected)
    np.testing.assert_allclose(result[:2, 1, 1], 5.5 / 110)
    np.testing.assert_allclose(result[:, 0, 1], (2.5 / 110, 5.5 / 110, 1))
    assert not result[:2, result[2] == 0].any()


def test_a_single_pixel_of_a_large_photograph_fills_one_cell():
    result = hint_map(HintedPixels.of([Hint(1999, 0, BLUE, 0)], (1000, 2000)), (16, 16))
    assert np.argwhere(result[2]).tolist() == [[0, 15]]
    np.testing.assert_allclose(110 * result[:2, 0, 15], Hint(0, 0, BLUE).ab, rtol=1e-5)


def halves(top: float, bottom: float) -> np.ndarray:
    planes = np.full((16, 16), top, np.float32)
    planes[8:] = bottom
    return planes


def one_hint(row: int, column: int, ab: tuple[float, float]) -> np.ndarray:
    hints = np.zeros((3, 16, 16), np.float32)
    hints[:, row, column] = ab[0] / 110, ab[1] / 110, 1
    return hints


def test_spreading_follows_lightness_and_distribution():
    """One hint in the upper half moves places like it more than equally distant others."""
    probabilities = np.zeros((2, 16, 16), np.float32)
    probabilities[0], probabilities[1] = halves(1, 0), halves(0, 1)
    ab = np.zeros((2, 16, 16), np.float32)
    flat = halves(50, 50)
    by_colors = spread(ab, flat, one_hint(7, 8, (40, 0)), probabilities)[0]
    assert by_colors[5, 8] > 10 and by_colors[9, 8] < 1
    alike = np.full((2, 16, 16), 0.5, np.float32)
    by_lightness = spread(ab, halves(50, 90), one_hint(7, 8, (40, 0)), alike)[0]
    assert by_lightness[5, 8] > 2 * by_lightness[9, 8] > 0


def test_spreading_meets_the_hints_and_leaves_agreement_alone():
    alike = np.full((2, 16, 16), 0.5, np.float32)
    flat = halves(50, 50)
    ab = np.stack((halves(10, -20), halves(0, 5)))
    result = spread(ab, flat, one_hint(3, 4, (60, -30)), alike)
    np.testing.assert_allclose(result[:, 3, 4], (60, -30), atol=2)
    np.testing.assert_allclose(spread(ab, flat, one_hint(3, 4, (10, 0)), alike), ab, atol=1e-4)
    np.testing.assert_array_equal(spread(ab, flat, np.zeros((3, 16, 16)), alike), ab)


def test_a_strong_hint_does_not_paint_the_far_side():
    alike = np.full((2, 16, 16), 0.5, np.float32)
    change = spread(np.zeros((2, 16, 16)), halves(50, 50), one_hint(0, 0, (80, 0)), alike)[0]
    assert change[0, 1] > 50 and 0 < change[15, 15] < 20


def test_contradicting_neighbors_stay_bounded():
    hints = one_hint(5, 5, (60, 0)) + one_hint(5, 6, (-60, 0))
    alike = np.full((2, 16, 16), 0.5, np.float32)
    change = spread(np.zeros((2, 16, 16)), halves(50, 50), hints, alike)
    assert np.abs(change).max() < 75


def test_a_wholly_painted_picture_is_spread_in_bounded_work():
    hints = np.zeros((3, 64, 64), np.float32)
    hints[0], hints[2] = 0.3, 1
    alike = np.full((2, 64, 64), 0.5, np.float32)
    result = spread(np.zeros((2, 64, 64)), np.full((64, 64), 50.0), hints, alike)
    np.testing.assert_allclose(result[0], 33, atol=3)


class Recorder(Network):
    """Stands for siggraph17 and remembers what it was given."""

    metadata = ModelMetadata("recorder", "ab", 8, 1, takes_hints=True)

    def __init__(self) -> None:
        super().__init__()
        self.anchor = torch.nn.Parameter(torch.zeros(1))
        self.given: list[torch.Tensor | None] = []

    def forward(self, lightness, hints=None):
        self.given.append(hints)
        return torch.zeros(len(lightness), 2, *lightness.shape[2:])


def test_siggraph17_gets_ab_and_mask_at_full_network_size():
    network = Recorder()
    result = make_colorizer(network, size=32)(gray(64, 64), hints=[Hint(20, 41, BLUE, 0)])
    (given,) = network.given
    assert given.shape == (1, 3, 32, 32) and given.dtype == torch.float32
    assert torch.nonzero(given[0, 2]).tolist() == [[20, 10]]
    np.testing.assert_allclose(given[0, :2, 20, 10], Hint(0, 0, BLUE).ab / 110, rtol=1e-5)
    assert given[0, 2].max() == 1 and not given[0, :2, given[0, 2] == 0].any()
    assert np.hypot(*(ab_of(result)[41, 20] - Hint(0, 0, BLUE).ab)) <= 5


def test_siggraph17_without_hints_gets_none():
    network = Recorder()
    make_colorizer(network, size=32)(gray(64, 64))
    assert network.given == [None]


def test_siggraph17_answers_to_hints():
    torch.manual_seed(0)
    colorizer = make_colorizer(SIGGRAPH17().eval().requires_grad_(False), size=32)
    photo = gray(64, 64)
    hinted = colorizer.rasterize_hints(photo, [Hint(20, 41, BLUE, 4)])
    lightness = colorizer.network_input(photo)
    plain, result = colorizer.predict_logits(lightness), colorizer.predict_logits(lightness, hinted)
    inputs = lightness, hint_map(hinted, (32, 32))[None]
    expected = colorizer.runner.network(*map(torch.from_numpy, inputs)).numpy()
    assert np.abs(result - plain).max() > 1e-4
    np.testing.assert_allclose(result, expected, atol=1e-4)


def test_eccv16_follows_hints_without_seeing_them():
    colorizer = make_colorizer(ECCV16().eval().requires_grad_(False), size=32)
    result = ab_of(colorizer(gray(64, 64), hints=[Hint(20, 41, BLUE, 0)]))
    plain = ab_of(colorizer(gray(64, 64)))
    assert np.hypot(*(result[41, 20] - Hint(0, 0, BLUE).ab)) <= 5
    assert np.hypot(*(result[39, 24] - plain[39, 24])) > 3


@pytest.fixture
def colorize_(weights, tmp_path, monkeypatch, capsys):
    """Run the command on a photograph in a folder of its own; return status and messages."""
    monkeypatch.chdir(tmp_path)
    Image.fromarray(gray(30, 40).pixels).save("photo.png")

    def run(*arguments: str) -> tuple[int, str]:
        try:
            status = main(["--weights", weights, "--size", "64", *arguments])
        except SystemExit as error:
            status = error.code
        return status, capsys.readouterr().err

    return run


def test_the_command_takes_text(colorize_, tmp_path):
    written(tmp_path, f"20,10,{BLUE},2\n")
    status, _ = colorize_("-i", "photo.png", "-o", "out.png", "--hints", "hints.txt")
    assert status == 0
    assert np.hypot(*(ab_of(read("out.png"))[10, 20] - Hint(0, 0, BLUE).ab)) <= 5


def test_the_command_takes_a_painting(colorize_):
    painting = painted((30, 40), np.s_[4:7, 30:35], (192, 128, 80))
    painting.to_pillow().save("layer.png")
    status, _ = colorize_("-i", "photo.png", "-o", "out.png", "--hints", "layer.png")
    assert status == 0
    difference = ab_of(read("out.png"))[4:7, 30:35] - Hint(0, 0, ORANGE).ab
    assert np.linalg.norm(difference, axis=-1).max() <= 5


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["-i", "photo.png", "other.png", "-o", "out", "--hints", "h.txt"], 2, "one photograph"),
        (["-i", ".", "-o", "out", "--hints", "h.txt"], 2, "one photograph"),
        (["--glob", "*.png", "-o", "out", "--hints", "h.txt"], 2, "one photograph"),
        (["-i", "film.mp4", "-o", "out.mp4", "--hints", "h.txt"], 2, "one photograph"),
        (["-i", "photo.png", "--hints", ""], 2, "--hints"),
        (["-i", "photo.png", "-o", "h.txt", "--hints", "h.txt"], 2, "would replace"),
        (["-i", "photo.png", "--hints", "h.txt"], 1, "h.txt, line 1: '#12' is no color"),
        (["-i", "photo.png", "--hints", "far.txt"], 1, "far.txt, line 1: 99,0 is outside of"),
        (["-i", "photo.png", "--hints", "none.txt"], 1, "none.txt: cannot read: no such file"),
    ],
)
def test_what_the_command_says_of_wrong_hints(colorize_, tmp_path, arguments, status, message):
    (tmp_path / "h.txt").write_text("1,1,#12\n")
    (tmp_path / "far.txt").write_text("99,0,#123456\n")
    found, said = colorize_(*arguments)
    assert found == status and message in said.splitlines()[-1]
    assert "Traceback" not in said
    assert not (tmp_path / "out").exists() and not (tmp_path / "photo.colorized.png").exists()


def test_other_hints_make_the_manifest_do_it_again(colorize_, tmp_path):
    arguments = ["-i", "photo.png", "-o", "out.png", "--hints", "hints.txt", "--manifest", "m"]
    written(tmp_path, f"20,10,{BLUE},2\n")
    assert colorize_(*arguments)[0] == 0
    assert "→" not in colorize_(*arguments)[1]
    written(tmp_path, f"20,10,{ORANGE},2\n")
    assert "→" in colorize_(*arguments)[1]
    assert np.hypot(*(ab_of(read("out.png"))[10, 20] - Hint(0, 0, ORANGE).ab)) <= 5

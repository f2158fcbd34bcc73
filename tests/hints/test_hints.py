"""Hints through the pipeline and the command."""

import numpy as np
import pytest
import torch
from fixtures.colorizers import make_colorizer
from PIL import Image
from skimage.color import rgb2lab

from colorize.cli import main
from colorize.color import lab
from colorize.errors import ColorizeError
from colorize.hints.format import Hint
from colorize.hints.rasterize import HintedPixels, rasterize
from colorize.io.photo import Photo
from colorize.io.readers import read
from colorize.models import weights_files
from colorize.models.base import Network
from colorize.models.metadata import ModelMetadata
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


def painted(shape: tuple[int, int], area: tuple[slice, slice], color: tuple[int, ...]) -> Photo:
    array = np.zeros((*shape, 4), np.uint8)
    array[area] = (*color, 255)
    return Photo.from_array(array)


def written(folder, text: str):
    path = folder / "hints.txt"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("size", [(64, 64), (33, 71), (1, 1), (3, 200), (700, 301)])
@pytest.mark.parametrize("upsampling", ["guided", "bilinear"])
def test_hinted_pixels_have_their_color(network, size, dtype, upsampling):
    colorizer = make_colorizer(network, size=64, upsampling=upsampling)
    hints = [Hint(0, 0, ORANGE), Hint(size[1] - 1, size[0] - 1, BLUE, 2)]
    photo = gray(*size)
    photo = Photo(photo.pixels.astype(dtype) * (257 if dtype == np.uint16 else 1))
    result = colorizer(photo, hints=hints)
    hinted = HintedPixels.from_hints(hints, size)
    difference = ab_of(result)[hinted.rows, hinted.columns] - hinted.ab
    assert np.hypot(*difference.T).max() <= 5


def test_hinted_pixels_have_their_color_with_bundled_weights():
    if weights_files.cached_path("compact") is None:
        pytest.skip("the weights are not in this checkout")
    colorizer = Colorizer.from_pretrained(size=128)
    hints = [Hint(40, 50, BLUE, 3), Hint(120, 90, ORANGE), Hint(121, 99, "#808080", 0)]
    result = colorizer(gray(150, 200), hints=hints)
    hinted = HintedPixels.from_hints(hints, (150, 200))
    difference = ab_of(result)[hinted.rows, hinted.columns] - hinted.ab
    assert np.hypot(*difference.T).max() <= 5


def test_hint_out_of_gamut_keeps_hue_and_lightness(colorizer):
    """White can't be blue: the chroma shrinks, L stays."""
    photo = Photo(np.full((40, 40), 250, np.uint8))
    result = rgb2lab(colorizer(photo, hints=[Hint(20, 20, "#0000ff", 3)]).pixels / 255)[20, 20]
    hint = Hint(0, 0, "#0000ff").ab
    assert abs(result[0] - lab.lightness(photo.pixels)[0, 0]) < 0.5
    assert result[2] < 0 and np.hypot(*result[1:]) < np.hypot(*hint)


def test_hints_refer_to_upright_photograph(colorizer, tmp_path):
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


def test_hints_belong_to_one_call(colorizer):
    plain = colorizer(gray(40, 40))
    hinted = colorizer(gray(40, 40), hints=[Hint(20, 20, BLUE, 2)])
    np.testing.assert_array_equal(plain.pixels, colorizer(gray(40, 40)).pixels)
    assert np.hypot(*(ab_of(hinted)[20, 20] - Hint(0, 0, BLUE).ab)) <= 5


def test_hints_of_colorizer_are_default(network):
    colorizer = make_colorizer(network, size=64, hints=[Hint(20, 20, BLUE, 2)])
    explicit = make_colorizer(network, size=64)(gray(40, 40), hints=[Hint(20, 20, BLUE, 2)])
    np.testing.assert_array_equal(colorizer(gray(40, 40)).pixels, explicit.pixels)


def test_samples_follow_hints(network):
    colorizer = make_colorizer(network, size=64, hints=[Hint(20, 20, BLUE, 2)])
    for sample in colorizer.samples(gray(40, 40), 2):
        assert np.hypot(*(ab_of(sample)[20, 20] - Hint(0, 0, BLUE).ab)) <= 5


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


def test_network_with_hint_input_gets_ab_and_mask_at_full_size():
    network = Recorder()
    result = make_colorizer(network, size=32)(gray(64, 64), hints=[Hint(20, 41, BLUE, 0)])
    (given,) = network.given
    assert given.shape == (1, 3, 32, 32) and given.dtype == torch.float32
    assert torch.nonzero(given[0, 2]).tolist() == [[20, 10]]
    np.testing.assert_allclose(given[0, :2, 20, 10], Hint(0, 0, BLUE).ab / 110, rtol=1e-5)
    assert given[0, 2].max() == 1 and not given[0, :2, given[0, 2] == 0].any()
    assert np.hypot(*(ab_of(result)[41, 20] - Hint(0, 0, BLUE).ab)) <= 5


def test_network_with_hint_input_gets_none_without_hints():
    network = Recorder()
    make_colorizer(network, size=32)(gray(64, 64))
    assert network.given == [None]


def test_siggraph17_gets_rasterized_hints(siggraph17):
    colorizer = make_colorizer(siggraph17, size=32)
    photo = gray(64, 64)
    hinted = colorizer.rasterize_hints(photo, [Hint(20, 41, BLUE, 4)])
    lightness = colorizer.network_input(photo)
    plain, result = colorizer.predict_logits(lightness), colorizer.predict_logits(lightness, hinted)
    inputs = lightness, rasterize(hinted, (32, 32))[None]
    expected = colorizer.runner.network(*map(torch.from_numpy, inputs)).numpy()
    assert np.abs(result - plain).max() > 1e-4
    np.testing.assert_allclose(result, expected, atol=1e-4)


def test_eccv16_follows_hints_by_propagation(eccv16):
    colorizer = make_colorizer(eccv16, size=32)
    result = ab_of(colorizer(gray(64, 64), hints=[Hint(20, 41, BLUE, 0)]))
    plain = ab_of(colorizer(gray(64, 64)))
    assert np.hypot(*(result[41, 20] - Hint(0, 0, BLUE).ab)) <= 5
    assert np.hypot(*(result[39, 24] - plain[39, 24])) > 3


@pytest.fixture
def colorize_(weights, tmp_path, monkeypatch, capsys):
    """Run the command on a photograph in a temporary folder; return status and messages."""
    monkeypatch.chdir(tmp_path)
    Image.fromarray(gray(30, 40).pixels).save("photo.png")

    def run(*arguments: str) -> tuple[int, str]:
        try:
            status = main(["--weights", weights, "--size", "64", *arguments])
        except SystemExit as error:
            status = error.code
        return status, capsys.readouterr().err

    return run


def test_command_takes_text(colorize_, tmp_path):
    written(tmp_path, f"20,10,{BLUE},2\n")
    status, _ = colorize_("-i", "photo.png", "-o", "out.png", "--hints", "hints.txt")
    assert status == 0
    assert np.hypot(*(ab_of(read("out.png"))[10, 20] - Hint(0, 0, BLUE).ab)) <= 5


def test_command_takes_painting(colorize_):
    painting = painted((30, 40), np.s_[4:7, 30:35], (192, 128, 80))
    painting.to_pil().save("layer.png")
    status, _ = colorize_("-i", "photo.png", "-o", "out.png", "--hints", "layer.png")
    assert status == 0
    difference = ab_of(read("out.png"))[4:7, 30:35] - Hint(0, 0, ORANGE).ab
    assert np.linalg.norm(difference, axis=-1).max() <= 5


@pytest.mark.parametrize(
    ("arguments", "expected", "message"),
    [
        (["-i", "photo.png", "other.png", "-o", "out", "--hints", "h.txt"], 2, "--hints"),
        (["-i", ".", "-o", "out", "--hints", "h.txt"], 2, "--hints"),
        (["--glob", "*.png", "-o", "out", "--hints", "h.txt"], 2, "--hints"),
        (["-i", "film.mp4", "-o", "out.mp4", "--hints", "h.txt"], 2, "--hints"),
        (["-i", "photo.png", "--hints", ""], 2, "--hints"),
        (["-i", "photo.png", "-o", "h.txt", "--hints", "h.txt"], 2, "--hints"),
        (["-i", "photo.png", "--hints", "h.txt"], 1, "h.txt, line 1: '#12'"),
        (["-i", "photo.png", "--hints", "far.txt"], 1, "far.txt, line 1: 99,0"),
        (["-i", "photo.png", "--hints", "none.txt"], 1, "none.txt: "),
    ],
)
def test_command_reports_wrong_hints(colorize_, tmp_path, arguments, expected, message):
    (tmp_path / "h.txt").write_text("1,1,#12\n")
    (tmp_path / "far.txt").write_text("99,0,#123456\n")
    status, stderr = colorize_(*arguments)
    assert status == expected and message in stderr.splitlines()[-1]
    assert "Traceback" not in stderr
    assert not (tmp_path / "out").exists() and not (tmp_path / "photo.colorized.png").exists()


def test_changed_hints_are_redone_with_manifest(colorize_, tmp_path):
    arguments = ["-i", "photo.png", "-o", "out.png", "--hints", "hints.txt", "--manifest", "m"]
    written(tmp_path, f"20,10,{BLUE},2\n")
    assert colorize_(*arguments)[0] == 0
    assert "→" not in colorize_(*arguments)[1]
    written(tmp_path, f"20,10,{ORANGE},2\n")
    assert "→" in colorize_(*arguments)[1]
    assert np.hypot(*(ab_of(read("out.png"))[10, 20] - Hint(0, 0, ORANGE).ab)) <= 5

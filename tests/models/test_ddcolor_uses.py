"""Everything that a network is used for, with a small DDColor: it only takes L and gives ab."""

import dataclasses
import io
import json

import numpy as np
import pytest
import torch
from fixtures.ddcolor import SMALL, FixedColors, uniform_ab
from PIL import Image
from skimage.color import rgb2lab

from colorize.cli import main
from colorize.errors import ColorizeError
from colorize.evaluation.cli import main as evaluate
from colorize.hints.format import Hint
from colorize.io.photo import Photo
from colorize.models import registry
from colorize.models.ddcolor import DDColorTiny
from colorize.models.metadata import ModelMetadata
from colorize.pipeline import Colorizer

NEEDS_DISTRIBUTION = {
    "style": "vivid",
    "temperature": 0.5,
    "rebalance": 0.5,
    "rare_color_boost": 0.1,
    "coherence": 0.3,
    "sample": 2,
    "reference": Photo(np.full((8, 8, 3), 90, np.uint8)),
}


class Small(DDColorTiny):
    """With an encoder and a size that are quick to run."""

    depths, widths = SMALL

    @property
    def metadata(self) -> ModelMetadata:
        return dataclasses.replace(super().metadata, input_size=64)


@pytest.fixture(scope="module")
def weights_file(small_ddcolor, tmp_path_factory):
    file = tmp_path_factory.mktemp("ddcolor") / "small.bin"
    torch.save(small_ddcolor, file)
    return file


@pytest.fixture(autouse=True)
def arguments(weights_file, monkeypatch) -> list[str]:
    """Return the arguments for the small network, which stands in for ddcolor-tiny."""
    row = registry.find("ddcolor-tiny")
    monkeypatch.setitem(registry.MODELS, "ddcolor-tiny", dataclasses.replace(row, network=Small))
    return ["--model", "ddcolor-tiny", "--weights", str(weights_file)]


@pytest.fixture
def colorizer(weights_file) -> Colorizer:
    return Colorizer.from_pretrained("ddcolor-tiny", weights=weights_file)


def gray(height: int = 48, width: int = 64) -> Photo:
    rows, columns = np.mgrid[:height, :width]
    return Photo((140 + 60 * np.sin(rows / 9) * np.cos(columns / 13)).astype(np.uint8))


def chroma_of(pixels: np.ndarray) -> float:
    return float(np.hypot(*np.moveaxis(rgb2lab(pixels)[..., 1:], -1, 0)).mean())


@pytest.mark.slow
def test_folder_resumes_where_it_stopped(arguments, tmp_path, capsys):
    for number in range(3):
        Image.fromarray(gray(40 + number).pixels).save(tmp_path / f"{number}.png")
    out, manifest = tmp_path / "out", tmp_path / "m.jsonl"
    command = [str(tmp_path), "-o", str(out), "--manifest", str(manifest), *arguments]
    assert main(command) == 0
    for number in range(3):
        with Image.open(out / f"{number}.png") as image:
            assert chroma_of(np.asarray(image)) > 5
    (out / "1.png").unlink()
    capsys.readouterr()
    assert main(command) == 0
    assert "1 done, 2 skipped, 0 failed" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("upsampling", ["guided", "bilinear"])
def test_photographs_of_a_batch_equal_single_ones(colorizer, upsampling):
    colorizer = colorizer.with_options(upsampling=upsampling, borders="color")
    photos = [gray(48, 64), gray(30, 20)]
    inputs = np.concatenate([colorizer.network_input(photo) for photo in photos])
    together = colorizer.predict_logits(inputs)
    for photo, ab in zip(photos, together, strict=True):
        merged = colorizer.merge(photo, ab).pixels.astype(int)
        assert np.abs(merged - colorizer(photo).pixels).mean() < 0.05


def test_hint_colors_what_looks_alike():
    """The network does not see hints: they are propagated from the colors that it gives."""
    pixels = np.full((128, 128), 90, np.uint8)
    pixels[:, 64:] = 200
    colorizer = Colorizer(FixedColors(uniform_ab(10, 10, 128))).with_options(size=128)

    def changes(color: str, scope: str) -> tuple[float, float, float]:
        """Return how far a falls near a hint, far away on its surface, and on the other one."""
        variant = colorizer.with_options(hint_scope=scope, hints=[Hint(16, 16, color)])
        change = 10 - rgb2lab(variant(Photo(pixels)).pixels)[..., 1]
        return change[24, 24], change[110, 20], change[20, 110]

    small, large = "#706a50", "#408040"
    for scope in ("object", "cast"):
        near, same, other = changes(small, scope)
        assert near > 10 and same > 5 and same > 1.5 * other
    assert changes(small, "object")[2] < changes(small, "cast")[2]
    near, same, other = changes(large, "object")  # stays on the thing
    assert near > 40 and max(same, other) < 2
    assert changes(large, "cast")[1] > 5


@pytest.mark.parametrize("name", NEEDS_DISTRIBUTION)
def test_options_of_distributions_are_refused(colorizer, name):
    with pytest.raises(ColorizeError, match=f"{name}: this network does not predict"):
        colorizer.with_options(**{name: NEEDS_DISTRIBUTION[name]})


@pytest.mark.parametrize("option", ["--samples=2", "--confidence-map=c.png", "--temperature=0.5"])
def test_command_refuses_them_in_one_line(arguments, option, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Image.fromarray(gray().pixels).save("a.png")
    assert main(["a.png", *arguments, option]) == 1
    message = capsys.readouterr().err
    assert message.count("\n") == 1 and "distribution of colors" in message
    assert [file.name for file in tmp_path.iterdir()] == ["a.png"]


@pytest.mark.slow
def test_video_is_colorized_without_flicker(arguments, tmp_path):
    pytest.importorskip("av")
    pytest.importorskip("cv2")
    from fixtures.videos import inspect, make_video

    make_video(tmp_path / "clip.mp4", audio=None)
    target = tmp_path / "color.mp4"
    assert main([str(tmp_path / "clip.mp4"), "-o", str(target), *arguments]) == 0
    before, after = inspect(tmp_path / "clip.mp4"), inspect(target)
    assert after.times == before.times


def test_server_offers_what_acts(colorizer):
    pytest.importorskip("starlette", reason="pip install 'colorize-photos[serve]'")
    from fixtures.server import make_photo, serve

    with serve(colorizer.runner, "ddcolor-tiny") as server:
        plain = server.post(make_photo("PNG"), "?size=64")
        assert plain.status == 200
        with Image.open(io.BytesIO(plain.body)) as image:
            assert chroma_of(np.asarray(image.convert("RGB"))) > 5
        for refused in ("sample=2", "temperature=0.5", "confidence=true", "style=vivid"):
            answer = server.post(make_photo("PNG"), f"?size=64&{refused}")
            assert answer.status == 422
            assert refused.partition("=")[0] in json.loads(answer.body)["error"]


@pytest.mark.slow
def test_page_shows_colors_and_hints_only(browser, colorizer):
    pytest.importorskip("starlette", reason="pip install 'colorize-photos[serve]'")
    from fixtures.page import HEIGHT, WIDTH, is_gray, make_gray, open_page, pixel, upload
    from fixtures.server import serve

    with serve(colorizer.runner, "ddcolor-tiny") as server:
        with open_page(browser, f"http://127.0.0.1:{server.port}/") as page:
            upload(page, make_gray(WIDTH, HEIGHT))
            assert not is_gray(pixel(page, 0.3, 0.4))


@pytest.mark.slow
def test_evaluation_measures_hints(arguments, tmp_path):
    """The seed of their positions is not that of samples, which this network does not have."""
    (tmp_path / "photos").mkdir()
    pixels = np.stack([gray(64, 64).pixels, gray(64, 64).pixels // 2, gray(64, 64).pixels], axis=-1)
    Image.fromarray(pixels).save(tmp_path / "photos" / "a.png")
    report = tmp_path / "report.json"
    command = ["hints", str(tmp_path / "photos"), *arguments, "--hints", "0", "50", "--seed", "3"]
    assert evaluate([*command, "--quiet", "--json", str(report)]) == 0
    psnr = json.loads(report.read_text())["psnr"]
    assert psnr["50"] > psnr["0"]

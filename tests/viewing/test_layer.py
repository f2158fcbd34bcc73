"""The colors alone, as a layer."""

import numpy as np
import pytest
from PIL import Image

from colorize.cli import main
from colorize.io.photo import Photo
from colorize.viewing.layer import color_layer


def test_gray_pixels_are_transparent():
    pixels = np.full((2, 2, 3), 9000, np.uint16)
    pixels[0, 0] = 60000, 20000, 0
    layer = color_layer(Photo(pixels))
    assert layer.alpha.tolist() == [[255, 0], [0, 0]]
    assert layer.pixels.dtype == np.uint8


def test_layer_is_written_besides_the_result(tmp_path):
    photo, out, layer = (tmp_path / name for name in ("in.png", "out.png", "layer.png"))
    Image.fromarray(np.arange(48 * 32, dtype=np.uint8).reshape(48, 32)).save(photo)
    assert main([str(photo), "-o", str(out), "--layer", str(layer), "--quiet"]) == 0
    with Image.open(layer) as above, Image.open(out) as result:
        assert above.mode == "RGBA" and above.size == result.size
        shown = np.asarray(above)[..., 3] > 0
        assert (np.asarray(above)[shown][:, :3] == np.asarray(result)[shown]).all()
    for wrong in (["--layer", str(tmp_path / "layer.jpg")], ["--layer", str(layer), str(out)]):
        with pytest.raises(SystemExit):
            main([str(photo), "--quiet", *wrong])

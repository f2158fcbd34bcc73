"""`colorize info`."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from colorize.cli import main
from colorize.io.metadata import Metadata
from colorize.io.photo import Photo
from colorize.io.provenance import DIGITAL_SOURCE_TYPE, Provenance
from colorize.io.writers import write


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif", "webp", "jp2"])
def test_info_says_what_the_file_says(tmp_path, capsys, suffix):
    path = tmp_path / f"photo.{suffix}"
    metadata = Metadata(provenance=Provenance("hash", '{"style": "vivid"}'), dpi=(300, 300))
    write(Photo(np.zeros((6, 8, 3), np.uint8), metadata=metadata), path)
    assert main(["info", str(path)]) == 0
    text = capsys.readouterr().out
    for said in ("8×6 pixels", DIGITAL_SOURCE_TYPE, '"vivid"', "computed by this program"):
        assert said in text


def test_info_as_json_and_of_what_cannot_be_read(tmp_path, capsys):
    Image.new("L", (5, 4)).save(tmp_path / "plain.png")
    (tmp_path / "none.png").write_bytes(b"not a picture")
    names = [str(tmp_path / name) for name in ("plain.png", "none.png", "missing.png")]
    assert main(["info", "--json", *names]) == 1
    captured = capsys.readouterr()
    said = json.loads(captured.out)
    assert (said["width"], said["height"], said["colorized"]) == (5, 4, False)
    assert "none.png" in captured.err and "missing.png" in captured.err

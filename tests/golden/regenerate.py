"""Rewrite the golden files: the current output of the command becomes the expected one.

    python tests/golden/regenerate.py              # all
    python tests/golden/regenerate.py hints film   # only the data of these cases

To be run after a change that is meant to change pictures, for the cases concerned. Look at the
pictures in tests/golden/data and at what git says has changed before committing them.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
from golden_cases import CASES, Case, make_film, make_inputs, run
from golden_data import FOLDER, GRIDS, STEPS, ab_grid, picture_path, read_rgb
from PIL import Image
from skimage.color import rgb2lab


def regenerate(names: list[str]) -> None:
    """Write the golden data of the cases of these names, of all without any."""
    unknown = set(names) - {case.name for case in CASES if not case.golden}
    if unknown:
        sys.exit(f"no cases with data of their own: {', '.join(sorted(unknown))}")
    FOLDER.mkdir(exist_ok=True)
    grids = dict(np.load(GRIDS)) if names else {}
    with tempfile.TemporaryDirectory() as name:
        inputs = make_inputs(Path(name))
        make_film(inputs)
        for case in CASES:
            if not case.golden and (not names or case.name in names):
                grids = {key: grid for key, grid in grids.items() if _case_of(key) != case.name}
                grids |= _store(case, inputs)
    np.savez_compressed(GRIDS, **dict(sorted(grids.items())))


def _case_of(key: str) -> str:
    return key.split("/")[0]


def _store(case: Case, inputs: Path) -> dict[str, np.ndarray]:
    """Write the golden pictures of a case and return its grids by their keys."""
    grids = {}
    for path in run(case, inputs, inputs / "outputs" / case.name):
        rgb, key = read_rgb(path), f"{case.name}/{path.stem}"
        grids[key] = np.rint(ab_grid(rgb2lab(rgb)) * STEPS).astype(np.int16)
        if case.full:
            picture = Image.fromarray(np.rint(rgb * 255).astype(np.uint8))
            picture.save(picture_path(key), lossless=True, quality=100, method=6)
    return grids


if __name__ == "__main__":
    regenerate(sys.argv[1:])

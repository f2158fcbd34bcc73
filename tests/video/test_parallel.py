"""Frames that several threads colorize."""

import numpy as np
import pytest

pytest.importorskip("cv2")

from fixtures.videos import picture

from colorize.video.parallel import colorize_frames


def test_the_number_of_threads_does_not_change_the_frames(colorizer):
    results = [
        list(colorize_frames(range(6), picture, colorizer, quarter_turns=1, workers=workers))
        for workers in (1, 3)
    ]
    for one, several in zip(*results, strict=True):
        assert one.frame == several.frame
        assert np.array_equal(one.pixels, several.pixels)

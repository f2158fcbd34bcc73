"""Merging block by block: memory beyond the result, whatever the shape of the picture."""

import tracemalloc

import numpy as np
import pytest

from colorize.color import lab
from colorize.color.autocontrast import autocontrast
from colorize.color.merge import merge_lab_blocks

SHAPES = [(2, 1_000_000), (1_000_000, 2), (1400, 1400)]


def peak_bytes_beyond_result(function, *arguments, **options):
    tracemalloc.start()
    try:
        result = function(*arguments, **options)
        return tracemalloc.get_traced_memory()[1] - result.nbytes
    finally:
        tracemalloc.stop()


@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("guided", [False, True])
def test_memory_of_merge_does_not_depend_on_the_shape(shape, guided):
    pixels = np.full(shape, 120, np.uint8)
    ab, guide = np.zeros((2, 64, 64), np.float32), np.full((64, 64), 50, np.float32)
    merge_lab_blocks(pixels[:1], ab)  # tables and the scratch memory of this thread
    peak = peak_bytes_beyond_result(
        merge_lab_blocks, pixels, ab, guide=guide if guided else None, threads=1
    )
    assert peak < 150 * lab.BLOCK_PIXELS


@pytest.mark.parametrize("shape", SHAPES)
def test_memory_of_autocontrast_does_not_depend_on_the_shape(shape):
    pixels = np.full(shape, 120, np.uint8)
    autocontrast(pixels[:1])
    assert peak_bytes_beyond_result(autocontrast, pixels) < 150 * lab.BLOCK_PIXELS


@pytest.mark.parametrize("size", [(1, 1), (3, 100_000), (100_000, 3), (777, 9001)])
def test_blocks_cover_each_pixel_once(size):
    covered = np.zeros(size, np.uint8)
    for block in lab.blocks(*size):
        covered[block] += 1
        assert covered[block].size <= 2 * lab.BLOCK_PIXELS
    assert (covered == 1).all()

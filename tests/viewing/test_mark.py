"""The visible sign, and the record that can be left out."""

from __future__ import annotations

import numpy as np
import pytest

from colorize.io.metadata import Metadata
from colorize.io.photo import Photo
from colorize.io.provenance import Provenance
from colorize.viewing.mark import apply_mark


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("size", [(200, 300), (12, 5), (1, 1)])
def test_sign_is_at_the_lower_right(dtype, size):
    top = np.iinfo(dtype).max
    photo = Photo(np.full((*size, 3), top // 2, dtype), np.zeros(size, dtype))
    marked = apply_mark(photo, True, False)
    changed = np.argwhere((marked.pixels != photo.pixels).any(axis=2))
    assert len(changed) and (photo.pixels == top // 2).all()
    if min(size) > 100:
        assert (changed.min(axis=0) > np.array(size) // 2).all()
        assert marked.pixels.max() > 0.9 * top
    assert marked.alpha[-1, -1] == top and marked.pixels.dtype == dtype


def test_record_gets_the_settings_of_the_command_or_goes():
    pixels = np.zeros((4, 4, 3), np.uint8)
    photo = Photo(pixels, metadata=Metadata(provenance=Provenance("hash", "{}")))
    kept = apply_mark(photo, False, False, '{"style": "vivid"}')
    assert kept.metadata.provenance == Provenance("hash", '{"style": "vivid"}')
    assert apply_mark(photo, False, True).metadata.provenance is None
    assert apply_mark(Photo(pixels), False, False, "{}").metadata.provenance is None

"""Streams and pipes."""

from __future__ import annotations

import io
import os
from typing import Any

import numpy as np
import pytest
from fixtures.image_files import GRAY, image_of, saved
from fixtures.sample_files import SAMPLES, SampleFile, sample_id

from colorize.errors import ColorizeError
from colorize.io.photo import Photo
from colorize.io.readers import read
from colorize.io.writers import write


class Pipe(io.RawIOBase):
    """A stream as stdin and stdout are: neither seeks nor tells."""

    def __init__(self, content: bytes = b"") -> None:
        self.content = io.BytesIO(content)

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self.content.readinto(buffer)

    def write(self, data: Any) -> int:
        return self.content.write(data)


@pytest.mark.parametrize("sample", SAMPLES[::5], ids=sample_id)
def test_pipes_are_read_and_written(sample: SampleFile) -> None:
    source = io.BufferedReader(Pipe(sample.content()))
    photo = read(source)
    target = Pipe()
    write(photo, target, format="png")  # type: ignore[arg-type]
    np.testing.assert_array_equal(read(io.BytesIO(target.content.getvalue())).pixels, photo.pixels)


def test_stream_gets_the_format_of_its_source() -> None:
    photo = read(io.BytesIO(saved(image_of(GRAY), "WEBP")))
    target = io.BytesIO()
    write(photo, target)
    assert target.getvalue()[8:12] == b"WEBP"


def test_closed_pipe_is_an_error() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with pytest.raises(ColorizeError, match="broken pipe"), open(writer, "wb", 0) as file:
        write(Photo(GRAY), file, format="png")

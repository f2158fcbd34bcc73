"""zlib streams, as PNG and TIFF files hold them: by ISA-L, or zlib where ISA-L has no wheel."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from typing import Literal

try:
    from isal import isal_zlib as isal_zlib  # for others as well
except ImportError:
    isal_zlib = None  # type: ignore[assignment]

PIECE_BYTES = 1 << 20  # of what is decompressed at a time


def check_stream(pieces: Iterable[bytes], wanted: int = 0) -> Literal["whole", "cut", "damaged"]:
    """Return the state of a zlib stream: "damaged" where a code or its checksum is wrong.

    One that ends before it has given the wanted number of bytes is "cut".
    """
    size = 0
    library = zlib if isal_zlib is None else isal_zlib
    inflater = library.decompressobj()
    try:
        for piece in pieces:
            while piece and not inflater.eof:
                size += len(inflater.decompress(piece, PIECE_BYTES))
                piece = inflater.unconsumed_tail
    except library.error:
        return "damaged"
    return "whole" if inflater.eof and size >= wanted else "cut"

"""PNG files: chunks that are damaged but are not pixels are left out.

Source: PNG, third edition (W3C).
"""

from __future__ import annotations

import io
import itertools
import struct
import zlib
from collections.abc import Iterator
from contextlib import suppress
from typing import BinaryIO

import numpy as np
from PIL import Image, PngImagePlugin

from colorize.errors import ColorizeError
from colorize.io.deflate import check_stream
from colorize.io.png import SIGNATURE, pack_chunk
from colorize.io.readers.limits import DAMAGED, TAKE_DAMAGED, check_size
from colorize.io.readers.png_chunks import (
    Chunk,
    passes,
    pixel_bytes,
    pixel_stream,
    read_chunks,
    read_header,
)
from colorize.io.segments import Part, SegmentFile

PIXEL_CHUNKS = {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND", b"acTL", b"fcTL", b"fdAT"}
COLOR_CHUNKS = {b"gAMA", b"cHRM", b"sRGB", b"iCCP"}  # which must be in front of the pixels
MAX_FILTER = 4
MAX_PARSED_BYTES = 64 << 20  # of a chunk that is parsed

_TINY = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0), zlib.compress(b"\0\0")


def repair(
    file: BinaryIO, max_pixels: int, allow_damaged: bool
) -> tuple[SegmentFile, SegmentFile, list[str]]:
    """Return the file without damaged chunks, the file with its pixels only, and notes.

    Raises ColorizeError where the picture is too large, and where the pixels are damaged, unless
    this is allowed.
    """
    file.seek(12)
    type, header, color_type = file.read(4), file.read(8), file.read(2)[1:]
    if type == b"CgBI":
        raise ColorizeError("is a PNG changed by Xcode for iOS: export it as PNG again")
    if type != b"IHDR":
        raise ColorizeError("damaged: its header is missing")
    if len(header) == 8:
        width, height = struct.unpack(">II", header)
        check_size(width, height, max_pixels)
    chunks = list(read_chunks(file))
    notes: list[str] = []
    ignored = () if any(c.type == b"fcTL" for c in chunks) else (b"acTL", b"fdAT")  # not animated
    chunks = [chunk for chunk in chunks if chunk.type not in ignored]
    fitting = [chunk for chunk in chunks if not _is_misfit(chunk, color_type)]
    if len(fitting) < len(chunks):
        chunks = fitting
        notes.append("its transparency does not fit its colors: left out")
    chunks = _with_palette(chunks, color_type)
    pixels = [chunk for chunk in chunks if chunk.type in PIXEL_CHUNKS]
    damaged = next((c for c in pixels if not c.is_whole or not c.is_valid), None)
    control = next((chunk for chunk in pixels if chunk.type == b"acTL"), None)
    is_animation = control is not None
    has_end = bool(chunks) and chunks[-1].type == b"IEND"
    if is_animation and not has_end and not allow_damaged:
        raise ColorizeError("incomplete, its end is missing", TAKE_DAMAGED)
    if (
        allow_damaged
        and not damaged
        and not is_animation
        and (check_stream(pixel_stream(file, pixels), pixel_bytes(read_header(file))) != "whole")
    ):
        return _rescue(file, pixels)
    if damaged and damaged.type != b"IEND":
        if not allow_damaged:
            what = "is cut off" if not damaged.is_whole else "has a wrong checksum"
            raise ColorizeError(
                f"its pixels are damaged, chunk {damaged.type.decode('ascii', 'replace')} {what}",
                TAKE_DAMAGED,
            )
        if is_animation and (frames := _frames_before(file, pixels, pixels.index(damaged))):
            whole = [SIGNATURE, *frames, pack_chunk(b"IEND", b"")]
            return SegmentFile(file, whole), SegmentFile(file, whole), [DAMAGED]
        return _rescue(file, pixels)
    if is_animation and not damaged and any(_lack_rows(file, pixels)):
        if not allow_damaged:
            raise ColorizeError("its pixels are incomplete", TAKE_DAMAGED)
        if not any(chunk.type == b"fdAT" for chunk in pixels):  # of a single frame
            return _rescue(file, pixels)
        notes.append(DAMAGED)
    first = next((chunk.offset for chunk in chunks if chunk.type == b"IDAT"), 0)
    usable = [
        chunk
        for chunk in chunks
        if chunk.type in PIXEL_CHUNKS
        or (_is_usable(file, chunk) and (chunk.type not in COLOR_CHUNKS or chunk.offset < first))
    ]
    if len(usable) < len(chunks):
        kept = {chunk.offset for chunk in usable}
        damaged_types = {chunk.type for chunk in chunks if chunk.offset not in kept}
        names = sorted(type.decode("ascii", "replace") for type in damaged_types)
        notes.append(f"damaged chunks left out: {', '.join(names)}")
    end: list[bytes | Part] = [pack_chunk(b"IEND", b"")]
    if not has_end:
        notes.append("its end marker is missing")
    body: list[bytes | Part] = [chunk.part for chunk in usable if chunk.type != b"IEND"]
    plain: list[bytes | Part] = [chunk.part for chunk in pixels if chunk.type != b"IEND"]
    if control is not None and control.size == 8:
        count = sum(chunk.type == b"fcTL" for chunk in pixels)
        claimed, counted = _frame_counts(file, control, count)
        if claimed != count:  # Pillow reads as many as are claimed
            unit = "frame" if claimed == 1 else "frames"
            notes.append(f"it says that it has {claimed} {unit} and has {count}")
            for parts in (body, plain):
                parts[parts.index(control.part)] = counted
    return (
        SegmentFile(file, [SIGNATURE, *body, *end]),
        SegmentFile(file, [SIGNATURE, *plain, *end]),
        notes,
    )


def _with_palette(chunks: list[Chunk], color_type: bytes) -> list[Chunk]:
    """Return the chunks with the palette of indices in front of the pixels, where it must be.

    Raises ColorizeError where there is none, or several.
    """
    palettes = [chunk for chunk in chunks if chunk.type == b"PLTE"]
    if color_type != b"\3":
        return chunks
    if not palettes:
        raise ColorizeError("damaged: its palette is missing")
    if len(palettes) > 1:
        raise ColorizeError("damaged: it has several palettes")
    rest = [chunk for chunk in chunks if chunk.type != b"PLTE"]
    return [*rest[:1], palettes[0], *rest[1:]]


def lacks_rows(file: BinaryIO | SegmentFile, image: Image.Image) -> bool:
    """Return whether the pixels of a PNG end early, of which Pillow says nothing.

    Args:
        file: the pixels, as `repair` returns it.
        image: as loaded: the missing rows are zero.
    """
    last = np.asarray(image.crop((0, max(image.height - 2, 0), *image.size)))
    if last.reshape(len(last), -1).any(axis=1).all():
        return False
    pixels = pixel_stream(file, list(read_chunks(file)))
    return check_stream(pixels, pixel_bytes(read_header(file))) == "cut"


def _lack_rows(file: BinaryIO, pixels: list[Chunk]) -> Iterator[bool]:
    """Yield for each frame of an animation whether its pixels end early."""
    header = read_header(file)
    starts = [index for index, chunk in enumerate(pixels) if chunk.type == b"fcTL"]
    for start, end in itertools.pairwise([*starts, len(pixels)]):
        size = pixels[start].read(file)[4:12]
        wanted = pixel_bytes(size + header[8:])
        yield check_stream(pixel_stream(file, pixels[start:end]), wanted) == "cut"


def lacks_colors(image: Image.Image) -> bool:
    """Return whether pixels of a PNG or BMP image are beyond its palette; Pillow shows black."""
    if image.mode != "P" or image.format not in ("PNG", "BMP") or image.palette is None:
        return False
    colors = len(image.palette.palette) // len(image.palette.mode)
    highest = image.getextrema()[1]
    return isinstance(highest, int) and highest >= colors


def _frames_before(file: BinaryIO, pixels: list[Chunk], damaged: int) -> list[bytes | Part]:
    """Return the chunks of the frames before that with the damaged chunk; none if it is the first.

    damaged: the index of that chunk among `pixels`.
    """
    types = [chunk.type for chunk in pixels]
    end = max((n for n in range(damaged + 1) if types[n] == b"fcTL"), default=0)
    if b"IDAT" not in types[:end] or b"acTL" not in types[:end]:
        return []
    counts = pixels[types.index(b"acTL")]
    _, control = _frame_counts(file, counts, types[:end].count(b"fcTL"))
    return [control if chunk is counts else chunk.part for chunk in pixels[:end]]


def _is_misfit(chunk: Chunk, color_type: bytes) -> bool:
    """Return whether a chunk is transparency of a size that the color type, a byte, can't have."""
    if chunk.type != b"tRNS" or not chunk.is_valid:
        return False
    if color_type == b"\3":
        return chunk.size > 256  # colors of a palette
    return chunk.size != {b"\0": 2, b"\2": 6}.get(color_type)  # the level or color that is clear


def _frame_counts(file: BinaryIO, control: Chunk, frames: int) -> tuple[int, bytes]:
    """Return how many frames a chunk acTL claims, and the chunk with their true number."""
    file.seek(control.offset)
    claimed, plays = struct.unpack(">II", file.read(8))
    return claimed, pack_chunk(b"acTL", struct.pack(">II", frames, plays))


def _is_usable(file: BinaryIO, chunk: Chunk) -> bool:
    """Return whether Pillow can read a chunk that is not part of the pixels."""
    if not chunk.is_valid or not chunk.type.isalpha():
        return False
    if chunk.size > MAX_PARSED_BYTES:
        return True
    header, pixel = _TINY
    tiny = SIGNATURE + pack_chunk(b"IHDR", header) + pack_chunk(chunk.type, chunk.read(file))
    tiny += pack_chunk(b"IDAT", pixel) + pack_chunk(b"IEND", b"")
    try:
        PngImagePlugin.PngImageFile(io.BytesIO(tiny), "").load()
    except Exception:  # of nearly every type
        return False
    return True


def _rescue(file: BinaryIO, pixels: list[Chunk]) -> tuple[SegmentFile, SegmentFile, list[str]]:
    """Return a file of the pixels as far as they can be decompressed, black behind them."""
    header = next((chunk for chunk in pixels if chunk.type == b"IHDR"), None)
    if header is None or header.size != 13 or not header.is_whole:
        raise ColorizeError("damaged: its header is missing")
    contents = {b"IHDR": b"", b"PLTE": b"", b"tRNS": b""}
    for chunk in pixels:
        if contents.get(chunk.type) == b"":
            contents[chunk.type] = chunk.read(file)
    pixels = [chunk for chunk in pixels if chunk.type != b"fdAT"]  # of the frames behind the first
    inflater, rows = zlib.decompressobj(), bytearray()
    wanted = sum(count * length for count, length in passes(contents[b"IHDR"]))
    with suppress(zlib.error):  # nothing behind it makes sense
        for content in pixel_stream(file, pixels):
            rows += inflater.decompress(content, wanted - len(rows))
            if len(rows) >= wanted:
                break
    rows = rows[:wanted].ljust(wanted, b"\0")
    _clear_invalid_filters(rows, contents[b"IHDR"])
    content = SIGNATURE
    content += b"".join(pack_chunk(type, data) for type, data in contents.items() if data)
    content += pack_chunk(b"IDAT", zlib.compress(bytes(rows), 1)) + pack_chunk(b"IEND", b"")
    return SegmentFile(file, [content]), SegmentFile(file, [content]), [DAMAGED]


def _clear_invalid_filters(rows: bytearray, header: bytes) -> None:
    """Make the rows of filters that do not exist unfiltered: decoders refuse them."""
    start = 0
    for count, length in passes(header):
        numbers = np.frombuffer(rows, np.uint8, count * length, start)[::length]
        numbers[numbers > MAX_FILTER] = 0
        start += count * length

"""How the pixels of one TIFF page are stored, with whatever is wrong in its tags put right.

`page_file` makes a TIFF file of one page from it for a decoder: only the tags that decoding needs,
in front of the strips or tiles, which are not copied. So no other tag, link or page can disturb
the decoder, and a page can be presented as something that the decoder knows better.

Source: TIFF Revision 6.0 (Adobe, 1992).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from typing import BinaryIO

from colorize.errors import ColorizeError
from colorize.io import tiff_ifd as tiff
from colorize.io.segments import Part, SegmentFile
from colorize.io.tiff_ifd import IFD, Tag, Type

WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, SEPARATED, YCBCR = 0, 1, 2, 3, 5, 6
CIE_LAB, ICC_LAB = 8, 9
COLORS = {
    WHITE_IS_ZERO: 1, BLACK_IS_ZERO: 1, RGB: 3, PALETTE: 1, SEPARATED: 4, YCBCR: 3,
    CIE_LAB: 3, ICC_LAB: 3,
}  # fmt: skip
UNCOMPRESSED, FAX, LZW, OLD_JPEG, JPEG, DEFLATE = 1, {2, 3, 4}, 5, 6, 7, {8, 32946}
PACKBITS, LZMA, ZSTD = 32773, 34925, 50000
BYTE_CODECS = {UNCOMPRESSED, LZW, PACKBITS, LZMA, ZSTD} | DEFLATE  # which code any bytes
UNSIGNED, SIGNED, FLOAT = 1, 2, 3  # of SampleFormat
UNSPECIFIED, ASSOCIATED, UNASSOCIATED = 0, 1, 2  # of ExtraSamples
CHUNKY, SEPARATE_PLANES = 1, 2
MAX_CHANNELS = 16
MAX_TILED_PIXELS = 1 << 24  # of tiles that are together larger than their picture
HEADER_BYTES = 8  # of a classic TIFF file
MAX_FILE_BYTES = (4 << 30) - (1 << 20)  # of classic TIFF, less room for the tags

_KEPT_TAGS = (tiff.T4_OPTIONS, tiff.T6_OPTIONS, tiff.JPEG_TABLES, tiff.YCBCR_SUBSAMPLING)
_OLD_JPEG_TAGS = (512, 513, 514, 515, 517, 518, 519, 520, 521, tiff.YCBCR_SUBSAMPLING)


@dataclass(frozen=True)
class Layout:
    """How the pixels of a page are stored.

    Attributes:
        byte_order: "<" or ">".
        width, height: in pixels.
        bits: per sample.
        channels: samples per pixel.
        photometric, compression, sample_format, predictor, fill_order, planes: TIFF's numbers.
        tile: width and height of a tile, None for strips.
        rows_per_strip: of strips.
        parts: where the strips or tiles lie in the file.
        extra: the meaning of the channels behind the colors, UNSPECIFIED where it is not declared.
        kept: further tags that the decoder needs.
        is_complete: whether the file holds all of the parts.
    """

    byte_order: str
    width: int
    height: int
    bits: int
    channels: int
    photometric: int
    compression: int
    sample_format: int
    predictor: int
    fill_order: int
    planes: int
    tile: tuple[int, int] | None
    rows_per_strip: int
    parts: tuple[Part, ...]
    extra: tuple[int, ...]
    kept: dict[int, Tag]
    is_complete: bool

    @property
    def row_bytes(self) -> int:
        """Bytes of one row of a strip, or of one tile."""
        width = self.tile[0] if self.tile else self.width
        channels = self.channels if self.planes == CHUNKY else 1
        return (width * channels * self.bits + 7) // 8

    def replace(self, **changes: object) -> Layout:
        """Return a copy with other values."""
        return replace(self, **changes)  # type: ignore[arg-type]

    def plane(self, index: int) -> Layout:
        """Return one of the planes, as a page of one channel."""
        count = len(self.parts) // self.channels
        parts = self.parts[index * count : (index + 1) * count]
        return self.replace(
            parts=parts, channels=1, planes=CHUNKY, photometric=BLACK_IS_ZERO, extra=()
        )


def read_layout(ifd: IFD, file_size: int) -> tuple[Layout, list[str]]:
    """Return how a page is stored, and notes about tags that had to be guessed.

    Raises ColorizeError for what cannot be put right.
    """
    notes: list[str] = []
    width, height = ifd.integer(tiff.IMAGE_WIDTH, 0), ifd.integer(tiff.IMAGE_LENGTH, 0)
    bits_per_sample = ifd.integers(tiff.BITS_PER_SAMPLE) or (1,)
    channels = ifd.integer(tiff.SAMPLES_PER_PIXEL, len(bits_per_sample))
    if channels < 1 or channels > MAX_CHANNELS:
        raise ColorizeError(f"has {channels} channels: convert it to gray or RGB")
    if (planes := ifd.integer(tiff.IMAGE_DEPTH, 1)) > 1:
        raise ColorizeError(f"holds a volume of {planes} planes: save them as pages")
    bits = bits_per_sample[0]
    if len(set(bits_per_sample[:channels])) > 1 or not 1 <= bits <= 64:
        raise ColorizeError("has channels of different depths: convert it to 8 or 16 bits")
    compression = ifd.integer(tiff.COMPRESSION, UNCOMPRESSED)
    photometric = ifd.integer(tiff.PHOTOMETRIC, -1)
    if photometric < 0:
        photometric = _guess_photometric(channels, compression)
        taken = {WHITE_IS_ZERO: "0 taken as white", BLACK_IS_ZERO: "0 taken as black"}
        notes.append(f"does not state its color model: {taken.get(photometric, 'taken as RGB')}")
    colors = COLORS.get(photometric)
    if colors is None:
        raise ColorizeError(f"has an unsupported color model ({photometric}): convert it to RGB")
    if channels < colors and photometric in (RGB, CIE_LAB, ICC_LAB) and channels <= 2:
        photometric = BLACK_IS_ZERO if photometric == RGB else photometric
        colors = 1
    if channels < colors:
        raise ColorizeError(f"damaged: has {channels} channels of {colors}")
    extra = tuple(value if value in (ASSOCIATED, UNASSOCIATED) else UNSPECIFIED
                  for value in ifd.integers(tiff.EXTRA_SAMPLES))[: channels - colors]  # fmt: skip
    if len(extra) < channels - colors:
        if tiff.EXTRA_SAMPLES not in ifd.tags:
            extra = (UNASSOCIATED,)
            notes.append("does not state what its last channels are: transparency first")
        extra += (UNSPECIFIED,) * (channels - colors - len(extra))
    if left_out := len(extra) - any(extra):
        notes.append(f"{left_out} {'channel' if left_out == 1 else 'channels'} besides its colors "
                     "left out")  # fmt: skip
    planes = ifd.integer(tiff.PLANAR_CONFIGURATION, CHUNKY)
    layout = Layout(
        byte_order=ifd.byte_order,
        width=width,
        height=height,
        bits=bits,
        channels=channels,
        photometric=photometric,
        compression=compression,
        sample_format=_known(ifd.integer(tiff.SAMPLE_FORMAT, UNSIGNED), (1, 2, 3), UNSIGNED),
        predictor=_known(ifd.integer(tiff.PREDICTOR, 1), (1, 2, 3), 1),
        fill_order=_known(ifd.integer(tiff.FILL_ORDER, 1), (1, 2), 1),
        planes=SEPARATE_PLANES if planes == SEPARATE_PLANES and channels > 1 else CHUNKY,
        tile=_tile(ifd),
        rows_per_strip=0,
        parts=(),
        extra=extra,
        kept={number: ifd.tags[number] for number in _KEPT_TAGS if number in ifd.tags},
        is_complete=True,
    )
    return _with_parts(layout, ifd, file_size), notes


def page_file(file: BinaryIO, layout: Layout) -> SegmentFile:
    """Return a classic TIFF file of one page whose pixels are parts of another file.

    Raises ColorizeError where it would exceed 4 GiB.
    """
    order = layout.byte_order
    size = sum(part.size for part in layout.parts)
    if size > MAX_FILE_BYTES:
        raise ColorizeError("has more than 4 GiB of pixels: split it")
    tags = dict(layout.kept)

    def put(number: int, *values: int, type: Type = Type.LONG) -> None:
        format = f"{order}{len(values)}{'H' if type == Type.SHORT else 'I'}"
        tags[number] = Tag(type, struct.pack(format, *values))

    put(tiff.IMAGE_WIDTH, layout.width)
    put(tiff.IMAGE_LENGTH, layout.height)
    put(tiff.BITS_PER_SAMPLE, *[layout.bits] * layout.channels, type=Type.SHORT)
    put(tiff.SAMPLES_PER_PIXEL, layout.channels, type=Type.SHORT)
    put(tiff.PHOTOMETRIC, layout.photometric, type=Type.SHORT)
    put(tiff.COMPRESSION, layout.compression, type=Type.SHORT)
    put(tiff.PLANAR_CONFIGURATION, layout.planes, type=Type.SHORT)
    put(tiff.SAMPLE_FORMAT, *[layout.sample_format] * layout.channels, type=Type.SHORT)
    if layout.fill_order != 1:
        put(tiff.FILL_ORDER, layout.fill_order, type=Type.SHORT)
    if layout.predictor != 1:
        put(tiff.PREDICTOR, layout.predictor, type=Type.SHORT)
    if layout.extra:
        put(tiff.EXTRA_SAMPLES, *layout.extra, type=Type.SHORT)
    offsets_tag, counts_tag = tiff.STRIP_OFFSETS, tiff.STRIP_BYTE_COUNTS
    if layout.tile:
        offsets_tag, counts_tag = tiff.TILE_OFFSETS, tiff.TILE_BYTE_COUNTS
        put(tiff.TILE_WIDTH, layout.tile[0])
        put(tiff.TILE_LENGTH, layout.tile[1])
    else:
        put(tiff.ROWS_PER_STRIP, layout.rows_per_strip)
    put(counts_tag, *[part.size for part in layout.parts])
    put(offsets_tag, *[0] * len(layout.parts))
    header_size = 8 + len(tiff.pack(IFD(order, tags), 8))
    header_size += header_size % 2
    whole_file = layout.compression == OLD_JPEG  # whose tags point to anywhere in the file
    start, offsets = header_size, []
    for part in layout.parts:
        offsets.append(part.offset if whole_file else start)
        start += part.size
    put(offsets_tag, *offsets)
    if whole_file:
        return _behind_whole_file(file, IFD(order, tags))
    header = tiff.pack_file(IFD(order, tags)).ljust(header_size, b"\0")
    return SegmentFile(file, [header, *_merged(layout.parts)])


def _behind_whole_file(file: BinaryIO, ifd: IFD) -> SegmentFile:
    size = file.seek(0, 2)
    start = size + size % 2
    header = (b"II*\0" if ifd.byte_order == "<" else b"MM\0*") + struct.pack(
        ifd.byte_order + "I", start
    )
    return SegmentFile(file, [header, Part(8, start - 8), tiff.pack(ifd, start)])


def _merged(parts: tuple[Part, ...]) -> list[bytes | Part]:
    """Return the same parts with those joined that follow each other in the file."""
    merged: list[bytes | Part] = []
    for part in parts:
        last = merged[-1] if merged else None
        if isinstance(last, Part) and last.offset + last.size == part.offset:
            merged[-1] = Part(last.offset, last.size + part.size)
        else:
            merged.append(part)
    return merged


def _guess_photometric(channels: int, compression: int) -> int:
    if compression in FAX:
        return WHITE_IS_ZERO
    return BLACK_IS_ZERO if channels < 3 else RGB


def _known(value: int, values: tuple[int, ...], default: int) -> int:
    return value if value in values else default


def _tile(ifd: IFD) -> tuple[int, int] | None:
    width, length = ifd.integer(tiff.TILE_WIDTH, 0), ifd.integer(tiff.TILE_LENGTH, 0)
    return (width, length) if width > 0 and length > 0 else None


def _with_parts(layout: Layout, ifd: IFD, file_size: int) -> Layout:
    """Return the layout with its strips or tiles, whose sizes may be missing in the file."""
    if layout.tile:
        across, down = -(-layout.width // layout.tile[0]), -(-layout.height // layout.tile[1])
        padded = across * layout.tile[0] * down * layout.tile[1]
        if padded > max(MAX_TILED_PIXELS, 4 * layout.width * layout.height):
            raise ColorizeError("damaged: its tiles are far larger than the picture")
        rows_per_strip, count = 0, across * down
        offsets = ifd.integers(tiff.TILE_OFFSETS) or ifd.integers(tiff.STRIP_OFFSETS)
        counts = ifd.integers(tiff.TILE_BYTE_COUNTS) or ifd.integers(tiff.STRIP_BYTE_COUNTS)
    else:
        rows_per_strip = ifd.integer(tiff.ROWS_PER_STRIP, layout.height)
        if not 0 < rows_per_strip <= layout.height:
            rows_per_strip = layout.height
        count = -(-layout.height // rows_per_strip)
        offsets, counts = ifd.integers(tiff.STRIP_OFFSETS), ifd.integers(tiff.STRIP_BYTE_COUNTS)
    count *= layout.channels if layout.planes == SEPARATE_PLANES else 1
    kept = dict(layout.kept)
    if layout.compression == OLD_JPEG:
        kept |= {number: ifd.tags[number] for number in _OLD_JPEG_TAGS if number in ifd.tags}
        offsets = offsets or ifd.integers(tiff.JPEG_OFFSET)
        counts = counts or ifd.integers(tiff.JPEG_BYTE_COUNT)
    if not offsets:
        raise ColorizeError("damaged: does not say where its pixels are")
    if len(offsets) < count:
        if layout.tile is None and len(offsets) == 1:  # it is one strip
            rows_per_strip, count = layout.height, 1
        elif layout.compression != OLD_JPEG:
            raise ColorizeError("damaged: it lacks some of its strips or tiles")
    one_plain_strip = (
        count == 1 and layout.compression == UNCOMPRESSED and layout.photometric != YCBCR
    )
    part_rows = layout.tile[1] if layout.tile else rows_per_strip
    rows_bytes = layout.row_bytes * part_rows if layout.compression == UNCOMPRESSED else 0
    parts, is_complete = [], True
    for index, offset in enumerate(offsets[:count]):
        size = counts[index] if index < len(counts) else 0
        if size <= 0 or (one_plain_strip and size < layout.row_bytes * layout.height):
            size = _part_size(layout, rows_per_strip, offsets, index, file_size)
        if offset < HEADER_BYTES and layout.compression != OLD_JPEG:  # an empty tile of GDAL's
            offset = file_size
        if offset + size > file_size or (not size and layout.compression != OLD_JPEG):
            is_complete = False
            size = min(size, max(file_size - offset, rows_bytes, 0))  # zeros stand for the rest
        parts.append(Part(offset, size))
    return layout.replace(
        parts=tuple(parts), rows_per_strip=rows_per_strip, is_complete=is_complete, kept=kept
    )


def _part_size(
    layout: Layout, rows_per_strip: int, offsets: tuple[int, ...], index: int, file_size: int
) -> int:
    """Return the size of a strip or tile that the file does not state."""
    rows = layout.tile[1] if layout.tile else rows_per_strip
    if layout.compression == UNCOMPRESSED:
        if not layout.tile:
            rows = min(rows, layout.height - index * rows_per_strip)
        return max(rows, 0) * layout.row_bytes
    behind = [offset for offset in offsets if offset > offsets[index]]
    return max(min(behind, default=file_size) - offsets[index], 0)

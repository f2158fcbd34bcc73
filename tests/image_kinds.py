"""Picture files of every kind, made by code.

They are for the tests, for the table of docs/formats.md, and for benchmarks/fuzz_reader.py.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np
import pillow_heif
import pyvips
from PIL import Image

from colorize.images import tiff_directory as tiff
from colorize.images.image import Photo, write
from colorize.images.metadata import photoshop_block

HEIGHT, WIDTH = 24, 40
XMP = (
    b'<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
    b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description '
    b'rdf:about="" xmlns:tiff="http://ns.adobe.com/tiff/1.0/" '
    b'xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" tiff:Orientation="6" '
    b'photoshop:City="Vienna"/></rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
)
IPTC = b"\x1c\x02\x78\x00\x0cOld caption." + b"\x1c\x02\x50\x00\x05Atget"  # caption, by-line
DPI = (300.0, 300.0)

rows, columns = np.mgrid[:HEIGHT, :WIDTH]
GREY = ((columns * 6 + rows) % 256).astype(np.uint8)
RGB = np.stack([GREY, 255 - GREY, (rows * 10).astype(np.uint8)], axis=-1)
ALPHA = ((rows * 9 + columns) % 256).astype(np.uint8)
GREY16 = GREY.astype(np.uint16) * 256 + rows.astype(np.uint16) * 7
RGB16 = RGB.astype(np.uint16) * 256 + columns[..., None].astype(np.uint16) * 5
TWELVE_BITS = np.rint((GREY16 // 16) * (65535 / 4095)).astype(np.uint16)
ALPHA16 = ALPHA.astype(np.uint16) * 256 + 3


@dataclass(frozen=True)
class Kind:
    """A kind of file: its name in the table, suffix, content, and what must be read from it.

    Of pixels and alpha, None is "not checked": the file has losses. pages: how many it has.
    """

    name: str
    suffix: str
    content: Callable[[], bytes]
    pixels: np.ndarray | None = None
    alpha: np.ndarray | None = None
    pages: int = 1


def saved(image: Image.Image, format: str, **options: Any) -> bytes:
    """Return the bytes of a Pillow image in a format."""
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def image_of(*channels: np.ndarray) -> Image.Image:
    """Return a Pillow image of (H, W) and (H, W, 3) uint8 channels."""
    return Image.fromarray(np.squeeze(np.dstack(channels)))


def vips_image(*channels: np.ndarray, space: str = "rgb16") -> Any:
    """Return a libvips image of channels of any number type."""
    array = np.dstack(channels)
    return pyvips.Image.new_from_array(array).copy(interpretation=space)


def palette_image(transparent: bool = False) -> Image.Image:
    """Return an image of 256 colours, some of them transparent."""
    image = Image.fromarray(GREY).convert("P")
    image.putpalette(bytes(np.stack([LEVELS, LEVELS[::-1], LEVELS // 2], axis=1).ravel()))
    if transparent:
        image.info["transparency"] = bytes(LEVELS)
    return image


LEVELS = np.arange(256, dtype=np.uint8)
PALETTE_RGB = np.stack([GREY, 255 - GREY, GREY // 2], axis=-1)


def exif_bytes(orientation: int = 1) -> bytes:
    """Return an EXIF block with descriptions, times and a place, big-endian as cameras do."""
    exif = Image.Exif()
    exif[0x010E], exif[0x013B], exif[0x0132] = "Vienna", "E. Atget", "1903:05:01 12:00:00"
    exif[0x0112] = orientation
    exif[0x8769] = {0x9003: "1903:05:01 11:59:00", 0xA002: WIDTH, 0xA003: HEIGHT, 0x927C: b"mk\1\2"}
    exif[0x8825] = {1: "N", 2: (48.0, 12.0, 30.0)}
    return exif.tobytes()


def app13(iptc: bytes) -> bytes:
    """Return the JPEG segment with IPTC records."""
    content = b"Photoshop 3.0\0" + photoshop_block(iptc)
    return b"\xff\xed" + struct.pack(">H", len(content) + 2) + content


def icc_profile(
    space: str, tags: dict[str, bytes], kind: bytes = b"mntr", pcs: str = "XYZ"
) -> bytes:
    """Return an ICC profile, version 2.4, of the given tags."""
    tags = {
        "desc": b"desc" + struct.pack(">4xI", 5) + b"test\0" + bytes(78),
        "cprt": b"text" + bytes(4) + b"none\0",
        "wtpt": xyz_tag(0.9642, 1.0, 0.8249),
        **tags,
    }
    table, body, start = struct.pack(">I", len(tags)), b"", 132 + 12 * len(tags)
    for name, data in tags.items():
        table += name.encode() + struct.pack(">II", start + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    header = struct.pack(
        ">I4sI4s4s4s6H4s28x3I",
        start + len(body), b"test", 0x02400000, kind, space.ljust(4).encode(),
        pcs.ljust(4).encode(), 2020, 1, 1, 0, 0, 0, b"acsp", 63190, 65536, 54061,
    )  # fmt: skip
    return header.ljust(128, b"\0") + table + body


def xyz_tag(x: float, y: float, z: float) -> bytes:
    """Return an XYZ tag of an ICC profile."""
    return b"XYZ " + bytes(4) + struct.pack(">3i", *(round(v * 65536) for v in (x, y, z)))


def gamma_tag(gamma: float) -> bytes:
    """Return a tone curve tag of an ICC profile."""
    return b"curv" + bytes(4) + struct.pack(">IHxx", 1, round(gamma * 256))


# Columns: the primaries' XYZ, adapted to D50. ICC.1:2022; Adobe RGB (1998) and Display P3 specs.
ADOBE_RGB = np.array(
    [[0.60974, 0.20528, 0.14919], [0.31111, 0.62567, 0.06322], [0.01947, 0.06087, 0.74457]]
)
DISPLAY_P3 = np.array(
    [[0.51512, 0.29198, 0.15710], [0.24120, 0.69225, 0.06657], [-0.00105, 0.04189, 0.78407]]
)
SRGB = np.array(
    [[0.43607, 0.38515, 0.14307], [0.22249, 0.71687, 0.06061], [0.01392, 0.09708, 0.71410]]
)


def rgb_profile(primaries: np.ndarray, gamma: float) -> bytes:
    """Return a matrix profile with one gamma for all three channels."""
    tags = {f"{name}XYZ": xyz_tag(*primaries[:, i]) for i, name in enumerate("rgb")}
    return icc_profile("RGB", tags | {f"{name}TRC": gamma_tag(gamma) for name in "rgb"})


def grey_profile(gamma: float) -> bytes:
    """Return a grey profile."""
    return icc_profile("GRAY", {"kTRC": gamma_tag(gamma)})


def cmyk_profile() -> bytes:
    """Return a profile of inks that only make grey: L* = 100 (1 - c) (1 - k)."""
    ramp = bytes(LEVELS)
    corners = b"".join(
        bytes([255 * (1 - c) * (1 - k), 128, 128])
        for c in (0, 1) for m in (0, 1) for y in (0, 1) for k in (0, 1)
    )  # fmt: skip
    identity = struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 65536)
    table = b"mft1" + struct.pack(">4xBBBx", 4, 3, 2) + identity + ramp * 4 + corners + ramp * 3
    return icc_profile("CMYK", {"A2B0": table}, b"prtr", "Lab")


def tiff_with(content: bytes, tags: dict[int, tuple[int, int]]) -> bytes:
    """Return an uncompressed TIFF file of one page with some short numbers changed in place."""
    block = bytearray(content)
    order = "<" if block[:2] == b"II" else ">"
    (start,) = struct.unpack_from(order + "I", block, 4)
    (count,) = struct.unpack_from(order + "H", block, start)
    for entry in range(start + 2, start + 2 + 12 * count, 12):
        (tag,) = struct.unpack_from(order + "H", block, entry)
        if tag in tags:
            struct.pack_into(order + "HIHH", block, entry + 2, 3, 1, tags[tag][0], 0)
    return bytes(block)


def plain_tiff(
    samples: np.ndarray, photometric: int, order: Literal["<", ">"] = "<", **more: int
) -> bytes:
    """Return an uncompressed TIFF of samples (H, W, bands), built tag by tag."""
    samples = samples[..., None] if samples.ndim == 2 else samples
    data = samples.astype(samples.dtype.newbyteorder(order)).tobytes()
    bits, bands = samples.dtype.itemsize * 8, samples.shape[2]

    def short(*values: int) -> tiff.Tag:
        return tiff.Tag(3, struct.pack(f"{order}{len(values)}H", *values))

    def long(value: int) -> tiff.Tag:
        return tiff.Tag(4, struct.pack(order + "I", value))

    tags = {
        tiff.WIDTH: short(samples.shape[1]), tiff.LENGTH: short(samples.shape[0]),
        tiff.BITS: short(*[bits] * bands), tiff.COMPRESSION: short(1),
        tiff.PHOTOMETRIC: short(photometric), tiff.STRIP_OFFSETS: long(8),
        tiff.SAMPLES: short(bands), 278: short(samples.shape[0]), tiff.STRIP_BYTES: long(len(data)),
        tiff.SAMPLE_FORMAT: short(*[{"u": 1, "i": 2, "f": 3}[samples.dtype.kind]] * bands),
    }  # fmt: skip
    if "extra" in more:
        tags[tiff.EXTRA_SAMPLES] = short(more["extra"])
    start = 8 + len(data) + len(data) % 2
    header = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", start)
    directory = tiff.Directory(order, tags)
    return header + data.ljust(start - 8, b"\0") + tiff.packed(directory, start)


def animation(format: str, **options: Any) -> bytes:
    """Return three frames that show for 100, 200 and 300 ms, playing for ever."""
    frames = [image_of(np.roll(RGB, 5 * turn, axis=1)) for turn in range(3)]
    if format == "GIF":
        frames = [frame.quantize(64) for frame in frames]
    options |= {"save_all": True, "append_images": frames[1:], "duration": [100, 200, 300]}
    return saved(frames[0], format, **options)


def heic(*channels: np.ndarray, **options: Any) -> bytes:
    """Return a HEIC file without loss."""
    file = io.BytesIO()
    options = {"quality": -1, "chroma": 444, "matrix_coefficients": 0} | options
    pillow_heif.from_pillow(image_of(*channels)).save(file, **options)
    return file.getvalue()


def _jpeg_kinds() -> Iterator[Kind]:
    cmyk = image_of(RGB).convert("CMYK")
    yield Kind("grey", ".jpg", lambda: saved(image_of(GREY), "JPEG"))
    yield Kind("RGB", ".jpg", lambda: saved(image_of(RGB), "JPEG"))
    yield Kind("progressive", ".jpg", lambda: saved(image_of(RGB), "JPEG", progressive=True))
    yield Kind("CMYK (Adobe, inverted)", ".jpg", lambda: saved(cmyk, "JPEG", quality=95))
    yield Kind("CMYK with profile", ".jpg", lambda: saved(cmyk, "JPEG", icc_profile=cmyk_profile()))
    yield Kind(
        "MPO (with a second picture inside)",
        ".jpg",
        lambda: saved(image_of(RGB), "MPO", save_all=True, append_images=[image_of(GREY)]),
    )


def _png_kinds() -> Iterator[Kind]:
    bilevel = image_of(GREY).point(lambda v: 255 * (v > 99)).convert("1")
    keyed = np.where((RGB == RGB[3, 4]).all(axis=-1), 0, 255).astype(np.uint8)
    nibbles = (GREY // 16 * 17).astype(np.uint8)
    yield Kind("1 bit", ".png", lambda: saved(bilevel, "PNG"), np.asarray(bilevel) * np.uint8(255))
    yield Kind("grey, 4 bits", ".png", lambda: saved(image_of(GREY // 16), "PNG", bits=4), nibbles)
    yield Kind("grey", ".png", lambda: saved(image_of(GREY), "PNG"), GREY)
    yield Kind("grey, alpha", ".png", lambda: saved(image_of(GREY, ALPHA), "PNG"), GREY, ALPHA)
    yield Kind("palette", ".png", lambda: saved(palette_image(), "PNG"), PALETTE_RGB)
    yield Kind(
        "palette, transparency", ".png", lambda: saved(palette_image(True), "PNG"),
        PALETTE_RGB, GREY,
    )  # fmt: skip
    yield Kind("RGB", ".png", lambda: saved(image_of(RGB), "PNG"), RGB)
    yield Kind(
        "RGB, one transparent colour", ".png",
        lambda: saved(image_of(RGB), "PNG", transparency=tuple(int(v) for v in RGB[3, 4])),
        RGB, keyed,
    )  # fmt: skip
    yield Kind("RGBA", ".png", lambda: saved(image_of(RGB, ALPHA), "PNG"), RGB, ALPHA)
    yield Kind("grey, 16 bits", ".png", lambda: saved(Image.fromarray(GREY16), "PNG"), GREY16)
    for name, channels, space, interlace in (
        ("grey, alpha, 16 bits", (GREY16, ALPHA16), "grey16", False),
        ("RGB, 16 bits", (RGB16,), "rgb16", False),
        ("RGB, 16 bits, interlaced", (RGB16,), "rgb16", True),
        ("RGBA, 16 bits", (RGB16, ALPHA16), "rgb16", False),
    ):
        image = vips_image(*channels, space=space)
        yield Kind(
            name, ".png",
            partial(image.pngsave_buffer, interlace=interlace),
            *channels,
        )  # fmt: skip
    yield Kind("animation (APNG)", ".png", lambda: animation("PNG", loop=0), RGB, pages=3)


def _tiff_kinds() -> Iterator[Kind]:
    bilevel = image_of(GREY).point(lambda v: 255 * (v > 99)).convert("1")
    black = np.asarray(bilevel) * np.uint8(255)
    white_first = plain_tiff(255 - GREY, 0)
    premultiplied = (RGB.astype(int) * ALPHA[..., None] // 255).astype(np.uint8)
    lab = Image.merge("LAB", [image_of(GREY)] + [Image.new("L", (WIDTH, HEIGHT), 128)] * 2)
    yield Kind("1 bit, G4", ".tif", lambda: saved(bilevel, "TIFF", compression="group4"), black)
    yield Kind("grey", ".tif", lambda: saved(image_of(GREY), "TIFF"), GREY)
    yield Kind("grey, white is 0", ".tif", lambda: white_first, GREY)
    yield Kind("grey, alpha", ".tif", lambda: saved(image_of(GREY, ALPHA), "TIFF"), GREY, ALPHA)
    yield Kind("palette", ".tif", lambda: saved(palette_image(), "TIFF"), PALETTE_RGB)
    for name, compression in (
        ("RGB", "raw"), ("RGB, LZW", "tiff_lzw"), ("RGB, deflate", "tiff_adobe_deflate"),
        ("RGB, PackBits", "packbits"),
    ):  # fmt: skip
        yield Kind(
            name, ".tif",
            partial(saved, image_of(RGB), "TIFF", compression=compression),
            RGB,
        )  # fmt: skip
    yield Kind("RGB, JPEG", ".tif", lambda: saved(image_of(RGB), "TIFF", compression="jpeg"))
    yield Kind(
        "RGB, tiles", ".tif",
        lambda: vips_image(RGB, space="srgb").tiffsave_buffer(
            tile=True, tile_width=16, tile_height=16
        ),
        RGB,
    )  # fmt: skip
    yield Kind(
        "RGB, BigTIFF", ".tif",
        lambda: vips_image(RGB, space="srgb").tiffsave_buffer(bigtiff=True), RGB,
    )  # fmt: skip
    yield Kind("RGBA", ".tif", lambda: saved(image_of(RGB, ALPHA), "TIFF"), RGB, ALPHA)
    yield Kind(
        "RGBA, premultiplied", ".tif",
        lambda: plain_tiff(np.dstack([premultiplied, ALPHA]), 2, extra=1), None, ALPHA,
    )  # fmt: skip
    yield Kind("CMYK", ".tif", lambda: saved(image_of(RGB).convert("CMYK"), "TIFF"), RGB)
    yield Kind("YCbCr", ".tif", lambda: saved(image_of(RGB).convert("YCbCr"), "TIFF"))
    yield Kind("Lab", ".tif", lambda: saved(lab, "TIFF"))
    yield Kind("grey, 12 bits", ".tif", _twelve_bits, TWELVE_BITS)
    orders: dict[str, Literal["<", ">"]] = {"little": "<", "big": ">"}
    for name, order in orders.items():
        yield Kind(
            f"grey, 16 bits, {name}-endian", ".tif",
            partial(plain_tiff, GREY16, 1, order), GREY16,
        )  # fmt: skip
        yield Kind(
            f"grey, 16 bits, white is 0, {name}-endian", ".tif",
            partial(plain_tiff, 65535 - GREY16, 0, order), GREY16,
        )  # fmt: skip
    yield Kind(
        "grey, alpha, 16 bits", ".tif",
        lambda: plain_tiff(np.dstack([GREY16, ALPHA16]), 1, extra=2), GREY16, ALPHA16,
    )  # fmt: skip
    yield Kind(
        "grey, 32-bit whole numbers", ".tif", lambda: plain_tiff(GREY16.astype(np.int32), 1), GREY16
    )
    unit = GREY16.astype(np.float32) / 65535
    yield Kind("grey, floats in 0..1", ".tif", lambda: plain_tiff(unit, 1), GREY16)
    yield Kind(
        "grey, floats in 0..255", ".tif",
        lambda: plain_tiff(GREY.astype(np.float32), 1), GREY.astype(np.uint16) * 257,
    )  # fmt: skip
    yield Kind(
        "grey, floats in 0..65535", ".tif",
        lambda: plain_tiff(GREY16.astype(np.float32), 1), GREY16,
    )  # fmt: skip
    yield Kind(
        "RGB, floats in 0..1", ".tif",
        lambda: plain_tiff(RGB16.astype(np.float32) / 65535, 2), RGB16,
    )  # fmt: skip
    options: dict[str, str]
    for name, options in (
        ("RGB, 16 bits", {}),
        ("RGB, 16 bits, LZW", {"compression": "lzw", "predictor": "horizontal"}),
        ("RGB, 16 bits, deflate", {"compression": "deflate", "predictor": "horizontal"}),
    ):
        yield Kind(
            name, ".tif",
            partial(vips_image(RGB16).tiffsave_buffer, **options), RGB16,
        )  # fmt: skip
    yield Kind("RGB, 16 bits, big-endian", ".tif", lambda: plain_tiff(RGB16, 2, ">"), RGB16)
    yield Kind(
        "RGBA, 16 bits", ".tif",
        lambda: plain_tiff(np.dstack([RGB16, ALPHA16]), 2, extra=2), RGB16, ALPHA16,
    )  # fmt: skip
    yield Kind(
        "RGBA, 16 bits, alpha not declared", ".tif",
        lambda: plain_tiff(np.dstack([RGB16, ALPHA16]), 2), RGB16, ALPHA16,
    )  # fmt: skip
    yield Kind(
        "CMYK, 16 bits", ".tif",
        lambda: plain_tiff(np.dstack([65535 - RGB16, 0 * GREY16]), 5), RGB16,
    )  # fmt: skip
    yield Kind("pages of several sizes and depths", ".tif", _mixed_pages, GREY, pages=3)


def _twelve_bits() -> bytes:
    """Return a TIFF whose two samples lie in three bytes, as some scanners write it."""
    samples = (GREY16 // 16).astype(np.uint32).reshape(-1, 2)
    joined = samples[:, 0] << 12 | samples[:, 1]
    data = np.stack([joined >> 16, joined >> 8 & 255, joined & 255], axis=1).astype(np.uint8)
    content = plain_tiff(data.reshape(HEIGHT, -1), 1)
    return tiff_with(content, {tiff.WIDTH: (WIDTH, 1), tiff.BITS: (12, 1)})


def _mixed_pages() -> bytes:
    file = io.BytesIO()
    write([Photo(GREY), Photo(RGB16[:9]), Photo(RGB[:, :7], ALPHA[:, :7])], file, format="tiff")
    return file.getvalue()


def _other_kinds() -> Iterator[Kind]:
    for format, suffix in (("WEBP", ".webp"), ("AVIF", ".avif")):
        lossless: dict[str, Any] = {"lossless": True, "exact": True} if format == "WEBP" else {}
        known: dict[str, Any] = {"pixels": RGB, "alpha": ALPHA} if lossless else {}
        yield Kind("RGB", suffix, partial(saved, image_of(RGB), format))
        if lossless:
            yield Kind(
                "RGB, lossless", suffix,
                partial(saved, image_of(RGB), format, **lossless), RGB,
            )  # fmt: skip
        yield Kind(
            "RGBA", suffix,
            partial(saved, image_of(RGB, ALPHA), format, **lossless), **known,
        )  # fmt: skip
        yield Kind("animation", suffix, partial(animation, format), pages=3)
    yield Kind("1 bit", ".bmp", lambda: saved(image_of(GREY).convert("1"), "BMP"))
    yield Kind("grey", ".bmp", lambda: saved(image_of(GREY), "BMP"), GREY)
    yield Kind("palette", ".bmp", lambda: saved(palette_image(), "BMP"), PALETTE_RGB)
    yield Kind("RGB", ".bmp", lambda: saved(image_of(RGB), "BMP"), RGB)
    yield Kind("grey", ".gif", lambda: saved(image_of(GREY), "GIF"), GREY)
    yield Kind("palette", ".gif", lambda: saved(palette_image(), "GIF"), PALETTE_RGB)
    clear = np.where(GREY == 40, 0, 255).astype(np.uint8)
    yield Kind(
        "palette, one transparent", ".gif",
        lambda: saved(palette_image(), "GIF", transparency=40), PALETTE_RGB, clear,
    )  # fmt: skip
    yield Kind("animation", ".gif", lambda: animation("GIF", loop=0), pages=3)
    yield Kind("grey", ".jp2", lambda: saved(image_of(GREY), "JPEG2000"), GREY)
    yield Kind("RGB", ".jp2", lambda: saved(image_of(RGB), "JPEG2000", mct=1), RGB)
    yield Kind("RGBA", ".jp2", lambda: saved(image_of(RGB, ALPHA), "JPEG2000"), RGB, ALPHA)
    yield Kind("grey, 16 bits", ".jp2", lambda: saved(Image.fromarray(GREY16), "JPEG2000"), GREY16)
    yield Kind(
        "RGB, codestream", ".j2k", lambda: saved(image_of(RGB), "JPEG2000", no_jp2=True), RGB
    )
    header = b"%d %d\n" % (WIDTH, HEIGHT)
    digits = b" ".join(b"%d" % value for value in GREY.ravel())
    yield Kind("grey, ASCII (P2)", ".pgm", lambda: b"P2\n" + header + b"255\n" + digits, GREY)
    yield Kind("grey (P5)", ".pgm", lambda: b"P5\n" + header + b"255\n" + GREY.tobytes(), GREY)
    yield Kind(
        "grey, 16 bits (P5)", ".pgm",
        lambda: b"P5\n" + header + b"65535\n" + GREY16.astype(">u2").tobytes(), GREY16,
    )  # fmt: skip
    yield Kind("1 bit (P4)", ".pbm", lambda: saved(image_of(GREY).convert("1"), "PPM"))
    yield Kind("RGB (P6)", ".ppm", lambda: b"P6\n" + header + b"255\n" + RGB.tobytes(), RGB)
    yield Kind("RGB", ".heic", lambda: heic(RGB), RGB)
    yield Kind("RGBA", ".heic", lambda: heic(RGB, ALPHA), RGB, ALPHA)


def all_kinds() -> list[Kind]:
    """Return every kind of file, in the order of the table."""
    return [*_jpeg_kinds(), *_png_kinds(), *_tiff_kinds(), *_other_kinds()]

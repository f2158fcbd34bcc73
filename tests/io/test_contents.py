"""What files hold besides pixels is kept where the output can hold it, and noted where not."""

from __future__ import annotations

import hashlib
import io
import struct
import zlib
from pathlib import Path

import pytest
from fixtures.image_files import (
    GRAY,
    HEIGHT,
    IPTC,
    WIDTH,
    exif_bytes,
    heic,
    image_of,
    plain_tiff,
    png_chunk,
    saved,
    with_tag,
)
from PIL import Image, PngImagePlugin

from colorize.io import tiff_ifd as tiff
from colorize.io.boxes import pack_box, read_boxes
from colorize.io.contents.jpeg import pack_segment, read_segments
from colorize.io.metadata import Metadata, plain_text
from colorize.io.photo import Photo
from colorize.io.photoshop import IPTC as IPTC_RESOURCE
from colorize.io.photoshop import find_resource, pack_resource, portable_resources
from colorize.io.readers import read
from colorize.io.tiff_ifd_reader import read_ifds
from colorize.io.writers import write
from colorize.io.xmp import Extension, drop_claims, merge_extension, split_packet, upright_xmp

RDF = b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
COPYRIGHT, CLIPPING_PATH = 0x040A, 0x07D0


def packet(attributes: bytes, body: bytes = b"") -> bytes:
    """Return an XMP packet with one description."""
    description = b'<rdf:Description rdf:about="" ' + attributes + b">" + body
    end = b"</rdf:Description></rdf:RDF></x:xmpmeta>"
    return b'<x:xmpmeta xmlns:x="adobe:ns:meta/">' + RDF + description + end


CITY = packet(b'xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" photoshop:City="Vienna"')


def jpeg(*segments: bytes, trailer: bytes = b"") -> bytes:
    """Return a gray JPEG file with more segments and with bytes behind it."""
    content = saved(image_of(GRAY), "JPEG")
    return content[:2] + b"".join(segments) + content[2:] + trailer


def png(*chunks: bytes) -> bytes:
    """Return a gray PNG file with more chunks behind its header."""
    content = saved(image_of(GRAY), "PNG")
    return content[:33] + b"".join(chunks) + content[33:]


def raw_profile(name: str, profile: bytes, compressed: bool = False) -> bytes:
    """Return a PNG chunk as ImageMagick and older versions of ExifTool write profiles."""
    digits = profile.hex()
    lines = "\n".join(digits[start : start + 72] for start in range(0, len(digits), 72))
    text = f"\n{name}\n{len(profile):8}\n{lines}\n".encode()
    keyword = f"Raw profile type {name}".encode()
    if compressed:
        return png_chunk(b"zTXt", keyword + b"\0\0" + zlib.compress(text))
    return png_chunk(b"tEXt", keyword + b"\0" + text)


def written(content: bytes, path: Path) -> tuple[Photo, str]:
    """Return what is read back after writing a file's photograph, and the notes."""
    notes = write(read(io.BytesIO(content)), path)
    return read(path), "\n".join(notes)


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("name", ["exif", "APP1"])
def test_png_raw_profile_turns_the_picture(name: str, compressed: bool) -> None:
    photo = read(io.BytesIO(png(raw_profile(name, exif_bytes(6), compressed))))
    assert photo.size == (WIDTH, HEIGHT)
    assert photo.metadata.exif and photo.metadata.notes == ()


@pytest.mark.parametrize("compressed", [False, True])
def test_png_raw_profiles_are_kept(compressed: bool, tmp_path: Path) -> None:
    resources = pack_resource(IPTC_RESOURCE, IPTC) + pack_resource(COPYRIGHT, b"\1")
    prefixed = b"http://ns.adobe.com/xap/1.0/\0" + CITY
    for name, profile in (("xmp", CITY), ("APP1", prefixed), ("8bim", resources), ("iptc", IPTC)):
        content = png(raw_profile(name, profile, compressed))
        for suffix in (".png", ".tif", ".jpg"):
            photo, notes = written(content, tmp_path / f"out{suffix}")
            assert notes == ""
            assert photo.metadata.xmp == (CITY if profile.endswith(CITY) else None)
            assert photo.metadata.iptc == (IPTC if name in ("8bim", "iptc") else None)
            copyright = find_resource(photo.metadata.photoshop or b"", COPYRIGHT)
            assert copyright == (b"\1" if name == "8bim" else None)


def test_damaged_png_raw_profile_is_noted() -> None:
    broken = png_chunk(b"tEXt", b"Raw profile type xmp\0\nxmp\n 3\nzz\n")
    assert "xmp" in " ".join(read(io.BytesIO(png(broken))).metadata.notes)


def test_png_texts_of_one_keyword_and_behind_the_pixels_are_all_kept(tmp_path: Path) -> None:
    info = PngImagePlugin.PngInfo()
    for text in ("Box 12", "Scanned 1999"):
        info.add_text("Comment", text)
    info.add_text("Title", "Ä" * 2000, zip=True)
    content = saved(image_of(GRAY), "PNG", pnginfo=info)
    content = content[:-12] + png_chunk(b"tEXt", b"Author\0Atget") + content[-12:]
    photo, _ = written(content, tmp_path / "out.png")
    texts = [("Comment", "Box 12"), ("Comment", "Scanned 1999"), ("Title", "Ä" * 2000)]
    assert list(photo.metadata.text) == [*texts, ("Author", "Atget")]
    photo, notes = written(content, tmp_path / "out.jpg")
    assert list(photo.metadata.text) == texts[:2]
    assert "Author" in notes and "Title" in notes


def test_unknown_png_chunks_are_kept_if_they_may_be_copied(tmp_path: Path) -> None:
    content = png(png_chunk(b"teSt", b"abc"), png_chunk(b"teSU", b"abc"))
    photo, notes = written(content, tmp_path / "out.png")
    assert photo.metadata.native == (("chunk teSt", png_chunk(b"teSt", b"abc")),)
    assert "teSU" in notes and "teSt" not in notes
    assert "teSt" in written(content, tmp_path / "out.tif")[1]


def extended_jpeg(parts: int = 3, lost: int | None = None) -> bytes:
    """Return a JPEG whose XMP has an extension in several segments, of which one may be lost."""
    more = packet(b'xmlns:dc="http://purl.org/dc/elements/1.1/" dc:source="Box 12"')
    guid = hashlib.md5(more).hexdigest().upper().encode()
    note = b'xmlns:xmpNote="http://ns.adobe.com/xmp/note/" xmpNote:HasExtendedXMP="'
    main = CITY.replace(b"photoshop:City", note + guid + b'" photoshop:City')
    step = -(-len(more) // parts)
    segments = [
        b"http://ns.adobe.com/xmp/extension/\0" + guid + struct.pack(">II", len(more), start)
        + more[start : start + step]
        for start in range(0, len(more), step)
    ]  # fmt: skip
    contents = [b"http://ns.adobe.com/xap/1.0/\0" + main, *reversed(segments)]
    return jpeg(*(pack_segment(0xE1, c) for n, c in enumerate(contents) if n != lost))


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp"])
def test_extended_xmp_is_kept(suffix: str, tmp_path: Path) -> None:
    photo, notes = written(extended_jpeg(), tmp_path / f"out{suffix}")
    xmp = photo.metadata.xmp or b""
    assert b'dc:source="Box 12"' in xmp and b'City="Vienna"' in xmp
    assert b"HasExtendedXMP" not in xmp
    assert "XMP" not in notes


def test_incomplete_extended_xmp_is_noted(tmp_path: Path) -> None:
    photo, notes = written(extended_jpeg(lost=2), tmp_path / "out.jpg")
    assert b"HasExtendedXMP" not in (photo.metadata.xmp or b"") and b"Vienna" in (
        photo.metadata.xmp or b""
    )
    assert "XMP" in notes


def test_long_xmp_is_split_in_jpeg_and_read_back(tmp_path: Path) -> None:
    xmp = CITY.replace(b"Vienna", b"Vienna" * 30_000)
    main, extension = split_packet(xmp, 65_000)
    assert len(extension) == 3 and b"HasExtendedXMP" in main
    notes = write(Photo(GRAY, metadata=Metadata(xmp=xmp)), tmp_path / "out.jpg")
    assert notes == []
    assert b"Vienna" * 30_000 in (read(tmp_path / "out.jpg").metadata.xmp or b"")


def test_merged_extension_brings_its_namespaces() -> None:
    extension = Extension()
    more = CITY.replace(RDF, RDF[:-1] + b' xmlns:dc="http://purl.org/dc/elements/1.1/">')
    extension.add(b"G" * 32 + struct.pack(">II", len(more), 0) + more)
    merged, lost = merge_extension(
        packet(b'xmpNote:HasExtendedXMP="' + b"G" * 32 + b'"'), extension
    )
    assert not lost and merged is not None
    assert merged.count(b"xmlns:dc=") == 1 and merged.count(b"</rdf:RDF>") == 1


@pytest.mark.parametrize("suffix", [".jpg", ".tif", ".png"])
def test_photoshop_resources_are_kept_without_thumbnail(suffix: str, tmp_path: Path) -> None:
    thumbnail = pack_resource(0x040C, bytes(80_000))
    url, flag = pack_resource(0x040B, b"http://example.org"), pack_resource(COPYRIGHT, b"\1")
    path = pack_resource(CLIPPING_PATH, bytes(26))
    blocks = pack_resource(IPTC_RESOURCE, IPTC) + flag + thumbnail + url + path
    halves = blocks[:60_000], blocks[60_000:]
    content = jpeg(*(pack_segment(0xED, b"Photoshop 3.0\0" + half) for half in halves))
    photo, notes = written(content, tmp_path / f"out{suffix}")
    assert photo.metadata.photoshop == flag + url + path
    assert photo.metadata.iptc == IPTC and notes == ""
    assert "Photoshop" in written(content, tmp_path / "out.webp")[1]


def test_photoshop_paths_are_left_out_of_turned_pictures() -> None:
    flag = pack_resource(COPYRIGHT, b"\1")
    assert portable_resources(flag + pack_resource(CLIPPING_PATH, bytes(26)), True) == (flag, True)


@pytest.mark.parametrize("suffix", [".jpg", ".gif"])
def test_comments_keep_their_bytes(suffix: str, tmp_path: Path) -> None:
    comment = "Straße, Müller".encode("latin-1")
    content = jpeg(pack_segment(0xFE, comment), pack_segment(0xFE, b"second"))
    write(read(io.BytesIO(content)), tmp_path / f"out{suffix}")
    if suffix == ".jpg":
        segments, _ = read_segments(io.BytesIO((tmp_path / "out.jpg").read_bytes()))
        assert [c for marker, c in segments if marker == 0xFE] == [comment, b"second"]
    else:
        assert comment + b"\nsecond" in (tmp_path / "out.gif").read_bytes()
    photo, _ = written(content, tmp_path / "out.png")
    assert photo.metadata.text == (("Comment", "Straße, Müller"), ("Comment", "second"))


def test_plain_text_takes_what_is_not_utf8_as_latin1() -> None:
    assert plain_text("Stra\udcdfe") == "Straße"
    assert plain_text("Straße \u0416") == "Straße \u0416"


def test_unknown_jpeg_segments_are_kept_in_jpeg_and_noted_elsewhere(tmp_path: Path) -> None:
    content = jpeg(pack_segment(0xEC, b"Ducky\0\1"), pack_segment(0xEB, b"JP\0\1"))
    photo, notes = written(content, tmp_path / "out.jpg")
    assert photo.metadata.native == (("APP12 segment Ducky", pack_segment(0xEC, b"Ducky\0\1")),)
    assert "credentials" in notes and "Ducky" not in notes
    assert "Ducky" in written(content, tmp_path / "out.png")[1]


MOTION = b'xmlns:GCamera="http://ns.google.com/photos/1.0/camera/" GCamera:MicroVideo="1"'
GAIN_MAP = b'xmlns:h="http://ns.adobe.com/hdr-gain-map/1.0/" h:Version="1.0"'
DIRECTORY = (
    b'<C:Directory xmlns:C="http://ns.google.com/photos/1.0/container/"><rdf:Seq><rdf:li>'
    b"<C:Item/></rdf:li></rdf:Seq></C:Directory>"
)


@pytest.mark.parametrize(
    ("xmp", "trailer", "noted"),
    [
        (packet(MOTION), b"\0\0\0\x18ftypmp42" + bytes(100), "video"),
        (packet(GAIN_MAP), saved(image_of(GRAY), "JPEG"), "gain map"),
        (packet(b"", DIRECTORY), saved(image_of(GRAY), "JPEG"), "further pictures"),
        (packet(b"", b"<unknown/>"), b"more", "4 bytes"),
    ],
)
def test_second_part_of_a_file_is_noted_and_no_longer_claimed(
    xmp: bytes, trailer: bytes, noted: str, tmp_path: Path
) -> None:
    segment = pack_segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + xmp)
    photo, notes = written(jpeg(segment, trailer=trailer), tmp_path / "out.jpg")
    assert noted in notes
    assert photo.metadata.notes == ()
    for claim in (b"MicroVideo", b"h:Version", b"Directory"):
        assert claim not in (photo.metadata.xmp or b"")


def test_zeros_behind_a_picture_are_not_noted(tmp_path: Path) -> None:
    assert written(jpeg(trailer=bytes(512) + b"\r\n"), tmp_path / "out.jpg")[1] == ""


def test_claims_are_removed_as_attributes_and_as_elements() -> None:
    attributes = MOTION + b" GCamera:BurstID='7'"
    xmp, found = drop_claims(
        packet(attributes, b"<GCamera:MotionPhoto>1</GCamera:MotionPhoto><GCamera:MicroVideoX/>")
    )
    assert found == ["video"] and b"BurstID='7'" in (xmp or b"")
    assert (xmp or b"").count(b"Motion") == (xmp or b"").count(b"MicroVideo") == 0


def test_dimensions_in_exif_and_xmp_are_turned_with_the_picture(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0100], exif[0x0101], exif[0x0112] = WIDTH, HEIGHT, 6
    exif[0x011A], exif[0x011B] = 300.0, 600.0
    content = saved(image_of(GRAY), "JPEG", exif=exif.tobytes())
    photo, _ = written(content, tmp_path / "out.jpg")
    turned = Image.Exif()
    turned.load(photo.metadata.exif or b"")
    assert (turned[0x0100], turned[0x0101]) == (HEIGHT, WIDTH)
    assert photo.metadata.dpi == pytest.approx((600, 300))
    xmp = b'<a tiff:ImageWidth="40" exif:PixelXDimension="4" tiff:ImageLength="240"/>'
    assert upright_xmp(xmp, 6) == xmp.replace(b'"40"', b'"x"').replace(b'"240"', b'"40"').replace(
        b'"x"', b'"240"'
    )
    assert upright_xmp(xmp, 3) == xmp


@pytest.mark.parametrize(
    ("jfif", "in_exif", "expected", "noted"),
    [
        (72, 300, 300, False),
        (300, 72, 300, False),
        (300, None, 300, False),
        (None, 300, 300, False),
        (200, 300, 200, True),
        (None, None, None, False),
    ],
)
def test_resolution_of_exif_replaces_a_meaningless_one(
    jfif: int | None, in_exif: int | None, expected: int | None, noted: bool, tmp_path: Path
) -> None:
    exif = Image.Exif()
    exif[0x010E] = "Vienna"
    if in_exif:
        exif[0x011A] = exif[0x011B] = float(in_exif)
    options = {"dpi": (jfif, jfif)} if jfif else {}
    content = saved(image_of(GRAY), "JPEG", exif=exif.tobytes(), **options)
    for suffix in (".tif", ".png", ".jp2"):
        photo, notes = written(content, tmp_path / f"out{suffix}")
        assert (photo.metadata.dpi is None) == (expected is None)
        if expected:
            assert photo.metadata.dpi == pytest.approx((expected, expected), rel=1e-3)
        assert ("dpi" in notes) == noted


def test_boxes_of_jpeg_2000_are_kept(tmp_path: Path) -> None:
    xml, unknown = pack_box(b"xml ", b"<a/>"), pack_box(b"uuid", b"u" * 16 + b"content")
    content = saved(image_of(GRAY), "JPEG2000") + xml + unknown + pack_box(b"asoc", b"")
    photo, notes = written(content, tmp_path / "out.jp2")
    assert [box for _, box in photo.metadata.native] == [xml, unknown]
    assert "asoc" in notes and "xml" not in notes
    assert "xml" in written(content, tmp_path / "out.png")[1]
    types = [type for type, _ in read_boxes(io.BytesIO((tmp_path / "out.jp2").read_bytes()))]
    assert types.count(b"xml ") == 1


def test_xmp_of_gif_is_kept(tmp_path: Path) -> None:
    photo = Photo(GRAY, metadata=Metadata(xmp=CITY))
    assert not any("XMP" in note for note in write(photo, tmp_path / "a.gif"))
    content = (tmp_path / "a.gif").read_bytes()
    for suffix in (".gif", ".png"):
        assert written(content, tmp_path / f"out{suffix}")[0].metadata.xmp == CITY


def test_profiles_of_imagemagick_in_gif_are_kept(tmp_path: Path) -> None:
    content = saved(image_of(GRAY), "GIF")
    resources = pack_resource(COPYRIGHT, b"\1")
    for name, profile in ((b"MGK8BIM0000", resources), (b"MGKIPTC0000", IPTC)):
        block = b"\x21\xff\x0b" + name + bytes([len(profile)]) + profile + b"\0"
        start = 13 + (3 << (content[10] % 8 + 1))  # behind the palette
        photo, _ = written(content[:start] + block + content[start:], tmp_path / "out.tif")
        assert profile in (photo.metadata.photoshop, photo.metadata.iptc)


def test_cut_copy_of_iptc_in_tiff_is_not_preferred() -> None:
    content = with_tag(plain_tiff(GRAY, 1), tiff.IPTC, tiff.Tag(7, IPTC[:4]))
    resources = tiff.Tag(1, pack_resource(IPTC_RESOURCE, IPTC))
    photo = read(io.BytesIO(with_tag(content, tiff.PHOTOSHOP, resources)))
    assert photo.metadata.iptc == IPTC


def test_tags_that_share_their_bytes_are_not_multiplied() -> None:
    shared = bytes(200_000)
    ifd = next(read_ifds(io.BytesIO(plain_tiff(GRAY, 1))))
    for number in range(40_000, 40_400):
        ifd.tags[number] = tiff.Tag(7, b"12345")
    block = bytearray(GRAY.tobytes().rjust(8 + GRAY.size, b"\0"))
    block[:8] = b"II*\0" + struct.pack("<I", len(block))
    directory = bytearray(tiff.pack(ifd, len(block)))
    for entry in range(2, 2 + 12 * len(ifd.tags), 12):
        (number,) = struct.unpack_from("<H", directory, entry)
        if number >= 40_000:
            struct.pack_into("<II", directory, entry + 4, len(shared), 8)
    photo = read(io.BytesIO(bytes(block + directory + shared)))
    assert len(photo.metadata.exif or b"") < 8 * len(shared)
    assert "tags" in " ".join(photo.metadata.notes)


def test_png_text_that_is_too_long_is_not_cut() -> None:
    text = png_chunk(b"zTXt", b"Title\0\0" + zlib.compress(bytes(3 << 20)))
    metadata = read(io.BytesIO(png(text))).metadata
    assert metadata.text == () and metadata.notes


def notes_of(content: bytes) -> str:
    return "; ".join(read(io.BytesIO(content)).metadata.notes)


def test_second_blocks_of_metadata_are_noted() -> None:
    exif = pack_segment(0xE1, exif_bytes())
    xmp = pack_segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + packet(b""))
    assert "second EXIF" in notes_of(jpeg(exif, exif))
    assert "second XMP" in notes_of(jpeg(xmp, xmp))
    chunk = png_chunk(b"eXIf", exif_bytes()[6:])
    assert "second EXIF" in notes_of(png(chunk, chunk))
    assert not notes_of(jpeg(exif, xmp)) + notes_of(png(chunk))


def test_exif_in_two_segments_is_joined() -> None:
    exif = exif_bytes()[6:]
    parts = (pack_segment(0xE1, b"Exif\0\0" + half) for half in (exif[:40], exif[40:]))
    split, whole = jpeg(*parts), jpeg(pack_segment(0xE1, exif_bytes()))
    joined, expected = (read(io.BytesIO(content)).metadata.exif for content in (split, whole))
    assert joined == expected
    assert not notes_of(split)


@pytest.mark.parametrize("format", ["PNG", "GIF", "PPM"])
def test_what_is_behind_a_picture_is_noted_unless_it_is_padding(format: str) -> None:
    content = saved(image_of(GRAY), format)
    assert "9 bytes" in notes_of(content + b"something")
    assert not notes_of(content + b"\n") + notes_of(content + bytes(99))


def test_comments_and_further_pictures_of_pnm(tmp_path: Path) -> None:
    content = saved(image_of(GRAY), "PPM")
    commented = content[:3] + b"# Box 12\n#\n# folder 3\n" + content[3:]
    kept, notes = written(commented, tmp_path / "o.png")
    assert kept.metadata.text[:2] == (("Comment", "Box 12"), ("Comment", "folder 3"))
    assert not notes
    assert "further pictures" in notes_of(content * 2)


def test_shape_of_pixels_is_noted() -> None:
    aspect = png_chunk(b"pHYs", struct.pack(">IIB", 3, 2, 0))
    assert "2 to 3" in notes_of(png(aspect))
    assert not notes_of(png(png_chunk(b"pHYs", struct.pack(">IIB", 3000, 2000, 1))))
    content = bytearray(saved(image_of(GRAY), "JPEG"))
    content[13:18] = 0, 0, 1, 0, 2
    assert "2 to 1" in notes_of(bytes(content))
    page = plain_tiff(GRAY, 1)
    for number, value in ((tiff.X_RESOLUTION, 204), (tiff.Y_RESOLUTION, 98)):
        page = with_tag(page, number, tiff.Tag(5, struct.pack("<II", value, 1)))
    assert not notes_of(page)
    unit = tiff.Tag(3, struct.pack("<H", 1))
    assert "98 to 204" in notes_of(with_tag(page, tiff.RESOLUTION_UNIT, unit))


def test_languages_and_color_spaces_of_png_are_noted() -> None:
    text = png_chunk(b"iTXt", b"Title\0\0\0de\0Titel\0Stra\xc3\x9fe")
    assert "language" in notes_of(png(text))
    assert "cICP" in notes_of(png(png_chunk(b"cICP", bytes([9, 16, 0, 1]))))
    assert not notes_of(png(png_chunk(b"cICP", bytes([1, 13, 0, 1]))))


def test_second_picture_of_heic_is_noted() -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    file = pillow_heif.from_pillow(image_of(GRAY).convert("RGB"))
    file.add_from_pillow(image_of(GRAY).convert("RGB"))
    content = io.BytesIO()
    file.save(content)
    assert "further pictures" in notes_of(content.getvalue())


STILLS = {
    "BMP": lambda: saved(image_of(GRAY), "BMP"),
    "BMP of 1 bit": lambda: saved(image_of(GRAY).convert("1"), "BMP"),
    "BMP in color": lambda: saved(image_of(GRAY[:, :-1]).convert("RGB"), "BMP"),
    "JPEG 2000": lambda: saved(image_of(GRAY), "JPEG2000"),
    "AVIF": lambda: saved(image_of(GRAY), "AVIF"),
    "HEIC": lambda: heic(GRAY),
    "PNG": lambda: saved(image_of(GRAY), "PNG"),
    "WebP": lambda: saved(image_of(GRAY), "WEBP"),
    "GIF": lambda: saved(image_of(GRAY), "GIF"),
}


@pytest.mark.parametrize("name", STILLS)
def test_bytes_behind_the_picture_are_noted(name: str) -> None:
    content = STILLS[name]()
    for trailer in (b"", bytes(700), b"JUNK" * 40, b"\x1a\x95 no box"):
        notes = read(io.BytesIO(content + trailer)).metadata.notes
        is_padding = not trailer.strip(b"\0")
        expected = () if is_padding else (f"{len(trailer)} bytes behind its pixels: left out",)
        assert notes == expected


@pytest.mark.parametrize("name", ["AVIF", "HEIC"])
def test_boxes_that_are_not_kept_are_noted(name: str) -> None:
    content = STILLS[name]() + pack_box(b"mpvd", b"a video") + pack_box(b"sefd", b"words")
    notes = "; ".join(read(io.BytesIO(content)).metadata.notes)
    assert "the video in it" in notes and "sefd" in notes

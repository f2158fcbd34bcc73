"""Results say that their colors are computed, in whatever their format can hold."""

from __future__ import annotations

import io
import json
import shutil
import subprocess

import numpy as np
import pytest

from colorize.errors import ColorizeError
from colorize.io.exif import read_orientation, with_software
from colorize.io.metadata import Metadata
from colorize.io.photo import Photo
from colorize.io.provenance import (
    CREATOR_TOOL,
    DIGITAL_SOURCE_TYPE,
    Provenance,
    canonical_settings,
    pixel_hash,
)
from colorize.io.readers import read
from colorize.io.writers import write
from colorize.io.xmp_document import add_provenance, read_origin

SETTINGS = canonical_settings({"weights": "12ab", "model": "compact", "style": "faithful"})
PIXELS = np.arange(48 * 32 * 3, dtype=np.uint8).reshape(48, 32, 3)
SUFFIXES = ("jpg", "png", "tif", "webp", "avif", "heic", "jp2", "gif")
PACKET = b"""<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><r:RDF xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<r:Description r:about="uuid:1" xmlns:mm="http://ns.adobe.com/xap/1.0/mm/"
 xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:p="http://ns.adobe.com/xap/1.0/"
 mm:InstanceID="xmp.iid:old" mm:DocumentID="xmp.did:old" p:Rating="4">
<dc:title><r:Alt><r:li xml:lang="x-default">Caf\xc3\xa9 &amp; bar</r:li></r:Alt></dc:title>
<p:CreatorTool>Scanner 1</p:CreatorTool>
<mm:History><r:Seq><r:li r:parseType="Resource"><e:action
 xmlns:e="http://ns.adobe.com/xap/1.0/sType/ResourceEvent#">created</e:action></r:li></r:Seq>
</mm:History></r:Description></r:RDF></x:xmpmeta>
<?xpacket end="w"?>"""
ENTITIES = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
HOSTILE = {
    "entities": ENTITIES + PACKET.split(b"\n", 1)[1],
    "cut": PACKET[:-60],
    "not RDF": b"<a/>",
    "not XML": b"\0\1",
    "deep": b"<a>" * 99 + b"</a>" * 99,
    "control character": PACKET.replace(b"1.0/", b"1.0/\x01"),
}


def result(**metadata: object) -> Photo:
    provenance = Provenance(pixel_hash(PIXELS), SETTINGS)
    return Photo(PIXELS, metadata=Metadata(provenance=provenance, **metadata))


def origin_of(content: bytes):
    return read_origin(read(io.BytesIO(content)).metadata.xmp)


def encoded(photo: Photo, suffix: str) -> tuple[bytes, list[str]]:
    file = io.BytesIO()
    notes = write(photo, file, format=suffix)
    return file.getvalue(), notes


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_format_with_xmp_has_the_record(suffix):
    if suffix == "heic":
        pytest.importorskip("pillow_heif")
    content, _ = encoded(result(), suffix)
    assert content == encoded(result(), suffix)[0], "not the same bytes"
    origin = origin_of(content)
    assert origin.is_colorized
    assert origin.creator_tool == CREATOR_TOOL
    assert origin.derived_from == result().metadata.provenance.source_id
    assert json.loads(origin.parameters) == json.loads(SETTINGS)


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("exiftool"), reason="exiftool is not installed")
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_exiftool_reads_the_record(tmp_path, suffix):
    if suffix == "heic":
        pytest.importorskip("pillow_heif")
    path = tmp_path / f"photo.{suffix}"
    write(result(), path)
    tags = "-DigitalSourceType -CreatorTool -InstanceID -DerivedFromInstanceID".split()
    tags += "-HistoryParameters -HistorySoftwareAgent -Software -Warning -Error".split()
    output = subprocess.run(
        ["exiftool", "-j", "-n", *tags, str(path)], capture_output=True, check=True
    )
    (said,) = json.loads(output.stdout)
    assert said["DigitalSourceType"] == DIGITAL_SOURCE_TYPE
    assert said["CreatorTool"] == said["HistorySoftwareAgent"] == CREATOR_TOOL
    assert said.get("Software", CREATOR_TOOL if suffix == "gif" else None) == CREATOR_TOOL
    assert "Warning" not in said and "Error" not in said


def test_existing_packet_is_kept_and_extended():
    xmp = add_provenance(PACKET, "xmp.iid:new", "xmp.iid:unused", SETTINGS)
    origin = read_origin(xmp)
    assert origin.instance_id == "xmp.iid:new" and origin.document_id == "xmp.did:new"
    assert origin.derived_from == "xmp.iid:old"
    assert origin.parameters == SETTINGS
    for kept in ("Café &amp; bar", 'Rating="4"', ">created<", 'OriginalDocumentID="xmp.did:old"'):
        assert kept in xmp.decode(), kept
    assert b"Scanner 1" not in xmp
    assert read_origin(add_provenance(xmp, "xmp.iid:third", "", "{}")).derived_from == "xmp.iid:new"


@pytest.mark.parametrize("xmp", HOSTILE.values(), ids=HOSTILE)
def test_hostile_packet_is_kept_as_it_is_with_a_note(xmp):
    with pytest.raises(ValueError):
        add_provenance(xmp, "i", "s", "{}")
    content, notes = encoded(result(xmp=xmp), "png")
    assert any("kept as it is" in note for note in notes)
    photo = read(io.BytesIO(content))
    assert ("Software", CREATOR_TOOL) in photo.metadata.text
    assert read_origin(photo.metadata.xmp) == read_origin(None)


def test_photograph_that_was_only_read_gets_no_record():
    content, _ = encoded(Photo(PIXELS), "jpg")
    photo = read(io.BytesIO(content))
    assert photo.metadata.xmp is None and photo.metadata.exif is None


def test_formats_without_metadata_lose_nothing_that_needs_a_note():
    assert encoded(result(), "bmp")[1] == encoded(result(), "ppm")[1] == []


def test_software_is_added_to_exif_without_moving_anything():
    before = with_software(None, "first")
    after = with_software(before, "another program")
    assert after[8 : len(before)] == before[8:]
    assert b"another program\0" in after and read_orientation(after) == 1
    assert with_software(b"damaged", "x") == b"damaged"


def test_instance_depends_on_source_settings_and_format():
    one = Provenance("a", "{}")
    others = [Provenance("b", "{}"), Provenance("a", '{"size": 64}')]
    ids = {one.instance_id("PNG"), one.instance_id("JPEG"), one.instance_id("JPEG", 90)}
    assert len(ids | {each.instance_id("PNG") for each in others}) == 5
    with pytest.raises(ColorizeError):
        write(result(), io.BytesIO(), format="nothing")

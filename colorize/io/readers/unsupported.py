"""Files that are not read: what they are, by their first bytes, and what to do with them."""

from __future__ import annotations

import os
import re
from typing import BinaryIO

from colorize.io.signatures import VIDEO

_DICOM_AT = 128
TGA_FOOTER = 26  # bytes
_AS_PICTURE = "export it as TIFF or PNG"
_UNPACK = "unpack it"
_VIDEO = "give it the suffix of a video, such as .mkv"
# (first bytes as a regular expression, what it is, what to do)
_SIGNATURES: tuple[tuple[bytes, str, str], ...] = (
    (rb"8BPS", "a Photoshop file", _AS_PICTURE),
    (rb"%PDF", "a PDF document", "take its pictures out with pdfimages -all"),
    (rb"%!PS|\xc5\xd0\xd3\xc6", "a PostScript file", _AS_PICTURE),
    (rb"gimp xcf", "a GIMP file", _AS_PICTURE),
    (rb"SIMPLE  =", "a FITS file", _AS_PICTURE),
    (rb"P7[\r\n ]", "a PAM file", "convert it to PNG"),
    (rb"P[Ff][\r\n ]", "a PFM file", _AS_PICTURE),
    (rb"v/1\x01", "an OpenEXR file", _AS_PICTURE),
    (rb"#\?(?:RADIANCE|RGBE)", "a Radiance HDR file", _AS_PICTURE),
    (rb"II\xbc", "a JPEG XR file", _AS_PICTURE),
    (rb"AT&TFORM", "a DjVu document", "take its pictures out with ddjvu -format=tiff"),
    (rb"\x97JB2", "a JBIG2 file", _AS_PICTURE),
    (rb"DDS ", "a DDS texture", _AS_PICTURE),
    (rb"qoif", "a QOI file", "convert it to PNG"),
    (rb"FLIF|BPG\xfb", "a FLIF or BPG file", "convert it to PNG"),
    (rb"\x00\x00[\x01\x02]\x00[\x01-\xff]\x00...\x00", "an icon", "convert it to PNG"),
    (rb"\x8aMNG|\x8bJNG", "an MNG or JNG file", "convert it to PNG"),
    (rb"SDPX|XPDS|\x80\x2a\x5f\xd7", "a DPX or Cineon file", _AS_PICTURE),
    (rb"id=ImageMagick", "a MIFF file", _AS_PICTURE),
    (rb"/\* XPM \*/|#define \w+_width ", "an XPM or XBM file", "convert it to PNG"),
    (rb"\x01\xda[\x00\x01][\x01\x02]", "an SGI file", "convert it to PNG"),
    (rb"\x0a[\x00-\x05][\x00\x01][\x01\x02\x04\x08]", "a PCX file", "convert it to PNG"),
    (rb"\x59\xa6\x6a\x95", "a Sun raster file", "convert it to PNG"),
    (rb"\xd7\xcd\xc6\x9a|\x01\x00\x00\x00.{36} EMF", "a Windows metafile", _AS_PICTURE),
    (rb"PK\x03\x04|Rar!|7z\xbc\xaf|\x1f\x8b|BZh|\xfd7zXZ|\x28\xb5\x2f\xfd", "an archive", _UNPACK),
    (rb"\x00\x05\x16[\x00\x07]", "macOS's record about another file", "take the file without ._"),
    (rb"version https://git-lfs", "a pointer of Git LFS", "fetch it with git lfs pull"),
    (VIDEO.pattern, "a video", _VIDEO),
    (rb"(?:\xef\xbb\xbf)?\s*(?i:<(?:!DOCTYPE html|html|head|body))", "a web page",
     "download it again"),
    (rb"(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(?:!DOCTYPE )?svg",
     "a drawing (SVG)", _AS_PICTURE),
)  # fmt: skip


def describe(file: BinaryIO) -> str:
    """Return the reason why a file is refused: its format and the remedy where they are known."""
    file.seek(0)
    prefix = file.read(1024)
    if prefix[_DICOM_AT : _DICOM_AT + 4] == b"DICM":
        return f"is a DICOM file, which is not read: {_AS_PICTURE}"
    for pattern, what, remedy in _SIGNATURES:
        if re.match(pattern, prefix, re.DOTALL):
            return f"is {what}, which is not read: {remedy}"
    file.seek(max(0, file.seek(0, os.SEEK_END) - TGA_FOOTER))
    if file.read(TGA_FOOTER)[8:24] == b"TRUEVISION-XFILE":
        return "is a TGA file, which is not read: convert it to PNG"
    if not prefix.strip(b"\0"):
        return "holds only zeros: its content is lost, copy it again"
    return "is not a picture in a known format"

"""What a file is by its first bytes."""

from __future__ import annotations

import os
import re

LENGTH = 1024  # bytes that decide
VIDEO = re.compile(
    rb"\x1aE\xdf\xa3|RIFF....AVI |FLV\x01|OggS|\x00\x00\x01[\xba\xb3]|\.RMF"
    rb"|DKIF\x00\x00|YUV4MPEG2 |nut/multimedia container|\xb7\xd8\x00\x20\x37\x49\xda\x11"  # WTV
    rb"|\x30\x26\xb2\x75\x8e\x66\xcf\x11"  # ASF
    rb"|G.{187}G.{187}G|.{4}G.{191}G.{191}G"  # MPEG transport streams, also of camcorders
    rb"|\x1f\x07\x00[\x3f\xbf]"  # DV
    rb"|\x06\x0e\x2b\x34\x02\x05\x01\x01"  # MXF
    rb"|....(?:moov|mdat|wide)"
    rb"|....ftyp(?:isom|iso[2-9]|mp4|mmp4|avc1|qt  |3g|M4V|f4v|dash|MSNV|XAVC)",
    re.DOTALL,
)


def is_video_content(path: str | os.PathLike[str]) -> bool:
    """Return whether a file begins as a video does; False if it can't be read, as a pipe can't."""
    if not os.path.isfile(path):  # opening a named pipe would wait for its writer
        return False
    try:
        with open(path, "rb") as file:
            return VIDEO.match(file.read(LENGTH)) is not None
    except OSError:
        return False

"""What a result says of its origin: that its colors are computed, by what, and from which file.

The record travels with `Metadata` and becomes XMP, EXIF and texts when a file is written. Nothing
in it comes from a clock or a random number, so the same input and settings give the same bytes.

Sources: IPTC Photo Metadata Standard 2023.1, "Digital Source Type"; XMP specification, parts 1
and 2 (ISO 16684-1), namespaces xmpMM, stEvt and stRef; RFC 9562, UUIDs of version 5.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from colorize._version import __version__

CREATOR_TOOL = f"colorize {__version__}"
DIGITAL_SOURCE_TYPE = (
    "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
)
NAMESPACE = uuid.uuid5(uuid.NAMESPACE_DNS, "colorize-photos")


@dataclass(frozen=True)
class Provenance:
    """How a photograph came to its colors.

    Attributes:
        source: sha256 of the pixels that were colorized, see `pixel_hash`.
        settings: canonical JSON of what determines the result: model, sha256 of the weights, and
            the options that are not the default.
    """

    source: str
    settings: str

    @property
    def source_id(self) -> str:
        """XMP's identifier of the photograph, for files that have none."""
        return f"xmp.iid:{uuid.uuid5(NAMESPACE, self.source)}"

    def instance_id(self, format: str, quality: int | None = None) -> str:
        """Return XMP's identifier of a file with the result, in a format and quality."""
        name = json.dumps([self.source, self.settings, format, quality])
        return f"xmp.iid:{uuid.uuid5(NAMESPACE, name)}"


def pixel_hash(pixels: np.ndarray) -> str:
    """Return the sha256 of an image's type, shape and values, in hexadecimal."""
    digest = hashlib.sha256(f"{pixels.dtype.str} {pixels.shape}".encode("ascii"))
    digest.update(np.ascontiguousarray(pixels).data)
    return digest.hexdigest()


def canonical_settings(settings: Mapping[str, object]) -> str:
    """Return settings as JSON that is the same for equal settings."""
    return json.dumps(dict(settings), sort_keys=True)

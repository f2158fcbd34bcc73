"""The record of how a photograph came to its colors, put into what a format can hold."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator

from colorize.io.contents.jpeg import MAX_SEGMENT_BYTES
from colorize.io.exif import EXIF_PREFIX, with_software
from colorize.io.metadata import Metadata
from colorize.io.photo import Photo
from colorize.io.provenance import CREATOR_TOOL, Provenance
from colorize.io.writers.target import Target

SOFTWARE = "Software"  # keyword of the PNG standard


def record_provenance(photos: Iterable[Photo], target: Target) -> Iterator[Photo]:
    """Yield photographs with their provenance in the metadata that the target can hold."""
    for photo in photos:
        provenance = photo.metadata.provenance
        if provenance is None:
            yield photo
        else:
            metadata = _recorded(photo.metadata, provenance, target)
            yield dataclasses.replace(photo, metadata=metadata)


def _recorded(metadata: Metadata, provenance: Provenance, target: Target) -> Metadata:
    if "xmp" in target.keeps:
        metadata = _with_xmp(metadata, provenance, target)
    if "exif" in target.keeps:
        exif = with_software(metadata.exif, CREATOR_TOOL)
        if target.format_name != "JPEG" or len(EXIF_PREFIX + exif) <= MAX_SEGMENT_BYTES:
            metadata = dataclasses.replace(metadata, exif=exif)
    if "text" in target.keeps:
        texts = [(key, text) for key, text in metadata.text if key != SOFTWARE]
        metadata = dataclasses.replace(metadata, text=(*texts, (SOFTWARE, CREATOR_TOOL)))
    return metadata


def _with_xmp(metadata: Metadata, provenance: Provenance, target: Target) -> Metadata:
    # here, not above: XML takes a hundredth of a second to import
    from colorize.io.xmp_document import add_provenance

    instance_id = provenance.instance_id(target.format_name, target.quality)
    try:
        xmp = add_provenance(metadata.xmp, instance_id, provenance.source_id, provenance.settings)
    except ValueError as error:
        target.notes.append(
            f"its XMP is kept as it is, without the origin of the colors, because {error}"
        )
        return metadata
    return dataclasses.replace(metadata, xmp=xmp)

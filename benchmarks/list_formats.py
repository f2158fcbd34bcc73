"""Write the table of docs/formats.md: how a file of every format is read and written.

`python -m benchmarks.list_formats` makes one file of each sort, reads it, colors it, writes it
in its own format, reads that again, and puts what it found between the marks in the document.
"""

from __future__ import annotations

import dataclasses
import io
import re
import sys
import tempfile
from pathlib import Path

import numpy as np

from colorize.io.metadata import Metadata
from colorize.io.photo import Photo
from colorize.io.readers import read_pages
from colorize.io.writers import write
from colorize.io.xmp import upright_xmp
from tests.fixtures.image_files import DPI, IPTC, XMP, exif_bytes
from tests.fixtures.sample_files import SampleFile, all_sample_files

DOCUMENT = Path(__file__).parent.parent / "docs" / "formats.md"
BEGIN, END = "<!-- table: begin -->\n", "<!-- table: end -->\n"
FIELDS = {"exif": "EXIF", "xmp": "XMP", "iptc": "IPTC", "dpi": "DPI"}
DESCRIBED = Metadata(exif=exif_bytes()[6:], xmp=upright_xmp(XMP), iptc=IPTC, dpi=DPI)


def table() -> str:
    """Return the table in Markdown, a row for each file."""
    head = "| File | Contents | Read as | Written as | Alpha | Metadata kept | Notes |\n"
    return head + "|---" * 7 + "|\n" + "".join(map(_row, all_sample_files()))


def document() -> str:
    """Return the document with a new table."""
    text = DOCUMENT.read_text(encoding="utf-8")
    start, end = text.index(BEGIN) + len(BEGIN), text.index(END)
    return text[:start] + table() + text[end:]


def _row(sample: SampleFile) -> str:
    photos = list(read_pages(io.BytesIO(sample.content())))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"out{sample.suffix}"
        colored = [_colored(photo) for photo in photos]
        notes = write(colored, path)
        back = list(read_pages(path))
    kept = ", ".join(name for field, name in FIELDS.items() if getattr(back[0].metadata, field))
    cells = (
        f"`{sample.suffix}`", sample.name,
        _describe(photos), _describe(back) + _loss(colored, back),
        _alpha(colored, back), kept or "-", "; ".join(_notes(notes)) or "-",
    )  # fmt: skip
    return "| " + " | ".join(cells) + " |\n"


def _colored(photo: Photo) -> Photo:
    pixels = photo.pixels
    gray = pixels if pixels.ndim == 2 else pixels[..., 1]
    kept = {field: getattr(photo.metadata, field) for field in ("duration", "loop", "lossless")}
    metadata = dataclasses.replace(DESCRIBED, format=photo.metadata.format, **kept)
    return Photo(np.stack([gray, gray // 2, gray // 3], axis=-1), photo.alpha, metadata)


def _describe(photos: list[Photo]) -> str:
    bits = sorted({photo.pixels.dtype.itemsize * 8 for photo in photos})
    modes = sorted({"gray" if photo.pixels.ndim == 2 else "RGB" for photo in photos})
    alpha = ", alpha" if any(photo.alpha is not None for photo in photos) else ""
    pages = "" if len(photos) == 1 else f"{len(photos)} × "
    return f"{pages}{'/'.join(modes)}, {'/'.join(map(str, bits))} bits{alpha}"


def _loss(before: list[Photo], after: list[Photo]) -> str:
    same = all(np.array_equal(a.pixels, b.pixels) for a, b in zip(before, after, strict=True))
    return ", no loss" if same else ""


def _alpha(before: list[Photo], after: list[Photo]) -> str:
    if all(photo.alpha is None for photo in before):
        return "-"
    if all(photo.alpha is None for photo in after):
        return "on white"
    pairs = zip(before, after, strict=True)
    same = all(_bytes(a.alpha) == _bytes(b.alpha) for a, b in pairs)
    return "exact" if same else "rounded"


def _bytes(alpha: np.ndarray | None) -> bytes | None:
    return None if alpha is None else alpha.tobytes()


def _notes(notes: list[str]) -> list[str]:
    """Return the notes, without those that repeat the column of kept metadata."""
    return [
        re.sub(r"^\w+ ", "", note)
        for note in notes
        if "cannot hold" not in note or "codestream" in note
    ]


if __name__ == "__main__":
    DOCUMENT.write_text(document(), encoding="utf-8")
    sys.stdout.write(f"{DOCUMENT}: {len(all_sample_files())} files\n")

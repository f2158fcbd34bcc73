"""How much room on the disk the outputs of a batch will take, by a glance at their inputs."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from colorize.batch.jobs import Job
from colorize.errors import ColorizeError
from colorize.io.formats import output_format
from colorize.io.storage import RemotePath, size_and_mtime
from colorize.video.formats import is_video

# Bytes a pixel of photographs in color with 8 bits, at the default quality: means over 14 scans
# are 0.37 for JPEG, 1.4 for PNG, 1.3 for TIFF, 0.9 for JPEG 2000, rounded up here.
BYTES_PER_PIXEL = {
    "JPEG": 0.5, "PNG": 1.7, "TIFF": 1.7, "WEBP": 0.4, "AVIF": 0.3, "HEIF": 0.3, "JPEG2000": 1.0,
    "GIF": 1.0, "BMP": 3.0, "PPM": 3.0,
}  # fmt: skip
DEEP = 3.0  # times as many with 16 bits, whose lower ones are noise


def estimated_bytes(job: Job, format: str | None) -> int:
    """Return about how large the output of a job will be.

    By the number of pixels and the format of the output, but not smaller than the input; by the
    input alone for videos and objects in a store.

    Args:
        job: its source need not be readable.
        format: of the output; None for that of its suffix.
    """
    input_bytes = size_and_mtime(job.source)[0] or 0
    if isinstance(job.source, RemotePath) or is_video(job.source):
        return input_bytes
    from colorize.io.info import read_info  # here: XML takes a hundredth of a second to import

    try:
        written = output_format(job.target, format)
        info = read_info(job.source)
    except ColorizeError:
        return input_bytes
    depth = DEEP if "16" in info.mode else 1.0
    pixels = info.width * info.height * info.pages
    return max(input_bytes, round(pixels * depth * BYTES_PER_PIXEL.get(written, 3.0)))


def free_bytes(folder: Path) -> int | None:
    """Return how much room there is for files in a folder, which need not exist yet."""
    if isinstance(folder, RemotePath):
        return None
    folder = Path(os.path.abspath(folder))
    while not folder.is_dir() and folder != folder.parent:
        folder = folder.parent
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return None

"""Weights that are named by an address on the web, `https://...#sha256=...`."""

from __future__ import annotations

import os
import re
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from colorize.errors import ColorizeError, display_name
from colorize.models import weights_files

MAX_BYTES = 4 << 30  # of a file whose size is not known
ADDRESS = re.compile(r"https?://", re.IGNORECASE)
FRAGMENT = re.compile(r"sha256=([0-9a-f]{64})", re.IGNORECASE)


def sha256_in_address(weights: str | os.PathLike[str]) -> str | None:
    """Return the hash that an address states, None for the name of a file.

    Raises ColorizeError for an address without one: what comes from there would be read unchecked.
    """
    address = os.fsdecode(weights)
    if not ADDRESS.match(address):
        return None
    match = FRAGMENT.fullmatch(urlsplit(address).fragment)
    if match is None:
        raise ColorizeError(
            f"{display_name(address)}: add #sha256= and the hash of the file in hexadecimal"
        )
    return match[1].lower()


def ensure_local(weights: str | os.PathLike[str], *, quiet: bool = False) -> str | os.PathLike[str]:
    """Return a file of weights; that of an address is downloaded unless the cache has it.

    Raises ColorizeError where it cannot be obtained or has another hash.
    """
    sha256 = sha256_in_address(weights)
    if sha256 is None:
        return weights
    address = os.fsdecode(weights)
    name = re.sub(r"[^A-Za-z0-9._-]", "_", PurePosixPath(urlsplit(address).path).name)
    file = weights_files.cache_folder() / f"{sha256[:16]}-{name[-100:]}"
    if not file.is_file() or weights_files.hash_of_weights(file) != sha256:
        from colorize.models.download import download  # here: what speaks HTTP takes time to import

        download(address.partition("#")[0], file, sha256, MAX_BYTES, quiet=quiet)
    return file

"""The weights files on this machine: where they are, verified, downloaded if they are missing.

Bundled weights are in the package; published ones are kept in a cache folder, as they were
downloaded or, after their first use, as safetensors.
"""

from __future__ import annotations

import os
import sys
from functools import lru_cache
from pathlib import Path

from colorize.errors import ColorizeError, reason_of
from colorize.models.registry import HUB, Model, find

CACHE_VARIABLE = "COLORIZE_CACHE"  # environment variable that moves the cache folder
MIRROR_VARIABLE = "COLORIZE_MIRROR"  # environment variable with an address to try first
HUB_VARIABLE = "HF_ENDPOINT"  # environment variable that names a mirror, as for huggingface_hub
SIZE_TOLERANCE = 1 << 20  # bytes that a download may be longer than the registry says


def cache_folder() -> Path:
    """Return the folder of downloaded weights: $COLORIZE_CACHE or the platform's cache."""
    import platformdirs  # here, not above: bundled weights do not need it

    moved = os.environ.get(CACHE_VARIABLE)
    return Path(moved) if moved else platformdirs.user_cache_path("colorize", appauthor=False)


def cached_path(name: str) -> Path | None:
    """Return the network's weights file if it is on this machine, without verifying it."""
    model = find(name)
    file = cache_folder() / model.file if model.url else bundled_path(model.file)
    return file if os.path.isfile(file) else None  # never raises, unlike Path.is_file


def converted_path(name: str) -> Path:
    """Return where published weights are kept as safetensors after their first use."""
    file = find(name).file
    return cache_folder() / f"{os.path.splitext(file)[0]}.safetensors"


def weights_path(name: str) -> Path | None:
    """Return what the network can be used from without a download, unverified, or None."""
    downloaded, converted = cached_path(name), converted_path(name)
    return converted if downloaded is None and os.path.isfile(converted) else downloaded


def bundled_path(name: str) -> Path:
    """Return where a file of the top-level folder `weights` is.

    Inside the package when installed, next to it in a checkout or an editable install.
    """
    package = Path(__file__).resolve().parents[1]
    installed, checkout = package / "weights" / name, package.parent / "weights" / name
    return installed if installed.is_file() else checkout


def verify(name: str) -> Path:
    """Return the network's weights file on this machine after comparing its sha256.

    Downloads nothing. Raises ColorizeError if the file is missing or differs.
    """
    model, file = find(name), cached_path(name)
    if file is None:
        remedy = "download it first" if model.url else "install the package again"
        raise ColorizeError(f"the weights of {name} are not on this machine; {remedy}")
    found = hash_of_weights(file)
    if found != model.sha256:
        remedy = "delete it" if model.url else "install the package again"
        raise ColorizeError(f"{file}: sha256 is {found}, expected {model.sha256}; {remedy}")
    return file


def hash_of_weights(file: Path) -> str:
    """Return the file's sha256. Raises ColorizeError if it cannot be read."""
    from colorize.io.checksum import hash_file

    try:
        return hash_file(file)
    except OSError as error:
        raise ColorizeError(f"{file}: cannot read the weights: {reason_of(error)}") from error


def known_hash(file: Path) -> str:
    """Return the file's sha256, computed once in this process while size and time stay the same.

    It tells what results were computed from, and does not verify a download. Raises ColorizeError
    like `hash_of_weights`.
    """
    try:
        status = file.stat()
    except OSError:
        return hash_of_weights(file)  # for its message
    return _hash_of_version(file, status.st_size, status.st_mtime_ns, status.st_ino)


@lru_cache(maxsize=32)
def _hash_of_version(file: Path, *version: int) -> str:
    return hash_of_weights(file)


def ensure_weights(name: str, *, quiet: bool = False) -> Path:
    """Return the network's verified weights file, downloaded if it is missing or damaged.

    `quiet` hides the progress bar. Raises ColorizeError.
    """
    model, file = find(name), cached_path(name)
    if model.url is None:
        return verify(name)
    if file is None or hash_of_weights(file) != model.sha256:
        # Here, not above: what speaks HTTP is imported only where there is something to fetch.
        from colorize.models.download import download

        file = cache_folder() / model.file
        if not quiet:
            size = f"{model.size / 1e6:.0f} MB, license {model.license}"
            sys.stderr.write(f"downloading the weights of {name}: {size}\n")
        limit = model.size + SIZE_TOLERANCE
        download(download_addresses(model), file, model.sha256, limit, quiet=quiet)
    return file


def download_addresses(model: Model) -> list[str]:
    """Return where to download the weights from, in the order to try; none for bundled ones.

    Mirrors come first where the environment names some: one with the files of all networks under
    the names they have in the cache, and one of Hugging Face. None is built in: it would tell
    third parties, unasked, who downloads what.

    Raises ColorizeError for a mirror that is not an address.
    """
    if model.url is None:
        return []
    mirror, hub = _mirror(MIRROR_VARIABLE), _mirror(HUB_VARIABLE)
    mirrors = [f"{mirror}/{model.file}"] if mirror else []
    if hub and model.url.startswith(HUB):
        mirrors.append(hub + model.url.removeprefix(HUB))
    return [*mirrors, model.url]


def _mirror(variable: str) -> str:
    """Return the address that an environment variable holds, "" without one."""
    address = os.environ.get(variable, "").rstrip("/")
    if address and not address.startswith(("http://", "https://")):
        raise ColorizeError(f"{variable} is {address}: needs an address, https://...")
    return address

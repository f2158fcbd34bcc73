"""From a model's name or a weights file to a verified file to a network.

Importing this module does not import torch, so that listing and fetching models is quick.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from colorize.errors import ColorizeError

# `colorize --help` lists the networks, so this module imports as little as it can: pathlib,
# platformdirs and hashlib take a third of the start.
if TYPE_CHECKING:
    from pathlib import Path

    import torch

    from colorize.models.base import Network

CACHE_VARIABLE = "COLORIZE_CACHE"  # environment variable that moves the cache folder
RELEASE_URL = "https://colorizers.s3.us-east-2.amazonaws.com/"
SIZE_TOLERANCE = 1 << 20  # bytes that a download may be longer than the table says


@dataclass(frozen=True)
class Model:
    """Where the weights of a model come from and how to tell that they are the right ones."""

    name: str
    architecture: str  # what `colorize.models.serialization` calls it
    file: str
    url: str | None  # None: bundled with the package
    sha256: str  # after a change of the bundled weights: sha256sum weights/compact.safetensors
    size: int  # bytes; that of eccv16 is known to 0.1 MiB
    license: str
    description: str


MODELS = {
    model.name: model
    for model in (
        Model(
            name="compact",
            architecture="compact",
            file="compact.safetensors",
            url=None,
            sha256="a49e1e3df871498ee4d326ee6bcb3683b8273e664db457c6950bada39dcc66dc",
            size=13_138_474,
            license="BSD-2-Clause (encoder: Apache-2.0)",
            description="this project's own network, bundled; the default",
        ),
        Model(
            name="eccv16",
            architecture="eccv16",
            file="colorization_release_v2-9b330a0b.pth",
            url=RELEASE_URL + "colorization_release_v2-9b330a0b.pth",
            sha256="9b330a0bae53f4ded77b1e23defbf78beaa09c10ebc4c4999e8e4f4a160b93f9",
            size=128_974_848,
            license="BSD-2-Clause",
            description="Colorful Image Colorization, Zhang et al., ECCV 2016",
        ),
        Model(
            name="siggraph17",
            architecture="siggraph17",
            file="siggraph17-df00044c.pth",
            url=RELEASE_URL + "siggraph17-df00044c.pth",
            sha256="df00044c0a4d7c3edcecf6f75437ce346a66e7a42612d9b968e1a7e17dbc6f66",
            size=136_787_426,
            license="BSD-2-Clause",
            description="Real-Time User-Guided Image Colorization, Zhang et al., SIGGRAPH 2017",
        ),
    )
}


def available_models() -> list[Model]:
    """Return the models that can be loaded by name, the default one first."""
    return list(MODELS.values())


def find(name: str) -> Model:
    """Return the model of that name. Raises ColorizeError for an unknown one."""
    if name not in MODELS:
        raise ColorizeError(f"no model is called {name!r}; there are {', '.join(MODELS)}")
    return MODELS[name]


def cache_folder() -> Path:
    """Return the folder of downloaded weights: $COLORIZE_CACHE or the platform's cache."""
    from pathlib import Path

    import platformdirs

    moved = os.environ.get(CACHE_VARIABLE)
    return Path(moved) if moved else platformdirs.user_cache_path("colorize", appauthor=False)


def cached(name: str) -> Path | None:
    """Return the model's file if it is on this machine, without verifying it."""
    model = find(name)
    file = cache_folder() / model.file if model.url else _bundled(model.file)
    return file if os.path.isfile(file) else None  # never raises, unlike Path.is_file


def _bundled(name: str) -> Path:
    """Return where a file of the top-level folder `weights` is.

    Inside the package when installed, beside it in a checkout or an editable install.
    """
    from pathlib import Path

    package = Path(__file__).resolve().parents[1]
    inside, beside = package / "weights" / name, package.parent / "weights" / name
    return inside if inside.is_file() else beside


def verify(name: str) -> Path:
    """Return the model's file on this machine after comparing its sha256 with the table's.

    Fetches nothing. Raises ColorizeError if the file is missing or another one.
    """
    model, file = find(name), cached(name)
    if file is None:
        remedy = "download it first" if model.url else "install the package again"
        raise ColorizeError(f"the weights of {name} are not on this machine; {remedy}")
    found = _sha256(file)
    if found != model.sha256:
        remedy = "delete it" if model.url else "install the package again"
        raise ColorizeError(f"{file}: sha256 is {found}, not {model.sha256}; {remedy}")
    return file


def _sha256(file: Path) -> str:
    """Return the file's sha256. Raises ColorizeError if it cannot be read."""
    from colorize.io.checksum import hash_file

    try:
        return hash_file(file)
    except OSError as error:
        raise ColorizeError(f"{file}: cannot read the weights: {error.strerror}") from error


def path(name: str, *, quiet: bool = False) -> Path:
    """Return the model's verified file, downloaded first where it is missing or damaged.

    `quiet` hides the download's progress bar. Raises ColorizeError.
    """
    model, file = find(name), cached(name)
    if model.url is None:
        return verify(name)
    if file is None or _sha256(file) != model.sha256:
        # Here, not above: what speaks HTTP is imported only where there is something to fetch.
        from colorize.models.download import download

        file = cache_folder() / model.file
        download(model.url, file, model.sha256, model.size + SIZE_TOLERANCE, quiet=quiet)
    return file


def load(
    name: str = "compact",
    weights: str | os.PathLike[str] | None = None,
    device: str | torch.device = "cpu",
    *,
    quiet: bool = False,
) -> Network:
    """Return the model's network, ready for inference: evaluation mode, no gradients.

    weights: a file to take instead of the model's own; its hash is not known, so it is only
    checked to hold nothing but sound tensors of this architecture. Raises ColorizeError.
    """
    from pathlib import Path

    model = find(name)
    file = path(name, quiet=quiet) if weights is None else Path(weights)
    # Here, not above: torch takes seconds to import, and the rest of this module needs none.
    from colorize.models.serialization import read_network

    return read_network(file, model.architecture).to(device)

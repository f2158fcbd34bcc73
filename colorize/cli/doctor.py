"""`colorize doctor`: what is installed, what the machine has, and one timed colorization."""

from __future__ import annotations

import platform
import sys
import time
from collections.abc import Iterator, Sequence
from importlib import metadata
from importlib.util import find_spec

from colorize._version import __version__
from colorize.cli.messages import DONE, FAILED, log_line, print_line
from colorize.command_parser import CommandParser
from colorize.errors import ColorizeError, one_line
from colorize.installation import install_command
from colorize.models import registry, weights_files

REQUIRED = ("onnxruntime", "numpy", "pillow", "pyvips", "safetensors")
OPTIONAL = {  # package: the extra that installs it
    "torch": "full",
    "pillow-heif": "heic",
    "av": "video",
    "starlette": "serve",
    "ray": "ray",
}
SIDE = 1024  # pixels of the photograph that is timed


def main(argv: Sequence[str] | None = None) -> int:
    """Print the report, and return 1 if the network does not run."""
    CommandParser(
        prog="colorize doctor",
        description="Print versions, devices, weights, and the time of one colorization.",
    ).parse_args(argv)
    for line in (*_versions(), *_devices(), *_weights()):
        print_line(line)
    try:
        print_line(_timed_run())
    except (ColorizeError, RuntimeError, ImportError) as error:
        log_line(f"the network does not run: {one_line(error)}")
        return FAILED
    return DONE


def _versions() -> Iterator[str]:
    yield f"colorize {__version__} in {sys.prefix}"
    yield f"Python {platform.python_version()} on {platform.platform()}"
    for package in (*REQUIRED, *OPTIONAL):
        try:
            yield f"{package} {metadata.version(package)}"
        except metadata.PackageNotFoundError:
            yield f"{package}: not installed: {install_command(OPTIONAL.get(package))}"


def _devices() -> Iterator[str]:
    import onnxruntime

    yield f"ONNX Runtime runs on: {', '.join(onnxruntime.get_available_providers())}"
    if find_spec("torch") is not None:
        from colorize.runtime.devices import default_gpu

        try:
            yield f"GPU: {default_gpu()}"
        except ColorizeError as error:
            yield f"GPU: {error}"


def _weights() -> Iterator[str]:
    yield f"cache folder: {weights_files.cache_folder()}"
    for model in registry.available_models():
        place = weights_files.cached_path(model.name)
        yield f"weights of {model.name}: {place or 'not downloaded yet'}"


def _timed_run() -> str:
    """Return how long the default network takes to load, and to colorize a photograph."""
    import numpy as np

    from colorize import Colorizer, Photo

    start = time.perf_counter()
    colorizer = Colorizer.from_pretrained()
    loaded = time.perf_counter()
    colorizer(Photo(np.full((SIDE, SIDE), 128, np.uint8)))
    done = time.perf_counter()
    return (
        f"{registry.DEFAULT_MODEL}: loaded in {loaded - start:.2f} s, "
        f"{SIDE}×{SIDE} pixels colorized in {done - loaded:.2f} s"
    )

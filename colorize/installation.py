"""How this copy of the program was installed, and the command that adds more to it.

Only messages of errors need it, so that what it imports is imported when it is called.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from colorize.errors import ColorizeError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.metadata import Distribution

FULL, LIGHT = "colorize-photos", "colorize-photos-light"


def require_torch(purpose: str) -> None:
    """Raise ColorizeError, with the command that installs PyTorch, where it is missing.

    Args:
        purpose: What needs it, such as "training".
    """
    from importlib.util import find_spec

    if find_spec("torch") is None:
        raise ColorizeError(f"{purpose} needs PyTorch: {install_command('full')}")


def run_with_torch(module: str, purpose: str, argv: Sequence[str] | None = None) -> int:
    """Run the `main` of a module that imports PyTorch and return its exit status.

    Without PyTorch that is one line on standard error, and status 1.

    Args:
        module: Its name.
        purpose: What the module does, such as "training".
        argv: The arguments; None takes those of the process.
    """
    from importlib import import_module

    try:
        require_torch(purpose)
    except ColorizeError as error:
        sys.stderr.write(f"colorize: {error}\n")
        return 1
    status: int = import_module(module).main(argv)
    return status


def install_command(extra: str | None = None) -> str:
    """Return the command that adds an extra to this installation, by the tool that made it.

    Args:
        extra: An extra of pyproject.toml. "full" is what the light distribution lacks: PyTorch,
            for GPUs, training and evaluation. None installs the package again.
    """
    light = _distribution(LIGHT)
    package = light or _distribution(FULL)
    name = FULL if light is None else LIGHT
    if extra == "full" and name == FULL:
        extra = None  # PyTorch is one of its dependencies
    return _command_line([*_installer(package), *_requirement(package, name, extra)])


def _distribution(name: str) -> Distribution | None:
    from importlib.metadata import PackageNotFoundError, distribution

    try:
        return distribution(name)
    except PackageNotFoundError:
        return None


def _installer(package: Distribution | None) -> list[str]:
    """Return the words of the command before the name of the package."""
    import shutil
    from importlib.util import find_spec

    for receipt, command in (
        ("pipx_metadata.json", ["pipx", "install", "--force"]),
        ("uv-receipt.toml", ["uv", "tool", "install"]),
    ):
        if os.path.isfile(os.path.join(sys.prefix, receipt)):
            return command
    by_uv = package is not None and (package.read_text("INSTALLER") or "").strip() == "uv"
    if by_uv or find_spec("pip") is None:
        return ["uv", "pip", "install", "--python", sys.executable]
    pip = shutil.which("pip")
    if pip is not None and os.path.dirname(pip) == os.path.dirname(sys.executable):
        return ["pip", "install"]
    return [sys.executable, "-m", "pip", "install"]


def _requirement(package: Distribution | None, name: str, extra: str | None) -> list[str]:
    """Return the words that name the package: its folder, its repository or its name."""
    import json
    from urllib.parse import urlsplit
    from urllib.request import url2pathname

    brackets = f"[{extra}]" if extra else ""
    if package is None:  # a checkout on the path
        return [os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + brackets]
    origin = json.loads(package.read_text("direct_url.json") or "{}")
    url = origin.get("url", "")
    if "vcs_info" in origin:
        folder = f"#subdirectory={origin['subdirectory']}" if "subdirectory" in origin else ""
        return [f"{name}{brackets} @ {origin['vcs_info']['vcs']}+{url}{folder}"]
    if not url.startswith("file:"):
        return [name + brackets]
    editable = ["-e"] if origin.get("dir_info", {}).get("editable") else []
    return [*editable, url2pathname(urlsplit(url).path) + brackets]


def _command_line(words: list[str]) -> str:
    """Return the words as one line for the system's shell."""
    import shlex
    import subprocess

    return subprocess.list2cmdline(words) if os.name == "nt" else shlex.join(words)

"""Build backend of colorize-photos-light: hatchling on a copy of the source with less required."""

from __future__ import annotations

import re
import shutil
import tempfile
import tomllib
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from pathlib import Path
from typing import Any

import tomli_w
from hatchling import build as hatchling

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
COPIED = ("colorize", "weights", "README.md", "LICENSE")


def light_pyproject(main: dict[str, Any], light: dict[str, Any]) -> dict[str, Any]:
    """Return pyproject.toml of the light distribution.

    Args:
        main: The pyproject.toml of the full distribution.
        light: Its changes, the table `tool.light` of the pyproject.toml here.
    """
    project = main["project"]
    name, extras = project["name"], project["optional-dependencies"]
    dependencies = {_package(line): line for line in project["dependencies"]}
    full = [dependencies.pop(package) for package in light["full"]]
    for extra in light["extras-that-need-full"]:
        extras[extra] = [*extras[extra], f"{name}[full]"]
    extras = {
        extra: [re.sub(rf"^{name}\b", light["name"], line) for line in lines]
        for extra, lines in {**extras, "full": full}.items()
    }
    changes = {
        "name": light["name"],
        "description": light["description"],
        "dependencies": list(dependencies.values()),
        "optional-dependencies": extras,
        # uvx runs the script that has the name of the distribution
        "scripts": {**project["scripts"], light["name"]: project["scripts"]["colorize"]},
    }
    return {
        "build-system": main["build-system"],
        "project": project | changes,
        "tool": {"hatch": main["tool"]["hatch"]},
    }


def _package(requirement: str) -> str:
    """Return the name of the package that a requirement asks for."""
    return re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0]


@contextmanager
def _light_source() -> Iterator[None]:
    """Change into a folder with the source of the light distribution."""
    here = tomllib.loads((HERE / "pyproject.toml").read_text("utf-8"))
    main = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    with tempfile.TemporaryDirectory() as temporary:
        for name in COPIED:
            source, copy = ROOT / name, Path(temporary, name)
            if source.is_dir():
                shutil.copytree(source, copy, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, copy)
        pyproject = tomli_w.dumps(light_pyproject(main, here["tool"]["light"]))
        Path(temporary, "pyproject.toml").write_text(pyproject, "utf-8")
        with chdir(temporary):
            yield


def build_wheel(
    wheel_directory: str,
    config_settings: dict[str, Any] | None = None,
    metadata_directory: str | None = None,
) -> str:
    """Build the wheel and return its name (PEP 517)."""
    with _light_source():
        return hatchling.build_wheel(wheel_directory, config_settings, metadata_directory)


def build_sdist(sdist_directory: str, config_settings: dict[str, Any] | None = None) -> str:
    """Build the source distribution, which builds with hatchling, and return its name (PEP 517)."""
    with _light_source():
        return hatchling.build_sdist(sdist_directory, config_settings)

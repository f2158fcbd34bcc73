"""The commands that messages give to install more, for each way of installing the program."""

import importlib.util
import json
import shlex
import shutil
import sys
from pathlib import Path

import pytest

from colorize.errors import ColorizeError
from colorize.installation import FULL, LIGHT, install_command, require_torch


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Return a function that makes the program look installed in a way."""
    prefix = tmp_path / "environment"
    (prefix / "bin").mkdir(parents=True)
    monkeypatch.setattr(sys, "prefix", str(prefix))
    monkeypatch.setattr(sys, "executable", str(prefix / "bin" / "python"))
    monkeypatch.setattr(shutil, "which", lambda name: str(prefix / "bin" / name))

    def install(name=FULL, installer="pip", origin=None, receipt=None):
        info = tmp_path / "packages" / f"{name.replace('-', '_')}-9.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.4\nName: {name}\nVersion: 9\n")
        (info / "INSTALLER").write_text(f"{installer}\n")
        if origin is not None:
            (info / "direct_url.json").write_text(json.dumps(origin))
        if receipt is not None:
            (prefix / receipt).touch()
        monkeypatch.syspath_prepend(info.parent)

    return install


FOLDER = Path("/home/me/my photos/colorize")
CHECKOUT = {"url": FOLDER.as_uri(), "dir_info": {}}
REPOSITORY = {"url": "https://example.org/colorize", "vcs_info": {"vcs": "git", "commit_id": "0"}}


@pytest.mark.skipif(sys.platform == "win32", reason="quotes and paths differ")
@pytest.mark.parametrize(
    ("how", "command"),
    [
        ({}, ["pip", "install", f"{FULL}[serve]"]),
        ({"name": LIGHT}, ["pip", "install", f"{LIGHT}[serve]"]),
        ({"receipt": "pipx_metadata.json"}, ["pipx", "install", "--force", f"{FULL}[serve]"]),
        ({"receipt": "uv-receipt.toml"}, ["uv", "tool", "install", f"{FULL}[serve]"]),
        ({"origin": CHECKOUT}, ["pip", "install", f"{FOLDER}[serve]"]),
        (
            {"origin": {**CHECKOUT, "dir_info": {"editable": True}}},
            ["pip", "install", "-e", f"{FOLDER}[serve]"],
        ),
        (
            {"origin": REPOSITORY},
            ["pip", "install", f"{FULL}[serve] @ git+https://example.org/colorize"],
        ),
        (
            {"name": LIGHT, "origin": {**REPOSITORY, "subdirectory": "packaging/light"}},
            [
                "pip",
                "install",
                f"{LIGHT}[serve] @ git+https://example.org/colorize#subdirectory=packaging/light",
            ],
        ),
    ],
)
def test_command_suits_the_installation(installed, how, command):
    installed(**how)
    assert shlex.split(install_command("serve")) == command


def test_environment_of_uv_gets_packages_from_uv(installed):
    installed(installer="uv")
    command = ["uv", "pip", "install", "--python", sys.executable, f"{FULL}[serve]"]
    assert shlex.split(install_command("serve")) == command


def test_pip_of_another_environment_is_not_named(installed, monkeypatch):
    installed()
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    assert shlex.split(install_command())[:3] == [sys.executable, "-m", "pip"]


@pytest.mark.parametrize(("name", "last"), [(LIGHT, f"{LIGHT}[full]"), (FULL, FULL)])
def test_missing_torch_is_one_line_with_the_command(installed, monkeypatch, name, last):
    installed(name=name)
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "torch" else find_spec(name)
    )
    with pytest.raises(ColorizeError) as error:
        require_torch("training")
    assert str(error.value).startswith("training needs PyTorch: ")
    assert shlex.split(str(error.value))[-1] == last
    assert "\n" not in str(error.value)

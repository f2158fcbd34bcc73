"""colorize-photos-light, built and installed in an environment with nothing but what it requires.

No network is needed: the environment links the required packages to those of the tests.
"""

import json
import os
import re
import socket
import subprocess
import sys
import time
import tomllib
import venv
import zipfile
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest
from packaging.requirements import Requirement
from PIL import Image

from colorize.server.cli import make_parser

ROOT = Path(__file__).parents[2]
LIGHT = ROOT / "packaging" / "light"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]

pytest.importorskip("hatchling", reason="pip install hatchling")
pytest.importorskip("tomli_w", reason="pip install tomli-w")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="links need special rights"),
]


def run(*command: object, **options: object) -> "subprocess.CompletedProcess[str]":
    words = [str(word) for word in command]
    return subprocess.run(words, capture_output=True, text=True, timeout=300, **options)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check"]
    built = run(sys.executable, "-m", "pip", "wheel", *options, LIGHT, "-w", folder)
    assert built.returncode == 0, built.stderr
    (file,) = folder.iterdir()
    return file


def read_metadata(wheel: Path) -> metadata.PackageMetadata:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
        return metadata.PathDistribution(zipfile.Path(archive, name).parent).metadata


def applicable(requirements: "list[str]", extras: "set[str]") -> "list[Requirement]":
    """Return the requirements whose markers apply here."""
    parsed = map(Requirement, requirements)
    return [
        each
        for each in parsed
        if each.marker is None or any(each.marker.evaluate({"extra": e}) for e in extras or {""})
    ]


def link_required(requirements: "list[Requirement]", folder: Path, done: "set[str]") -> None:
    """Link the packages of the requirements, and of theirs, into a folder."""
    for requirement in requirements:
        name = re.sub(r"[-_.]+", "-", requirement.name).lower()
        if name in done:
            continue
        done.add(name)
        package = metadata.distribution(name)
        for top in {file.parts[0] for file in package.files or ()} - {"..", "__pycache__"}:
            link = folder / top
            if not link.exists():
                link.symlink_to(package.locate_file(top))
        link_required(applicable(package.requires or [], requirement.extras), folder, done)


@pytest.fixture(scope="module")
def environment(wheel, tmp_path_factory) -> Path:
    """Return the folder of the programs of an environment with the light distribution."""
    folder = tmp_path_factory.mktemp("light")
    venv.create(folder / "environment", with_pip=False, symlinks=True)
    programs = folder / "environment" / "bin"
    options = ["--no-deps", "--no-index", "--disable-pip-version-check"]
    pip = [sys.executable, "-m", "pip", "--python", programs / "python"]
    installed = run(*pip, "install", *options, wheel)
    assert installed.returncode == 0, installed.stderr
    packages = folder / "packages"
    packages.mkdir()
    required = read_metadata(wheel).get_all("Requires-Dist") or []
    link_required(applicable(required, {""}), packages, set())
    (site,) = (folder / "environment" / "lib").glob("python*/site-packages")
    (site / "packages.pth").write_text(f"{packages}\n")
    return programs


def isolated(environment: Path) -> "dict[str, str]":
    cleared = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    return cleared | {"PATH": f"{environment}{os.pathsep}{os.environ['PATH']}"}


def colorize(environment: Path, *arguments: object, cwd: Path) -> "tuple[int, str]":
    program = environment / "colorize"
    done = run(program, *arguments, cwd=cwd, env=isolated(environment))
    return done.returncode, done.stderr


def test_wheel_carries_the_licenses(wheel):
    with zipfile.ZipFile(wheel) as archive:
        licenses = {name.partition("/licenses/")[2] for name in archive.namelist()}
    assert {"LICENSE", "weights/LICENSE-Apache-2.0"} <= licenses


def test_readme_on_an_index_has_no_links_to_files_that_are_not_there(wheel):
    information = read_metadata(wheel)
    text = information.get_payload() or information["Description"]
    assert information["Description-Content-Type"] == "text/markdown"
    assert text.startswith("# colorize") and "colorize scans/" in text
    assert "](docs/" not in text and "](imgs/" not in text and "the model card" in text


def test_metadata_is_that_of_the_full_distribution_without_torch(wheel):
    light = read_metadata(wheel)
    assert light["Name"] == "colorize-photos-light"
    assert light["Requires-Python"] == PROJECT["requires-python"]
    assert light["License-Expression"] == PROJECT["license"]
    assert light.get_all("Classifier") == PROJECT["classifiers"]
    always, full = (
        {each.name for each in applicable(light.get_all("Requires-Dist"), {extra})}
        for extra in ("", "full")
    )
    assert full - always == {"torch", "torchvision", "scikit-image"}
    assert {Requirement(line).name for line in PROJECT["dependencies"]} >= full
    assert set(light.get_all("Provides-Extra")) == {*PROJECT["optional-dependencies"], "full"}


def test_photograph_is_colorized_without_torch(environment, tmp_path):
    absent = "import importlib.util as u; assert not any(map(u.find_spec, ('torch', 'skimage')))"
    assert run(environment / "python", "-c", absent, env=isolated(environment)).returncode == 0
    picture = ROOT / "imgs" / "chelsea.jpg"
    status, messages = colorize(environment, "-i", picture, "-o", "out.png", cwd=tmp_path)
    assert (status, messages.count("\n")) == (0, 1), messages
    with Image.open(tmp_path / "out.png") as image, Image.open(picture) as original:
        assert image.size == original.size
        assert np.ptp(np.asarray(image).astype(int), axis=2).mean() > 5


def test_several_formats_and_options_need_no_torch(environment, tmp_path):
    with Image.open(ROOT / "imgs" / "chelsea.jpg") as image:
        small = image.resize((96, 64))
    for suffix in ("png", "tif", "webp", "jp2"):
        small.save(tmp_path / f"{suffix}.{suffix}")
    options = ["--style", "faithful", "--samples", "2", "--confidence-map", "maps"]
    status, messages = colorize(environment, "-i", ".", "-o", "out", *options, cwd=tmp_path)
    assert status == 0, messages
    assert len(list((tmp_path / "out").iterdir())) == 8


@pytest.mark.parametrize(
    "option",
    [["--gpu"], ["--device", "mps"], ["--backend", "torch"], ["--model", "siggraph17"]],
    ids=" ".join,
)
def test_options_that_need_torch_name_the_full_installation(
    environment, tmp_path, option, monkeypatch
):
    picture = ROOT / "imgs" / "chelsea.jpg"
    monkeypatch.setenv("COLORIZE_CACHE", str(tmp_path))
    status, messages = colorize(environment, "-i", picture, "-o", "o.png", *option, cwd=tmp_path)
    assert (status, messages.count("\n")) == (1, 1), messages
    assert "[full]" in messages


@pytest.mark.parametrize(
    "command",
    ["training", "training.make_weights", "training.prior", "evaluation", "export"],
)
def test_commands_that_need_torch_name_the_full_installation(environment, tmp_path, command):
    program = [environment / "python", "-m", f"colorize.{command}"]
    done = run(*program, "x", cwd=tmp_path, env=isolated(environment))
    assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
    assert "[full]" in done.stderr


def instructions(name: str) -> "list[str]":
    """Return the arguments of the Dockerfile's instructions of that name."""
    text = (ROOT / "packaging" / "docker" / "Dockerfile").read_text("utf-8")
    return re.findall(rf"^{name} (.*)$", text, re.MULTILINE)


def test_container_serves_and_is_healthy(tmp_path):
    pytest.importorskip("starlette", reason="pip install starlette")
    with socket.socket() as chosen:
        chosen.bind(("", 0))
        port = str(chosen.getsockname()[1])
    own = {"/src": str(ROOT), "/opt/colorize": str(tmp_path / "opt"), "8000": port}

    def here(text: str) -> str:
        return re.sub("|".join(own), lambda found: own[found[0]], text)

    # No network: the build tools are those of the tests, and what is required gets linked below.
    alone = {"PIP_NO_INDEX": "1", "PIP_NO_DEPS": "1", "PIP_NO_BUILD_ISOLATION": "0"}
    tools = {"PYTHONPATH": os.pathsep.join(sys.path)}
    for line in map(here, instructions("RUN")):
        done = run("sh", "-c", line, env={**os.environ, **(alone | tools if "pip" in line else {})})
        assert done.returncode == 0, done.stderr
    (site,) = (tmp_path / "opt" / "lib").glob("python*/site-packages")
    (information,) = site.glob("colorize_photos_light-*.dist-info")
    required = metadata.PathDistribution(information).requires or []
    extras = set(re.search(r"\[(.*?)\]", instructions("RUN")[-1])[1].split(","))
    (tmp_path / "packages").mkdir()
    link_required(applicable(required, extras), tmp_path / "packages", set())
    (site / "packages.pth").write_text(f"{tmp_path / 'packages'}\n")

    environment = isolated(tmp_path / "opt" / "bin")
    command = json.loads(instructions("ENTRYPOINT")[-1]) + json.loads(here(instructions("CMD")[-1]))
    check = json.loads(here(instructions("HEALTHCHECK")[-1].split("CMD ", 1)[1]))
    server = subprocess.Popen(command, env=environment, cwd=tmp_path, stderr=subprocess.PIPE)
    try:
        deadline = time.monotonic() + 60
        while (health := run(*check, env=environment)).returncode != 0:
            assert server.poll() is None and time.monotonic() < deadline, health.stderr
    finally:
        server.terminate()
        _, messages = server.communicate(timeout=60)
    assert server.returncode == 0, messages


def test_container_gets_what_the_light_distribution_copies():
    ignored = (ROOT / "packaging" / "docker" / "Dockerfile.dockerignore").read_text("utf-8")
    kept = re.findall("^!(.*)$", ignored, re.MULTILINE)
    backend = (LIGHT / "light_backend.py").read_text("utf-8")
    copied = re.search(r"^COPIED = \((.*)\)", backend, re.MULTILINE)[1]
    assert {*re.findall(r'"(.*?)"', copied), "packaging/light", "pyproject.toml"} == set(kept)


def test_container_behind_the_proxy_takes_its_arguments():
    text = (ROOT / "packaging" / "docker" / "compose.yaml").read_text("utf-8")
    (command,) = re.findall(r"command: (\[.*\])", text)
    first, *rest = json.loads(re.sub(r"\$\{.*?\}", "colorize.example.org", command))
    assert first == "serve" and make_parser().parse_args(rest).host == "0.0.0.0"

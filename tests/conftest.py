"""A tiny seeded network, so that tests of the pipeline need no weights file."""

import gc
import os
import shutil
import signal
from collections.abc import Iterator

# Before NumPy and torch are imported: the tests run in several processes, and threads of OpenMP
# that wait for each other spin on the cores of the others.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import hypothesis
import pytest
import torch
from fixtures.loaded_once import loading_once

from colorize import pipeline
from colorize.color.quantization import NUM_BINS
from colorize.models.compact import Compact
from colorize.models.eccv16 import ECCV16
from colorize.models.metadata import StyleSettings
from colorize.models.serialization import save_compact
from colorize.models.siggraph17 import SIGGRAPH17

gc.disable()  # until all tests are collected: what their modules hold stays

BROWSER_FLAGS = [
    "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip

# Machines of very different speed run these tests.
hypothesis.settings.register_profile("colorize", deadline=None, max_examples=50)
hypothesis.settings.load_profile("colorize")

# A shell's background jobs ignore Ctrl-C, and so would what the tests start to interrupt it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish() -> None:
    """Leave libraries and tests out of the garbage collections while the tests run."""
    gc.collect()
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session", autouse=True)
def networks_are_loaded_once() -> Iterator[None]:
    """Let commands and `Colorizer.from_pretrained` share networks between tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pipeline, "load_runner", loading_once(pipeline.load_runner))
        yield


@pytest.fixture(scope="session")
def network() -> Compact:
    """Return a compact network with random weights whose colors are far from gray."""
    torch.manual_seed(0)
    weights = torch.linspace(0.2, 3, NUM_BINS)
    prior = torch.linspace(1, 0, NUM_BINS) ** 4
    made = Compact(
        (8, 8, 12, 16), class_weights=weights.tolist(), prior=(prior / prior.sum()).tolist(),
        styles={"vivid": StyleSettings(0.5, 0.9)},
    )  # fmt: skip
    with torch.no_grad():
        made.decoder.classify.weight *= 40
    return made.eval().requires_grad_(False)


@pytest.fixture(scope="session")
def weights(network, tmp_path_factory) -> str:
    """Return a weights file of the tiny network, for the command."""
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    save_compact(network, path)
    return str(path)


@pytest.fixture(scope="session")
def eccv16() -> ECCV16:
    """Return the network with random weights, which tests share and must not change."""
    torch.manual_seed(0)
    return ECCV16().eval().requires_grad_(False)


@pytest.fixture(scope="session")
def siggraph17() -> SIGGRAPH17:
    """Return the network with random weights, which tests share and must not change."""
    torch.manual_seed(0)
    return SIGGRAPH17().eval().requires_grad_(False)


@pytest.fixture(scope="session")
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="pip install playwright")
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "chrome"))), None)
    if path is None:
        pytest.skip("no Chromium on the PATH")
    with playwright.sync_playwright() as started:
        launched = started.chromium.launch(executable_path=path, args=BROWSER_FLAGS)
        yield launched
        launched.close()


@pytest.fixture
def unprivileged() -> Iterator[None]:
    """Run the test as a user whom file permissions apply to: root may read and write everything."""
    if not hasattr(os, "seteuid"):
        pytest.skip("Windows has other permissions")
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)  # nobody
    try:
        yield
    finally:
        os.seteuid(0)

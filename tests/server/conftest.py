"""Fixtures for tests of the server."""

import shutil

import pytest

from colorize.runtime.torch_runner import TorchRunner


@pytest.fixture(scope="session")
def runner(network):
    return TorchRunner(network)


@pytest.fixture(scope="session")
def server(runner):
    from fixtures.server import serve

    with serve(runner, max_bytes=200_000, max_pixels=90_000, max_queue=20, max_batch=4) as started:
        yield started


@pytest.fixture
def blocking(runner):
    from fixtures.server import BlockingRunner

    blocking = BlockingRunner(runner)
    yield blocking
    blocking.release.set()


@pytest.fixture(scope="session")
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="pip install playwright")
    from fixtures.page import FLAGS

    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "chrome"))), None)
    if path is None:
        pytest.skip("no Chromium on the PATH")
    with playwright.sync_playwright() as started:
        launched = started.chromium.launch(executable_path=path, args=FLAGS)
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def address(runner):
    """Address of a page with small limits."""
    from fixtures.page import LIMITS
    from fixtures.server import serve

    with serve(runner, **LIMITS) as server:
        yield f"http://127.0.0.1:{server.port}/"


@pytest.fixture(scope="session")
def photograph() -> bytes:
    from fixtures.page import HEIGHT, WIDTH, make_gray

    return make_gray(WIDTH, HEIGHT)

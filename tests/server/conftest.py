"""Fixtures for tests of the server."""

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


@pytest.fixture(params=["desktop", "phone"])
def settings(request) -> dict[str, object]:
    """Return the size of a screen, and whether it is touched."""
    from fixtures.page import DESKTOP, PHONE

    return {"desktop": DESKTOP, "phone": PHONE}[request.param]

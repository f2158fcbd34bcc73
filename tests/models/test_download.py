import hashlib
import os
import signal
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from colorize.errors import ColorizeError
from colorize.io.checksum import hash_file
from colorize.models import download as download_module
from colorize.models.download import download

CONTENT = bytes(range(256)) * 20_000  # 5 MB: several chunks
SHA256 = hashlib.sha256(CONTENT).hexdigest()
LIMIT = len(CONTENT)


class Handler(BaseHTTPRequestHandler):
    """Serve CONTENT in the way that the address names."""

    def do_GET(self):
        response = self.path.strip("/").split(".")[0]
        if response == "missing":
            return self.send_error(404)
        if response == "moved":
            self.send_response(302)
            self.send_header("Location", "/whole.bin")
            return self.end_headers()
        self.send_response(200)
        if response != "unannounced":
            self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        half = response in ("cut", "interrupted", "stalled")
        self.wfile.write(CONTENT[: len(CONTENT) // 2] if half else CONTENT)
        if response == "interrupted":
            self.wfile.flush()
            os.kill(os.getpid(), signal.SIGINT)  # Ctrl-C
        if response in ("interrupted", "stalled"):
            self.server.done.wait(10)
        return None

    def log_message(self, *args):
        pass


class Server(ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        """Say nothing of clients that hung up: the tests make them."""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with Server(("127.0.0.1", 0), Handler) as running:
        running.done = threading.Event()
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.done.set()
        running.shutdown()
        thread.join()


def assert_nothing_left(folder: Path) -> None:
    assert not folder.exists() or list(folder.iterdir()) == []


@pytest.mark.parametrize("response", ["whole", "unannounced", "moved"])
def test_download_puts_the_verified_content_in_place(server, tmp_path, response, capsys):
    file = tmp_path / "a" / "b" / "file.bin"
    download(f"{server}/{response}.bin", file, SHA256, LIMIT)
    assert file.read_bytes() == CONTENT
    assert list(file.parent.iterdir()) == [file]
    assert capsys.readouterr() == ("", "")  # no terminal, no bar


def test_download_replaces_a_damaged_file(server, tmp_path):
    file = tmp_path / "file.bin"
    file.write_bytes(b"damaged")
    download(f"{server}/whole.bin", file, SHA256, LIMIT)
    assert file.read_bytes() == CONTENT


def test_failed_download_names_address_hash_folder_and_remedy(server, tmp_path):
    file = tmp_path / "cache" / "file.bin"
    with pytest.raises(ColorizeError) as error:
        download(f"{server}/missing.bin", file, SHA256, LIMIT)
    message = str(error.value)
    assert "\n" not in message
    for part in (f"{server}/missing.bin", SHA256, str(file.parent), "--weights FILE", "404"):
        assert part in message
    assert_nothing_left(file.parent)


@pytest.mark.parametrize(
    ("response", "sha256", "limit", "reason"),
    [
        ("cut", SHA256, LIMIT, f"cut off after {len(CONTENT) // 2} of {len(CONTENT)} bytes"),
        ("whole", "0" * 64, LIMIT, f"its sha256 is {SHA256}"),
        ("unannounced", SHA256, LIMIT - 1, "longer than"),
    ],
)
def test_wrong_content_is_refused_and_removed(server, tmp_path, response, sha256, limit, reason):
    with pytest.raises(ColorizeError, match=reason):
        download(f"{server}/{response}.bin", tmp_path / "file.bin", sha256, limit)
    assert_nothing_left(tmp_path)


def test_failure_keeps_the_file_that_was_there(server, tmp_path):
    file = tmp_path / "file.bin"
    file.write_bytes(b"older")
    with pytest.raises(ColorizeError):
        download(f"{server}/cut.bin", file, SHA256, LIMIT)
    assert list(tmp_path.iterdir()) == [file]
    assert file.read_bytes() == b"older"


@pytest.mark.skipif(os.name == "nt", reason="Windows has no signal for one process")
def test_interrupt_goes_through_and_leaves_nothing(server, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        download(f"{server}/interrupted.bin", tmp_path / "file.bin", SHA256, LIMIT)
    assert_nothing_left(tmp_path)


def test_silent_server_times_out(server, tmp_path, monkeypatch):
    monkeypatch.setattr(download_module, "TIMEOUT", 0.2)
    with pytest.raises(ColorizeError, match="timed out"):
        download(f"{server}/stalled.bin", tmp_path / "file.bin", SHA256, LIMIT)
    assert_nothing_left(tmp_path)


def test_refused_connection_is_an_error(tmp_path):
    with socket.socket() as taken:  # bound, but nobody listens
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/file.bin"
        with pytest.raises(ColorizeError, match="refused"):
            download(url, tmp_path / "file.bin", SHA256, LIMIT)
    assert_nothing_left(tmp_path)


def test_folder_that_cannot_be_made_is_an_error(server, tmp_path):
    (tmp_path / "cache").write_text("a file where the folder should be")
    with pytest.raises(ColorizeError, match="cannot download"):
        download(f"{server}/whole.bin", tmp_path / "cache" / "file.bin", SHA256, LIMIT)


def test_read_only_folder_is_an_error(server, tmp_path, request):
    tmp_path.chmod(0o500)
    request.getfixturevalue("unprivileged")
    with pytest.raises(ColorizeError, match="Permission denied"):
        download(f"{server}/whole.bin", tmp_path / "file.bin", SHA256, LIMIT)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is full")
def test_full_disk_is_an_error(server, tmp_path, monkeypatch):
    @contextmanager
    def open_full(target):
        with open("/dev/full", "wb") as stream:
            yield stream

    monkeypatch.setattr(download_module, "atomic_write", open_full)
    with pytest.raises(ColorizeError, match="No space left"):
        download(f"{server}/whole.bin", tmp_path / "file.bin", SHA256, LIMIT)
    assert_nothing_left(tmp_path)


def test_two_downloads_at_once_both_succeed(server, tmp_path):
    file = tmp_path / "file.bin"
    with ThreadPoolExecutor(4) as pool:
        url = f"{server}/whole.bin"
        runs = [pool.submit(download, url, file, SHA256, LIMIT) for _ in range(4)]
        for run in runs:
            run.result()
    assert hash_file(file) == SHA256
    assert list(tmp_path.iterdir()) == [file]


def test_progress_is_shown_on_a_terminal_unless_quiet(server, tmp_path, capsys, monkeypatch):
    for quiet in (False, True):
        monkeypatch.setattr("sys.stderr.isatty", lambda: True)
        download(f"{server}/whole.bin", tmp_path / "file.bin", SHA256, LIMIT, quiet=quiet)
        assert ("whole.bin" in capsys.readouterr().err) is not quiet

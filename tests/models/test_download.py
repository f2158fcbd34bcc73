import errno
import hashlib
import io
import os
import signal
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
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
CHUNK = 1 << 20
HALF = CONTENT[: len(CONTENT) // 2]


class Handler(BaseHTTPRequestHandler):
    """Serve CONTENT in the way that the address names."""

    def do_GET(self):
        response = self.path.strip("/").split(".")[0]
        if response == "missing":
            return self.send_error(404)
        if response == "loop":
            self.send_response(302)
            self.send_header("Location", "/loop.bin")
            return self.end_headers()
        if response == "busy":
            self.server.busy += 1
            if self.server.busy < 3:
                return self.send_error(503)
        if response == "escaping":
            return self.send_error(404, "Not\x1b]0;title\x07\x9b31m\rcolorize: done")
        if response == "dripping-header":
            with suppress(OSError):
                self.wfile.write(b"HTTP/1.1 200 ")
                while not self.server.done.wait(0.02):
                    self.wfile.write(b"x")
            return None
        if response == "moved":
            self.send_response(302)
            self.send_header("Location", "/whole.bin")
            return self.end_headers()
        start = 0
        if "Range" in self.headers and response != "cut":
            start = int(self.headers["Range"].removeprefix("bytes=").removesuffix("-"))
        if start >= len(CONTENT):
            return self.send_error(416)
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}")
            self.server.starts.append(start)
        if response != "unannounced":
            self.send_header("Content-Length", str(len(CONTENT) - start))
        self.end_headers()
        half = response in ("cut", "interrupted", "stalled")
        if response == "dripping":
            with suppress(OSError):
                while not self.server.done.wait(0.02):
                    self.wfile.write(b"x")
            return None
        end = start + CHUNK if response == "crumbling" else len(HALF if half else CONTENT)
        self.wfile.write(CONTENT[start:end])
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


class Address(str):
    """The server's address, and the offsets from which it was asked to continue."""

    starts: list[int]


@pytest.fixture(scope="module")
def server() -> Iterator["Address"]:
    with Server(("127.0.0.1", 0), Handler) as running:
        running.done = threading.Event()
        running.starts = []
        running.busy = 0
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        address = Address(f"http://127.0.0.1:{running.server_port}")
        address.starts = running.starts
        yield address
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
        download(f"{server}/missing.bin", file, SHA256, LIMIT)
    assert list(tmp_path.iterdir()) == [file]
    assert file.read_bytes() == b"older"


def kept(folder: Path) -> bytes:
    """Return what an interrupted download left behind: one hidden file."""
    (part,) = folder.iterdir()
    assert part.name.startswith(".file.bin.")
    return part.read_bytes()


@pytest.mark.parametrize("again", ["whole", "unannounced"])
def test_a_cut_download_continues_where_it_ended(server, tmp_path, again):
    file = tmp_path / "file.bin"
    with pytest.raises(ColorizeError, match=f"cut off after {len(HALF)} of {len(CONTENT)} bytes"):
        download(f"{server}/cut.bin", file, SHA256, LIMIT)
    assert kept(tmp_path) == HALF
    server.starts.clear()
    download(f"{server}/{again}.bin", file, SHA256, LIMIT)
    assert server.starts == [len(HALF)]
    assert list(tmp_path.iterdir()) == [file]
    assert file.read_bytes() == CONTENT


def test_a_connection_that_ends_early_is_tried_again_while_something_comes(server, tmp_path):
    server.starts.clear()
    download(f"{server}/crumbling.bin", tmp_path / "file.bin", SHA256, LIMIT)
    assert server.starts == [CHUNK * i for i in range(1, 5)]
    assert (tmp_path / "file.bin").read_bytes() == CONTENT


def test_a_server_without_ranges_starts_from_the_beginning(server, tmp_path):
    (tmp_path / ".file.bin.colorize-0123456789ab.tmp").write_bytes(CONTENT[:1000])
    with pytest.raises(ColorizeError, match="cut off"):
        download(f"{server}/cut.bin", tmp_path / "file.bin", SHA256, LIMIT)
    assert kept(tmp_path) == HALF


@pytest.mark.parametrize("rest", [b"wrong", b"x" * len(CONTENT), CONTENT + b"x"])
def test_damaged_parts_are_replaced(server, tmp_path, rest):
    (tmp_path / ".file.bin.colorize-0123456789ab.tmp").write_bytes(rest)
    download(f"{server}/whole.bin", tmp_path / "file.bin", SHA256, LIMIT)
    assert [file.name for file in tmp_path.iterdir()] == ["file.bin"]


def test_the_next_address_continues(server, tmp_path):
    server.starts.clear()
    addresses = [f"{server}/{name}.bin" for name in ("missing", "cut", "whole")]
    download(addresses, tmp_path / "file.bin", SHA256, LIMIT)
    assert server.starts == [len(HALF)]
    assert (tmp_path / "file.bin").read_bytes() == CONTENT


def test_all_failed_addresses_are_named(server, tmp_path):
    addresses = [f"{server}/missing.bin?{i}" for i in range(2)]
    with pytest.raises(ColorizeError, match=r"missing.bin\?0 .*nor .*missing.bin\?1 "):
        download(addresses, tmp_path / "file.bin", SHA256, LIMIT)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no signal for one process")
def test_interrupt_goes_through_and_keeps_the_part(server, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        download(f"{server}/interrupted.bin", tmp_path / "file.bin", SHA256, LIMIT)
    assert not (tmp_path / "file.bin").exists()


def test_silent_server_times_out(server, tmp_path, monkeypatch):
    monkeypatch.setattr(download_module, "TIMEOUT", 0.2)
    with pytest.raises(ColorizeError, match="timed out"):
        download(f"{server}/stalled.bin", tmp_path / "file.bin", SHA256, LIMIT)
    assert HALF.startswith(kept(tmp_path))


def test_a_busy_server_is_asked_again(server, tmp_path, monkeypatch):
    monkeypatch.setattr(download_module, "PAUSE", 0.01)
    download(f"{server}/busy.bin", tmp_path / "file.bin", SHA256, LIMIT)
    assert (tmp_path / "file.bin").read_bytes() == CONTENT


def test_a_dripping_server_is_given_up(server, tmp_path, monkeypatch):
    monkeypatch.setattr(download_module, "SLOWEST_OVER", 0.1)
    with pytest.raises(ColorizeError, match="less than 5 kB a second"):
        download(f"{server}/dripping.bin", tmp_path / "file.bin", SHA256, LIMIT)


@pytest.mark.parametrize("response", ["dripping header", "dripping"])
def test_a_server_that_never_ends_is_given_up(server, tmp_path, monkeypatch, response):
    """Though it is fast enough, and each of its bytes comes in time."""
    monkeypatch.setattr(download_module, "SLOWEST", 0)
    monkeypatch.setattr(download_module, "LONGEST", 0.3)
    with pytest.raises(ColorizeError, match="takes more than") as caught:
        download(f"{server}/{response.replace(' ', '-')}.bin", tmp_path / "file.bin", SHA256, LIMIT)
    assert "\n" not in str(caught.value)


def test_reasons_are_one_line(server, tmp_path):
    with pytest.raises(ColorizeError, match="302") as caught:
        download(f"{server}/loop.bin", tmp_path / "file.bin", SHA256, LIMIT)
    assert "\n" not in str(caught.value)


def test_a_server_cannot_control_the_terminal(server, tmp_path):
    with pytest.raises(ColorizeError, match="404") as caught:
        download(f"{server}/escaping.bin", tmp_path / "file.bin", SHA256, LIMIT)
    assert str(caught.value).isprintable()


def test_refused_connection_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(download_module, "PAUSE", 0.01)
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
    with pytest.raises(ColorizeError, match="permission denied"):
        download(f"{server}/whole.bin", tmp_path / "file.bin", SHA256, LIMIT)


class FullDisk(io.BytesIO):
    def write(self, data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_full_disk_is_an_error(server, tmp_path, monkeypatch):
    part = tmp_path / ".file.bin.part", FullDisk()
    monkeypatch.setattr(download_module, "_open_partial_file", lambda file: part)
    with pytest.raises(ColorizeError, match="the disk is full"):
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
        assert ("file.bin" in capsys.readouterr().err) is not quiet

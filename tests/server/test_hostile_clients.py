"""Clients that are slow, idle, or foreign pages in a browser."""

import errno
import io
import socket
import time
from contextlib import ExitStack, suppress

import pytest
from fixtures.server import PHOTO, make_form, serve, wait_until
from PIL import Image

from colorize.errors import is_disk_full
from colorize.server import connections, upload


def closed(connection: socket.socket) -> bool:
    """Return whether the server has closed a connection, within two seconds."""
    connection.settimeout(2)
    try:
        return connection.recv(1) == b""
    except ConnectionError:
        return True
    except TimeoutError:
        return False


def half_a_head(server) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", server.port))
    connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n")
    return connection


@pytest.mark.slow
def test_unread_response_keeps_its_queue_slot_until_the_client_is_given_up(runner, monkeypatch):
    monkeypatch.setattr(connections, "SEND_TIMEOUT", 1.0)
    file = io.BytesIO()
    Image.new("L", (2400, 2000)).save(file, "PNG")
    with (
        serve(runner, max_queue=1) as server,
        server.unfinished_post(file.getvalue(), query="?format=bmp") as connection,
    ):
        wait_until(lambda: server.health()["answered"] == 1)
        assert server.health()["accepted"] == 1
        assert server.post(PHOTO).status == 429
        wait_until(lambda: server.health()["accepted"] == 0)
        connection.settimeout(5)
        received = 0
        with suppress(ConnectionError):
            while chunk := connection.recv(1 << 20):
                received += len(chunk)
        assert received < 3 * 2400 * 2000
        assert server.post(PHOTO).status == 200


def test_idle_uploads_take_no_queue_slot(runner):
    with serve(runner, max_queue=2) as server, ExitStack() as uploads:
        for _ in range(5):
            uploads.enter_context(server.unfinished_post(b"\xff\xd8", length=50_000))
        wait_until(lambda: server.health()["receiving"] == 5)
        assert server.post(PHOTO).status == 200


def test_upload_that_stops_midway_gives_408(server, monkeypatch):
    monkeypatch.setattr(upload, "STALL_TIMEOUT", 0.2)
    with server.unfinished_post(b"abc", length=99) as connection:
        connection.settimeout(10)
        assert connection.recv(100).startswith(b"HTTP/1.1 408")


def test_uploads_together_are_limited(runner):
    with serve(runner, max_queue=1, max_bytes=1000) as server, ExitStack() as uploads:
        uploads.enter_context(server.unfinished_post(bytes(900), length=1000))
        wait_until(lambda: server.health()["receiving"] == 1)
        wait_until(lambda: server.service.uploads.used == 900)
        assert server.post(bytes(900)).status == 429
    assert server.service.uploads.used == 0


def test_rejected_request_that_dribbles_is_answered(server, monkeypatch):
    monkeypatch.setattr(upload, "DISCARD_TIMEOUT", 0.5)
    with server.unfinished_post(b"", length=50_000, query="?nope=1") as connection:
        connection.settimeout(0.1)
        start = time.monotonic()
        response = b""
        while not response and time.monotonic() - start < 10:
            connection.sendall(b"x")
            try:
                response = connection.recv(100)
            except TimeoutError:
                continue
        assert response.startswith(b"HTTP/1.1 422")


def test_head_that_does_not_arrive_is_given_up(server, monkeypatch):
    monkeypatch.setattr(connections, "HEAD_TIMEOUT", 0.3)
    with half_a_head(server) as connection:
        assert closed(connection)
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        assert closed(connection)


def test_connections_without_a_request_make_room(runner):
    with serve(runner, max_connections=4) as server, ExitStack() as stack:
        idle = [stack.enter_context(half_a_head(server)) for _ in range(40)]
        wait_until(lambda: len(server.connections) == 4)
        assert server.post(PHOTO).status == 200
        assert closed(idle[0])


def test_connections_leave_files_for_the_rest(monkeypatch):
    resource = pytest.importorskip("resource")
    monkeypatch.setattr(resource, "getrlimit", lambda which: (256, 256))
    assert connections.connections_possible(500) == 46
    assert connections.connections_possible(40) == 40


def test_full_disk_gives_507(server, monkeypatch):
    async def fail(*arguments):
        raise OSError(errno.ENOSPC, "no space")

    monkeypatch.setattr(upload, "_read_raw", fail)
    response = server.post(PHOTO)
    assert response.status == 507 and "disk" in response.error


def test_full_disk_is_recognized_behind_other_errors():
    try:
        try:
            raise OSError(errno.ENOSPC, "no space")
        except OSError as error:
            raise ValueError from error
    except ValueError as error:
        assert is_disk_full(error)
    assert not is_disk_full(OSError(errno.EACCES, "no"))


# browsers

FOREIGN = "http://evil.example"


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8000", "127.0.0.1.evil.example", "a..b", "[::1"]
)
def test_name_that_a_stranger_could_own_is_refused(server, host):
    for response in (server.get("/", Host=host), server.post(PHOTO, Host=host)):
        assert response.status == 403 and response.error
        assert response.headers["content-security-policy"]


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "[::1]:8000", "192.168.1.20:8000", "localhost", "nas:80", "nas.local"]
)
def test_addresses_and_names_of_the_home_network_are_served(server, host):
    assert server.get("/healthz", Host=host).status == 200
    assert server.post(PHOTO, Host=host, Origin=f"http://{host}").status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": FOREIGN},
        {"Origin": "null"},
        {"Origin": "http://localhost:1"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site", "Origin": "http://localhost"},
    ],
)
def test_posts_of_foreign_pages_are_refused(server, headers):
    answered = server.health()["answered"]
    body, content_type = make_form(PHOTO)
    for response in (
        server.post(PHOTO, Content_Type="text/plain", Host="localhost", **headers),
        server.post(body, Content_Type=content_type, Host="localhost", **headers),
        server.request("DELETE", "/preview/token", Host="localhost", **headers),
    ):
        assert response.status == 403 and response.error
    assert server.health()["answered"] == answered


def test_allowed_hosts_are_served_behind_a_proxy(runner):
    with serve(runner, allowed_hosts=("photos.example",)) as server:
        assert server.get("/", Host="photos.example").status == 200
        # a proxy that passes the Host header on, and one that does not
        for host in ("Photos.example:443", "127.0.0.1:8000"):
            headers = {"Host": host, "Origin": "https://photos.example"}
            assert server.post(PHOTO, **headers).status == 200
        assert server.get("/", Host="other.example").status == 403

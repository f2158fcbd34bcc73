"""ZIP files that are downloaded while their photographs are colorized."""

import http.client
import io
import json
import threading
import zipfile
from contextlib import contextmanager

import pytest
from fixtures.server import PHOTO, TIMEOUT, make_form, make_photo, open_image, serve, wait_until

from colorize.server import zips
from colorize.server.zips import result_name


def create(server) -> str:
    response = server.request("POST", "/zip")
    assert response.status == 201
    return json.loads(response.body)["token"]


def add(server, token, photo=PHOTO, name="old.jpg", query="", **headers):
    return server.request("POST", f"/zip/{token}?name={name}{query}", photo, **headers)


@contextmanager
def download(server, token):
    """Yield a list that the content of the ZIP file is appended to, at its end."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=TIMEOUT)
    connection.request("GET", f"/zip/{token}")
    response = connection.getresponse()
    assert (response.status, response.headers["content-type"]) == (200, "application/zip")
    assert "colorized.zip" in response.headers["content-disposition"]
    content = []
    thread = threading.Thread(target=lambda: content.append(response.read()))
    thread.start()
    yield content
    thread.join(TIMEOUT)
    connection.close()


def test_zip_has_what_is_added_while_it_is_downloaded(server):
    token = create(server)
    assert server.request("HEAD", f"/zip/{token}").status == 200  # does not begin the download
    with download(server, token) as content:
        assert add(server, token).status == 204
        body, content_type = make_form(make_photo("PNG"), format="png")
        assert add(server, token, body, "a.PNG", content_type=content_type).status == 204
        assert add(server, token, name="old.jpg", query="&format=webp").status == 204
        assert add(server, token, b"no photograph").status == 422
        assert add(server, token, name="folder%2Fold.jpg").status == 204
        assert server.health()["accepted"] == 0
        assert server.request("POST", f"/zip/{token}/end").status == 204
    with zipfile.ZipFile(io.BytesIO(content[0])) as archive:
        assert archive.testzip() is None
        names = ["old.colorized.jpg", "a.colorized.PNG", "old.colorized.webp"]
        assert archive.namelist() == [*names, "old.colorized (2).jpg"]
        assert archive.read("old.colorized.jpg") == server.post(PHOTO).body
        assert open_image(archive.read("a.colorized.PNG")).mode == "RGB"
    assert add(server, token).status == 410


def test_zip_waits_for_its_download(server, monkeypatch):
    monkeypatch.setattr(zips, "OPENING_TIMEOUT", 0.2)
    token = create(server)
    assert add(server, token).status == 409
    assert server.get("/zip/unknown").status == 404
    assert add(server, "unknown").status == 404
    assert server.request("POST", "/zip/unknown/end").status == 404
    assert server.request("POST", f"/zip/{token}").status == 422  # no name


def test_only_one_client_downloads_a_zip(server):
    token = create(server)
    with download(server, token):
        assert server.get(f"/zip/{token}").status == 409
        server.request("POST", f"/zip/{token}/end")


def test_cancelled_download_is_told_to_who_adds(server):
    token = create(server)
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=TIMEOUT)
    connection.request("GET", f"/zip/{token}")
    connection.getresponse().close()
    connection.close()
    wait_until(lambda: server.service.zips.find(token).is_over)
    assert add(server, token).status == 410


def test_zip_to_which_nothing_is_added_ends(server, monkeypatch):
    monkeypatch.setattr(zips, "IDLE_TIMEOUT", 0.3)
    with download(server, create(server)) as content:
        pass
    assert zipfile.ZipFile(io.BytesIO(content[0])).namelist() == []


def test_zips_are_limited(runner):
    with serve(runner, max_queue=2) as server:
        create(server), create(server)
        assert server.request("POST", "/zip").status == 429


@pytest.mark.parametrize(
    ("name", "format", "expected"),
    [
        ("old.jpg", "JPEG", "old.colorized.jpg"),
        ("old.JPEG", "JPEG", "old.colorized.JPEG"),
        ("old.tif", "PNG", "old.colorized.png"),
        ("a.b", "PNG", "a.colorized.png"),
        ("old", "TIFF", "old.colorized.tif"),
        ("", "TIFF", "photograph.colorized.tif"),
        ("../../etc/passwd", "PNG", "passwd.colorized.png"),
        ("C:\\x\\..\\y.png", "PNG", "y.colorized.png"),
        ('a"<\r\n>:b.png', "PNG", "a_____ _b.colorized.png".replace(" ", "")),
        ("ä ü.png", "PNG", "ä ü.colorized.png"),
        ("x" * 500 + ".png", "PNG", "x" * 120 + ".colorized.png"),
    ],
)
def test_names_of_results(name, format, expected):
    assert result_name(name, format) == expected

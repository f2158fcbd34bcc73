"""Previews, and photographs that are kept between requests."""

import io
import time

import numpy as np
import pytest
from fixtures.server import (
    colorize_with_library,
    make_form,
    make_photo,
    open_image,
    serve,
)
from PIL import Image

from colorize.server.files import WorkFolder
from colorize.server.kept import KeptPhotos

LARGE = make_photo("TIFF", 300, 200)


def preview(server, photo=LARGE, query=""):
    return server.request("POST", "/preview" + query, photo)


def colorize_kept(server, token, **fields):
    parts = "".join(
        f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in {"token": token, **fields}.items()
    )
    return server.post(
        parts.encode() + b"--x--\r\n", content_type="multipart/form-data; boundary=x"
    )


@pytest.mark.parametrize(("query", "size"), [("?side=60", (60, 40)), ("", (300, 200))])
def test_preview_is_small_gray_and_names_full_size(server, query, size):
    response = preview(server, query=query)
    assert (response.status, response.headers["content-type"]) == (200, "image/jpeg")
    image = open_image(response.body)
    assert (image.size, image.mode) == (size, "L")
    assert response.headers["colorize-size"] == "300x200"
    full = np.asarray(open_image(LARGE).resize(size), float)
    assert np.abs(np.asarray(image, float) - full).mean() < 3


def test_preview_of_color_and_alpha_is_gray_with_alpha(server):
    file = io.BytesIO()
    Image.new("RGBA", (40, 30), (200, 40, 90, 70)).save(file, "PNG")
    image = open_image(preview(server, file.getvalue()).body)
    assert (image.format, image.mode) == ("PNG", "LA")
    assert image.getpixel((5, 5))[1] == 70


def test_preview_accepts_a_form(server):
    body, content_type = make_form(LARGE)
    response = server.request("POST", "/preview", body, content_type=content_type)
    assert open_image(response.body).size == (300, 200)


def test_token_stands_for_the_photograph(server, runner):
    token = preview(server).headers["colorize-token"]
    assert len(token) >= 32
    for _ in range(2):
        response = colorize_kept(server, token, format="png", saturation="1.2")
        assert response.status == 200
        expected = colorize_with_library(runner, LARGE, format="png", saturation=1.2)
        assert response.body == expected
    assert server.request("DELETE", f"/preview/{token}").status == 204
    assert colorize_kept(server, token).status == 404
    assert server.request("DELETE", f"/preview/{token}").status == 404


def test_each_preview_has_its_own_token(server):
    assert preview(server).headers["colorize-token"] != preview(server).headers["colorize-token"]


@pytest.mark.parametrize("token", ["", "unknown", "../../../etc/passwd"])
def test_unknown_token_gives_404(server, token):
    response = colorize_kept(server, token)
    assert response.status == 404 and "no longer kept" in response.error


def test_photo_counts_where_a_form_has_a_token_too(server):
    body, content_type = make_form(make_photo(), token="unknown")
    response = server.post(body, content_type=content_type)
    assert open_image(response.body).size == (60, 40)


@pytest.mark.parametrize(
    ("query", "value"), [("?side=5", "side"), ("?side=x", "side"), ("?size=100", "size")]
)
def test_invalid_side_gives_422(server, query, value):
    response = preview(server, query=query)
    assert response.status == 422 and value in response.error


def test_unreadable_photograph_is_not_kept(server):
    response = preview(server, b"no picture")
    assert response.status == 422 and "colorize-token" not in response.headers
    assert preview(server, make_photo("PNG", 400, 400)).status == 422  # over max_pixels


def test_photograph_larger_than_the_store_has_no_token(runner):
    with serve(runner, max_kept_bytes=1000) as server:
        response = preview(server)
        assert response.status == 200 and "colorize-token" not in response.headers


def keep(kept, content):
    path = kept.folder.new_path()
    path.write_bytes(content)
    return kept.keep(path)


def test_kept_photographs_make_room_for_new_ones():
    kept = KeptPhotos(WorkFolder(), max_bytes=10, seconds=60)
    first, second = (keep(kept, bytes(4)) for _ in range(2))
    kept.copy(first).unlink()  # now the second is the one unused for longest
    third = keep(kept, bytes(4))
    assert kept.copy(second) is None
    for token in (first, third):
        assert kept.copy(token).read_bytes() == bytes(4)
    assert keep(kept, bytes(11)) is None
    kept.folder.close()


def test_kept_photographs_expire_and_leave_no_file(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    kept = KeptPhotos(WorkFolder(), max_bytes=10, seconds=0.05)
    token = keep(kept, b"abc")
    assert [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()] == [b"abc"]
    time.sleep(0.1)
    kept.drop_expired()
    assert not any(path.is_file() for path in tmp_path.rglob("*"))
    assert kept.copy(token) is None
    keep(kept, b"abc")
    kept.folder.close()
    assert list(tmp_path.iterdir()) == []


def test_copy_outlives_the_kept_photograph():
    kept = KeptPhotos(WorkFolder(), max_bytes=10, seconds=60)
    token = keep(kept, b"abc")
    copy = kept.copy(token)
    assert kept.drop(token) and kept.copy(token) is None
    assert copy.read_bytes() == b"abc"
    kept.folder.close()

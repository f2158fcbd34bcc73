"""Bodies of requests: forms, damaged photographs, limits of size and time."""

import io
import random
import socket
import struct
import zlib
from concurrent.futures import ThreadPoolExecutor

import pytest
from fixtures.server import BOUNDARY, PHOTO, make_form, make_photo, wait_until
from PIL import Image

from colorize.server import upload

MAX_BYTES = 200_000  # of the server in conftest.py


def pixel_bomb() -> bytes:
    """Return a PNG of 50,000 × 50,000 pixels in a few hundred bytes."""

    def chunk(name: bytes, content: bytes) -> bytes:
        crc = struct.pack(">I", zlib.crc32(name + content))
        return struct.pack(">I", len(content)) + name + content + crc

    header = struct.pack(">IIBBBBB", 50_000, 50_000, 8, 0, 0, 0, 0)
    chunks = (b"IHDR", header), (b"IDAT", zlib.compress(bytes(100_000))), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(name, content) for name, content in chunks)


def many_pages() -> bytes:
    file = io.BytesIO()
    page = Image.new("L", (200, 200), 99)
    page.save(file, "TIFF", save_all=True, append_images=[page] * 4, compression="tiff_deflate")
    return file.getvalue()


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "empty"),
        (b"hello", ""),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", ""),
        (b"PK\x03\x04" + bytes(1000), ""),
        (zlib.compress(bytes(10_000_000)), ""),
        (PHOTO[: len(PHOTO) // 2], ""),
        (PHOTO[:3], ""),
        (make_photo("PNG")[:-30], ""),
        (b"GIF89a" + bytes(20), ""),
        (pixel_bomb(), "0.09 megapixels"),
        (many_pages(), "0.09 megapixels"),
    ],
    ids=[
        "empty", "text", "svg", "zip", "zlib bomb", "half JPEG", "3 bytes", "truncated PNG",
        "broken GIF", "pixel bomb", "too many pages",
    ],
)  # fmt: skip
def test_unusable_photograph_gives_422(server, body, message):
    for response in (server.post(body), server.post_form(body)):
        assert response.status == 422
        assert message in response.error


def test_content_type_other_than_form_is_ignored(server):
    response = server.post(PHOTO, content_type="application/x-www-form-urlencoded")  # as by curl
    assert response.status == 200


def broken_forms():
    whole, content_type = make_form(PHOTO)
    start = f"--{BOUNDARY}\r\nContent-Disposition: form-data"
    end = f"\r\n--{BOUNDARY}--\r\n"
    yield "empty", b"", content_type, 400
    yield "truncated", whole[:300], content_type, 400
    yield "no boundary", whole, "multipart/form-data", 400
    yield "long boundary", whole, "multipart/form-data; boundary=" + "x" * 300, 400
    yield "not a form", b"not a form", content_type, 400
    yield "text field", f'{start}; name="photo"\r\n\r\nno file{end}'.encode(), content_type, 422
    yield (
        "other name",
        f'{start}; name="file"; filename="a"\r\n\r\nx{end}'.encode(),
        content_type,
        422,
    )
    yield "no name", f'{start}; filename="a"\r\n\r\nx{end}'.encode(), content_type, 400
    photo = f'{start}; name="photo"; filename="a"\r\n\r\nx'
    yield "two photographs", f"{photo}\r\n{photo}{end}".encode(), content_type, 422
    yield "five photographs", "\r\n".join([photo] * 5 + [end]).encode(), content_type, 400
    field = f'{start}; name="size"\r\n\r\n{{}}\r\n'
    yield "100 fields", (field.format("64") * 100 + end).encode(), content_type, 400
    yield "long field", (field.format("6" * 100_000) + end).encode(), content_type, 400


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [pytest.param(*form[1:], id=form[0]) for form in broken_forms()],
)
def test_broken_form_gives_error(server, body, content_type, status):
    response = server.post(body, content_type=content_type)
    assert response.error
    assert response.status == status


def test_filename_is_not_used(server, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    name = "../../evil%0d%0aX-Evil: 1\r\nX-Worse: 1\"; filename*=utf-8''x.jpg"
    for photo in (PHOTO, PHOTO[:100]):
        response = server.post_form(photo, filename=name)
        assert "evil" not in str(response.headers).lower()
        assert b"evil" not in response.body.lower()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["hints", "reference"])
@pytest.mark.parametrize("content", [b"", b"not a picture"])
def test_unusable_second_file_is_named_in_error(server, name, content):
    response = server.post_form(PHOTO, files={name: content})
    assert response.status == 422
    assert response.error.startswith(f"{name}: ")


@pytest.mark.slow
def test_damaged_photographs_never_give_500(server):
    chance = random.Random(0)
    files = [make_photo(format) for format in ("JPEG", "PNG", "TIFF", "WEBP", "GIF", "BMP")]

    def damaged(number: int) -> bytes:
        content = bytearray(files[number % len(files)])
        for _ in range(chance.randrange(1, 6)):
            content[chance.randrange(len(content))] = chance.randrange(256)
        return bytes(content[: chance.randrange(1, len(content) + 1)])

    bodies = [damaged(number) for number in range(150)]
    with ThreadPoolExecutor(8) as threads:
        responses = list(threads.map(lambda body: server.post(body, "?size=32"), bodies))
    assert {response.status for response in responses} <= {200, 422}
    assert all(response.error for response in responses if response.status == 422)
    assert server.post(PHOTO).status == 200


def test_announced_long_body_gives_413(server):
    response = server.post(bytes(MAX_BYTES + 1))
    assert response.status == 413
    assert "0.2 MB" in response.error


def test_announced_long_body_gives_413_before_it_arrives(server):
    with server.unfinished_post(b"abc", length=MAX_BYTES + 1) as connection:
        connection.settimeout(10)
        assert connection.recv(100).startswith(b"HTTP/1.1 413")


def test_long_body_of_unknown_length_gives_413(server):
    chunks = iter([bytes(50_000)] * 5)
    assert server.post(chunks).status == 413  # http.client sends an iterator in chunks
    form, content_type = make_form(bytes(MAX_BYTES))
    assert server.post(iter([form]), content_type=content_type).status == 413


@pytest.mark.parametrize("length", ["-1", "1e9", "\u0663"])
def test_invalid_content_length_gives_400(server, length):
    head = f"POST /colorize HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(head.encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 400")


def test_slow_body_gives_408(server, monkeypatch):
    monkeypatch.setattr(upload, "UPLOAD_TIMEOUT", 0.2)
    with server.unfinished_post(b"abc", length=99) as connection:
        assert connection.recv(100).startswith(b"HTTP/1.1 408")
    wait_until(lambda: server.health()["accepted"] == 0)

"""The server's answers: pictures, limits, and one line for whatever won't do."""

import io
import json
import random
import re
import socket
import struct
import threading
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("starlette", reason="pip install 'colorize-photos[serve]'")
pytest.importorskip("uvicorn", reason="pip install 'colorize-photos[serve]'")
pytest.importorskip("python_multipart", reason="pip install 'colorize-photos[serve]'")

from fixtures.server import BOUNDARY, PHOTO, form, picture, running, wait_until

from colorize.hints.format import Hint
from colorize.io.readers import read
from colorize.io.writers import write
from colorize.models.eccv16 import ECCV16
from colorize.models.siggraph17 import SIGGRAPH17
from colorize.pipeline import Colorizer
from colorize.runtime.base import RunnerWrapper
from colorize.runtime.torch_runner import TorchRunner
from colorize.server import app as app_module
from colorize.server import upload
from colorize.server.app import make_app
from colorize.server.limits import Limits
from colorize.server.openapi import MEDIA_TYPES
from colorize.server.options import OPTIONS, usable
from colorize.server.page import FILES

LIMITS = Limits(max_bytes=200_000, max_pixels=90_000, queue=20, batch=4)


@pytest.fixture(scope="module")
def server(network):
    with running(make_app(Colorizer(TorchRunner(network)), "tiny", LIMITS)) as started:
        yield started


def colored(network, photo: bytes, format=None, quality=None, **settings) -> bytes:
    """Return what the library makes of a photograph."""
    target = io.BytesIO()
    result = Colorizer(TorchRunner(network), **settings)(read(io.BytesIO(photo)))
    write(result, target, format=format, quality=quality)
    return target.getvalue()


def opened(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content))


class Slow(RunnerWrapper):
    """A runner that waits for `go`, or fails when told to."""

    def __init__(self, network):
        super().__init__(TorchRunner(network))
        self.go = threading.Event()
        self.begun = threading.Event()
        self.error: Exception | None = None

    def __call__(self, lightness, hints=None):
        self.begun.set()
        if self.error is not None:
            raise self.error
        assert self.go.wait(30)
        return super().__call__(lightness, hints)


@pytest.fixture
def slow(network):
    return Slow(network)


@contextmanager
def serving(slow, **limits):
    """Give a server whose network waits until it may go on."""
    with running(make_app(Colorizer(slow), "slow", Limits(**limits))) as server:
        try:
            yield server
        finally:
            slow.go.set()


# pictures


def test_a_raw_body_comes_back_as_the_library_makes_it(server, network):
    answer = server.post(PHOTO)
    assert (answer.status, answer.headers["content-type"]) == (200, "image/jpeg")
    assert answer.body == colored(network, PHOTO)
    assert opened(answer.body).size == (60, 40)


def test_curl_calls_any_body_a_form_and_it_is_taken_raw(server):
    answer = server.post(PHOTO, content_type="application/x-www-form-urlencoded")
    assert answer.status == 200


def test_a_form_with_options_comes_back_as_the_library_makes_it(server, network):
    answer = server.post_form(PHOTO, format="png", temperature="0.3", rebalance="0.25", size="64")
    expected = colored(network, PHOTO, format="png", temperature=0.3, rebalance=0.25, size=64)
    assert (answer.status, answer.headers["content-type"]) == (200, "image/png")
    assert answer.body == expected != colored(network, PHOTO, format="png")


def test_options_may_stand_in_the_query(server, network):
    answer = server.post(PHOTO, "?format=jpg&quality=30&temperature=0.3")
    assert answer.body == colored(network, PHOTO, format="jpg", quality=30, temperature=0.3)
    body, kind = form(PHOTO, quality="30")
    both = server.post(body, "?format=jpg&temperature=0.3&quality=90", content_type=kind)
    assert both.body == answer.body


@pytest.mark.parametrize("format", [name for name in MEDIA_TYPES if name != "HEIF"])
def test_every_format_has_its_media_type(server, format):
    answer = server.post(PHOTO, f"?format={format.lower()}")
    assert answer.status == 200
    assert answer.headers["content-type"] == MEDIA_TYPES[format]
    assert opened(answer.body).format == format


def test_the_format_of_the_photograph_stays(server):
    for format in ("PNG", "WEBP", "TIFF"):
        answer = server.post(picture(format))
        assert opened(answer.body).format == format


def test_what_the_format_has_no_place_for_is_told(server):
    file = io.BytesIO()
    Image.new("LA", (20, 20), (90, 128)).save(file, "PNG")
    answer = server.post(file.getvalue(), "?format=jpeg")
    assert json.loads(answer.headers["colorize-notes"]) == ["JPEG has no alpha: laid on white"]


def test_a_sample_is_the_librarys(server, network):
    photo = picture("PNG")
    answer = server.post(photo, "?sample=2&seed=7&saturation=1.5")
    colorizer = Colorizer(TorchRunner(network), saturation=1.5)
    expected = colorizer.sample(read(io.BytesIO(photo)), 2, 7).pixels
    np.testing.assert_array_equal(np.asarray(opened(answer.body)), expected)
    assert answer.body != server.post(photo, "?saturation=1.5").body


def hinted_form(photo: bytes, **files: bytes) -> tuple[bytes, str]:
    """Return a form with a photograph and other files."""
    whole, kind = form(photo)
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; filename="x"; name="{{}}"\r\n\r\n'
    parts = [head.format(name).encode() + content + b"\r\n" for name, content in files.items()]
    return b"".join(parts) + whole, kind


def test_hints_color_their_places(server, network):
    photo = picture("PNG")
    answer = server.post_form(photo, hints="20,10,#c02030\n40,30,#2040c0,3")
    hints = [Hint(20, 10, "#c02030"), Hint(40, 30, "#2040c0", 3)]
    expected = Colorizer(TorchRunner(network), hints=hints)(read(io.BytesIO(photo))).pixels
    np.testing.assert_array_equal(np.asarray(opened(answer.body)), expected)
    again = server.post(photo, "?hints=20,10,%23c02030;40,30,%232040c0,3")
    assert again.body == answer.body


def test_hints_and_a_reference_may_be_pictures(server, network):
    photo, layer, red = picture("PNG"), Image.new("RGBA", (60, 40)), Image.new("RGB", (9, 9), "red")
    layer.paste((200, 30, 40, 255), (10, 10, 20, 20))
    files = [io.BytesIO(), io.BytesIO()]
    layer.save(files[0], "PNG")
    red.save(files[1], "PNG")
    body, kind = hinted_form(photo, hints=files[0].getvalue(), reference=files[1].getvalue())
    answer = server.post(body, content_type=kind)
    settings = dict(zip(("hints", "reference"), map(read, files), strict=True))
    expected = Colorizer(TorchRunner(network), **settings)(read(io.BytesIO(photo))).pixels
    np.testing.assert_array_equal(np.asarray(opened(answer.body)), expected)


@pytest.mark.parametrize("name", ["hints", "reference"])
def test_a_damaged_second_file_is_told_by_name(server, name):
    for content, told in ((b"", "is empty"), (b"what", "is not a picture in a known format")):
        body, kind = hinted_form(PHOTO, **{name: content})
        answer = server.post(body, content_type=kind)
        assert (answer.status, answer.error) == (422, f"{name}: {told}")


@pytest.mark.parametrize(
    ("hints", "told"),
    [
        ("1,2", "hints '1,2': give x,y,#rrggbb"),
        ("1,2,#ff0000,3,4", "hints '1,2,#ff0000,3,4': give x,y,#rrggbb"),
        (";", "hints ';': give x,y,#rrggbb"),
        ("1,2,red", "hint 1: 'red' is no color"),
        ("1,2,#ff0000;nan,2,#ff0000", "hint 2: x is nan"),
        ("70,2,#ff0000", "hint 1: 70,2 is outside of the photograph of 60×40 pixels"),
        ("1,2,#ff0000,1e30", "hints '1,2,#ff0000,1e30': give"),
        ("1,2,#ff0000,inf", "hint 1: radius is inf"),
        ("1,2,#ff0000;" * 201, "hints '1,2,#ff0000;"),
    ],
)
def test_hints_that_will_not_do_are_told(server, hints, told):
    answer = server.post_form(PHOTO, hints=hints)
    assert answer.status == 422
    assert answer.error.startswith(told)


def test_confidence_comes_as_a_map(server, network):
    answer = server.post(picture("PNG"), "?confidence=true")
    expected = (
        Colorizer(TorchRunner(network)).confidence_map(read(io.BytesIO(picture("PNG")))).pixels
    )
    np.testing.assert_array_equal(np.asarray(opened(answer.body)), expected)


def test_before_and_after_stand_side_by_side(server):
    assert opened(server.post(PHOTO, "?compare=side").body).width > 2 * 60
    assert opened(server.post(PHOTO, "?compare=split").body).width == 60


def test_every_page_of_a_file_is_colored(server):
    file = io.BytesIO()
    pages = [opened(picture("PNG", seed=seed)) for seed in range(3)]
    pages[0].save(file, "TIFF", save_all=True, append_images=pages[1:])
    result = opened(server.post(file.getvalue()).body)
    assert (result.n_frames, result.mode) == (3, "RGB")


# what won't do


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("?tint=red", "no parameter is called 'tint'; there are format, "),
        ("?size=64&size=64", "size is given twice"),
        ("?temperature=0", "temperature '0': give a number from 0.01 to 10"),
        ("?temperature=nan", "temperature 'nan': give a number from 0.01 to 10"),
        ("?style=loud", "style 'loud': give one of vivid, faithful"),
        ("?sample=0", "sample '0': give a whole number from 1 to 1000"),
        ("?rebalance=1.1", "rebalance '1.1': give a number from 0 to 1"),
        ("?rebalance=", "rebalance '': give a number from 0 to 1"),
        ("?quality=9e1", "quality '9e1': give a whole number from 1 to 100"),
        ("?format=svg", "format 'svg': give one of apng, avif, "),
        ("?autocontrast=maybe", "autocontrast 'maybe': give true or false"),
        ("?size=4096", "size '4096': give a whole number from 8 to 512"),
        ("?size=65", "size 65: this network takes multiples of 32 up to 512"),
        ("?%0d%0aX-Evil:1=1", r"no parameter is called '\r\nX-Evil:1'"),
        (f"?{'x' * 5000}=1", "no parameter is called 'xxxxxxx"),
    ],
)
def test_a_parameter_that_will_not_do_is_told(server, query, told):
    answer = server.post(PHOTO, query)
    assert answer.status == 422
    assert answer.error.startswith(told)


def test_the_same_in_a_form(server):
    answer = server.post_form(PHOTO, rebalance="2")
    assert (answer.status, answer.error) == (
        422,
        "rebalance '2': give a number from 0 to 1",
    )


def pixel_bomb() -> bytes:
    """Return a PNG of 50,000 × 50,000 pixels in a few hundred bytes."""

    def chunk(name: bytes, content: bytes) -> bytes:
        crc = struct.pack(">I", zlib.crc32(name + content))
        return struct.pack(">I", len(content)) + name + content + crc

    header = struct.pack(">IIBBBBB", 50_000, 50_000, 8, 0, 0, 0, 0)
    data = zlib.compress(bytes(100_000))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    )


def many_pages() -> bytes:
    file = io.BytesIO()
    page = Image.new("L", (200, 200), 99)
    page.save(file, "TIFF", save_all=True, append_images=[page] * 4, compression="tiff_deflate")
    return file.getvalue()


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"", "the photograph is empty"),
        (b"hello", "is not a picture in a known format"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "is not a picture in a known format"),
        (b"PK\x03\x04" + bytes(1000), "is not a picture in a known format"),
        (zlib.compress(bytes(100_000_000)), "is not a picture in a known format"),
        (PHOTO[: len(PHOTO) // 2], "damaged, incomplete or of an unsupported format"),
        (PHOTO[:3], "damaged, incomplete or of an unsupported format"),
        (picture("PNG")[:-30], "damaged, incomplete or of an unsupported format"),
        (b"GIF89a" + bytes(20), "damaged, incomplete or of an unsupported format"),
        (pixel_bomb(), "50000x50000 is more than 0.09 megapixels, the most that this server takes"),
        (many_pages(), "its pages together have more than 0.09 megapixels"),
    ],
)
def test_a_body_that_is_no_photograph_is_told(server, body, told):
    for answer in (server.post(body), server.post_form(body)):
        assert answer.status == 422
        assert answer.error.startswith(told)


def broken_forms():
    whole, kind = form(PHOTO)
    start = f"--{BOUNDARY}\r\nContent-Disposition: form-data"
    end = f"\r\n--{BOUNDARY}--\r\n"
    yield b"", kind, 400
    yield whole[:300], kind, 400
    yield whole, "multipart/form-data", 400
    yield whole, "multipart/form-data; boundary=" + "x" * 300, 400
    yield b"no form at all", kind, 400
    yield f'{start}; name="photo"\r\n\r\nno file{end}'.encode(), kind, 422
    yield f'{start}; name="file"; filename="a"\r\n\r\nx{end}'.encode(), kind, 422
    yield f'{start}; filename="a"\r\n\r\nx{end}'.encode(), kind, 400
    two = f'{start}; name="photo"; filename="a"\r\n\r\nx'
    yield f"{two}\r\n{two}{end}".encode(), kind, 422
    yield "\r\n".join([two] * 5 + [end]).encode(), kind, 400
    field = f'{start}; name="size"\r\n\r\n{{}}\r\n'
    yield (field.format("64") * 100 + end).encode(), kind, 400
    yield (field.format("6" * 100_000) + end).encode(), kind, 400


@pytest.mark.parametrize(("body", "kind", "status"), list(broken_forms()))
def test_a_broken_form_is_told(server, body, kind, status):
    answer = server.post(body, content_type=kind)
    assert answer.error
    assert answer.status == status


def test_a_file_name_goes_nowhere(server, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    name = "../../evil%0d%0aX-Evil: 1\r\nX-Worse: 1\"; filename*=utf-8''x.jpg"
    for photo in (PHOTO, PHOTO[:100]):
        answer = server.post_form(photo, name)
        assert "evil" not in str(answer.headers).lower()
        assert b"evil" not in answer.body.lower()
    assert not list(tmp_path.iterdir())


def test_damaged_photographs_never_break_the_server(server):
    chance = random.Random(0)
    files = [picture(format) for format in ("JPEG", "PNG", "TIFF", "WEBP", "GIF", "BMP")]

    def damaged(number: int) -> bytes:
        content = bytearray(files[number % len(files)])
        for _ in range(chance.randrange(1, 6)):
            content[chance.randrange(len(content))] = chance.randrange(256)
        return bytes(content[: chance.randrange(1, len(content) + 1)])

    bodies = [damaged(number) for number in range(150)]
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda body: server.post(body, "?size=32"), bodies))
    assert {answer.status for answer in answers} <= {200, 422}
    assert all(answer.error for answer in answers if answer.status == 422)
    assert server.post(PHOTO).status == 200


# limits


def test_a_body_that_is_too_long_is_refused_before_it_comes(server):
    answer = server.post(bytes(LIMITS.max_bytes + 1))
    assert (answer.status, answer.error) == (
        413,
        "the request is longer than the 0.2 MB that this server takes",
    )


def test_a_body_of_unknown_length_is_refused_when_it_is_too_long(server):
    chunks = iter([bytes(50_000)] * 5)
    assert server.post(chunks).status == 413  # http.client sends an iterator in chunks
    whole, kind = form(bytes(LIMITS.max_bytes))
    assert server.post(iter([whole]), content_type=kind).status == 413


def test_a_wrong_length_is_no_way_around(server):
    for length in ("-1", "1e9", "\u0663"):
        head = f"POST /colorize HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n"
        with socket.create_connection(("127.0.0.1", server.port)) as connection:
            connection.sendall(head.encode())
            assert connection.recv(100).startswith(b"HTTP/1.1 400")


def test_a_body_that_does_not_come_is_given_up(server, monkeypatch):
    monkeypatch.setattr(upload, "SECONDS", 0.2)
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(b"POST /colorize HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\nabc")
        assert connection.recv(100).startswith(b"HTTP/1.1 408")
    wait_until(lambda: server.health()["accepted"] == 0)


def test_more_requests_than_the_queue_are_told_when_to_come_back(slow):
    with serving(slow, queue=3, batch=2) as server, ThreadPoolExecutor(3) as threads:
        waiting = [threads.submit(server.post, PHOTO) for _ in range(3)]
        wait_until(lambda: server.health()["accepted"] == 3)
        answer = server.post(PHOTO)
        assert (answer.status, answer.error) == (429, "too many photographs at once: try again")
        assert 1 <= int(answer.headers["retry-after"]) <= 60
        slow.go.set()
        assert [future.result().status for future in waiting] == [200] * 3
        assert server.post(PHOTO).status == 200
        assert server.health()["accepted"] == 0


def test_requests_that_wait_go_through_the_network_together(slow, network):
    photos = [picture("PNG", seed=seed) for seed in range(6)]
    with serving(slow, queue=10, batch=8) as server, ThreadPoolExecutor(6) as threads:
        first = threads.submit(server.post, photos[0])
        assert slow.begun.wait(20)
        others = [threads.submit(server.post, photo) for photo in photos[1:]]
        wait_until(lambda: server.health()["accepted"] == 6)
        time.sleep(0.3)  # until the last has been decoded too
        slow.go.set()
        answers = [first.result(), *(future.result() for future in others)]
        assert server.health()["batches"] == {"1": 1, "5": 1}
    for photo, answer in zip(photos, answers, strict=True):
        ours = np.asarray(opened(answer.body)).astype(int)
        alone = np.asarray(opened(colored(network, photo))).astype(int)
        assert np.abs(ours - alone).max() <= 1


def test_a_client_that_leaves_frees_its_place(slow):
    with serving(slow, queue=5, batch=1) as server:
        head = f"POST /colorize HTTP/1.1\r\nHost: x\r\nContent-Length: {len(PHOTO)}\r\n\r\n"
        connections = []
        for _ in range(3):
            connection = socket.create_connection(("127.0.0.1", server.port))
            connection.sendall(head.encode() + PHOTO)
            connections.append(connection)
        assert slow.begun.wait(20)
        wait_until(lambda: server.health()["accepted"] == 3)
        for connection in connections:
            connection.close()
        wait_until(lambda: server.health()["accepted"] == 1)  # the one that has begun
        slow.go.set()
        wait_until(lambda: server.health()["accepted"] == 0)
        assert server.health()["answered"] == 0


def test_a_client_that_leaves_while_it_sends_costs_nothing(server):
    answered = server.health()["answered"]
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(b"POST /colorize HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\nabc")
        wait_until(lambda: server.health()["accepted"] == 1)
    wait_until(lambda: server.health()["accepted"] == 0)
    assert server.health()["answered"] == answered


def test_a_fault_of_ours_shows_no_more_than_that(slow, caplog):
    slow.error = ValueError("a secret of /home/somebody")
    with serving(slow) as server:
        answer = server.post(PHOTO)
        assert (answer.status, answer.error) == (
            500,
            "the server failed at this photograph; its log says why",
        )
        assert "a secret" in caplog.text
        slow.error = None
        slow.go.set()
        assert server.post(PHOTO).status == 200


def test_a_hundred_requests_at_sixteen_at_once_are_all_answered(server):
    photos = [picture(seed=seed) for seed in range(10)]
    expected = [opened(server.post(photo, "?size=64").body).tobytes() for photo in photos]
    before = server.health()
    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(lambda n: server.post(photos[n % 10], "?size=64"), range(100)))
    assert [answer.status for answer in answers] == [200] * 100
    for number, answer in enumerate(answers):
        ours = np.frombuffer(opened(answer.body).tobytes(), np.uint8).astype(int)
        alone = np.frombuffer(expected[number % 10], np.uint8)
        assert np.abs(ours - alone).max() <= 6  # a level before JPEG's quantization
    after = server.health()
    assert after["answered"] - before["answered"] == 100
    assert after["accepted"] == 0


# everything else


def test_health_says_what_runs_and_its_limits(server):
    health = server.health()
    assert health["status"] == "ok"
    assert (health["model"], health["device"]) == ("tiny", "cpu")
    assert (health["max_bytes"], health["max_pixels"]) == (200_000, 90_000)
    assert health["parameters"] == [*OPTIONS, "reference"]
    assert health["defaults"]["rebalance"] == 0.9
    assert server.request("HEAD", "/healthz").status == 200


def test_options_that_the_published_weights_know_nothing_of_are_not_offered():
    eccv16 = usable(Colorizer(TorchRunner(ECCV16().eval())))
    assert set(OPTIONS) - set(eccv16) == {"rebalance", "rarity"}
    assert not {"temperature", "style", "sample"} & set(
        usable(Colorizer(TorchRunner(SIGGRAPH17().eval())))
    )


@pytest.mark.parametrize("path", ["/", "/page.js", "/docs", "/openapi.json", "/healthz", "/no"])
def test_browsers_are_told_to_be_careful(server, path):
    headers = server.request("GET", path).headers
    assert headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'")
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert "server" not in headers or "uvicorn" in headers["server"]
    assert "access-control-allow-origin" not in headers


def test_pictures_and_failures_carry_the_same_headers(server):
    for answer in (server.post(PHOTO), server.post(b"")):
        assert (
            answer.headers["content-security-policy"]
            == app_module.SECURITY_HEADERS["Content-Security-Policy"]
        )


@pytest.mark.parametrize("path", [*FILES, "/docs"])
def test_the_page_names_no_address_outside(server, path):
    answer = server.request("GET", path)
    assert answer.status == 200
    text = answer.body.decode().replace("http://www.w3.org/2000/svg", "")
    outside = re.findall(r"(?:https?:)?//[\w.:-]+", text)
    assert [one for one in outside if one != f"http://127.0.0.1:{server.port}"] == []


def test_a_file_of_the_page_is_sent_once(server):
    first = server.request("GET", "/page.js")
    again = server.request("GET", "/page.js", If_None_Match=first.headers["etag"])
    assert (again.status, again.body) == (304, b"")


@pytest.mark.parametrize(
    "path", ["/nothing", "/static/page.js", "/..%2f..%2fetc/passwd", "/page.py"]
)
def test_there_is_nothing_else(server, path):
    answer = server.request("GET", path)
    assert (answer.status, answer.error) == (404, "not found")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_another_method_is_told(server, method):
    answer = server.request(method, "/colorize")
    assert (answer.status, answer.error) == (405, "method not allowed")
    assert answer.headers["allow"] == "POST"

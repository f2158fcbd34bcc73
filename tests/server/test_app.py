"""Responses of the server: pictures, queue, disconnects, headers, static files."""

import io
import json
import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import numpy as np
import pytest
from fixtures.server import (
    PHOTO,
    colorize_with_library,
    make_photo,
    open_image,
    serve,
    wait_until,
)
from PIL import Image

from colorize.hints.format import Hint
from colorize.io.readers import read
from colorize.options import ColorizeOptions
from colorize.pipeline import Colorizer
from colorize.runtime.torch_runner import TorchRunner
from colorize.server.app import SECURITY_HEADERS, Service
from colorize.server.limits import Limits
from colorize.server.parameters import OPTIONS
from colorize.server.schemas import MEDIA_TYPES

# pictures


def test_raw_body_gives_library_result(server, runner):
    response = server.post(PHOTO)
    assert (response.status, response.headers["content-type"]) == (200, "image/jpeg")
    assert response.body == colorize_with_library(runner, PHOTO)
    assert open_image(response.body).size == (60, 40)


def test_form_gives_library_result(server, runner):
    response = server.post_form(PHOTO, format="png", temperature="0.3", rebalance="0.25", size="64")
    expected = colorize_with_library(
        runner, PHOTO, format="png", temperature=0.3, rebalance=0.25, size=64
    )
    assert (response.status, response.headers["content-type"]) == (200, "image/png")
    assert response.body == expected
    assert response.body != colorize_with_library(runner, PHOTO, format="png")


def test_query_and_form_parameters_combine_and_form_takes_precedence(server, runner):
    response = server.post(PHOTO, "?format=jpg&quality=30&temperature=0.3")
    expected = colorize_with_library(runner, PHOTO, format="jpg", quality=30, temperature=0.3)
    assert response.body == expected
    both = server.post_form(PHOTO, "?format=jpg&temperature=0.3&quality=90", quality="30")
    assert both.body == expected


@pytest.mark.parametrize("format", [name for name in MEDIA_TYPES if name != "HEIF"])
def test_result_has_requested_format_and_media_type(server, format):
    response = server.post(PHOTO, f"?format={format.lower()}")
    assert response.status == 200
    assert response.headers["content-type"] == MEDIA_TYPES[format]
    assert open_image(response.body).format == format


@pytest.mark.parametrize("format", ["PNG", "WEBP", "TIFF"])
def test_result_has_format_of_photograph_by_default(server, format):
    assert open_image(server.post(make_photo(format)).body).format == format


def test_notes_header_lists_what_format_cannot_store(server):
    file = io.BytesIO()
    Image.new("LA", (20, 20), (90, 128)).save(file, "PNG")
    response = server.post(file.getvalue(), "?format=jpeg")
    (note,) = json.loads(response.headers["colorize-notes"])
    assert "alpha" in note


def test_sample_equals_library_sample(server, runner):
    photo = make_photo("PNG")
    response = server.post(photo, "?sample=2&seed=7&saturation=1.5")
    colorizer = Colorizer(runner, ColorizeOptions(saturation=1.5))
    expected = colorizer.samples(read(io.BytesIO(photo)), 2, 7)[1].pixels
    np.testing.assert_array_equal(np.asarray(open_image(response.body)), expected)
    assert response.body != server.post(photo, "?saturation=1.5").body


def test_hints_as_text_equal_library_hints(server, runner):
    photo = make_photo("PNG")
    response = server.post_form(photo, hints="20,10,#c02030\n40,30,#2040c0,3")
    hints = [Hint(20, 10, "#c02030"), Hint(40, 30, "#2040c0", 3)]
    expected = Colorizer(runner, ColorizeOptions(hints=hints))(read(io.BytesIO(photo))).pixels
    np.testing.assert_array_equal(np.asarray(open_image(response.body)), expected)
    assert server.post(photo, "?hints=20,10,%23c02030;40,30,%232040c0,3").body == response.body


def test_hints_and_reference_as_files_equal_library_result(server, runner):
    photo, layer = make_photo("PNG"), Image.new("RGBA", (60, 40))
    layer.paste((200, 30, 40, 255), (10, 10, 20, 20))
    files = {"hints": io.BytesIO(), "reference": io.BytesIO()}
    layer.save(files["hints"], "PNG")
    Image.new("RGB", (9, 9), "red").save(files["reference"], "PNG")
    contents = {name: file.getvalue() for name, file in files.items()}
    response = server.post_form(photo, files=contents)
    settings = {name: read(file) for name, file in files.items()}
    expected = Colorizer(runner, ColorizeOptions(**settings))(read(io.BytesIO(photo))).pixels
    np.testing.assert_array_equal(np.asarray(open_image(response.body)), expected)


def test_confidence_returns_heatmap(server, runner):
    response = server.post(make_photo("PNG"), "?confidence=true")
    expected = Colorizer(runner).confidence_map(read(io.BytesIO(make_photo("PNG")))).pixels
    np.testing.assert_array_equal(np.asarray(open_image(response.body)), expected)


def test_compare_shows_before_and_after(server):
    assert open_image(server.post(PHOTO, "?compare=side-by-side").body).width > 2 * 60
    assert open_image(server.post(PHOTO, "?compare=split").body).width == 60


def test_all_pages_are_colorized(server):
    file = io.BytesIO()
    pages = [open_image(make_photo("PNG", seed=seed)) for seed in range(3)]
    pages[0].save(file, "TIFF", save_all=True, append_images=pages[1:])
    result = open_image(server.post(file.getvalue()).body)
    assert (result.n_frames, result.mode) == (3, "RGB")


def test_pages_have_a_limit(server):
    file = io.BytesIO()
    page = Image.new("L", (1, 1))
    page.save(file, "TIFF", save_all=True, append_images=[page] * 200)
    response = server.post(file.getvalue())
    assert response.status == 422
    assert "200 pages" in json.loads(response.body)["error"]


# queue


def test_full_queue_gives_429_with_retry_after(blocking):
    with serve(blocking, max_queue=3, max_batch=2) as server, ThreadPoolExecutor(3) as threads:
        waiting = [threads.submit(server.post, PHOTO) for _ in range(3)]
        wait_until(lambda: server.health()["accepted"] == 3)
        response = server.post(PHOTO)
        assert response.status == 429 and response.error
        assert 1 <= int(response.headers["retry-after"]) <= 60
        blocking.release.set()
        assert [future.result().status for future in waiting] == [200] * 3
        assert server.post(PHOTO).status == 200
        assert server.health()["accepted"] == 0


def test_concurrent_requests_share_a_batch(blocking, runner):
    photos = [make_photo("PNG", seed=seed) for seed in range(6)]
    with serve(blocking, max_queue=10, max_batch=8) as server, ThreadPoolExecutor(6) as threads:
        first = threads.submit(server.post, photos[0])
        assert blocking.started.wait(20)
        others = [threads.submit(server.post, photo) for photo in photos[1:]]
        wait_until(lambda: len(server.service.worker.runner._queue) == 5)
        blocking.release.set()
        responses = [first.result(), *(future.result() for future in others)]
        assert server.health()["batches"] == {"1": 1, "5": 1}
    for photo, response in zip(photos, responses, strict=True):
        pixels = np.asarray(open_image(response.body)).astype(int)
        single = np.asarray(open_image(colorize_with_library(runner, photo))).astype(int)
        assert np.abs(pixels - single).max() <= 1


def test_disconnect_frees_queue_slot(blocking):
    with serve(blocking, max_queue=5, max_batch=1) as server:
        with ExitStack() as connections:
            for _ in range(3):
                connections.enter_context(server.unfinished_post(PHOTO))
            assert blocking.started.wait(20)
            wait_until(lambda: server.health()["accepted"] == 3)
        wait_until(lambda: server.health()["accepted"] == 1)  # the one that is running
        blocking.release.set()
        wait_until(lambda: server.health()["accepted"] == 0)
        assert server.health()["answered"] == 0


def test_upload_takes_no_queue_slot_and_may_be_given_up(server):
    answered = server.health()["answered"]
    with server.unfinished_post(b"abc", length=99):
        wait_until(lambda: server.health()["receiving"] == 1)
        assert server.health()["accepted"] == 0
    wait_until(lambda: server.health()["receiving"] == 0)
    assert server.health()["answered"] == answered


def test_internal_error_gives_500_without_details(blocking, caplog):
    blocking.error = ValueError("a secret of /home/somebody")
    with serve(blocking) as server:
        response = server.post(PHOTO)
        assert response.status == 500 and "secret" not in response.error
        assert "a secret" in caplog.text
        blocking.error = None
        blocking.release.set()
        assert server.post(PHOTO).status == 200


@pytest.mark.slow
def test_100_requests_16_at_a_time_all_succeed(server):
    photos = [make_photo(seed=seed) for seed in range(10)]
    expected = [np.asarray(open_image(server.post(photo, "?size=64").body)) for photo in photos]
    before = server.health()
    with ThreadPoolExecutor(16) as threads:
        responses = list(threads.map(lambda n: server.post(photos[n % 10], "?size=64"), range(100)))
    assert [response.status for response in responses] == [200] * 100
    for number, response in enumerate(responses):
        pixels = np.asarray(open_image(response.body)).astype(int)
        # one level of difference before JPEG's quantization
        assert np.abs(pixels - expected[number % 10]).max() <= 6
    after = server.health()
    assert after["answered"] - before["answered"] == 100
    assert after["accepted"] == 0


# health, headers, static files


def test_health_reports_model_limits_and_parameters(server):
    health = server.health()
    assert health["status"] == "ok"
    assert (health["model"], health["device"]) == ("tiny", "cpu")
    assert (health["max_bytes"], health["max_pixels"]) == (200_000, 90_000)
    assert (health["queue"], health["parameters"]) == (20, list(OPTIONS))
    assert health["defaults"]["rebalance"] == 0.9
    assert health["defaults"]["rare_color_boost"] == 0
    assert server.request("HEAD", "/healthz").status == 200


def test_parameters_without_effect_on_network_are_not_offered(eccv16, siggraph17):
    offered = Service(TorchRunner(eccv16), "eccv16", Limits()).parameters
    assert set(OPTIONS) - set(offered) == {"rebalance", "rare_color_boost"}
    offered = Service(TorchRunner(siggraph17), "siggraph17", Limits()).parameters
    assert not {"temperature", "style", "sample", "reference"} & set(offered)


@pytest.mark.parametrize(
    "path", ["/", "/static/page.js", "/docs", "/openapi.json", "/healthz", "/no"]
)
def test_responses_carry_security_headers(server, path):
    headers = server.get(path).headers
    assert headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'")
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert "access-control-allow-origin" not in headers


def test_pictures_and_errors_carry_security_headers(server):
    for response in (server.post(PHOTO), server.post(b"")):
        assert {name: response.headers[name] for name in SECURITY_HEADERS} == SECURITY_HEADERS


STATIC = {
    "/": "text/html",
    "/static/page.css": "text/css",
    "/static/page.js": "text/javascript",
    "/static/icon.svg": "image/svg+xml",
}


@pytest.mark.parametrize("path", STATIC)
def test_static_files_have_media_type_and_etag(server, path):
    response = server.get(path)
    assert (response.status, response.headers["cache-control"]) == (200, "no-cache")
    assert response.headers["content-type"].partition(";")[0] == STATIC[path]
    again = server.get(path, If_None_Match=response.headers["etag"])
    assert (again.status, again.body) == (304, b"")


@pytest.mark.parametrize("path", [*STATIC, "/docs"])
def test_pages_name_no_external_address(server, path):
    response = server.get(path)
    assert response.status == 200
    text = response.body.decode().replace("http://www.w3.org/2000/svg", "")
    addresses = set(re.findall(r"(?:https?:)?//[\w.:-]+", text))
    assert addresses <= {f"http://127.0.0.1:{server.port}"}


@pytest.mark.parametrize(
    "path",
    ["/nothing", "/page.js", "/static/", "/static/..%2f..%2fetc/passwd", "/static/%2e%2e/app.py"],
)
def test_unknown_path_gives_404(server, path):
    response = server.get(path)
    assert (response.status, response.error) == (404, "not found")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_other_method_gives_405(server, method):
    response = server.request(method, "/colorize")
    assert (response.status, response.error) == (405, "method not allowed")
    assert response.headers["allow"] == "POST"

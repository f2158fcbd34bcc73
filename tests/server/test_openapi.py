"""The server against its own description: whatever fits it is answered as it says."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("starlette", reason="pip install 'colorize-photos[serve]'")
pytest.importorskip("uvicorn", reason="pip install 'colorize-photos[serve]'")
pytest.importorskip("python_multipart", reason="pip install 'colorize-photos[serve]'")

from fixtures.server import running

from colorize.io.formats import FORMATS
from colorize.pipeline import Colorizer
from colorize.runtime.torch_runner import TorchRunner
from colorize.server.app import make_app
from colorize.server.limits import Limits
from colorize.server.openapi import MEDIA_TYPES, document, reference
from colorize.server.options import FILES, OPTIONS

ROOT = Path(__file__).parents[2]
LIMITS = Limits(max_bytes=200_000, max_pixels=90_000, batch=4)


@pytest.fixture
def address(network, monkeypatch):
    """Give the address of a server for which even the largest size is quick."""
    size = OPTIONS["size"]
    monkeypatch.setitem(OPTIONS, "size", replace(size, kind=replace(size.kind, high=64)))
    with running(make_app(Colorizer(TorchRunner(network)), "tiny", LIMITS)) as server:
        yield f"http://127.0.0.1:{server.port}"


def test_all_requests_that_fit_the_description_are_answered_as_it_says(address, tmp_path):
    pytest.importorskip("schemathesis", reason="pip install schemathesis")
    result = subprocess.run(
        [sys.executable, "-m", "schemathesis.cli", "run", f"{address}/openapi.json",
         "--checks", "all", "--max-examples", "15", "--seed", "0", "--no-color"],
        cwd=tmp_path, capture_output=True, text=True, timeout=300,
        env=os.environ | {
            "SCHEMATHESIS_HOOKS": "fixtures.openapi_photos", "PYTHONPATH": str(ROOT / "tests"),
        },
    )  # fmt: skip
    assert result.returncode == 0, result.stdout + result.stderr
    assert "Operations:       2 selected" in result.stdout


def test_every_option_is_described_as_query_and_as_field():
    post = document(LIMITS, 32)["paths"]["/colorize"]["post"]
    assert [one["name"] for one in post["parameters"]] == list(OPTIONS)
    fields = post["requestBody"]["content"]["multipart/form-data"]["schema"]["properties"]
    assert {*OPTIONS} < {*fields}
    for one in post["parameters"]:
        assert one["schema"].items() <= fields[one["name"]].items()
    size = fields["size"]
    assert (size["minimum"], size["multipleOf"], size["maximum"]) == (32, 32, 512)


def test_every_format_that_can_be_written_has_a_media_type():
    assert MEDIA_TYPES.keys() == FORMATS.keys()


def test_the_page_says_what_the_document_says():
    described = document(LIMITS, 32)
    page = reference(described, "http://127.0.0.1:9000")
    for name, option in OPTIONS.items():
        assert f"<th>{name}</th>" in page
        assert option.meaning.replace("'", "&#x27;") in page
    assert "0.2 MB and 0.09 megapixels" in page
    for name, meaning in (("photo", "the photograph"), ("reference", FILES["reference"])):
        assert f"<b>{name}</b>: {meaning}" in page
    assert "@photo.jpg http://127.0.0.1:9000/colorize" in page
    assert "<script" not in page
    described["paths"]["/<script>"] = {"get": {"summary": "<b>", "responses": {}}}
    page = reference(described, "http://<script>")
    assert "<script" not in page and "<p><b>" not in page
    json.dumps(described)

"""The OpenAPI document and the page made from it."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from fixtures.server import serve

from colorize.io.formats import FORMATS
from colorize.server import zips
from colorize.server.docs_page import docs_page
from colorize.server.limits import Limits
from colorize.server.openapi import openapi_document
from colorize.server.parameters import PARAMETERS
from colorize.server.schemas import MEDIA_TYPES

ROOT = Path(__file__).parents[2]
LIMITS = {"max_bytes": 200_000, "max_pixels": 90_000, "max_batch": 4}
# 410 besides the defaults: a ZIP file that has ended takes no photograph, right or wrong.
SCHEMATHESIS = """
[checks.positive_data_acceptance]
expected-statuses = ["2xx", "3xx", 401, 403, 404, 409, 410, 429, "5xx"]

[checks.negative_data_rejection]
expected-statuses = [400, 401, 403, 404, 405, 406, 409, 410, 415, 422, 428, 429, "5xx"]
"""


@pytest.fixture
def document():
    return openapi_document(Limits(**LIMITS), 32)


@pytest.mark.slow
def test_schemathesis_finds_no_deviation_from_document(runner, tmp_path, monkeypatch):
    pytest.importorskip("schemathesis", reason="pip install schemathesis")
    monkeypatch.setitem(PARAMETERS, "size", replace(PARAMETERS["size"], maximum=64))  # for speed
    monkeypatch.setattr(zips, "OPENING_TIMEOUT", 0.05)
    monkeypatch.setattr(zips, "IDLE_TIMEOUT", 0.2)
    env = {"SCHEMATHESIS_HOOKS": "fixtures.openapi_photos", "PYTHONPATH": str(ROOT / "tests")}
    (tmp_path / "schemathesis.toml").write_text(SCHEMATHESIS)
    with serve(runner, **LIMITS) as server:
        url = f"http://127.0.0.1:{server.port}/openapi.json"
        result = subprocess.run(
            [sys.executable, "-m", "schemathesis.cli", "run", url, "--checks", "all",
             "--max-examples", "15", "--seed", "0", "--no-color"],
            cwd=tmp_path, capture_output=True, text=True, timeout=300, env=os.environ | env,
        )  # fmt: skip
    assert result.returncode == 0, result.stdout + result.stderr
    assert "Operations:       8 selected" in result.stdout


def test_every_parameter_is_described_for_query_and_form(document):
    post = document["paths"]["/colorize"]["post"]
    assert [parameter["name"] for parameter in post["parameters"]] == list(PARAMETERS)
    fields = post["requestBody"]["content"]["multipart/form-data"]["schema"]["properties"]
    assert fields.keys() == {*PARAMETERS, "photo", "token", "reference"}
    for parameter in post["parameters"]:
        assert parameter["schema"].items() <= fields[parameter["name"]].items()
    size = fields["size"]
    assert (size["minimum"], size["multipleOf"], size["maximum"]) == (32, 32, 512)


def test_every_output_format_has_a_media_type():
    assert MEDIA_TYPES.keys() == FORMATS.keys()


def test_docs_page_lists_all_parameters_and_fields(document):
    page = docs_page(document, "http://127.0.0.1:9000")
    for name in PARAMETERS:
        assert f"<th>{name}</th>" in page
    assert "0.2 MB and 0.09 megapixels" in page
    for name in ("photo", "reference"):
        assert f"<b>{name}</b>" in page
    assert "@photo.jpg http://127.0.0.1:9000/colorize" in page


def test_docs_page_escapes_html(document):
    document["paths"]["/<script>"] = {"get": {"summary": "<b>", "responses": {"<script>": {
        "description": "<script>"}}}}  # fmt: skip
    page = docs_page(json.loads(json.dumps(document)), "http://<script>")
    assert "<script" not in page and "<p><b>" not in page

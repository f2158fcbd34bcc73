"""What the server offers, as an OpenAPI document and as a page made from it.

The page is our own: the usual viewers are megabytes of script for one address.
"""

from __future__ import annotations

import json
from html import escape
from typing import Any

from colorize._version import __version__
from colorize.server.limits import Limits
from colorize.server.options import FILES, OPTIONS
from colorize.server.upload import PHOTO

MEDIA_TYPES = {
    "JPEG": "image/jpeg",
    "PNG": "image/png",
    "TIFF": "image/tiff",
    "WEBP": "image/webp",
    "AVIF": "image/avif",
    "BMP": "image/bmp",
    "GIF": "image/gif",
    "JPEG2000": "image/jp2",
    "PPM": "image/x-portable-anymap",
    "HEIF": "image/heic",
}

FAILURES = {
    "400": "The form can't be read.",
    "408": "The photograph took too long to arrive.",
    "413": "The body is longer than this server takes.",
    "422": "No photograph, one that can't be read or has too many pixels, or a parameter that "
    "won't do.",
    "429": "Too many photographs at once; Retry-After says in how many seconds to try again.",
    "500": "A fault of the server.",
}

_PHOTO = {"type": "string", "format": "binary", "minLength": 1, "description": "the photograph"}
_ERROR = {
    "type": "object",
    "required": ["error"],
    "properties": {"error": {"type": "string", "description": "what is wrong, in one line"}},
}


def document(limits: Limits, multiple: int) -> dict[str, Any]:
    """Return the OpenAPI document, version 3.1, for a network that takes multiples of a size."""
    schemas = {option.name: option.kind.schema for option in OPTIONS.values()}
    schemas["size"] |= {"minimum": multiple, "multipleOf": multiple}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "colorize",
            "version": __version__,
            "description": "Color for black-and-white photographs.",
        },
        "paths": {
            "/colorize": {"post": _colorize(limits, schemas)},
            "/healthz": {"get": _health()},
        },
        "components": {"schemas": {"Error": _ERROR}},
    }


def _colorize(limits: Limits, schemas: dict[str, Any]) -> dict[str, Any]:
    most = f"{limits.max_bytes / 1e6:g} MB and {limits.max_pixels / 1e6:g} megapixels"
    return {
        "operationId": "colorize",
        "summary": "A photograph in color",
        "description": "The photograph is the body itself, or the file of a form. Size, "
        f"transparency, depth and metadata stay. At most {most}. Parameters may come in the "
        "query or in the form, whose count where both have one.",
        "parameters": [
            {
                "name": option.name,
                "in": "query",
                "description": option.meaning,
                "schema": schemas[option.name],
            }
            for option in OPTIONS.values()
        ],
        "requestBody": {
            "required": True,
            "content": {
                "application/octet-stream": {"schema": _PHOTO},
                "multipart/form-data": {"schema": _form(schemas)},
            },
        },
        "responses": {"200": _picture()} | {code: _failure(code) for code in FAILURES},
    }


def _form(schemas: dict[str, Any]) -> dict[str, Any]:
    fields = {
        option.name: schemas[option.name] | {"description": option.meaning}
        for option in OPTIONS.values()
    }
    files = {
        name: {"type": "string", "format": "binary", "description": meaning}
        for name, meaning in FILES.items()
        if name not in fields  # a form may have a file under the name of a field
    }
    return {
        "type": "object",
        "required": [PHOTO],
        "properties": {PHOTO: _PHOTO} | fields | files,
        "additionalProperties": False,
    }


def _picture() -> dict[str, Any]:
    notes = "what the format had no place for, as a JSON list of lines"
    return {
        "description": "The picture.",
        "headers": {"Colorize-Notes": {"description": notes, "schema": {"type": "string"}}},
        "content": {
            type: {"schema": {"type": "string", "format": "binary"}}
            for type in MEDIA_TYPES.values()
        },
    }


def _failure(code: str) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Error"}
    failure: dict[str, Any] = {
        "description": FAILURES[code],
        "content": {"application/json": {"schema": schema}},
    }
    if code == "429":
        failure["headers"] = {
            "Retry-After": {"description": "seconds", "schema": {"type": "integer"}}
        }
    return failure


def _health() -> dict[str, Any]:
    schema = {
        "type": "object",
        "required": ["status", "model", "max_bytes", "max_pixels"],
        "properties": {
            "status": {"const": "ok"},
            "version": {"type": "string"},
            "model": {"type": "string"},
            "device": {"type": "string"},
            "max_bytes": {"type": "integer", "description": "of a request's body"},
            "max_pixels": {"type": "integer", "description": "of a photograph"},
            "parameters": {
                "type": "array",
                "items": {"type": "string"},
                "description": "those that this network has a use for",
            },
            "defaults": {"type": "object", "description": "of parameters, where the network's"},
            "queue": {"type": "integer", "description": "requests taken at once"},
            "accepted": {"type": "integer", "description": "requests not answered yet"},
            "answered": {"type": "integer", "description": "photographs since the start"},
            "batches": {
                "type": "object",
                "description": "how often so many photographs went through the network together",
                "additionalProperties": {"type": "integer"},
            },
        },
    }
    return {
        "operationId": "health",
        "summary": "Whether the server is well, and its limits",
        "responses": {
            "200": {
                "description": "It is.",
                "content": {"application/json": {"schema": schema}},
            }
        },
    }


def reference(document: dict[str, Any], address: str) -> str:
    """Return the OpenAPI document as a page of HTML, with examples for the server's address."""
    operations = "".join(
        _operation(method, path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    )
    return _PAGE.format(operations=operations, address=escape(address))


def _operation(method: str, path: str, operation: dict[str, Any]) -> str:
    parameters = [
        (escape(one["name"]), f"{escape(one['description'])}<br>{_schema(one['schema'])}")
        for one in operation.get("parameters", [])
    ]
    names = {one["name"] for one in operation.get("parameters", [])}
    content = operation.get("requestBody", {}).get("content", {})
    bodies = [(escape(type), _body(body["schema"], names)) for type, body in content.items()]
    answers = [
        (code, escape(answer["description"])) for code, answer in operation["responses"].items()
    ]
    return (
        f"<section><h2><b>{method.upper()}</b> {escape(path)}</h2>"
        f"<p>{escape(operation.get('description', operation['summary']))}</p>"
        + _table("Parameters", parameters)
        + _table("Body", bodies)
        + _table("Answers", answers)
        + "</section>"
    )


def _body(schema: dict[str, Any], parameters: set[str]) -> str:
    """Return what a body is or, of a form, what it has beside the parameters."""
    if "properties" not in schema:
        return escape(schema["description"])
    fields = [
        f"<b>{escape(name)}</b>: {escape(field['description'])}"
        for name, field in schema["properties"].items()
        if name not in parameters
    ]
    return "<br>".join([*fields, "and the parameters, as fields"])


def _schema(schema: dict[str, Any]) -> str:
    return f"<code>{escape(json.dumps(schema)[1:-1])}</code>"


def _table(title: str, rows: list[tuple[str, str]]) -> str:
    lines = "".join(f"<tr><th>{name}</th><td>{meaning}</td></tr>" for name, meaning in rows)
    return f"<h3>{title}</h3><table>{lines}</table>" if rows else ""


_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>colorize: HTTP interface</title>
<link rel="stylesheet" href="page.css">
<link rel="icon" href="icon.svg">
</head>
<body class="reference">
<header><a class="wordmark" href=".">colorize</a></header>
<main>
<h1>HTTP interface</h1>
<p>The same for programs: <a href="openapi.json">openapi.json</a>.</p>
<pre>curl --data-binary @photo.jpg {address}/colorize -o photo.colorized.jpg
curl -F photo=@photo.jpg -F format=png {address}/colorize -o photo.colorized.png</pre>
{operations}
</main>
</body>
</html>
"""

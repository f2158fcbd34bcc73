"""The page at /docs, made from the OpenAPI document.

Swagger UI and ReDoc are megabytes of script, usually from a CDN; this page needs no script.
"""

from __future__ import annotations

import json
from html import escape
from typing import Any

Json = dict[str, Any]

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>colorize: HTTP API</title>
<link rel="stylesheet" href="static/page.css">
<link rel="icon" href="static/icon.svg">
</head>
<body class="reference">
<header><a class="wordmark" href=".">colorize</a></header>
<main>
<h1>HTTP API</h1>
<p>For programs: <a href="openapi.json">openapi.json</a>.</p>
<pre>curl --data-binary @photo.jpg {address}/colorize -o photo.colorized.jpg
curl -F photo=@photo.jpg -F format=png {address}/colorize -o photo.colorized.png</pre>
{operations}
</main>
</body>
</html>
"""


def docs_page(document: Json, address: str) -> str:
    """Return an OpenAPI document as HTML, with examples for the server's address."""
    operations = "".join(
        _operation(method, path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    )
    return PAGE.format(operations=operations, address=escape(address))


def _operation(method: str, path: str, operation: Json) -> str:
    parameters = [
        (parameter["name"], _parameter(parameter)) for parameter in operation.get("parameters", [])
    ]
    names = {name for name, _ in parameters}
    content = operation.get("requestBody", {}).get("content", {})
    bodies = [(media_type, _body(body["schema"], names)) for media_type, body in content.items()]
    text: str = operation.get("description") or operation["summary"]
    responses = [
        (status, escape(response["description"]))
        for status, response in operation["responses"].items()
    ]
    return (
        f"<section><h2><b>{method.upper()}</b> {escape(path)}</h2>"
        f"<p>{escape(text)}</p>"
        + _table("Parameters", parameters)
        + _table("Body", bodies)
        + _table("Responses", responses)
        + "</section>"
    )


def _parameter(parameter: Json) -> str:
    schema = escape(json.dumps(parameter["schema"])[1:-1])
    return f"{escape(parameter['description'])}<br><code>{schema}</code>"


def _body(schema: Json, parameters: set[str]) -> str:
    """Return the description of a body; of a form, its fields that are not parameters too."""
    if "properties" not in schema:
        return escape(schema["description"])
    fields = [
        f"<b>{escape(name)}</b>: {escape(field['description'])}"
        for name, field in schema["properties"].items()
        if name not in parameters
    ]
    return "<br>".join([*fields, "and the parameters, as fields"])


def _table(title: str, rows: list[tuple[str, str]]) -> str:
    """Return a table of names, which are escaped here, and their HTML descriptions."""
    lines = "".join(f"<tr><th>{escape(name)}</th><td>{text}</td></tr>" for name, text in rows)
    return f"<h3>{title}</h3><table>{lines}</table>" if rows else ""

"""The OpenAPI document, made from the same options that validate requests."""

from __future__ import annotations

import dataclasses
from typing import Any

from colorize._version import __version__
from colorize.options import INPUT_SIZE
from colorize.server.limits import Limits
from colorize.server.parameters import (
    FILE_NAME,
    FILES,
    PARAMETERS,
    PHOTO,
    PREVIEW_SIDE,
    TOKEN,
    parameter_schema,
)

Json = dict[str, Any]

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
    "400": "The form is malformed.",
    "403": "The request comes from a foreign page, or by a name that the server does not know.",
    "408": "The photograph took too long to arrive, or stopped midway.",
    "413": "The body is larger than the server's limit.",
    "422": "There is no photograph, it cannot be read, it has too many pixels, or a parameter is "
    "unknown or out of range, or it needs more memory than the server's limit.",
    "429": "The server has too many requests; Retry-After gives the seconds to wait.",
    "500": "Internal error.",
    "503": "The photograph took too long to colorize, or the server is stopping.",
    "507": "The server's disk is full.",
}

BINARY: Json = {"type": "string", "format": "binary"}
PHOTO_SCHEMA = BINARY | {"minLength": 1, "description": "the photograph"}
ERROR_SCHEMA: Json = {
    "type": "object",
    "required": ["error"],
    "properties": {"error": {"type": "string", "description": "what is wrong, in one line"}},
}
HEALTH_SCHEMA: Json = {
    "type": "object",
    "required": ["status", "model", "max_bytes", "max_pixels"],
    "properties": {
        "status": {"const": "ok"},
        "version": {"type": "string"},
        "model": {"type": "string"},
        "device": {"type": "string"},
        "max_bytes": {"type": "integer", "description": "limit of a request's body"},
        "max_pixels": {"type": "integer", "description": "limit of a photograph"},
        "parameters": {
            "type": "array",
            "items": {"type": "string"},
            "description": "names of the parameters that this network supports",
        },
        "defaults": {"type": "object", "description": "default values of numeric parameters"},
        "styles": {
            "type": "object",
            "description": "values of numeric parameters in each style that this network supports",
            "additionalProperties": {"type": "object"},
        },
        "queue": {"type": "integer", "description": "limit of requests accepted at a time"},
        "receiving": {"type": "integer", "description": "requests whose body is arriving"},
        "accepted": {"type": "integer", "description": "complete requests not answered yet"},
        "answered": {"type": "integer", "description": "photographs colorized since the start"},
        "batches": {
            "type": "object",
            "description": "how often the network ran with each batch size",
            "additionalProperties": {"type": "integer"},
        },
    },
}


def openapi_document(limits: Limits, size_divisor: int, input_size: int = INPUT_SIZE) -> Json:
    """Return the OpenAPI 3.1 document.

    Args:
        limits: The server's limits, for the description.
        size_divisor: What the network's input size must be a multiple of.
        input_size: The network's input size where a request has none.
    """
    size = dataclasses.replace(
        PARAMETERS["size"], minimum=size_divisor, default=input_size, default_text=""
    )
    schemas = {
        name: parameter_schema(option) | {"description": option.description}
        for name, option in (PARAMETERS | {"size": size}).items()
    }
    schemas["size"]["multipleOf"] = size_divisor
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "colorize",
            "version": __version__,
            "description": "Colorize black-and-white photographs.",
        },
        "paths": {
            "/colorize": {"post": _colorize_operation(limits, schemas)},
            "/preview": {"post": _preview_operation(limits)},
            "/preview/{token}": {"delete": _forget_operation()},
            "/zip": {"post": _create_zip_operation()},
            "/zip/{token}": {
                "get": _download_zip_operation(),
                "post": _add_to_zip_operation(schemas),
            },
            "/zip/{token}/end": {"post": _end_zip_operation()},
            "/healthz": {
                "get": {
                    "operationId": "health",
                    "summary": "Status and limits of the server",
                    "responses": {"200": _json_response("The server is running.", HEALTH_SCHEMA)},
                }
            },
        },
        "components": {"schemas": {"Error": ERROR_SCHEMA}},
    }


def _colorize_operation(limits: Limits, schemas: dict[str, Json]) -> Json:
    failures = _failures() | {"404": _error_response("The token is of no kept photograph.")}
    return {
        "operationId": "colorize",
        "summary": "Colorize a photograph",
        "description": "Send the photograph as the body itself or as a file of a form. The result "
        "keeps its size, transparency, bit depth and metadata. Limits: "
        f"{limits.max_bytes / 1e6:g} MB and {limits.max_pixels / 1e6:g} megapixels. Parameters "
        "may be in the query or in the form; the form takes precedence.",
        "parameters": _query_parameters(schemas),
        "requestBody": _photo_body(schemas),
        "responses": {"200": _image_response(), **failures},
    }


def _query_parameters(schemas: dict[str, Json]) -> list[Json]:
    return [
        {
            "name": name,
            "in": "query",
            "description": schema["description"],
            "schema": {key: value for key, value in schema.items() if key != "description"},
        }
        for name, schema in schemas.items()
    ]


def _photo_body(schemas: dict[str, Json]) -> Json:
    return {
        "required": True,
        "content": {
            "application/octet-stream": {"schema": PHOTO_SCHEMA},
            "multipart/form-data": {"schema": _form_schema(schemas)},
        },
    }


def _create_zip_operation() -> Json:
    token = {"token": {"type": "string", "description": "names the ZIP file"}}
    schema = {"type": "object", "required": ["token"], "properties": token}
    return {
        "operationId": "createZip",
        "summary": "Begin a ZIP file of results",
        "description": "Download it at /zip/{token}; while that goes on, add photographs, and then "
        "end it. They are sent as they are colorized, and not kept.",
        "responses": {
            "201": _json_response("It can be downloaded.", schema),
            "403": _error_response(FAILURES["403"]),
            "429": _error_response("The server has too many ZIP files."),
        },
    }


def _download_zip_operation() -> Json:
    return {
        "operationId": "downloadZip",
        "summary": "Download a ZIP file while photographs are added to it",
        "parameters": [_zip_token()],
        "responses": {
            "200": {
                "description": "The ZIP file; ends with /zip/{token}/end.",
                "content": {"application/zip": {"schema": BINARY}},
            },
            "403": _error_response(FAILURES["403"]),
            "404": _error_response("There is no such ZIP file."),
            "409": _error_response("It is downloaded already."),
        },
    }


def _add_to_zip_operation(schemas: dict[str, Json]) -> Json:
    name = {
        "name": FILE_NAME,
        "in": "query",
        "required": True,
        "description": "the photograph's name, from which that in the ZIP file is made",
        "schema": {"type": "string"},
    }
    image = _image_response()
    return {
        "operationId": "addToZip",
        "summary": "Colorize a photograph into a ZIP file",
        "description": "As /colorize, but the result goes to whoever downloads the ZIP file.",
        "parameters": [_zip_token(), name, *_query_parameters(schemas)],
        "requestBody": _photo_body(schemas),
        "responses": {
            "204": {"description": "The result is in the ZIP file.", "headers": image["headers"]},
            **_failures(),
            "404": _error_response("There is no such ZIP file or kept photograph."),
            "409": _error_response("Nobody downloads the ZIP file."),
            "410": _error_response("The download of the ZIP file has ended."),
        },
    }


def _end_zip_operation() -> Json:
    return {
        "operationId": "endZip",
        "summary": "End a ZIP file",
        "parameters": [_zip_token()],
        "responses": {
            "204": {"description": "It ends after what was added."},
            "403": _error_response(FAILURES["403"]),
            "404": _error_response("There is no such ZIP file."),
        },
    }


def _zip_token() -> Json:
    return {
        "name": TOKEN,
        "in": "path",
        "required": True,
        "description": "from /zip",
        "schema": {"type": "string", "minLength": 1},
    }


def _preview_operation(limits: Limits) -> Json:
    schema = parameter_schema(PREVIEW_SIDE)
    side = {
        "name": PREVIEW_SIDE.name,
        "in": "query",
        "description": PREVIEW_SIDE.description,
        "schema": schema,
    }
    form = {
        "type": "object",
        "required": [PHOTO],
        "properties": {PHOTO: PHOTO_SCHEMA},
        "additionalProperties": False,
    }
    token = (
        "names the photograph in requests to /colorize and /preview/{token}; absent if it is "
        "too large to be kept"
    )
    size = "width and height of the photograph in pixels, such as 6000x4000"
    return {
        "operationId": "preview",
        "summary": "Keep a photograph and return it small and in gray",
        "description": "For photographs that a browser cannot decode, or that are to be colorized "
        "several times: the photograph is kept on the server until it was not used for "
        f"{limits.keep_minutes} minutes. All that are kept have at most "
        f"{limits.max_kept_bytes / 1e6:g} MB together; those unused for longest make room.",
        "parameters": [side],
        "requestBody": {
            "required": True,
            "content": {
                "application/octet-stream": {"schema": PHOTO_SCHEMA},
                "multipart/form-data": {"schema": form},
            },
        },
        "responses": {
            "200": {
                "description": "The preview: JPEG, or PNG with transparency.",
                "headers": {
                    "Colorize-Token": {"description": token, "schema": {"type": "string"}},
                    "Colorize-Size": {"description": size, "schema": {"type": "string"}},
                },
                "content": {MEDIA_TYPES[format]: {"schema": BINARY} for format in ("JPEG", "PNG")},
            },
            **_failures(),
        },
    }


def _forget_operation() -> Json:
    return {
        "operationId": "forget",
        "summary": "Delete a photograph that /preview keeps",
        "parameters": [
            {
                "name": TOKEN,
                "in": "path",
                "required": True,
                "description": "from Colorize-Token",
                "schema": {"type": "string", "minLength": 1},
            },
        ],
        "responses": {
            "204": {"description": "It is deleted."},
            "404": _error_response("The token is of no kept photograph."),
        },
    }


def _failures() -> Json:
    """Return the error responses to requests that carry a photograph."""
    failures = {status: _error_response(text) for status, text in FAILURES.items()}
    failures["429"]["headers"] = {
        "Retry-After": {"description": "seconds", "schema": {"type": "integer"}}
    }
    return failures


def _error_response(description: str) -> Json:
    return _json_response(description, {"$ref": "#/components/schemas/Error"})


def _form_schema(schemas: dict[str, Json]) -> Json:
    files = {name: BINARY | {"description": text} for name, text in FILES.items()}
    kept = {
        "type": "string",
        "description": "names a photograph that /preview keeps, where the form has none",
    }
    return {
        "type": "object",
        "anyOf": [{"required": [PHOTO]}, {"required": [TOKEN]}],
        # `hints` may be a text field or a file; the schema can only say one of them.
        "properties": {PHOTO: PHOTO_SCHEMA, TOKEN: kept} | files | schemas,
        "additionalProperties": False,
    }


def _image_response() -> Json:
    notes = "what the format could not store, as a JSON list of lines"
    return {
        "description": "The photograph in color.",
        "headers": {"Colorize-Notes": {"description": notes, "schema": {"type": "string"}}},
        "content": {media_type: {"schema": BINARY} for media_type in MEDIA_TYPES.values()},
    }


def _json_response(description: str, schema: Json) -> Json:
    return {"description": description, "content": {"application/json": {"schema": schema}}}

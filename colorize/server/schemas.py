"""What the operations of the OpenAPI document share: schemas, parameters, bodies and responses."""

from __future__ import annotations

from typing import Any

from colorize.server.parameters import FILES, PHOTO, TOKEN

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


def query_parameters(schemas: dict[str, Json]) -> list[Json]:
    """Return the parameters of a query from their schemas, which have descriptions."""
    return [
        {
            "name": name,
            "in": "query",
            "description": schema["description"],
            "schema": {key: value for key, value in schema.items() if key != "description"},
        }
        for name, schema in schemas.items()
    ]


def photo_body(form: Json) -> Json:
    """Return the body of a request that carries a photograph, itself or in a form."""
    return {
        "required": True,
        "content": {
            "application/octet-stream": {"schema": PHOTO_SCHEMA},
            "multipart/form-data": {"schema": form},
        },
    }


def token(description: str) -> Json:
    """Return the parameter of a path that names what the server keeps."""
    return {
        "name": TOKEN,
        "in": "path",
        "required": True,
        "description": description,
        "schema": {"type": "string", "minLength": 1},
    }


def failures() -> Json:
    """Return the error responses to requests that carry a photograph."""
    failures = {status: error_response(text) for status, text in FAILURES.items()}
    failures["429"]["headers"] = {
        "Retry-After": {"description": "seconds", "schema": {"type": "integer"}}
    }
    return failures


def error_response(description: str) -> Json:
    """Return the response of a request that fails."""
    return json_response(description, {"$ref": "#/components/schemas/Error"})


def colorize_form(schemas: dict[str, Json]) -> Json:
    """Return the form of a photograph to colorize, with parameters of these schemas."""
    files = {name: BINARY | {"description": text} for name, text in FILES.items()}
    kept = {
        "type": "string",
        "description": "names a photograph that /preview keeps, where the form has none",
    }
    # `hints` may be a text field or a file; the schema can only say one of them.
    fields = {PHOTO: PHOTO_SCHEMA, TOKEN: kept} | files | schemas
    return form_schema(fields, anyOf=[{"required": [PHOTO]}, {"required": [TOKEN]}])


def form_schema(fields: dict[str, Json], **constraints: Any) -> Json:
    """Return the schema of a form with these fields and no others."""
    return {
        "type": "object",
        "properties": fields,
        "additionalProperties": False,
        **constraints,
    }


def image_response() -> Json:
    """Return the response that is a colorized photograph."""
    notes = "what the format could not store, as a JSON list of lines"
    return {
        "description": "The photograph in color.",
        "headers": {"Colorize-Notes": {"description": notes, "schema": {"type": "string"}}},
        "content": {media_type: {"schema": BINARY} for media_type in MEDIA_TYPES.values()},
    }


def json_response(description: str, schema: Json) -> Json:
    """Return a response in JSON."""
    return {"description": description, "content": {"application/json": {"schema": schema}}}

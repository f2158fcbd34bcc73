"""The OpenAPI document, made from the same options that validate requests."""

from __future__ import annotations

import dataclasses

from colorize._version import __version__
from colorize.options import INPUT_SIZE
from colorize.server.limits import Limits
from colorize.server.parameters import (
    FILE_NAME,
    PARAMETERS,
    PHOTO,
    PREVIEW_SIDE,
    TOKEN,
    parameter_schema,
)
from colorize.server.schemas import (
    BINARY,
    ERROR_SCHEMA,
    FAILURES,
    HEALTH_SCHEMA,
    MEDIA_TYPES,
    PHOTO_SCHEMA,
    Json,
    colorize_form,
    error_response,
    failures,
    form_schema,
    image_response,
    json_response,
    photo_body,
    query_parameters,
    token,
)


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
                    "responses": {"200": json_response("The server is running.", HEALTH_SCHEMA)},
                }
            },
        },
        "components": {"schemas": {"Error": ERROR_SCHEMA}},
    }


def _colorize_operation(limits: Limits, schemas: dict[str, Json]) -> Json:
    answers = failures() | {"404": error_response("The token is of no kept photograph.")}
    return {
        "operationId": "colorize",
        "summary": "Colorize a photograph",
        "description": "Send the photograph as the body itself or as a file of a form. The result "
        "keeps its size, transparency, bit depth and metadata. Limits: "
        f"{limits.max_bytes / 1e6:g} MB and {limits.max_pixels / 1e6:g} megapixels. Parameters "
        "may be in the query or in the form; the form takes precedence.",
        "parameters": query_parameters(schemas),
        "requestBody": photo_body(colorize_form(schemas)),
        "responses": {"200": image_response(), **answers},
    }


def _create_zip_operation() -> Json:
    schema = {
        "type": "object",
        "required": [TOKEN],
        "properties": {TOKEN: {"type": "string", "description": "names the ZIP file"}},
    }
    return {
        "operationId": "createZip",
        "summary": "Begin a ZIP file of results",
        "description": "Download it at /zip/{token}; while that goes on, add photographs, and then "
        "end it. They are sent as they are colorized, and not kept.",
        "responses": {
            "201": json_response("It can be downloaded.", schema),
            "403": error_response(FAILURES["403"]),
            "429": error_response("The server has too many ZIP files."),
        },
    }


def _download_zip_operation() -> Json:
    return {
        "operationId": "downloadZip",
        "summary": "Download a ZIP file while photographs are added to it",
        "parameters": [token("from /zip")],
        "responses": {
            "200": {
                "description": "The ZIP file; ends with /zip/{token}/end.",
                "content": {"application/zip": {"schema": BINARY}},
            },
            "403": error_response(FAILURES["403"]),
            "404": error_response("There is no such ZIP file."),
            "409": error_response("It is downloaded already."),
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
    image = image_response()
    return {
        "operationId": "addToZip",
        "summary": "Colorize a photograph into a ZIP file",
        "description": "As /colorize, but the result goes to whoever downloads the ZIP file.",
        "parameters": [token("from /zip"), name, *query_parameters(schemas)],
        "requestBody": photo_body(colorize_form(schemas)),
        "responses": {
            "204": {"description": "The result is in the ZIP file.", "headers": image["headers"]},
            **failures(),
            "404": error_response("There is no such ZIP file or kept photograph."),
            "409": error_response("Nobody downloads the ZIP file."),
            "410": error_response("The download of the ZIP file has ended."),
        },
    }


def _end_zip_operation() -> Json:
    return {
        "operationId": "endZip",
        "summary": "End a ZIP file",
        "parameters": [token("from /zip")],
        "responses": {
            "204": {"description": "It ends after what was added."},
            "403": error_response(FAILURES["403"]),
            "404": error_response("There is no such ZIP file."),
        },
    }


def _preview_operation(limits: Limits) -> Json:
    schema = parameter_schema(PREVIEW_SIDE) | {"description": PREVIEW_SIDE.description}
    kept_as = (
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
        "parameters": query_parameters({PREVIEW_SIDE.name: schema}),
        "requestBody": photo_body(form_schema({PHOTO: PHOTO_SCHEMA}, required=[PHOTO])),
        "responses": {
            "200": {
                "description": "The preview: JPEG, or PNG with transparency.",
                "headers": {
                    "Colorize-Token": {"description": kept_as, "schema": {"type": "string"}},
                    "Colorize-Size": {"description": size, "schema": {"type": "string"}},
                },
                "content": {MEDIA_TYPES[format]: {"schema": BINARY} for format in ("JPEG", "PNG")},
            },
            **failures(),
        },
    }


def _forget_operation() -> Json:
    return {
        "operationId": "forget",
        "summary": "Delete a photograph that /preview keeps",
        "parameters": [token("from Colorize-Token")],
        "responses": {
            "204": {"description": "It is deleted."},
            "404": error_response("The token is of no kept photograph."),
        },
    }

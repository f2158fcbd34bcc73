"""What an .onnx file must not hold, found before ONNX Runtime loads and runs it.

A network is one graph with its weights in it. Loops could run forever, weights may lie in any file
of the machine, and a sparse tensor of some bytes may stand for a dense one of gigabytes.

The package onnx is not installed with the tool, so the few fields that matter are found by walking
the file's protocol buffers. Sources: onnx.proto3 (ONNX 1.16), Protocol Buffers Encoding (Google).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from colorize.errors import ColorizeError, reason_of
from colorize.io.source import open_regular

MAX_NODES = 100_000  # of a graph; DDColor's has 2000

# numbers of fields, by message
_GRAPH, _FUNCTIONS = 7, 25  # ModelProto
_NODE, _INITIALIZER, _SPARSE_INITIALIZER = 1, 5, 15  # GraphProto
_OP_TYPE, _ATTRIBUTE = 4, 5  # NodeProto
_TENSOR, _SUBGRAPH, _TENSORS, _SUBGRAPHS, _SPARSE = 5, 6, 10, 11, {22, 23}  # AttributeProto
_EXTERNAL_DATA, _DATA_LOCATION = 13, 14  # TensorProto

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5  # wire types
_MAX_VARINT_BYTES = 10


def check_onnx_file(file: Path) -> None:
    """Raise ColorizeError for a file that is no plain graph with its own weights."""
    try:
        with open_regular(file) as stream:
            _check_model(memoryview(stream.read()))
    except OSError as error:
        raise ColorizeError(f"{file}: cannot read the weights: {reason_of(error)}") from error
    except ColorizeError as error:
        remedy = "export it with python -m colorize.export"
        raise ColorizeError(f"{file}: {error}", remedy) from None
    except (IndexError, ValueError):
        raise ColorizeError(f"{file}: damaged, or not an ONNX file") from None


def _check_model(model: memoryview) -> None:
    for number, value in _fields(model):
        if number == _FUNCTIONS:
            raise ColorizeError("has functions of its own")
        if number == _GRAPH:
            _check_graph(_message(value))


def _check_graph(graph: memoryview) -> None:
    nodes = 0
    for number, value in _fields(graph):
        if number == _NODE:
            nodes += 1
            if nodes > MAX_NODES:
                raise ColorizeError(f"has more than {MAX_NODES} operators")
            _check_node(_message(value))
        elif number == _INITIALIZER:
            _check_tensor(_message(value))
        elif number == _SPARSE_INITIALIZER:
            raise ColorizeError("has sparse weights")


def _check_node(node: memoryview) -> None:
    attributes = []
    name = "an operator"
    for number, value in _fields(node):
        if number == _OP_TYPE:
            name = ascii(bytes(_message(value)).decode("utf-8", "replace"))
        elif number == _ATTRIBUTE:
            attributes.append(_message(value))
    for attribute in attributes:
        for number, value in _fields(attribute):
            if number in (_SUBGRAPH, _SUBGRAPHS):
                raise ColorizeError(f"has a loop or a branch ({name})")
            if number in _SPARSE:
                raise ColorizeError("has sparse weights")
            if number in (_TENSOR, _TENSORS):
                _check_tensor(_message(value))


def _check_tensor(tensor: memoryview) -> None:
    for number, value in _fields(tensor):
        if number == _EXTERNAL_DATA or (number == _DATA_LOCATION and value):
            raise ColorizeError("keeps its weights in another file")


def _message(value: int | memoryview) -> memoryview:
    """Return the content of a field that holds a message. Raises ValueError for a number."""
    if isinstance(value, int):
        raise ValueError("a number in the place of a message")
    return value


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Yield the number and value of each field. Raises ValueError or IndexError for damage."""
    position = 0
    while position < len(message):
        key, position = _varint(message, position)
        number, wire_type = key >> 3, key & 7
        if wire_type == _VARINT:
            value, position = _varint(message, position)
            yield number, value
            continue
        if wire_type == _BYTES:
            size, position = _varint(message, position)
        elif wire_type in (_FIXED32, _FIXED64):
            size = 4 if wire_type == _FIXED32 else 8
        else:
            raise ValueError(f"wire type {wire_type}")
        if position + size > len(message):
            raise ValueError("cut off")
        yield number, message[position : position + size]
        position += size


def _varint(message: memoryview, position: int) -> tuple[int, int]:
    """Return the number that begins at a position, and the position behind it."""
    value = 0
    for shift in range(0, 7 * _MAX_VARINT_BYTES, 7):
        byte = message[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
    raise ValueError("a number that does not end")

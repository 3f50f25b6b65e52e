"""Replaces PRelu in an ONNX file by simple operations that give the same to the last bit.

ONNX Runtime's PRelu takes longer on the CPU than the convolutions around it. The core installation
has no library that edits ONNX files, so that the few messages that matter are read here as what
they are: numbered fields of Protocol Buffers.

Source: onnx.proto3 of ONNX 1.17 (ModelProto, GraphProto, NodeProto); Protocol Buffers, "Encoding".
"""

from collections.abc import Iterator
from typing import Final

_MODEL_GRAPH: Final = 7
_GRAPH_NODE: Final = 1
_NODE_INPUT: Final = 1
_NODE_OUTPUT: Final = 2
_NODE_OPERATOR: Final = 4
_VARINT: Final = 0
_FIXED64: Final = 1
_LENGTH: Final = 2
_FIXED32: Final = 5


def replace_prelu(model: bytes) -> bytes:
    """An ONNX file with max(x, 0) + slope * min(x, 0) wherever it had PRelu(x, slope).

    Raises:
        ValueError: This is no ONNX file.
    """
    parts = []
    for number, whole, content in _read_fields(model):
        parts.append(whole if number != _MODEL_GRAPH else _write(number, _rewrite_graph(content)))
    return b"".join(parts)


def _rewrite_graph(graph: bytes) -> bytes:
    parts = []
    for number, whole, content in _read_fields(graph):
        nodes = _split_prelu(content) if number == _GRAPH_NODE else []
        parts += [_write(_GRAPH_NODE, node) for node in nodes] or [whole]
    return b"".join(parts)


def _split_prelu(node: bytes) -> list[bytes]:
    """The nodes that stand for a PRelu; none for any other node."""
    found: dict[int, list[str]] = {_NODE_INPUT: [], _NODE_OUTPUT: [], _NODE_OPERATOR: []}
    for number, _, content in _read_fields(node):
        if number in found:
            found[number].append(content.decode())
    if found[_NODE_OPERATOR] != ["PRelu"]:
        return []
    (x, slope), (out,) = found[_NODE_INPUT], found[_NODE_OUTPUT]
    above, below, sloped = f"{out}/above", f"{out}/below", f"{out}/sloped"
    return [
        _write_node("Relu", [x], above),
        _write_node("Sub", [x, above], below),
        _write_node("Mul", [below, slope], sloped),
        _write_node("Add", [above, sloped], out),
    ]


def _write_node(operator: str, inputs: list[str], output: str) -> bytes:
    fields = [(_NODE_INPUT, name) for name in inputs]
    fields += [(_NODE_OUTPUT, output), (_NODE_OPERATOR, operator)]
    return b"".join(_write(number, text.encode()) for number, text in fields)


def _read_fields(message: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """Number, all bytes and content of each field; the content is empty where it is a number."""
    at = 0
    while at < len(message):
        begun = at
        key, at = _read_varint(message, at)
        kind, content = key & 7, b""
        if kind == _VARINT:
            _, at = _read_varint(message, at)
        elif kind == _LENGTH:
            length, at = _read_varint(message, at)
            content, at = message[at : at + length], at + length
        elif kind in {_FIXED32, _FIXED64}:
            at += 4 if kind == _FIXED32 else 8
        if kind not in {_VARINT, _LENGTH, _FIXED32, _FIXED64} or at > len(message):
            problem = f"this is no ONNX file: a broken field at byte {begun} of {len(message)}"
            raise ValueError(problem)
        yield key >> 3, message[begun:at], content


def _write(number: int, content: bytes) -> bytes:
    return _write_varint(number << 3 | _LENGTH) + _write_varint(len(content)) + content


def _read_varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(message):
            problem = "this is no ONNX file: it ends within a number"
            raise ValueError(problem)
        byte, at = message[at], at + 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at


def _write_varint(value: int) -> bytes:
    parts = []
    while value > 127:
        parts.append(value & 127 | 128)
        value >>= 7
    return bytes([*parts, value])

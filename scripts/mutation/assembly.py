"""The operators of inline assembly: another opcode, another constant, swapped operands, a statement less."""

from collections.abc import Iterator
from typing import Any

from scripts.mutation.mutant import SWITCH, Edit

OPCODES = {"add": "sub", "sub": "add", "and": "or", "or": "and", "shl": "shr", "shr": "shl", "gt": "lt", "lt": "gt"}
DROPPED = ("iszero", "not")
NOT_COMMUTATIVE = ("gt", "lt", "shl")
THRESHOLDS = ("gt", "lt", "eq")


def edits(source: bytes, node: Any) -> Iterator[Edit]:
    if isinstance(node, list):
        for child in node:
            yield from edits(source, child)
        return
    if not isinstance(node, dict):
        return
    yield from _of(source, node)
    for child in node.values():
        yield from edits(source, child)


def _of(source: bytes, node: Any) -> Iterator[Edit]:
    match node.get("nodeType"):
        case "YulFunctionCall":
            yield from _call(source, node)
        case "YulLiteral" if node["kind"] == "number":
            value = int(node["value"], 0)
            # One way is enough for an offset or a length.
            yield _instead(source, "constant", node, hex(value - 1 if value else 1))
        case "YulExpressionStatement" | "YulAssignment":
            start, length, _ = _span(node)
            switched = f"if iszero({SWITCH}) {{ {_text(source, node)} }}"
            yield Edit("assembly deletion", start, length, "", switched)
        case "YulIf":
            yield _instead(source, "condition", node["condition"], "1")
            yield _instead(source, "condition", node["condition"], "0")


def _call(source: bytes, node: Any) -> Iterator[Edit]:
    name, arguments = node["functionName"]["name"], node["arguments"]
    texts = [_text(source, argument) for argument in arguments]
    if name in OPCODES:
        yield _instead(source, "opcode", node, f"{OPCODES[name]}({', '.join(texts)})")
    if name in DROPPED:
        yield _instead(source, "opcode", node, texts[0])
    if name == "eq":
        yield _instead(source, "opcode", node, f"iszero({_text(source, node)})")
    if name in THRESHOLDS:
        for argument in arguments:
            if argument["nodeType"] == "YulLiteral":
                yield _instead(source, "constant", argument, hex(int(argument["value"], 0) + 1))
    if name in ("call", "staticcall"):
        yield _instead(source, "opcode", node, f"iszero({_text(source, node)})")
    if name == "and":
        yield _instead(source, "logic", node, texts[0])
        yield _instead(source, "logic", node, texts[1])
    if name in NOT_COMMUTATIVE:
        yield _instead(source, "swap", node, f"{name}({', '.join([texts[1], texts[0], *texts[2:]])})")


def _instead(source: bytes, operator: str, node: Any, replacement: str) -> Edit:
    start, length, _ = _span(node)
    original = _text(source, node)
    switched = f"xor({original}, mul(xor({original}, {replacement}), {SWITCH}))"
    if replacement == f"iszero({original})" and "call(" in original:
        switched = f"xor({original}, {SWITCH})"  # it answers 0 or 1, and must not be made twice
    return Edit(f"assembly {operator}", start, length, replacement, switched)


def _text(source: bytes, node: Any) -> str:
    start, length, _ = _span(node)
    return source[start : start + length].decode()


def _span(node: Any) -> tuple[int, ...]:
    return tuple(int(part) for part in node["src"].split(":"))

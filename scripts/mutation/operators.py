"""From solc's syntax tree of a file to every edit that should break it; for inline assembly see assembly.py."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any

from scripts.mutation import assembly
from scripts.mutation.mutant import SWITCH, Edit

ARITHMETIC = {"+": "-", "-": "+", "*": "/", "/": "*", "%": "*", "|": "&", "&": "|", "^": "&", "<<": ">>", ">>": "<<"}
BOUNDARIES = {"<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "=="}
LOGIC = {"&&": "||", "||": "&&"}
ASSIGNMENTS = {"+=": ("-=", "="), "-=": ("+=", "="), "|=": ("&=", "=")}
ROLES = ("DEFAULT_ADMIN_ROLE", "REGISTRAR_ROLE", "PAUSER_ROLE")


class File:
    def __init__(self, source: bytes, tree: Any, enums: dict[str, list[str]]) -> None:
        self._source = source
        self._tree = tree
        self._enums = enums
        self._conditions: set[int] = set()
        self._guarded: set[int] = set()
        self._mutate: dict[str, Callable[[Any], Iterator[Edit]]] = {
            "BinaryOperation": self._binary,
            "UnaryOperation": self._unary,
            "Assignment": self._assignment,
            "Literal": self._literal,
            "Conditional": self._conditional,
            "IfStatement": self._condition,
            "ExpressionStatement": self._deleted,
            "EmitStatement": self._emit,
            "RevertStatement": self._revert,
            "Continue": self._deleted,
            "FunctionCall": self._swapped,
            "ModifierInvocation": self._modifier,
            "VariableDeclarationStatement": self._declaration,
            "Return": self._returned,
            "MemberAccess": self._member,
        }

    def edits(self) -> Iterator[tuple[str, Edit]]:
        yield from self._walk(self._tree, "contract")

    def _walk(self, node: Any, function: str) -> Iterator[tuple[str, Edit]]:
        if isinstance(node, list):
            for child in node:
                yield from self._walk(child, function)
            return
        if not isinstance(node, dict):
            return
        kind = node.get("nodeType", "")
        if kind in ("ImportDirective", "StructuredDocumentation", "PragmaDirective"):
            return
        if kind in ("FunctionDefinition", "ModifierDefinition"):
            function = node["name"] or node["kind"]
        if kind == "InlineAssembly":
            yield from ((function, edit) for edit in assembly.edits(self._source, node["AST"]))
            return
        if kind in self._mutate:
            # Outside functions there is nothing to decide at run time.
            inside = function != "contract"
            for edit in self._mutate[kind](node):
                yield function, edit if inside else replace(edit, switched="")
        for child in node.values():
            yield from self._walk(child, function)

    # --------------------------------------------------------------------------------------------------- expressions

    def _binary(self, node: Any) -> Iterator[Edit]:
        left, right, operator = node["leftExpression"], node["rightExpression"], node["operator"]
        a, b = self._text(left), self._text(right)
        if operator in ARITHMETIC:
            yield self._instead("arithmetic", node, f"{a} {ARITHMETIC[operator]} {b}")
        if operator in BOUNDARIES and not (operator in ("==", "!=") and id(node) in self._conditions):
            yield self._instead("comparison", node, f"{a} {BOUNDARIES[operator]} {b}")
        if operator in LOGIC:
            yield self._instead("logic", node, f"{a} {LOGIC[operator]} {b}")
            yield self._instead("logic", node, a)
            yield self._instead("logic", node, b)

    def _unary(self, node: Any) -> Iterator[Edit]:
        inner = self._text(node["subExpression"])
        if node["operator"] == "!" and id(node) not in self._conditions:
            yield self._instead("negation", node, inner)
        elif node["operator"] == "++":
            yield self._instead("step", node, f"--{inner}" if node["prefix"] else inner)

    def _assignment(self, node: Any) -> Iterator[Edit]:
        left, right = self._text(node["leftHandSide"]), self._text(node["rightHandSide"])
        for other in ASSIGNMENTS.get(node["operator"], ()):
            yield self._instead("assignment", node, f"{left} {other} {right}")

    def _literal(self, node: Any) -> Iterator[Edit]:
        unit = f" {node['subdenomination']}" if node.get("subdenomination") else ""
        if node["kind"] == "bool":
            yield self._instead("truth", node, "false" if node["value"] == "true" else "true")
        elif node["kind"] == "string":
            yield self._instead("constant", node, f'"{node["value"]}~"')
        elif node["kind"] == "number":
            value = int(node["value"].replace("_", ""), 0)
            for other in (value + 1, value - 1):
                if other >= 0:
                    yield self._instead("constant", node, f"{other}{unit}")

    def _conditional(self, node: Any) -> Iterator[Edit]:
        condition, yes, no = (self._text(node[name]) for name in ("condition", "trueExpression", "falseExpression"))
        yield self._instead("branches", node, f"{condition} ? {no} : {yes}")

    def _swapped(self, node: Any) -> Iterator[Edit]:
        """Neighbouring arguments of one type."""
        arguments = node["arguments"]
        for one, other in pairwise(arguments):
            if node["kind"] == "functionCall" and _type(one) == _type(other):
                start, end = _start(one), _start(other) + _length(other)
                between = self._source[_start(one) + _length(one) : _start(other)].decode()
                a, b = self._text(one), self._text(other)
                switched = f"({SWITCH} ? {b} : {a}){between}({SWITCH} ? {a} : {b})"
                yield Edit("swap", start, end - start, b + between + a, switched)

    def _member(self, node: Any) -> Iterator[Edit]:
        """Another member of the enum."""
        members = self._enums.get(_type(node).removeprefix("enum ").split(".")[-1], [])
        if _type(node["expression"]).startswith("type(enum") and node["memberName"] in members:
            other = members[(members.index(node["memberName"]) + 1) % len(members)]
            yield self._instead("enum", node, f"{self._text(node['expression'])}.{other}")

    # ---------------------------------------------------------------------------------------------------- statements

    def _condition(self, node: Any) -> Iterator[Edit]:
        """Never and always; so its negation, and removing what only it guards, would be the same mutants again."""
        self._conditions.add(id(node["condition"]))
        self._guarded.add(id(node["trueBody"]))
        yield self._instead("condition", node["condition"], "true")
        yield self._instead("condition", node["condition"], "false")

    def _deleted(self, node: Any) -> Iterator[Edit]:
        if id(node) not in self._guarded:
            # The semicolon is no part of the node; with "{}" before it, it would not be Solidity. Loop steps have none.
            end = _start(node) + _length(node)
            semicolon = self._source[end : end + 1] == b";"
            switched = f"{{ if (!({SWITCH})) {{ {self._text(node)}; }} }}" if semicolon else ""
            yield Edit("deletion", _start(node), _length(node) + semicolon, "{}" if semicolon else "", switched)

    def _emit(self, node: Any) -> Iterator[Edit]:
        yield from self._deleted(node)
        yield from self._blanked("event", node["eventCall"])

    def _revert(self, node: Any) -> Iterator[Edit]:
        yield from self._deleted(node)
        yield from self._blanked("evidence", node["errorCall"])

    def _blanked(self, operator: str, call: Any) -> Iterator[Edit]:
        for argument in call["arguments"]:
            yield from self._zero(operator, argument)

    def _declaration(self, node: Any) -> Iterator[Edit]:
        if node.get("initialValue") and len(node["declarations"]) == 1:
            yield from self._zero("initial value", node["initialValue"])

    def _returned(self, node: Any) -> Iterator[Edit]:
        if not node.get("expression"):
            yield from self._deleted(node)
            return
        expression = node["expression"]
        for part in expression["components"] if expression["nodeType"] == "TupleExpression" else [expression]:
            yield from self._zero("return value", part)

    def _modifier(self, node: Any) -> Iterator[Edit]:
        if node.get("kind") != "modifierInvocation":
            return
        yield self._instead("modifier", node, "")
        for argument in node.get("arguments") or []:
            for role in ROLES:
                if role != self._text(argument):
                    yield self._instead("role", argument, role)

    # ----------------------------------------------------------------------------------------------------- text

    def _zero(self, operator: str, node: Any) -> Iterator[Edit]:
        kind = _type(node)
        if kind.startswith(("uint", "int_const")):
            yield self._instead(operator, node, "0")
        elif kind.startswith("address"):
            yield self._instead(operator, node, "address(0)")
        elif kind == "bytes32":
            yield self._instead(operator, node, "bytes32(0)")
        elif kind == "bool":
            yield self._instead(operator, node, f"!({self._text(node)})")

    def _instead(self, operator: str, node: Any, replacement: str) -> Edit:
        switched = f"({SWITCH} ? ({replacement}) : ({self._text(node)}))"
        # A literal takes its type from where it stands; a choice between two does not. A modifier is no expression.
        able = operator not in ("constant", "modifier")
        return Edit(operator, _start(node), _length(node), replacement, switched if able else "")

    def _text(self, node: Any) -> str:
        return self._source[_start(node) : _start(node) + _length(node)].decode()


def enums(node: Any) -> dict[str, list[str]]:
    """Name → members, of every enum below the node."""
    found = {}
    if isinstance(node, dict):
        if node.get("nodeType") == "EnumDefinition":
            found[node["name"]] = [member["name"] for member in node["members"]]
        for child in node.values():
            found |= enums(child)
    elif isinstance(node, list):
        for child in node:
            found |= enums(child)
    return found


def _start(node: Any) -> int:
    return int(node["src"].split(":")[0])


def _length(node: Any) -> int:
    return int(node["src"].split(":")[1])


def _type(node: Any) -> str:
    return str(node.get("typeDescriptions", {}).get("typeString", ""))

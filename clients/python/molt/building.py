"""What this repository's contracts compile to: the standard JSON input that is committed, through py-solc-x.

Only a checkout has the sources and the compiler. Nothing here is downloaded.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from molt.problems import BadSetting

INPUT = Path("contracts/verification/TipSplitter.standard-input.json")
_COMPILER = Path("scripts/solc")
_SPLITTER, _VAULT = "contracts/src/TipSplitter.sol", "contracts/src/TipVault.sol"


@dataclass(frozen=True)
class Build:
    """The splitter as it is deployed."""

    runtime: bytes
    """With zeros where immutables go."""
    immutables: dict[str, list[tuple[int, int]]]
    """Name → where it stands in the runtime code: offset and length in bytes."""
    vault_creation: bytes


def checkout() -> Path:
    """The checkout that this package, or the working directory, is in. Raises BadSetting."""
    for start in (Path(__file__).resolve(), Path.cwd() / "x"):
        for folder in start.parents:
            if (folder / INPUT).exists() and (folder / _COMPILER).exists():
                return folder
    raise BadSetting(
        "the contracts' sources are not here: only a checkout of the repository has them",
        hint="clone the repository, run `make install`, and call `molt` in it",
    )


def build(root: Path) -> Build:
    """Compiles; about half a minute. Raises BadSetting when the compiler is not installed."""
    try:
        from solcx import compile_standard  # noqa: PLC0415 - nobody else needs it
        from solcx.exceptions import SolcError  # noqa: PLC0415
    except ImportError as error:
        raise BadSetting("py-solc-x is not installed", hint="run `make install`, or `pip install py-solc-x`") from error
    given = json.loads((root / INPUT).read_text())
    try:
        found = compile_standard(given, solc_binary=root / _COMPILER)
    except (SolcError, OSError) as error:
        raise BadSetting(f"the compiler failed: {error}", hint="run `make install` in the checkout") from error
    splitter = found["contracts"][_SPLITTER]["TipSplitter"]["evm"]["deployedBytecode"]
    names = {str(each["id"]): str(each["name"]) for source in found["sources"].values() for each in _immutables(source)}
    return Build(
        runtime=bytes.fromhex(splitter["object"]),
        immutables={
            names[id_]: [(place["start"], place["length"]) for place in places]
            for id_, places in splitter["immutableReferences"].items()
        },
        vault_creation=bytes.fromhex(found["contracts"][_VAULT]["TipVault"]["evm"]["bytecode"]["object"]),
    )


def _immutables(node: Any) -> Iterator[dict[str, Any]]:
    """Their declarations in a syntax tree."""
    if isinstance(node, dict):
        if node.get("nodeType") == "VariableDeclaration" and node.get("mutability") == "immutable":
            yield node
        for each in node.values():
            yield from _immutables(each)
    elif isinstance(node, list):
        for each in node:
            yield from _immutables(each)

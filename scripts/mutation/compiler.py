"""One solc process that compiles one mutant after another: loading it anew each time would cost more than compiling."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

ROOT = Path(__file__).resolve().parents[2]
Settings = Literal["quick", "release"]


class DoesNotCompile(Exception):
    """The mutated source is not Solidity; such a mutant counts for nothing."""


@dataclass(frozen=True)
class Code:
    """Creation code, hexadecimal without a prefix."""

    splitter: str
    vault: str

    def write(self, folder: Path) -> None:
        """As forge lays artifacts out, as far as `vm.getCode` reads them."""
        for name, code in (("TipSplitter", self.splitter), ("TipVault", self.vault)):
            path = folder / f"{name}.sol" / f"{name}.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps({"abi": [], "bytecode": {"object": "0x" + code}}))


class Compiler:
    def __init__(self) -> None:
        self._process = subprocess.Popen(
            ["node", "scripts/mutation/compiler.js"], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._process.kill()
        self._process.wait()

    def compile(self, changed: dict[str, str], settings: Settings = "quick") -> Code:
        """`changed` maps a path to the text that stands for what is on disk."""
        answer = self._ask({"changed": changed, "settings": settings})
        if answer["errors"]:
            raise DoesNotCompile(answer["errors"][0])
        return Code(answer["code"]["TipSplitter"], answer["code"]["TipVault"])

    def syntax_trees(self) -> dict[str, Any]:
        """Of our own sources, by path."""
        trees: dict[str, Any] = self._ask({"changed": {}, "settings": "quick", "ast": True})["ast"]
        return trees

    def _ask(self, request: dict[str, Any]) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

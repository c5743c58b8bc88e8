"""Writes contracts/verification/TipSplitter.standard-input.json (`--check`: only says whether it is stale).

What the Solidity compiler is given to make the bytecode that is deployed: its standard JSON input
(https://docs.soliditylang.org/en/latest/using-the-compiler.html#input-description), sources included. Block explorers
take it to verify the sources, and `molt verify-contract` compiles it.
"""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ARTIFACT = ROOT / "out/release/TipSplitter.sol/TipSplitter.json"
TARGET = ROOT / "contracts/verification/TipSplitter.standard-input.json"
OUTPUT = ["abi", "evm.bytecode.object", "evm.deployedBytecode.object", "evm.deployedBytecode.immutableReferences"]


def main() -> int:
    subprocess.run([ROOT / "scripts/build-contracts"], check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
    fresh = standard_input()
    if TARGET.exists() and TARGET.read_text() == fresh:
        return 0
    if "--check" in sys.argv:
        print(f"{TARGET.relative_to(ROOT)} is stale. Run `make standard-input`.")
        return 1
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_text(fresh)
    print(f"written: {TARGET.relative_to(ROOT)}")
    return 0


def standard_input() -> str:
    """As the release build was compiled: its metadata names every source and setting."""
    metadata = json.loads(ARTIFACT.read_text())["metadata"]
    settings = {name: value for name, value in metadata["settings"].items() if name != "compilationTarget"}
    sources = {name: {"content": (ROOT / name).read_text()} for name in sorted(metadata["sources"])}
    for name, source in metadata["sources"].items():
        sources[name] = {"keccak256": source["keccak256"], **sources[name]}
    outputs = {"outputSelection": {"*": {"*": OUTPUT, "": ["ast"]}}}
    whole = {"language": metadata["language"], "sources": sources, "settings": settings | outputs}
    return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.exit(main())

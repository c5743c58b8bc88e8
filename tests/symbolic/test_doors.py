"""Every entry point is either behind a door that tests/symbolic proves shut, or open to all by design."""

import json
import re
from pathlib import Path

HERE = Path(__file__).resolve().parent
OPEN_TO_ALL = {
    *("tip", "tipWithPermit", "tipWithAuthorization", "tipX402", "flush", "claim", "sweep", "deployVaults"),
    "confirmRotation",
}


def test_every_entry_point_is_named_in_the_proofs_or_open_to_all() -> None:
    abi = json.loads((HERE.parents[1] / "contracts" / "abi" / "TipSplitter.json").read_text())
    functions = {e["name"] for e in abi if e["type"] == "function" and e["stateMutability"] not in {"view", "pure"}}
    proofs = (HERE / "AccessControl.t.sol").read_text()
    doors = set(re.findall(r"encodeCall\(\s*splitter\.(\w+)", proofs))
    assert functions == doors | OPEN_TO_ALL

"""The audit log, checked: by itself, and against what the chain was told. Needs neither database nor platform.

An export is text, a JSON document a line: `export` first, then for each batch its events and the batch, `end` last.
Every event is hashed as docs/audit.md says: SHA-256(the hash before it || the event as RFC 8785 writes it); every
batch has the root of a Merkle tree (RFC 9162, section 2.1) over those hashes.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, NoReturn, cast

import rfc8785
from eth_abi.abi import decode

from molt.chain import Log, Rpc, topic
from molt.client import Molt
from molt.problems import Mismatch
from molt.shapes import AuditBatch, AuditProof

VERSION = 1
GENESIS = bytes(32)
_ANCHORED = topic("AuditRoot(bytes32,uint64,uint64)")
_BATCH_FIELDS = ("number", "first_position", "last_position", "root", "head")


class AuditBroken(Mismatch):
    """The log is not what was sealed: a row was altered, dropped, added or moved."""

    code = "AUDIT_BROKEN"


@dataclass(frozen=True)
class Root:
    """What was anchored, or should be: the root over the positions first to last."""

    first: int
    last: int
    root: bytes


@dataclass
class Checked:
    """An export that is whole in itself."""

    chain_id: int
    splitter: str
    deployed_at_block: int
    positions: int = 0
    head: bytes = GENESIS
    roots: list[Root] = field(default_factory=list)


def export(operator: Molt) -> Iterator[str]:
    """The whole log, a line at a time, oldest first. Raises what the API's calls raise."""
    chain = operator.chain()
    first = {name: chain[name] for name in ("chain_id", "splitter", "deployed_at_block")}
    yield _line("export", {"version": VERSION, **first})
    newest = operator.audit_head()["newest_batch"]
    positions, head = 0, "0x" + GENESIS.hex()
    for number in range(1, (newest["number"] if newest else 0) + 1):
        sealed = operator.sealed_batch(number)
        for event in sealed["events"]:
            yield _line("event", cast("dict[str, Any]", event))
        batch = cast("dict[str, Any]", sealed["batch"])
        yield _line("batch", {name: batch[name] for name in _BATCH_FIELDS})
        positions, head = batch["last_position"], batch["head"]
    yield _line("end", {"positions": positions, "head": head})


def check(lines: Iterable[str]) -> Checked:
    """Hashes everything again. Raises AuditBroken naming the first line that is wrong."""
    numbered = enumerate(lines, start=1)
    at, first = _next(numbered, 0)
    if first.get("type") != "export" or first.get("version") != VERSION:
        _broken(at, "this is no export of an audit log: `molt audit export FILE` makes one")
    found = Checked(int(first["chain_id"]), str(first["splitter"]), int(first["deployed_at_block"]))
    batch: list[bytes] = []
    while True:
        at, row = _next(numbered, at)
        if row["type"] == "event":
            batch.append(_event(at, row, found))
        elif row["type"] == "batch":
            found.roots.append(_batch(at, row, found, batch))
            batch = []
        elif row["type"] == "end":
            _end(at, row, found, batch)
            break
        else:
            _broken(at, f"a row of type {row['type']!r} is in no export")
    if (more := next(numbered, None)) is not None:
        _broken(more[0], "rows follow the end")
    return found


def check_anchors(found: Checked, anchored: Sequence[Root], *, may_be_old: bool) -> int:
    """Compares the export with everything that the chain was told. How many of its batches the chain knows.

    `may_be_old`: the chain may know more than the export. Raises AuditBroken.
    """
    expected = {(each.first, each.last): each.root for each in found.roots}
    for each in anchored:
        place = f"positions {each.first} to {each.last}"
        if each.first > found.positions and may_be_old:
            continue
        if each.first > found.positions:
            raise AuditBroken(
                f"the chain knows {place}, and the export ends at {found.positions}",
                hint="export again; if it still ends there, events were dropped. An old export: --old",
            )
        if (each.first, each.last) not in expected:
            raise AuditBroken(f"the chain has a root of {place}, and the export has no such batch")
        if expected[each.first, each.last] != each.root:
            raise AuditBroken(
                f"{place}: the chain was told the root 0x{each.root.hex()}, and the export has "
                f"0x{expected[each.first, each.last].hex()}",
                hint="the log was rewritten after it was anchored",
            )
    return len({(each.first, each.last) for each in anchored} & set(expected))


def anchors(rpc: Rpc, splitter: str, *, from_block: int) -> list[Root]:
    """Every root that the chain was told, oldest first."""
    return [_root_in(log) for log in rpc.logs(splitter, from_block=from_block, topics=[_ANCHORED])]


def check_proof(proof: AuditProof) -> Root:
    """That the event leads to the batch's root. Raises AuditBroken. Whether that is on the chain: `is_anchored`."""
    before, hash_ = _bytes(proof["hash_before"]), _bytes(proof["hash"])
    if _chained(before, proof["event"]) != hash_:
        raise AuditBroken("the event is not what was hashed")
    batch = proof["batch"]
    found = _root_of(hash_, proof["leaf_index"], proof["tree_size"], [_bytes(each) for each in proof["path"]])
    if found != _bytes(batch["root"]):
        raise AuditBroken("the event does not lead to the root of its batch")
    place = (batch["first_position"] + proof["leaf_index"], batch["last_position"] - batch["first_position"] + 1)
    if place != (proof["position"], proof["tree_size"]):
        raise AuditBroken("the proof is of another place than it says")
    return Root(batch["first_position"], batch["last_position"], found)


def is_anchored(rpc: Rpc, splitter: str, batch: AuditBatch, root: Root) -> bool:
    """Whether the transaction that the batch names told the splitter this root."""
    anchor = batch["anchor"]
    receipt = rpc.receipt(anchor["tx_hash"]) if anchor else None
    said = [log for log in receipt.logs if log.address.lower() == splitter.lower()] if receipt else []
    return any(log.topics[0] == _ANCHORED and _root_in(log) == root for log in said)


def _event(at: int, row: Mapping[str, Any], found: Checked) -> bytes:
    if row["position"] != found.positions + 1:
        _broken(at, f"position {found.positions + 1} should stand here, and {row['position']} does")
    hash_ = _chained(found.head, row["event"])
    if hash_ != _bytes(row["hash"]):
        _broken(at, f"the event at position {row['position']} is not what was sealed, or the one before it is not")
    found.positions, found.head = found.positions + 1, hash_
    return hash_


def _batch(at: int, row: Mapping[str, Any], found: Checked, hashes: Sequence[bytes]) -> Root:
    first = found.positions - len(hashes) + 1
    said = [row[name] for name in _BATCH_FIELDS]
    if not hashes or said[:3] != [len(found.roots) + 1, first, found.positions]:
        _broken(at, f"batch {len(found.roots) + 1} of positions {first} to {found.positions} should stand here")
    root = _tree(hashes)
    if said[3:] != ["0x" + root.hex(), "0x" + found.head.hex()]:
        _broken(at, f"the hashes of batch {row['number']} are not those of its events")
    return Root(first, found.positions, root)


def _end(at: int, row: Mapping[str, Any], found: Checked, open_batch: Sequence[bytes]) -> None:
    if open_batch:
        _broken(at, "the last events have no batch")
    if (row["positions"], row["head"]) != (found.positions, "0x" + found.head.hex()):
        _broken(at, f"the log should end at position {row['positions']}, and ends at {found.positions}")


def _next(numbered: Iterator[tuple[int, str]], at: int) -> tuple[int, dict[str, Any]]:
    at, line = next(numbered, (at + 1, ""))
    if not line:
        _broken(at, "the export ends here, without its last row")
    try:
        row = json.loads(line, object_pairs_hook=_once_each)
    except ValueError as error:
        _broken(at, f"this is no JSON: {error}")
    if not isinstance(row, dict) or "type" not in row:
        _broken(at, "this is no row of an export")
    return at, _Row(row, at)


class _Row(dict[str, Any]):
    """A row whose missing fields are named."""

    def __init__(self, values: Mapping[str, Any], at: int) -> None:
        super().__init__(values)
        self._at = at

    def __missing__(self, key: str) -> NoReturn:
        _broken(self._at, f"`{key}` is missing")


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice in one object")
    return found


def _chained(before: bytes, event: Mapping[str, Any]) -> bytes:
    try:
        return sha256(before + rfc8785.dumps(dict(event))).digest()
    except (rfc8785.CanonicalizationError, TypeError, ValueError):
        return b""


def _tree(hashes: Sequence[bytes]) -> bytes:
    """Level by level: of an odd number the last one moves up as it is."""
    level = [sha256(b"\x00" + each).digest() for each in hashes]
    while len(level) > 1:
        pairs = [sha256(b"\x01" + a + b).digest() for a, b in zip(level[::2], level[1::2], strict=False)]
        level = pairs + level[len(pairs) * 2 :]
    return level[0]


def _root_of(hash_: bytes, leaf: int, size: int, path: Sequence[bytes]) -> bytes:
    """RFC 9162, 2.1.3.2. Empty when the path is not as long as the tree is high."""
    last, found = size - 1, sha256(b"\x00" + hash_).digest()
    if not 0 <= leaf < size:
        return b""
    for beside in path:
        if last == 0:
            return b""
        if leaf & 1 or leaf == last:
            found = sha256(b"\x01" + beside + found).digest()
            while not leaf & 1 and leaf:
                leaf, last = leaf >> 1, last >> 1
        else:
            found = sha256(b"\x01" + found + beside).digest()
        leaf, last = leaf >> 1, last >> 1
    return found if last == 0 else b""


def _root_in(log: Log) -> Root:
    root, first, last = decode(["bytes32", "uint64", "uint64"], log.data)
    return Root(int(first), int(last), bytes(root))


def _bytes(text: object) -> bytes:
    try:
        return bytes.fromhex(str(text).removeprefix("0x"))
    except ValueError:
        return b"?"


def _line(kind: str, values: Mapping[str, Any]) -> str:
    return json.dumps({"type": kind, **values}, separators=(",", ":"), ensure_ascii=False) + "\n"


def _broken(at: int, why: str) -> NoReturn:
    raise AuditBroken(f"line {at}: {why}")

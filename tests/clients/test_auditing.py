"""`molt audit verify` finds whatever is done to one row of an export; the platform's hashes are a second opinion."""

import copy
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.audit import schemas, seal
from api.audit.queries import Batch, Event
from molt import auditing
from molt.auditing import AuditBroken, Root
from molt.shapes import AuditProof
from tests.clients.conftest import Terminal

Row = dict[str, Any]
words = st.text(max_size=8)
values = st.one_of(st.none(), st.booleans(), st.integers(-(2**53) + 1, 2**53 - 1), words)
events = st.builds(
    Event,
    id=st.integers(1, 2**50),
    occurred_at=st.integers(0, 10**15).map(lambda us: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(microseconds=us)),
    actor_kind=st.sampled_from(["human", "agent", "operator", "platform"]),
    actor_id=st.none() | st.uuids(),
    action=words,
    subject_kind=words,
    subject_id=words,
    account_id=st.none() | st.uuids(),
    request_id=st.none() | words,
    data=st.dictionaries(words, values | st.lists(values, max_size=3), max_size=4),
)
logs = st.lists(st.lists(events, min_size=1, max_size=9), min_size=1, max_size=4)


def exported(log: list[list[Event]]) -> list[Row]:
    """What `molt audit export` would write, hashed by the platform's code."""
    rows: list[Row] = [
        {"type": "export", "version": 1, "chain_id": 84532, "splitter": "0x" + "1" * 40, "deployed_at_block": 1}
    ]
    position, head = 0, seal.GENESIS
    for number, batch in enumerate(log, start=1):
        hashes = []
        for event in batch:
            position, head = position + 1, seal.chained(head, seal.document(event))
            hashes.append(head)
            rows.append(
                {"type": "event", "position": position, "event": seal.document(event), "hash": "0x" + head.hex()}
            )
        place = {"number": number, "first_position": position - len(batch) + 1, "last_position": position}
        rows.append({"type": "batch", **place, "root": "0x" + seal.root(hashes).hex(), "head": "0x" + head.hex()})
    return [*rows, {"type": "end", "positions": position, "head": "0x" + head.hex()}]


def checked(rows: list[Row]) -> auditing.Checked:
    return auditing.check([json.dumps(row) + "\n" for row in rows])


@given(logs)
def test_two_implementations_agree(log: list[list[Event]]) -> None:
    rows = exported(log)
    found = checked(rows)
    assert found.positions == sum(map(len, log))
    assert [each.root for each in found.roots] == [
        bytes.fromhex(row["root"][2:]) for row in rows if row["type"] == "batch"
    ]


@given(logs, st.data())
def test_one_altered_row_is_found(log: list[list[Event]], data: st.DataObject) -> None:
    rows = exported(log)
    row = data.draw(st.sampled_from(rows[1:]))
    holder = data.draw(st.sampled_from([row, row["event"], row["event"]["data"]])) if row["type"] == "event" else row
    name = data.draw(st.sampled_from(sorted(holder) or ["added"]))
    before, as_text = holder.get(name, "nothing"), json.dumps(holder.get(name))
    holder[name] = data.draw((values | st.uuids().map(str)).filter(lambda new: json.dumps(new) != as_text))
    if not isinstance(before, bool | int) or before != holder[name]:  # JSON has one 1, whether true or not is another
        with pytest.raises(AuditBroken):
            checked(rows)


@given(logs, st.data())
def test_a_dropped_repeated_moved_or_added_row_is_found(log: list[list[Event]], data: st.DataObject) -> None:
    rows = exported(log)
    place = data.draw(st.integers(0, len(rows) - 1))
    other = data.draw(st.integers(0, len(rows) - 1).filter(lambda other: other != place))
    forms: list[Callable[[list[Row]], None]] = [
        lambda rows: rows.pop(place) and None,
        lambda rows: rows.insert(place, copy.deepcopy(rows[place])),
        lambda rows: rows.insert(other, rows.pop(place)),
        lambda rows: rows.insert(place, {"type": "note"}),
    ]
    for spoil in forms:
        spoiled = copy.deepcopy(rows)
        spoil(spoiled)
        with pytest.raises(AuditBroken):
            checked(spoiled)
    for event_field in ("id", "action", "data"):
        spoiled = copy.deepcopy(rows)
        del spoiled[1]["event"][event_field]
        with pytest.raises(AuditBroken, match="line 2"):
            checked(spoiled)


@given(logs)
def test_a_log_that_was_rewritten_as_a_whole_is_found_on_the_chain(log: list[list[Event]]) -> None:
    told = checked(exported(log)).roots
    assert auditing.check_anchors(checked(exported(log)), told, may_be_old=False) == len(log)
    rewritten = checked(exported([[_other(log[0][0]), *log[0][1:]], *log[1:]]))
    with pytest.raises(AuditBroken, match="was told"):
        auditing.check_anchors(rewritten, told, may_be_old=True)
    shorter = checked(exported(log[:-1])) if len(log) > 1 else None
    if shorter:
        with pytest.raises(AuditBroken, match="export ends at"):
            auditing.check_anchors(shorter, told, may_be_old=False)
        assert auditing.check_anchors(shorter, told, may_be_old=True) == len(log) - 1
    with pytest.raises(AuditBroken, match="no such batch"):
        auditing.check_anchors(checked(exported(log)), [Root(1, 10**6, bytes(32))], may_be_old=False)


@given(st.lists(events, min_size=1, max_size=20), st.data())
def test_proofs_hold_for_what_they_are_about_and_for_nothing_else(batch: list[Event], data: st.DataObject) -> None:
    hashes, before = [], [seal.GENESIS]
    for event in batch:
        before.append(seal.chained(before[-1], seal.document(event)))
    hashes = before[1:]
    index = data.draw(st.integers(0, len(batch) - 1))
    sealed = Batch(1, 1, len(batch), seal.root(hashes), hashes[-1], datetime.now(UTC), None, None, None)
    proof = schemas.of_proof(batch[index], index + 1, sealed, before[index], hashes).model_dump(mode="json")
    assert auditing.check_proof(cast("AuditProof", proof)).root == seal.root(hashes)
    for spoil in (
        {"event": seal.document(_other(batch[index]))},
        {"hash_before": "0x" + "9" * 64},
        {"leaf_index": index + 1},
        {"position": index + 2},
        {"path": [*proof["path"], "0x" + "9" * 64]},
        {"tree_size": len(batch) + 1},
    ):
        with pytest.raises(AuditBroken):
            auditing.check_proof(cast("AuditProof", proof | spoil))


def _other(event: Event) -> Event:
    return Event(**{**vars(event), "account_id": UUID(int=7 if event.account_id != UUID(int=7) else 8)})


def test_the_command_names_the_first_wrong_row(terminal: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "log.ndjson"
    event = Event(1, datetime(2026, 1, 1, tzinfo=UTC), "platform", None, "a.b", "x", "1", None, None, {})
    rows = exported([[event, event], [event]])
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    ran = terminal.molt("audit", "verify", str(file), "--json")
    assert ran.exit_code == 0
    assert (ran.json["positions"], ran.json["batches"], ran.json["anchored"]) == (3, 2, None)
    file.write_text(file.read_text().replace('"a.b"', '"a.c"', 2).replace('"a.c"', '"a.b"', 1))
    ran = terminal.molt("audit", "verify", str(file))
    assert ran.exit_code == 9
    assert "line 3: the event at position 2 is not what was sealed" in " ".join(ran.stderr.split())
    for text, why in (("", "ends here"), ("{}\n", "no row"), ("x\n", "no JSON"), ('{"type":"note"}\n', "no export")):
        file.write_text(text)
        assert why in terminal.molt("audit", "verify", str(file)).stderr
    assert terminal.molt("audit", "verify", str(tmp_path / "nothing")).exit_code == 2

"""What is proven of an answer, and what a lie looks like."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer import chain as rpc
from indexer import proof
from indexer.chain import Log
from indexer.topics import AUTHORIZATION_USED, SHARE_HELD, TIP_SPLIT, TRANSFER, VAULT_FLUSHED
from ledger.facts import RAILS
from ledger.money import MicroUsdc, split
from tests.indexer.world import World

SPLITTER, TREASURY, CREATOR, AGENT, PAYER, VAULT = (bytes([number]) * 20 for number in range(1, 7))


async def test_real_headers_have_the_hash_they_say(world: World, chain: rpc.Chain) -> None:
    world.tip()
    head = world.head()[0]
    for header in await chain.headers(range(head + 1)):
        proof.header_hash(header)


@pytest.mark.parametrize("field", ["logs_bloom", "receipts_root", "parent_hash", "timestamp", "base_fee_per_gas"])
async def test_no_field_of_a_header_can_be_changed(world: World, chain: rpc.Chain, field: str) -> None:
    world.tip()
    (header,) = await chain.headers([world.head()[0]])
    value = getattr(header, field)
    changed = msgspec.structs.replace(header, **{field: value[:-1] + ("0" if value[-1] != "0" else "1")})
    with pytest.raises(proof.BadAnswer):
        proof.header_hash(changed)


async def test_headers_must_continue_each_other_and_what_was_there(world: World, chain: rpc.Chain) -> None:
    first, second, third = await chain.headers(range(1, 4))
    parent = bytes.fromhex(first.parent_hash[2:])
    proof.headers_chain([first, second, third])
    proof.continues(first, parent)
    with pytest.raises(proof.NotOurChain):
        proof.continues(second, parent)
    with pytest.raises(proof.BadAnswer, match="does not follow"):
        proof.headers_chain([first, third])


async def test_a_bloom_shows_what_was_left_out_and_what_was_invented(world: World, chain: rpc.Chain) -> None:
    world.mine()
    world.tip()
    number = world.head()[0]
    empty, full = await chain.headers([number - 1, number])
    logs = await chain.logs([{"blockHash": full.hash, "address": world.deployment.splitter}])
    splitter = world.deployment.splitter_bytes
    assert proof.blooms_allow([empty, full], logs, splitter) == []
    assert proof.blooms_allow([empty, full], [], splitter) == [full]
    invented = [msgspec.structs.replace(log, block_number=empty.number) for log in logs]
    with pytest.raises(proof.BadAnswer, match="excludes"):
        proof.blooms_allow([empty], invented, splitter)


def _log(**changes: Any) -> Log:
    said = {"address": "0x", "topics": ["0xab"], "data": "0x", "block_number": "0x5", "block_hash": "0xaa"}
    return Log(**{**said, "transaction_hash": "0x", "log_index": "0x0", **changes})


@pytest.mark.parametrize(
    "logs",
    [
        [_log(removed=True)],
        [_log(block_hash="0xbb")],
        [_log(block_number="0x6")],
    ],
)
def test_logs_must_be_of_the_blocks_that_were_asked_for(logs: list[Log]) -> None:
    with pytest.raises(proof.BadAnswer):
        proof.logs_belong(logs, {"0x5": "0xaa"})


def test_the_same_log_in_two_answers_is_one_log() -> None:
    assert proof.each_once([_log(), _log()]) == [_log()]
    with pytest.raises(proof.BadAnswer, match="two different logs"):
        proof.each_once([_log(), _log(data="0x01")])


def test_what_is_not_ours_is_not_so_for_its_case() -> None:
    proof.is_foreign(_log())
    with pytest.raises(proof.BadAnswer, match="case"):
        proof.is_foreign(_log(topics=["0xAB"]))


# --------------------------------------------------------------------------------------- splits equal transfers

_TX = "0x" + "11" * 32


def _word(value: int | bytes) -> str:
    return f"0x{value:064x}" if isinstance(value, int) else f"0x{value.hex():0>64}"


def _words(*values: int | bytes) -> str:
    return "0x" + "".join(_word(value)[2:] for value in values)


@st.composite
def _transactions(draw: Any) -> list[Log]:
    """Transactions as the contract writes them: one to three splits, each leg paid or held."""
    found: list[Log] = []

    def said(topics: list[str], data: str) -> None:
        found.append(Log("0x", topics, data, "0x1", "0xaa", _TX, hex(len(found))))

    def moved(source: bytes, to: bytes, amount: int) -> None:
        said([TRANSFER, _word(source), _word(to)], _word(amount))

    for _ in range(draw(st.integers(1, 3))):
        rail = draw(st.sampled_from(RAILS))
        amount = draw(st.integers(100, 10**12))
        ref = draw(st.sampled_from([b"\x01" * 32, b"\x02" * 32]))
        source = {"authorization": SPLITTER, "x402": VAULT, "flush": VAULT}.get(rail, PAYER)
        if rail == "authorization":
            said([AUTHORIZATION_USED, _word(PAYER), _word(9)], "0x")
            moved(PAYER, SPLITTER, amount)
        if source == VAULT:
            said([VAULT_FLUSHED, _word(VAULT), _word(ref), _word(0)], _words(amount, 0))
        held_mask = draw(st.integers(0, 7))
        shares = split(MicroUsdc(amount))
        for bit, wallet, share in zip((1, 2, 4), (CREATOR, TREASURY, AGENT), shares, strict=True):
            if held_mask & bit:
                said([SHARE_HELD, _word(3), _word(ref)], _words(1, share, 0))
                if source != SPLITTER:
                    moved(source, SPLITTER, share)
            else:
                moved(source, wallet, share)
        paid = _words(5, amount, shares.creator, shares.agent, CREATOR, AGENT, held_mask, RAILS.index(rail))
        said([TIP_SPLIT, _word(ref), _word(4), _word(PAYER)], paid)
    return draw(st.permutations(found))


def _needed(logs: list[Log]) -> list[Log]:
    return [log for log in logs if log.topics[0] in (TRANSFER, SHARE_HELD)]


@given(_transactions())
def test_what_the_contract_writes_adds_up(found: list[Log]) -> None:
    proof.splits_are_paid(found, SPLITTER)


@given(_transactions(), st.data())
def test_no_transfer_or_hold_can_be_left_out(found: list[Log], data: st.DataObject) -> None:
    gone = data.draw(st.sampled_from(_needed(found)))
    with pytest.raises(proof.BadAnswer, match="tip"):
        proof.splits_are_paid([log for log in found if log is not gone], SPLITTER)


@given(_transactions(), st.data())
def test_no_amount_can_be_changed(found: list[Log], data: st.DataObject) -> None:
    changed = data.draw(st.sampled_from(_needed(found)))
    start = 2 if changed.topics[0] == TRANSFER else 66
    amount = int(changed.data[start : start + 64], 16) + 1
    other = msgspec.structs.replace(changed, data=changed.data[:start] + f"{amount:064x}" + changed.data[start + 64 :])
    with pytest.raises(proof.BadAnswer):
        proof.splits_are_paid([other if log is changed else log for log in found], SPLITTER)

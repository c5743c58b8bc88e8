"""What is proven of an answer, and what a lie looks like."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer import chain as rpc
from indexer import proof
from indexer.chain import Log
from ledger import facts
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
    proof.headers_chain([first, second, third], parent)
    with pytest.raises(proof.NotOurChain):
        proof.headers_chain([second, third], parent)
    with pytest.raises(proof.BadAnswer, match="does not follow"):
        proof.headers_chain([first, third], parent)


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
    said = {"address": "0x", "topics": [], "data": "0x", "block_number": "0x5", "block_hash": "0xaa"}
    return Log(**{**said, "transaction_hash": "0x", "log_index": "0x0", **changes})


@pytest.mark.parametrize(
    "logs",
    [
        [_log(removed=True)],
        [_log(block_hash="0xbb")],
        [_log(block_number="0x6")],
        [_log(), _log(data="0x01")],
    ],
)
def test_logs_must_be_of_the_blocks_that_were_asked_for(logs: list[Log]) -> None:
    with pytest.raises(proof.BadAnswer):
        proof.logs_belong(logs, {5: "0xaa"})


def test_the_same_log_in_two_answers_is_one_log() -> None:
    proof.logs_belong([_log(), _log()], {5: "0xaa"})


# --------------------------------------------------------------------------------------- splits equal transfers

_TX = b"\x11" * 32
_NOW = datetime(2026, 1, 1, tzinfo=UTC)


@st.composite
def _transactions(draw: Any) -> list[facts.Fact]:
    """Transactions as the contract writes them: one to three splits, each leg paid or held."""
    found: list[facts.Fact] = []

    def place() -> tuple[int, int, int, bytes]:
        return 1, 5, len(found), _TX

    def moved(source: bytes, to: bytes, amount: int) -> None:
        found.append(facts.UsdcTransfer(*place(), source, to, MicroUsdc(amount), 5))

    for _ in range(draw(st.integers(1, 3))):
        rail = draw(st.sampled_from(["approve", "permit", "authorization", "x402", "flush"]))
        amount = draw(st.integers(100, 10**12))
        ref = draw(st.sampled_from([b"\x01" * 32, b"\x02" * 32]))
        source = {"authorization": SPLITTER, "x402": VAULT, "flush": VAULT}.get(rail, PAYER)
        if rail == "authorization":
            found.append(facts.AuthorizationUsed(*place(), PAYER, b"\x09" * 32, 5))
            moved(PAYER, SPLITTER, amount)
        if source == VAULT:
            found.append(facts.VaultFlushed(*place(), VAULT, ref, None, MicroUsdc(amount), None))
        held_mask = draw(st.integers(0, 7))
        shares = split(MicroUsdc(amount))
        for bit, wallet, share in zip((1, 2, 4), (CREATOR, TREASURY, AGENT), shares, strict=True):
            if held_mask & bit:
                found.append(facts.ShareHeld(*place(), b"\x03" * 32, ref, _NOW, share, "no_wallet"))
                if source != SPLITTER:
                    moved(source, SPLITTER, share)
            else:
                moved(source, wallet, share)
        ids = (ref, b"\x04" * 32, b"\x05" * 32, PAYER)
        paid = (MicroUsdc(amount), shares.creator, shares.agent)
        found.append(facts.TipSplit(*place(), *ids, *paid, CREATOR, AGENT, held_mask, rail))
    return found


@given(_transactions())
def test_what_the_contract_writes_adds_up(found: list[facts.Fact]) -> None:
    proof.splits_are_paid(found, SPLITTER)


@given(_transactions(), st.data())
def test_no_transfer_or_hold_can_be_left_out(found: list[facts.Fact], data: st.DataObject) -> None:
    needed = [fact for fact in found if isinstance(fact, facts.UsdcTransfer | facts.ShareHeld)]
    gone = data.draw(st.sampled_from(needed))
    with pytest.raises(proof.BadAnswer, match="tip"):
        proof.splits_are_paid([fact for fact in found if fact is not gone], SPLITTER)


@given(_transactions(), st.data())
def test_no_amount_can_be_changed(found: list[facts.Fact], data: st.DataObject) -> None:
    needed = [fact for fact in found if isinstance(fact, facts.UsdcTransfer | facts.ShareHeld)]
    changed = data.draw(st.sampled_from(needed))
    other = changed._replace(amount_micro_usdc=MicroUsdc(changed.amount_micro_usdc + 1))
    with pytest.raises(proof.BadAnswer):
        proof.splits_are_paid([other if fact is changed else fact for fact in found], SPLITTER)

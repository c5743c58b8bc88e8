"""A block's receipts are complete, or their root is another one."""

import json
from typing import Any

import msgspec
import pytest
import rlp
from hypothesis import given, settings
from hypothesis import strategies as st
from trie import HexaryTrie

from indexer import chain as rpc
from indexer import proof, receipts
from indexer.chain import Header, Log, Receipt
from tests.indexer.world import World

HASH, OTHER = "0x" + "ab" * 32, "0x" + "cd" * 32


def _hex(size: int) -> st.SearchStrategy[str]:
    return st.binary(min_size=size, max_size=size).map(lambda value: "0x" + value.hex())


_LOGS = st.builds(
    Log,
    address=_hex(20),
    topics=st.lists(_hex(32), max_size=4),
    data=st.one_of(st.binary(max_size=80), st.integers(250, 70_000).map(bytes)).map(lambda value: "0x" + value.hex()),
    block_number=st.just("0x5"),
    block_hash=st.just(HASH),
    transaction_hash=st.just(OTHER),
    log_index=st.just("0x0"),
)
_QUANTITIES = st.integers(0, 2**64 - 1).map(hex)
_RECEIPTS = st.builds(
    Receipt,
    transaction_hash=_hex(32),
    transaction_index=st.just("0x0"),
    cumulative_gas_used=_QUANTITIES,
    logs_bloom=_hex(256),
    logs=st.lists(_LOGS, max_size=4),
    type=st.sampled_from(["0x0", "0x1", "0x2", "0x3", "0x4", "0x7e"]),
    status=st.sampled_from(["0x0", "0x1", None]),
    root=_hex(32),
    deposit_nonce=st.none() | _QUANTITIES,
    deposit_receipt_version=st.none() | st.just("0x1"),
)


def _root_by_library(found: list[Receipt]) -> bytes:
    trie = HexaryTrie({})
    for index, receipt in enumerate(found):
        trie[rlp.encode(index)] = _encoded_by_library(receipt)
    return bytes(trie.root_hash)


def _encoded_by_library(receipt: Receipt) -> bytes:
    def data(value: str) -> bytes:
        return bytes.fromhex(value[2:])

    logs = [[data(log.address), [data(topic) for topic in log.topics], data(log.data)] for log in receipt.logs]
    outcome = int(receipt.status, 16) if receipt.status else data(receipt.root or "")
    body: list[Any] = [outcome, int(receipt.cumulative_gas_used, 16), data(receipt.logs_bloom), logs]
    if receipt.type == "0x7e" and receipt.deposit_receipt_version:
        body += [int(each, 16) for each in (receipt.deposit_nonce, receipt.deposit_receipt_version) if each]
    kind = int(receipt.type, 16)
    encoded = bytes(rlp.encode(body))
    return bytes([kind]) + encoded if kind else encoded


@settings(max_examples=30, deadline=None)
@given(st.lists(_RECEIPTS, max_size=6), st.sampled_from([1, 2, 30]))
def test_the_root_is_that_of_the_library(few: list[Receipt], times: int) -> None:
    many = few * times
    assert receipts.root(many) == _root_by_library(many)


@pytest.mark.parametrize("count", [0, 1, 2, 15, 16, 17, 127, 128, 129, 255, 256, 257])
def test_every_shape_of_the_trie_is_right(count: int) -> None:
    many = [Receipt(HASH, hex(i), hex(21_000 * i), "0x" + "00" * 256, [], status="0x1") for i in range(count)]
    assert receipts.root(many) == _root_by_library(many)


@pytest.fixture
async def block(world: World, chain: rpc.Chain) -> tuple[Header, list[Receipt]]:
    """Forty transactions in one block: tips, transfers, and some that failed."""
    world.request("evm_setAutomine", False)
    for number in range(38):
        world.tip(ref=number + 1)
    world.tip(amount=1)  # below the least that may be tipped
    world.tip(amount=2)
    world.request("evm_mine")
    (header,) = await chain.headers([world.head()[0]])
    return header, await chain.receipts(header.hash)


async def test_real_receipts_have_the_root_that_the_header_names(
    world: World, chain: rpc.Chain, block: tuple[Header, list[Receipt]]
) -> None:
    header, found = block
    assert len(found) == 40
    assert {receipt.status for receipt in found} == {"0x0", "0x1"}
    receipts.check_root(header, found)
    logs = [log for receipt in found for log in receipt.logs]
    assert logs == await chain.logs([{"blockHash": header.hash}])
    headers = await chain.headers(range(header.height + 1))
    for each, theirs in zip(headers, await chain.receipts_of([one.hash for one in headers]), strict=True):
        receipts.check_root(each, theirs)


def _changed_log(found: list[Receipt], **changes: Any) -> list[Receipt]:
    first, *others = found[0].logs
    return [msgspec.structs.replace(found[0], logs=[msgspec.structs.replace(first, **changes), *others]), *found[1:]]


async def test_whatever_is_left_out_or_changed_is_noticed(block: tuple[Header, list[Receipt]]) -> None:
    header, found = block
    first, *others = found
    log = first.logs[0]
    lies = {
        "a receipt left out": found[:-1],
        "none": [],
        "another order": [found[1], found[0], *found[2:]],
        "a log left out": [msgspec.structs.replace(first, logs=first.logs[1:]), *others],
        "failed in place of done": [msgspec.structs.replace(first, status="0x0"), *others],
        "another bloom": [msgspec.structs.replace(first, logs_bloom="0x" + "00" * 256), *others],
        "another amount": _changed_log(found, data=hex(int(log.data, 16) + 1)),
        "another block": _changed_log(found, block_hash=OTHER),
        "another place": _changed_log(found, log_index="0x7"),
        "another transaction": _changed_log(found, transaction_hash=OTHER),
        "removed": _changed_log(found, removed=True),
        "capitals, which no comparison expects": _changed_log(found, address="0x" + log.address[2:].upper()),
        "no 0x": _changed_log(found, address="zz" + log.address[2:]),
        "spaces": _changed_log(found, data=log.data[:-2] + "  "),
        "no hex": _changed_log(found, data="0xzz"),
        "the same transaction twice": [
            first,
            msgspec.structs.replace(
                found[1],
                transaction_hash=first.transaction_hash,
                logs=[msgspec.structs.replace(each, transaction_hash=first.transaction_hash) for each in found[1].logs],
            ),
            *found[2:],
        ],
    }
    assert [lie for lie, told in lies.items() if _passes(header, told)] == []


def _passes(header: Header, told: list[Receipt]) -> bool:
    try:
        receipts.check_root(header, told)
    except proof.BadAnswer:
        return False
    return True


def test_deposits_of_op_stack_chains_are_decoded_and_counted() -> None:
    """Before Canyon the nonce is told, but not hashed; since then both are."""
    told = {
        "type": "0x7e",
        "status": "0x1",
        "cumulativeGasUsed": "0xb729",
        "logs": [],
        "logsBloom": "0x" + "00" * 256,
        "transactionHash": HASH,
        "transactionIndex": "0x0",
        "depositNonce": "0x0",
        "l1Fee": "0x0",
    }
    before = msgspec.json.decode(json.dumps([told]), type=list[Receipt])
    since = msgspec.json.decode(json.dumps([{**told, "depositReceiptVersion": "0x1"}]), type=list[Receipt])
    without = [msgspec.structs.replace(before[0], deposit_nonce=None)]
    assert receipts.root(before) == receipts.root(without) == _root_by_library(before)
    assert receipts.root(since) == _root_by_library(since) != receipts.root(before)

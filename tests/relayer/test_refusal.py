"""What would revert is not sent; what reverts all the same says why."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from ledger import deployment
from relayer.reverts import decoded
from tests.relayer.world import World, a_world, eventually

ACCOUNT, AGENT, REF = (bytes(31) + bytes([number]) for number in (1, 2, 3))


@pytest.fixture
async def platform(relay_url, chain) -> AsyncIterator[World]:
    """On a chain with USDC and the splitter."""
    async with a_world(relay_url, chain.rpc_url) as made:
        yield made


@pytest.fixture
def splitter(chain):
    contract = chain.contract("TipSplitter")

    class Splitter:
        address = bytes.fromhex(contract.address[2:])

        @staticmethod
        def call(name: str, *arguments: object) -> bytes:
            return bytes.fromhex(contract.encode_abi(name, arguments)[2:])

    return Splitter


async def test_a_custom_error_is_refused_by_name_and_takes_no_nonce(platform, splitter):
    async with platform.relayer():
        claim = await platform.enqueue(to=splitter.address, value_wei=0, data=splitter.call("claim", ACCOUNT, [1]))
        refused = await platform.until(claim, "refused")
        assert (refused.error_code, refused.error_detail) == ("NoVerifiedWallet", {"accountId": "0x" + ACCOUNT.hex()})
        assert (refused.settled, refused.nonce, refused.tx_hash) == (True, None, None)
        assert (await platform.until(await platform.enqueue(), "mined_ok")).nonce is not None
    assert await platform.attempts(claim) == []


async def test_usdcs_reason_is_refused_in_its_own_words(platform, chain):
    usdc = chain.contract("FiatTokenV2_2")
    transfer = bytes.fromhex(usdc.encode_abi("transfer", [chain.cast.treasury.address, 10**15])[2:])
    async with platform.relayer():
        outbox_id = await platform.enqueue(to=bytes.fromhex(usdc.address[2:]), value_wei=0, data=transfer)
        refused = await platform.until(outbox_id, "refused")
    assert refused.error_code == "Error"
    assert refused.error_detail == {"reason": "ERC20: transfer amount exceeds balance"}


async def test_what_only_needs_another_transaction_first_is_not_refused(platform, splitter, chain):
    """The sweep below the pause: while it is paused a tip would revert; a second later it would not."""
    pauser = chain.cast.pauser.address
    tip = splitter.call("tip", ACCOUNT, AGENT, 250_000, REF)
    usdc = chain.contract("FiatTokenV2_2")
    relayer = chain.cast.relayer.address
    usdc.functions.mint(relayer, 250_000).transact({"from": chain.cast.faucet.address})
    usdc.functions.approve(chain.contract("TipSplitter").address, 250_000).transact({"from": relayer})
    contract = chain.contract("TipSplitter")
    contract.functions.pause().transact({"from": pauser})
    async with platform.relayer():
        outbox_id = await platform.enqueue(to=splitter.address, value_wei=0, data=tip)
        await asyncio.sleep(0.7)
        assert (await platform.status(outbox_id)).state == "queued"
        contract.functions.unpause().transact({"from": pauser})
        mined = await platform.until(outbox_id, "mined_ok")
    assert mined.error_code is None


async def test_somebodys_pending_transaction_cannot_refuse_it(platform, splitter, chain):
    """A pause waits in the pool and never comes: on the pending block the tip reverts, on the chain it does not."""
    contract, relayer = chain.contract("TipSplitter"), chain.cast.relayer.address
    chain.contract("FiatTokenV2_2").functions.mint(relayer, 250_000).transact({"from": chain.cast.faucet.address})
    chain.contract("FiatTokenV2_2").functions.approve(contract.address, 250_000).transact({"from": relayer})
    await platform.rpc("evm_setAutomine", False)
    pause = contract.functions.pause().transact({"from": chain.cast.pauser.address})
    async with platform.relayer(relayer_stuck_after_seconds=60):
        tip = splitter.call("tip", ACCOUNT, AGENT, 250_000, REF)
        outbox_id = await platform.enqueue(to=splitter.address, value_wei=0, data=tip)
        await platform.until(outbox_id, "broadcast")
        await platform.rpc("anvil_dropTransaction", pause.to_0x_hex())
        await platform.rpc("anvil_mine")
        assert (await platform.until(outbox_id, "mined_ok", "mined_reverted")).state == "mined_ok"


async def test_what_keeps_reverting_is_refused_with_the_last_reason(platform, splitter, chain):
    chain.contract("TipSplitter").functions.pause().transact({"from": chain.cast.pauser.address})
    async with platform.relayer():
        tip = splitter.call("tip", ACCOUNT, AGENT, 250_000, REF)
        outbox_id = await platform.enqueue(to=splitter.address, value_wei=0, data=tip)
        assert (await platform.until(outbox_id, "refused")).error_code == "TipsPaused"


async def test_a_revert_on_chain_is_told_with_its_reason(platform, splitter, chain):
    """Two pending tips, one allowance: both would succeed when asked alone, the second reverts in the block."""
    usdc, relayer = chain.contract("FiatTokenV2_2"), chain.cast.relayer.address
    usdc.functions.mint(relayer, 500_000).transact({"from": chain.cast.faucet.address})
    usdc.functions.approve(chain.contract("TipSplitter").address, 250_000).transact({"from": relayer})
    await platform.rpc("evm_setAutomine", False)
    tip = splitter.call("tip", ACCOUNT, AGENT, 250_000, REF)
    ids = [await platform.enqueue(to=splitter.address, value_wei=0, data=tip) for _ in range(2)]
    async with platform.relayer(relayer_stuck_after_seconds=60):
        for outbox_id in ids:
            await platform.until(outbox_id, "broadcast")
        await platform.rpc("anvil_mine")
        assert (await platform.until(ids[0], "mined_ok")).error_code is None
        reverted = await platform.until(ids[1], "mined_reverted")
        assert (reverted.error_code, reverted.error_detail) == (
            "Error",
            {"reason": "ERC20: transfer amount exceeds allowance"},
        )
        assert reverted.gas_used > 21000
        assert (await platform.until_settled(ids[1])).state == "mined_reverted"


async def test_a_stuck_request_that_makes_no_sense_any_more_gives_its_nonce_to_a_no_op(platform, splitter, chain):
    usdc, relayer = chain.contract("FiatTokenV2_2"), chain.cast.relayer.address
    usdc.functions.mint(relayer, 250_000).transact({"from": chain.cast.faucet.address})
    usdc.functions.approve(chain.contract("TipSplitter").address, 250_000).transact({"from": relayer})
    await platform.rpc("evm_setAutomine", False)
    tip = splitter.call("tip", ACCOUNT, AGENT, 250_000, REF)
    async with platform.relayer(relayer_stuck_after_seconds=2):
        outbox_id = await platform.enqueue(to=splitter.address, value_wei=0, data=tip)
        await platform.until(outbox_id, "broadcast")
        await platform.rpc("anvil_dropAllTransactions")
        chain.contract("TipSplitter").functions.pause().transact({"from": chain.cast.pauser.address})
        await platform.rpc("anvil_mine")
        await eventually(lambda: platform.attempts(outbox_id), lambda found: len(found) == 2, "replaced")
        await platform.rpc("anvil_mine")
        refused = await platform.until(outbox_id, "refused", "mined_reverted")
    assert refused.error_code == "TipsPaused"
    assert [attempt["kind"] for attempt in await platform.attempts(outbox_id)] == ["request", "no_op"]


async def test_a_given_gas_limit_that_does_not_suffice_is_refused(platform, splitter, chain):
    async with platform.relayer():
        outbox_id = await platform.enqueue(
            to=splitter.address,
            value_wei=0,
            data=splitter.call("deployVaults", [(ACCOUNT, AGENT, REF)]),
            gas_limit=40_000,
        )
        refused = await platform.until(outbox_id, "refused", "mined_reverted")
    assert refused.state == "refused"


def _reason(text: bytes, *, dirt: bytes) -> bytes:
    """`Error(string)` as USDC says it: what follows the text in memory is left behind it."""
    padding = bytes(32 - len(text) - len(dirt)) + dirt
    return bytes.fromhex("08c379a0") + (32).to_bytes(32, "big") + len(text).to_bytes(32, "big") + text + padding


@pytest.mark.parametrize(
    ("data", "code", "detail"),
    [
        (b"", "Unexplained", {}),
        (b"\xde\xad\xbe\xef", "Unexplained", {"data": "0xdeadbeef"}),
        (bytes.fromhex("08c379a0") + b"\xff" * 64, "Unexplained", {"data": "0x08c379a0" + "ff" * 64}),
        (bytes.fromhex("4e487b71") + bytes(31) + b"\x11", "Panic", {"panic_code": "0x11"}),
        (_reason(b"too poor", dirt=b"A"), "Error", {"reason": "too poor"}),
    ],
)
def test_reasons_are_decoded_or_said_to_be_unexplained(data, code, detail):
    found = decoded(data)
    assert (found.code, found.detail) == (code, detail)


def test_every_custom_error_of_the_splitter_is_known():
    from relayer.reverts import _custom_errors

    declared = {entry["name"] for entry in deployment.abi("TipSplitter") if entry["type"] == "error"}
    assert declared <= {entry["name"] for entry in _custom_errors().values()}
    assert "TipsPaused" in declared

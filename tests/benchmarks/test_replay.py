"""The replay server says what Anvil said, and a repeated chain proves itself."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from indexer import chain as rpc
from indexer import proof
from indexer.topics import AUTHORIZATION_USED, TIP_SPLIT, TRANSFER
from ledger import deployment
from tests.benchmarks import chain, replay

TINY = chain.Shape("tiny", blocks=4, tips=6, foreign=60)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bench")


@pytest.fixture(scope="module")
def anvil(folder: Path) -> Iterator[str]:
    with chain.built(TINY, folder) as url:
        chain.record(url, folder)
        yield url


@pytest.fixture(scope="module")
def replayed(anvil: str, folder: Path) -> Iterator[str]:
    with replay.running(folder) as (url,):
        yield url


def _ask(url: str, method: str, *parameters: Any) -> Any:
    asked = {"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}
    return httpx.post(url, json=asked, timeout=30).json()["result"]


def _questions(anvil: str, folder: Path) -> Iterator[tuple[str, list[Any]]]:
    found = deployment.load(84532, folder / chain.DEPLOYMENT)
    newest = int(_ask(anvil, "eth_blockNumber"), 16)
    everything = {"fromBlock": "0x0", "toBlock": hex(newest)}
    tips = _ask(anvil, "eth_getLogs", {**everything, "address": found.splitter, "topics": [TIP_SPLIT]})
    payers = sorted({log["topics"][3] for log in tips})
    splitter = f"0x{found.splitter_bytes.hex():0>64}"
    usdc = {"address": found.usdc}
    within = {"fromBlock": tips[3]["blockNumber"], "toBlock": tips[-1]["blockNumber"]}
    for place in (everything, within, {"blockHash": tips[0]["blockHash"]}):
        yield "eth_getLogs", [{**place, "address": found.splitter}]
        yield "eth_getLogs", [{**place, **usdc, "topics": [TRANSFER, [splitter]]}]
        yield "eth_getLogs", [{**place, **usdc, "topics": [TRANSFER, None, [splitter, payers[0]]]}]
        yield "eth_getLogs", [{**place, **usdc, "topics": [TRANSFER, payers]}]
        yield "eth_getLogs", [{**place, **usdc, "topics": [AUTHORIZATION_USED, payers]}]
        yield "eth_getLogs", [{**place, "address": [found.usdc, found.splitter], "topics": [[TRANSFER, TIP_SPLIT]]}]
        yield "eth_getLogs", [place]
    for number in range(newest + 1):
        yield "eth_getBlockByNumber", [hex(number), True]
        yield "eth_getBlockReceipts", [hex(number)]
    for tag in ("latest", "safe", "finalized"):
        yield "eth_getBlockByNumber", [tag, True]
    yield "eth_getBlockByHash", [tips[0]["blockHash"], True]
    yield "eth_getBlockByNumber", [hex(newest + 1), True]
    yield "eth_chainId", []


def test_answers_as_anvil_does(anvil: str, replayed: str, folder: Path) -> None:
    for method, parameters in _questions(anvil, folder):
        assert _ask(replayed, method, *parameters) == _ask(anvil, method, *parameters), (method, parameters)


async def test_headers_without_transactions_are_the_same(anvil: str, replayed: str) -> None:
    async with rpc.Chain([anvil]) as real, rpc.Chain([replayed]) as remembered:
        newest = (await real.heads()).latest.height
        assert await remembered.headers(range(newest + 1)) == await real.headers(range(newest + 1))
        assert await remembered.heads() == await real.heads()


async def test_a_repeated_chain_proves_itself(anvil: str, folder: Path) -> None:
    found = deployment.load(84532, folder / chain.DEPLOYMENT)
    with replay.running(folder, repeat=3) as (url,):
        async with rpc.Chain([url]) as longer, rpc.Chain([anvil]) as real:
            newest = (await longer.heads()).latest.height
            assert newest == (await real.heads()).latest.height + 2 * TINY.blocks
            headers = await longer.headers(range(newest + 1))
            proof.headers_chain(headers)
            place = {"fromBlock": "0x0", "toBlock": hex(newest)}
            logs = await longer.logs([place])
    proof.logs_belong(logs, {header.number: header.hash for header in headers})
    tips = [log for log in logs if log.topics[0] == TIP_SPLIT]
    assert len({log.transaction_hash for log in tips}) == len(tips) == 3 * TINY.blocks * TINY.tips
    ours = [
        log for log in logs if log.address == found.splitter.lower() or log.topics[0] in (TRANSFER, AUTHORIZATION_USED)
    ]
    proof.splits_are_paid(ours, found.splitter_bytes)

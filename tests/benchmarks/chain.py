"""A chain to index: tips on a real Anvil with Circle's USDC and our splitter, among ten times as many others' transfe

`python -m tests.benchmarks.chain dense|sparse` builds one and records it. A recording is what a node told of each
block: the block with its transactions, and its receipts. It is kept in `.molt-bench/`, outside git.
"""

import gzip
import random
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import msgspec
from eth_account import Account
from eth_account.signers.local import LocalAccount

from deploy.local import chain as local_chain
from ledger import deployment
from tests.indexer import world as worlds
from tests.indexer.world import id_of

HOME = local_chain.ROOT / ".molt-bench"
RECORDING = "blocks.jsonl.gz"
DEPLOYMENT = "deployment.json"
_TIPPERS = 400
_ACCOUNTS = 40
"""Half of them creators; the last of each half never has a wallet: its shares are held."""
_REFS = 60
_AUTHORIZED, _X402 = 0.12, 0.06
"""Parts of the tips; the others are by approval."""
_EMPTY_BLOCKS = 40
"""At the end, so that peers which count confirmations find the rest of the chain final."""
_FOREIGN_PER_CALL = 50
_FOREIGNERS = 300
"""Who receive. Anvil copies its state for each block: with ever new ones, 20,000 blocks take an hour."""
_GAS = {"tip": hex(400_000), "authorization": hex(600_000), "foreign": hex(4_000_000)}
_QUESTIONS_PER_REQUEST = 200
_SAID_EVERY_S = 10.0


@dataclass(frozen=True)
class Shape:
    """How many tips and foreign transfers each block has."""

    name: str
    blocks: int
    tips: int
    foreign: int


DENSE = Shape("dense", blocks=1_000, tips=20, foreign=200)
SPARSE = Shape("sparse", blocks=20_000, tips=1, foreign=10)
SHAPES = {shape.name: shape for shape in (DENSE, SPARSE)}


@dataclass
class _Builder:
    world: worlds.World
    http: httpx.Client
    tippers: list[LocalAccount]
    senders: list[str]
    """Contracts that transfer USDC of theirs to whom they are told: the foreigners."""
    _nonces: dict[str, int] = field(default_factory=dict)
    _vaults: dict[tuple[int, int, int], str] = field(default_factory=dict)
    _selector: str = ""

    def tip(self) -> dict[str, str]:
        rng = self.world.rng
        creator, agent = rng.randrange(1, _ACCOUNTS, 2), rng.randrange(2, _ACCOUNTS + 1, 2)
        ref, payer, by = rng.randrange(_REFS), rng.choice(self.tippers), rng.random()
        if by < _X402:
            return self._x402(creator, agent % 8 + 2, ref % 5, payer)
        if by < _X402 + _AUTHORIZED:
            return self._authorized(creator, agent, ref, payer)
        words = id_of(creator) + id_of(agent) + self._amount().to_bytes(32) + id_of(ref)
        data = self._tip_selector() + words.hex()
        return {"from": payer.address, "to": self.world.deployment.splitter, "data": data, "gas": _GAS["tip"]}

    def foreign(self, transfers: int) -> Iterator[dict[str, str]]:
        for start in range(0, transfers, _FOREIGN_PER_CALL):
            count = min(_FOREIGN_PER_CALL, transfers - start)
            recipients = "".join(f"{self.world.rng.randrange(_FOREIGNERS) + 2**159:064x}" for _ in range(count))
            sender, relayer = self.world.rng.choice(self.senders), self.world.cast.relayer.address
            yield {"from": relayer, "to": sender, "data": "0x" + recipients, "gas": _GAS["foreign"]}

    def numbered(self, request: dict[str, str]) -> tuple[str, list[Any]]:
        """With its nonce: Anvil takes the questions of a batch together, and would give two of them the same one."""
        sender = request["from"]
        if sender not in self._nonces:
            self._nonces[sender] = int(
                local_chain.request(self.world.w3, "eth_getTransactionCount", sender, "latest"), 16
            )
        self._nonces[sender] += 1
        return "eth_sendTransaction", [{**request, "nonce": hex(self._nonces[sender] - 1)}]

    def _authorized(self, creator: int, agent: int, ref: int, payer: LocalAccount) -> dict[str, str]:
        world, amount, salt = self.world, self._amount(), self.world.rng.randbytes(32)
        ids = {"creator_id": id_of(creator), "agent_id": id_of(agent), "ref": id_of(ref)}
        nonce = deployment.terms_nonce(**ids, salt=salt)
        signature = world._authorize(payer, world.deployment.splitter, amount, nonce, receive=True)
        deadline = worlds._NO_DEADLINE
        terms = (payer.address, id_of(creator), id_of(agent), amount, id_of(ref), salt, 0, deadline, signature)
        return self._relayed(world.splitter.functions.tipWithAuthorization(*terms))

    def _x402(self, creator: int, agent: int, ref: int, payer: LocalAccount) -> dict[str, str]:
        world, amount, nonce = self.world, self._amount(), self.world.rng.randbytes(32)
        key = (creator, agent, ref)
        if key not in self._vaults:
            self._vaults[key] = world.vault(*key)
        signature = world._authorize(payer, self._vaults[key], amount, nonce)
        ids, deadline = map(id_of, key), worlds._NO_DEADLINE
        return self._relayed(
            world.splitter.functions.tipX402(payer.address, *ids, amount, 0, deadline, nonce, signature)
        )

    def _relayed(self, call: Any) -> dict[str, str]:
        data, relayer = call._encode_transaction_data(), self.world.cast.relayer.address
        return {"from": relayer, "to": call.address, "data": data, "gas": _GAS["authorization"]}

    def _tip_selector(self) -> str:
        if not self._selector:
            call = self.world.splitter.functions.tip(id_of(1), id_of(2), 1, id_of(3))
            self._selector = call._encode_transaction_data()[:10]
        return self._selector

    def _amount(self) -> int:
        return self.world.rng.randrange(100_000, 500_000)


@contextmanager
def built(shape: Shape, folder: Path, say: Callable[[str], None] = lambda _: None) -> Iterator[str]:
    """Builds the chain on an Anvil of its own, and yields its URL; the deployment file is in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    state, file = folder / "state.json", folder / DEPLOYMENT
    if not state.exists():
        with local_chain.running(state=state) as url:
            local_chain.ensure_deployed(url, file)
    with local_chain.running(load_state=state, epoch_blocks=1, states_in_memory=64) as url:
        found = deployment.load(local_chain.CHAIN_ID, file)
        world = worlds.World(url, found, file, random.Random(shape.name), local_chain.connect(url))
        with httpx.Client(base_url=url, timeout=120) as http:
            builder = _settled(world, http)
            started = said = time.monotonic()
            for done in range(shape.blocks):
                _send(http, _transactions(builder, shape))
                _send(http, [("anvil_mine", ["0x1"])])  # in the same request it might come first
                if time.monotonic() - said > _SAID_EVERY_S:
                    said = time.monotonic()
                    say(f"{shape.name}: {done} of {shape.blocks} blocks after {said - started:.0f} s")
            _send(http, [("anvil_mine", [hex(_EMPTY_BLOCKS)])])
        yield url


def recorded(shape: Shape, home: Path = HOME, say: Callable[[str], None] = lambda _: None) -> Path:
    """The folder with the recording and the deployment file; builds the chain when there is none."""
    folder = home / shape.name
    if not (folder / RECORDING).exists():
        with built(shape, folder, say) as url:
            record(url, folder)
    return folder


def record(url: str, folder: Path) -> None:
    """Asks a node for every block and its receipts, and writes what it says, a line for each block."""
    unfinished = folder / f"{RECORDING}.new"
    with httpx.Client(base_url=url, timeout=120) as http, gzip.open(unfinished, "wb", compresslevel=1) as file:
        newest = int(msgspec.json.decode(_send(http, [("eth_blockNumber", [])])[0], type=str), 16)
        for start in range(0, newest + 1, _QUESTIONS_PER_REQUEST):
            numbers = [hex(number) for number in range(start, min(newest + 1, start + _QUESTIONS_PER_REQUEST))]
            blocks = _send(http, [("eth_getBlockByNumber", [number, True]) for number in numbers])
            receipts = _send(http, [("eth_getBlockReceipts", [number]) for number in numbers])
            for block, of_block in zip(blocks, receipts, strict=True):
                file.write(b'{"block":%b,"receipts":%b}\n' % (block, of_block))
    shutil.move(unfinished, folder / RECORDING)


def _settled(world: worlds.World, http: httpx.Client) -> _Builder:
    """Tippers with money and approvals, accounts with wallets, foreigners with money."""
    rng, cast, usdc = world.rng, world.cast, world.usdc.functions
    tippers = [Account.from_key(rng.randbytes(32)) for _ in range(_TIPPERS)]
    senders = [f"0x{rng.getrandbits(160):040x}" for _ in range(16)]
    for account in range(1, _ACCOUNTS - 1):
        world.set_wallet(account)
    local_chain.request(world.w3, "anvil_autoImpersonateAccount", True)
    _send(http, [("anvil_setCode", [sender, _batch_code(world.deployment.usdc)]) for sender in senders])
    _send(http, [("anvil_setBalance", [tipper.address, hex(10**24)]) for tipper in tippers])
    _send(http, [("anvil_setBalance", [who.address, hex(10**24)]) for who in (cast.relayer, cast.faucet)])
    world.until_mined()
    local_chain.request(world.w3, "evm_setAutomine", False)
    for who in [*(tipper.address for tipper in tippers), *senders]:
        call = usdc.mint(world.w3.to_checksum_address(who), 10**10)
        _send(http, [_transaction(cast.faucet.address, world.deployment.usdc, call._encode_transaction_data())])
    _send(http, [("anvil_mine", ["0x3"])])
    approval = usdc.approve(world.deployment.splitter, 2**200)._encode_transaction_data()
    _send(http, [_transaction(tipper.address, world.deployment.usdc, approval) for tipper in tippers])
    _send(http, [("anvil_mine", ["0x3"])])
    return _Builder(world, http, tippers, senders)


def _transaction(sender: str, to: str, data: str) -> tuple[str, list[Any]]:
    return "eth_sendTransaction", [{"from": sender, "to": to, "data": data, "gas": hex(150_000)}]


def _transactions(builder: _Builder, shape: Shape) -> list[tuple[str, list[Any]]]:
    tips = [builder.tip() for _ in range(shape.tips)]
    return [builder.numbered(each) for each in (*tips, *builder.foreign(shape.foreign))]


def _batch_code(usdc: str) -> str:
    """A contract that transfers 1 micro-USDC to each address of its calldata, a word each."""
    return (
        "0x63a9059cbb60e01b600052"  # memory[0:4] = selector of transfer(address,uint256)
        "6001602452"  # memory[36:68] = 1
        "5f"  # position in the calldata
        "5b8035600452"  # loop: memory[4:36] = the word there
        f"5f5f60445f5f73{usdc[2:].lower()}5af150"  # call USDC
        "602001"  # next word
        "803611601157"  # again while position < calldatasize
        "00"
    )


class _Answer(msgspec.Struct):
    id: int
    result: msgspec.Raw = msgspec.Raw(b"")
    error: Any = None


_ANSWERS = msgspec.json.Decoder(list[_Answer])


def _send(http: httpx.Client, questions: list[tuple[str, list[Any]]]) -> list[msgspec.Raw]:
    """The answers, in order, of one batch. Raises local_chain.ChainError for the first that is an error."""
    asked = [
        {"jsonrpc": "2.0", "id": number, "method": method, "params": parameters}
        for number, (method, parameters) in enumerate(questions)
    ]
    answers = _ANSWERS.decode(http.post("/", content=msgspec.json.encode(asked), headers=_JSON).content)
    for answer in answers:
        if answer.error is not None:
            raise local_chain.ChainError(f"{questions[answer.id][0]}: {answer.error}")
    return [answer.result for answer in sorted(answers, key=lambda answer: answer.id)]


_JSON = {"content-type": "application/json"}


if __name__ == "__main__":
    for name in sys.argv[1:] or SHAPES:
        started_at = time.monotonic()
        where = recorded(SHAPES[name], say=lambda words: print(words, file=sys.stderr, flush=True))
        print(f"{where} ({time.monotonic() - started_at:.0f} s)")

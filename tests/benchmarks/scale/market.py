"""A year of a synthetic market, as the rows that its logs would make: a few accounts earn most, most earn little.

Payments come by every rail, some shares are held, and are claimed or swept later; a few tips are in a block, none in
most. Everything follows from the seed. Rows are made as the indexer makes them: in the hex of binary COPY, by table.
"""

import itertools
import json
import random
from bisect import bisect
from collections import defaultdict, deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple

CHAIN_ID = 84532
START = datetime(2025, 6, 1, tzinfo=UTC)
CREATORS, AGENTS, EPISODES, PAYERS, VAULTS = 3_000, 300, 20_000, 200_000, 4_000
_SKEW = 1.05
"""Zipf's exponent: the first of 3,000 creators gets about an eighth of the tips."""
_WITHOUT_WALLET = 20
"""One creator in so many has no wallet, and is held its shares."""
_DAY_SECONDS = 86_400
_HOLD_SECONDS = 30 * _DAY_SECONDS
_CLAIMED = 0.4
"""Of the held shares."""
_POSTGRES_EPOCH = 946_684_800
_BLOCK_SECONDS = 2
_SECONDS_BETWEEN = 56
"""Between blocks with tips, on average: ten million rows are about a year."""

Rows = dict[str, list[str]]


class Episode(NamedTuple):
    """Its ref and vault as fields of a row; its creator and agent by their place in the lists."""

    ref: str
    creator: int
    agent: int
    vault: str | None


class _Bucket(NamedTuple):
    expires_at: int
    creator: int
    share: int


@dataclass
class Made:
    """Some blocks, and their rows."""

    blocks: list[tuple[int, int]] = field(default_factory=list)
    """(number, unix time), those with rows."""
    rows: Rows = field(default_factory=lambda: defaultdict(list))

    @property
    def size(self) -> int:
        return sum(map(len, self.rows.values()))


class Market:
    """`more(rows)` goes on where the last one ended."""

    def __init__(self, *, first_creator: bytes, first_agent: bytes, seed: int = 1) -> None:
        """The first of each is who earns most."""
        self._random = random.Random(seed)
        self.number = 1
        self.timestamp = int(START.timestamp())
        self.splitter, self.treasury = _bytes(_address(0xA0, 1)), _bytes(_address(0xA1, 1))
        self.creators = [first_creator, *(_account(0xC0, n) for n in range(1, CREATORS))]
        self.agents = [first_agent, *(_account(0xC1, n) for n in range(1, AGENTS))]
        self._creator_fields = [_bytes(each) for each in self.creators]
        self._agent_fields = [_bytes(each) for each in self.agents]
        self._creator_wallets = [_bytes(_address(0xC0, n)) for n in range(CREATORS)]
        self._agent_wallets = [_bytes(_address(0xC1, n)) for n in range(AGENTS)]
        self._payers = [_bytes(_address(0xFA, n)) for n in range(PAYERS)]
        self._payer_weights = _zipf(PAYERS, 0.6)
        self.episodes = self._publish()
        self._episode_weights = _zipf(EPISODES, _SKEW)
        self._claims: deque[_Bucket] = deque()
        self._sweeps: deque[_Bucket] = deque()
        self._transactions: deque[bytes] = deque(maxlen=1000)
        self._opening = True

    def more(self, rows: int) -> Made:
        """At least so many rows, in whole blocks."""
        made = Made()
        size = 0
        while size < rows:
            self._pass_time()
            made.blocks.append((self.number, self.timestamp))
            size += self._fill(made.rows)
        return made

    def a_creator(self) -> bytes:
        """Of a tip taken at random: who earns more is met more often."""
        return self.creators[self.an_episode().creator]

    def an_episode(self) -> Episode:
        """Of a tip taken at random."""
        return self.episodes[_pick(self._random, self._episode_weights)]

    def a_transaction(self) -> bytes:
        """One of the last thousand tips', or nobody's."""
        return self._random.choice(self._transactions) if self._transactions else bytes(32)

    def a_payer(self) -> bytes:
        return bytes.fromhex(self._payers[_pick(self._random, self._payer_weights)][8:])

    # ----------------------------------------------------------------------------------------------------- the world

    def _publish(self) -> list[Episode]:
        """Who makes what: the most productive also have the most popular ones."""
        creators = [0, 0, 0, *self._random.choices(range(CREATORS), cum_weights=_zipf(CREATORS, 0.8), k=EPISODES)]
        agents = [0, 0, 0, *self._random.choices(range(AGENTS), cum_weights=_zipf(AGENTS, 0.8), k=EPISODES)]
        return [
            Episode(
                _bytes(_account(0xE0, n)), creators[n], agents[n], _bytes(_address(0xE0, n)) if n < VAULTS else None
            )
            for n in range(EPISODES)
        ]

    def _pass_time(self) -> None:
        blocks = 1 + int(self._random.expovariate(_BLOCK_SECONDS / _SECONDS_BETWEEN))
        self.number += blocks
        self.timestamp += blocks * _BLOCK_SECONDS

    def _fill(self, rows: Rows) -> int:
        block = _Block(f"{_int8(CHAIN_ID)}{_int8(self.number)}", rows)
        if self._opening:
            self._open(block)
        self._empty_buckets(block)
        tips = 1 + min(19, int(self._random.expovariate(1 / 3)))
        for _ in range(tips):
            self._tip(block, self.an_episode(), self._payers[_pick(self._random, self._payer_weights)])
        return block.logs

    def _open(self, block: "_Block") -> None:
        """Wallets, vaults and settings: once, in the first block."""
        self._opening = False
        tx = _bytes(self._random.randbytes(32))
        for name, args in (
            ("TreasuryChanged", {"treasury": "0x" + self.treasury[8:]}),
            ("MinTipSet", {"minTip": "250000"}),
        ):
            block.add("contract_event", 6, tx, _text(name) + _bytes(b"\1" + json.dumps(args).encode()))
        for account, wallet in zip(
            self._creator_fields + self._agent_fields, self._creator_wallets + self._agent_wallets, strict=True
        ):
            block.add("wallet_event", 9, tx, f"{_text('set')}{account}{wallet}{_NULL}{_NULL}")
        for episode in self.episodes[:VAULTS]:
            pair = f"{self._creator_fields[episode.creator]}{self._agent_fields[episode.agent]}"
            block.add("vault_deployed", 8, tx, f"{episode.vault}{episode.ref}{pair}")

    # ----------------------------------------------------------------------------------------------------- its logs

    def _tip(self, block: "_Block", episode: Episode, payer: str) -> None:
        chance = self._random.random() * (1 if episode.vault else _RAIL_CHANCES[2])
        amount = 250_000 * (1 + int(self._random.expovariate(0.25)))
        agent_share, platform_share = amount // 100, amount * 19 // 100
        creator_share = amount - agent_share - platform_share
        tx_hash = self._random.randbytes(32)
        self._transactions.append(tx_hash)
        tx = _bytes(tx_hash)
        source = self._pay(block, tx, episode, payer, amount, chance)
        creator = self._creator_fields[episode.creator]
        held = episode.creator % _WITHOUT_WALLET == 3
        wallet = _NULL if held else self._creator_wallets[episode.creator]
        block.transfer(tx, source, self.splitter if held else wallet, creator_share)
        block.transfer(tx, source, self.treasury, platform_share)
        block.transfer(tx, source, self._agent_wallets[episode.agent], agent_share)
        if held:
            self._hold(block, tx, episode, creator_share)
        rail = _RAILS[bisect(_RAIL_CHANCES, chance)]
        block.add(
            "tip_split",
            15,
            tx,
            f"{episode.ref}{creator}{self._agent_fields[episode.agent]}{payer if rail is not _FLUSH else _NULL}"
            f"{_int8(amount)}{_int8(creator_share)}{_int8(agent_share)}{wallet}{self._agent_wallets[episode.agent]}"
            f"{'000000020001' if held else '000000020000'}{rail}",
        )

    def _pay(  # noqa: PLR0917
        self, block: "_Block", tx: str, episode: Episode, payer: str, amount: int, chance: float
    ) -> str:
        """How the money comes in; answers where the shares come from."""
        if chance < _RAIL_CHANCES[1]:
            return payer
        nonce = _bytes(self._random.randbytes(32))
        noticed = block.place[24:]
        if chance < _RAIL_CHANCES[2] or episode.vault is None:
            block.add("authorization_used", 7, tx, f"{payer}{nonce}{noticed}")
            block.transfer(tx, payer, self.splitter, amount)
            return self.splitter
        authorized = chance < _RAIL_CHANCES[3]
        if authorized:
            block.add("authorization_used", 7, tx, f"{payer}{nonce}{noticed}")
        block.transfer(tx, payer, episode.vault, amount)
        origin = (payer, nonce) if authorized else (_NULL, _NULL)
        block.add("vault_flushed", 9, tx, f"{episode.vault}{episode.ref}{origin[0]}{_int8(amount)}{origin[1]}")
        return episode.vault

    def _hold(self, block: "_Block", tx: str, episode: Episode, share: int) -> None:
        expires_at = self.timestamp + _HOLD_SECONDS
        account = self._creator_fields[episode.creator]
        block.add(
            "share_held",
            9,
            tx,
            f"{account}{episode.ref}{_time(expires_at)}{_int8(share)}{_text('no_wallet')}",
        )
        waiting = self._claims if self._random.random() < _CLAIMED else self._sweeps
        waiting.append(_Bucket(expires_at, episode.creator, share))

    def _empty_buckets(self, block: "_Block") -> None:
        """Some are claimed the day before they expire; the others swept the day after."""
        for waiting, table, seconds in (
            (self._claims, "share_claimed", -_DAY_SECONDS),
            (self._sweeps, "share_swept", _DAY_SECONDS),
        ):
            while waiting and waiting[0].expires_at + seconds <= self.timestamp:
                expires_at, creator, share = waiting.popleft()
                tx = _bytes(self._random.randbytes(32))
                to = self._creator_wallets[creator] if waiting is self._claims else self.treasury
                block.transfer(tx, self.splitter, to, share)
                block.add(table, 8, tx, f"{self._creator_fields[creator]}{to}{_time(expires_at)}{_int8(share)}")


class _Block:
    """One block's rows, in the order of its logs."""

    def __init__(self, place: str, rows: Rows) -> None:
        self.place = place
        self.logs = 0
        self._rows = rows

    def add(self, table: str, fields: int, tx: str, rest: str) -> None:
        self._rows[table].append(f"{fields:04x}{self.place}{_int4(self.logs)}{tx}{rest}")
        self.logs += 1

    def transfer(self, tx: str, source: str, to: str, amount: int) -> None:
        rest = f"{source}{to}{_int8(amount)}{self.place[24:]}"
        self._rows["usdc_transfer"].append(f"0008{self.place}{_int4(self.logs)}{tx}{rest}")
        self.logs += 1


def _zipf(count: int, exponent: float) -> list[float]:
    """Cumulative weights."""
    return list(itertools.accumulate(1 / (rank + 1) ** exponent for rank in range(count)))


def _pick(source: random.Random, cumulative: list[float]) -> int:
    return bisect(cumulative, source.random() * cumulative[-1])


def _account(kind: int, number: int) -> bytes:
    """As our ids are: a UUID, left-padded."""
    return (random.Random(kind << 32 | number).getrandbits(128)).to_bytes(32)


def _address(kind: int, number: int) -> bytes:
    return (random.Random(kind << 40 | number).getrandbits(160)).to_bytes(20)


def _bytes(value: bytes) -> str:
    return f"{len(value):08x}{value.hex()}"


def _int8(value: int) -> str:
    return f"00000008{value:016x}"


def _int4(value: int) -> str:
    return f"00000004{value:08x}"


def _time(seconds: int) -> str:
    return _int8((seconds - _POSTGRES_EPOCH) * 1_000_000)


def _text(value: str) -> str:
    return _bytes(value.encode())


_NULL = "ffffffff"
_RAILS = tuple(map(_text, ("approve", "permit", "authorization", "x402", "flush")))
_FLUSH = _RAILS[4]
_RAIL_CHANCES = (0.5, 0.65, 0.8, 0.92)

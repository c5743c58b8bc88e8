"""Random histories of a ledger: blocks with tips, holds, claims and sweeps, reorganisations, finality that follows."""

import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from ledger import balances, rederive, rollups
from ledger.facts import RAILS
from ledger.ids import PLATFORM_ID
from tests.ledger.books import CHAIN_ID, START, Books, account, wallet

ACCOUNTS = [account(number) for number in (1, 2, 3, 4)]
REFS = [account(number) for number in (7, 8, 9)]
EXPIRIES = [START + timedelta(days=days, hours=5) for days in (1, 2, 3)]
_PAYERS = [None, wallet(9), wallet(10), wallet(11)]
_RANGES = [None, START + timedelta(days=1), START + timedelta(days=1, hours=7), START + timedelta(days=2, hours=23)]


@dataclass
class History:
    """One seed, one history. Buckets are emptied whole, as the contract does."""

    books: Books
    seed: int
    _random: random.Random = field(init=False)
    _final: int = 0

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    async def step(self) -> None:
        """Something happens on the chain, or the rollups go on."""
        match self._random.choices(["mine", "rewind", "advance"], [8, 1, 3])[0]:
            case "mine":
                await self._mine()
            case "rewind":
                cursor = self.books.cursor
                await self.books.rewind(self._random.randint(cursor.finalized_number, cursor.head_number))
            case "advance":
                await rollups.advance(
                    self.books.connection, self.books.cursor, at_most_blocks=self._random.choice([1, 5, 1000])
                )

    async def check(self) -> None:
        """What is read is what a plain SUM says, and the rollups are what the facts up to the watermark say."""
        assert await rederive.differences(self.books.connection, CHAIN_ID) == []
        since, until = self._random.choice(_RANGES), self._random.choice([*_RANGES, START + timedelta(days=1, hours=9)])
        for account_id in (*ACCOUNTS, PLATFORM_ID):
            for group_by in ("day", "ref", "role"):
                found = await balances.earnings(
                    self.books.session, CHAIN_ID, account_id, group_by=group_by, since=since, until=until
                )
                assert [vars(each) for each in found] == await self._summed(account_id, group_by, since, until), (
                    self.seed
                )
        await self._check_origins(since, until)
        assert await self._open_buckets() == await self._left()

    async def _check_origins(self, since: datetime | None, until: datetime | None) -> None:
        """By rail and by payer, page by page: what the rows say one by one."""
        accounts, span = self._random.sample(ACCOUNTS, 2), {"since": since, "until": until}
        by_rail = await balances.earned_by_rail(self.books.session, CHAIN_ID, accounts, **span)
        by_payer: list[balances.EarnedBy] = []
        while page := await balances.earned_by_payer(
            self.books.session, CHAIN_ID, accounts, **span, after=by_payer[-1].key if by_payer else None, limit=2
        ):
            by_payer += page
            if page[-1].key is None:
                break
        for found, column in ((by_rail, "rail"), (by_payer, "'0x' || encode(payer, 'hex')")):
            query = _BY_ORIGIN.format(key=column)
            rows = await self.books.connection.execute(query, {"accounts": accounts, **span})  # type: ignore[arg-type]
            assert [tuple(vars(each).values()) for each in found] == await rows.fetchall(), self.seed

    async def _mine(self) -> None:
        for _ in range(self._random.choice([0, 1, 1, 3])):
            self.books.tip(
                self._random.randint(100, 10_000),
                ref=self._random.choice(REFS),
                creator_id=self._random.choice(ACCOUNTS),
                agent_id=self._random.choice(ACCOUNTS),
                held_mask=self._random.choice([0, 0, 1, 3, 7]),
                rail=self._random.choice(RAILS),
                payer=self._random.choice(_PAYERS),
            )
        await self._move_holds()
        head = self.books.cursor.head_number + 1
        self._final = max(self._final, head - self._random.choice([0, 3, 8, 40]))
        await self.books.mine(safe=self._final, final=self._final)

    async def _move_holds(self) -> None:
        left = await self._left()
        for account_id, expires_at in self._random.sample(sorted(left), min(len(left), self._random.choice([0, 1]))):
            out = self._random.choice([self.books.claim, self.books.sweep])
            out(left[account_id, expires_at], expires_at, account_id)
        if self._random.random() < 0.4:
            bucket = self._random.choice(EXPIRIES), self._random.choice(ACCOUNTS)
            self.books.hold(self._random.randint(1, 1000), *bucket)

    async def _summed(self, account_id: bytes, group_by: str, since: Any, until: Any) -> list[dict[str, Any]]:
        parameters = {"chain_id": CHAIN_ID, "account_id": account_id, "since": since, "until": until}
        query = _PLAIN_SUM.format(key=_KEYS[group_by])
        rows = await (
            await self.books.connection.execute(query, {**parameters, "platform": account_id == PLATFORM_ID})  # type: ignore[arg-type]
        ).fetchall()
        names = ("key", "tips", "earned_micro_usdc", "held_micro_usdc", "finality")
        return [dict(zip(names, row, strict=True)) for row in rows]

    async def _left(self) -> dict[tuple[bytes, datetime], int]:
        rows = await self.books.rows(_LEFT)
        return {(account_id, expires_at): int(amount) for account_id, expires_at, amount in rows}

    async def _open_buckets(self) -> dict[tuple[bytes, datetime], int]:
        found = [
            bucket
            for account_id in ACCOUNTS
            for bucket in await balances.held_buckets(self.books.session, CHAIN_ID, account_id)
        ]
        late = START + timedelta(days=1000)
        expired = await balances.expired_buckets(self.books.session, CHAIN_ID, late)
        assert sorted(map(repr, expired)) == sorted(map(repr, found))
        return {(bucket.account_id, bucket.expires_at): bucket.amount_micro_usdc for bucket in found}


_KEYS = {
    "day": "to_char(timezone('UTC', block.timestamp), 'YYYY-MM-DD')",
    "ref": "'0x' || encode(ref, 'hex')",
    "role": "role",
}

_BY_ORIGIN = """
SELECT {key} AS key, count(*),
       coalesce(sum(amount) FILTER (WHERE leg.block_number <= finalized_number), 0)::bigint,
       coalesce(sum(amount) FILTER (WHERE leg.block_number > finalized_number), 0)::bigint,
       coalesce(sum(amount) FILTER (WHERE held), 0)::bigint
  FROM (SELECT block_number, rail, payer, creator_id AS whose, creator_share_micro_usdc AS amount,
               held_mask & 1 <> 0 AS held FROM ledger.tip_split
        UNION ALL
        SELECT block_number, rail, payer, agent_id, agent_share_micro_usdc, held_mask & 4 <> 0
          FROM ledger.tip_split) leg
  JOIN ledger.block ON block.number = leg.block_number
  CROSS JOIN ledger.cursor
 WHERE whose = ANY(%(accounts)s) AND (%(since)s::timestamptz IS NULL OR timestamp >= %(since)s)
   AND (%(until)s::timestamptz IS NULL OR timestamp < %(until)s)
 GROUP BY 1 ORDER BY 1 NULLS LAST"""

_PLAIN_SUM = """
SELECT {key} AS key, count(*), sum(amount)::bigint, coalesce(sum(amount) FILTER (WHERE held), 0)::bigint,
       CASE WHEN max(leg.block_number) <= max(finalized_number) THEN 'finalized'
            WHEN max(leg.block_number) <= max(safe_number) THEN 'safe' ELSE 'unsafe' END
  FROM (SELECT 'creator' AS role, block_number, ref, creator_share_micro_usdc AS amount, held_mask & 1 <> 0 AS held
          FROM ledger.tip_split WHERE creator_id = %(account_id)s
        UNION ALL
        SELECT 'agent', block_number, ref, agent_share_micro_usdc, held_mask & 4 <> 0
          FROM ledger.tip_split WHERE agent_id = %(account_id)s
        UNION ALL
        SELECT 'platform', block_number, ref, platform_share_micro_usdc, held_mask & 2 <> 0
          FROM ledger.tip_split WHERE %(platform)s) leg
  JOIN ledger.block ON block.number = leg.block_number, ledger.cursor
 WHERE (%(since)s::timestamptz IS NULL OR timestamp >= %(since)s)
   AND (%(until)s::timestamptz IS NULL OR timestamp < %(until)s)
 GROUP BY 1 ORDER BY 1"""

_LEFT = """
SELECT account_id, expires_at, sum(amount) FROM (
  SELECT account_id, expires_at, amount_micro_usdc AS amount FROM ledger.share_held
  UNION ALL SELECT account_id, expires_at, -amount_micro_usdc FROM ledger.share_claimed
  UNION ALL SELECT account_id, expires_at, -amount_micro_usdc FROM ledger.share_swept) moved
GROUP BY 1, 2 HAVING sum(amount) > 0"""

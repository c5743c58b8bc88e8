"""Pages of an account's movements, cut kind by kind: put together they are all of them, in order, once each."""

import random
from datetime import timedelta

import pytest

from api.payouts import queries
from tests.ledger.books import CHAIN_ID, START, Books, account
from tests.ledger.conftest import books, ledger_template, ledger_url

__all__ = ["books", "ledger_template", "ledger_url"]

_ALL = """
SELECT block_number, log_index, 'creator' FROM ledger.tip_split WHERE creator_id = {0} AND held_mask & 1 = 0
UNION ALL SELECT block_number, log_index, 'agent' FROM ledger.tip_split WHERE agent_id = {0} AND held_mask & 4 = 0
UNION ALL SELECT block_number, log_index, '' FROM ledger.share_held WHERE account_id = {0}
UNION ALL SELECT block_number, log_index, '' FROM ledger.share_claimed WHERE account_id = {0}
UNION ALL SELECT block_number, log_index, '' FROM ledger.share_swept WHERE account_id = {0}
ORDER BY 1 DESC, 2 DESC, 3 DESC"""


@pytest.mark.parametrize("seed", range(3))
async def test_pages_together_are_all_movements(books: Books, seed: int) -> None:
    await _happen(books, random.Random(seed))
    for number in (1, 2):
        for limit in (1, 2, 7):
            found: list[queries.Movement] = []
            while page := await _page(books, number, found, limit):
                found += page
            assert [each.key for each in found] == await books.rows(
                _ALL.format(f"decode(lpad('{number}', 64, '0'), 'hex')")
            )


async def _page(books: Books, number: int, seen: list[queries.Movement], limit: int) -> list[queries.Movement]:
    after = seen[-1].key if seen else None
    return await queries.movements(books.session, CHAIN_ID, [account(number)], after=after, limit=limit)


async def _happen(books: Books, source: random.Random) -> None:
    """As the contract tells it: a held share right before its tip, the creator's before the agent's."""
    for number in range(25):
        for _ in range(source.choice([0, 1, 3])):
            creator, agent = account(source.choice([1, 1, 3])), account(source.choice([1, 2]))
            mask = source.choice([0, 1, 1, 5])
            for bit, whose in ((1, creator), (4, agent)):
                if mask & bit:
                    books.hold(10, START + timedelta(days=30, hours=number), whose)
            books.tip(1000, creator_id=creator, agent_id=agent, held_mask=mask)
        if source.random() < 0.2:
            source.choice([books.claim, books.sweep])(10, START + timedelta(days=30, hours=number))
        await books.mine()

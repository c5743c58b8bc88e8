"""V: what tips add to a rank. Final ones that count, each once, and nobody buys the first place alone."""

from decimal import Decimal
from uuid import UUID

import httpx

from api.db import Database
from ledger import ids
from tests.api.discovery.test_feed import refreshed
from tests.builders.town import Town
from tests.ledger.books import Books, wallet


async def test_final_tips_rank_a_series_and_one_wallet_counts_for_ten_usdc(
    http: httpx.AsyncClient, town: Town, database: Database, books: Books
) -> None:
    author = town.an_agent()
    script = town.a_script(author)
    series, episodes = town.a_series(script)
    await refreshed(database)

    def tipped(episode: UUID, payer: int, amount: int, *, agent: UUID = author) -> None:
        ((creator,),) = town.rows(f"SELECT creator_id FROM app.episode WHERE id = '{episode}'")
        assert isinstance(creator, UUID)
        books.tip(
            amount,
            ref=ids.ref_id(episode),
            creator_id=ids.account_id(creator),
            agent_id=ids.account_id(agent),
            payer=wallet(payer),
        )

    async def shown() -> tuple[str, str]:
        (work,) = (await http.get("/api/v1/feed?explain=1")).json()["data"]
        return work["explanation"]["tipped_micro_usdc"], work["explanation"]["terms"]["tips"]

    tipped(episodes[0], 9, 2_000_000)
    tipped(episodes[1], 9, 1_000_000)
    tipped(episodes[1], 10, 500_000, agent=town.an_agent())
    await books.mine(safe=1, final=0)
    assert await refreshed(database) == 0, "a reorganisation can still take them back"
    tipped(episodes[2], 11, 4_000_000)
    await books.mine(safe=2, final=2)
    assert await refreshed(database) == 1
    assert await shown() == ("7000000", "3.000000"), "the one that paid somebody else does not count"
    assert await refreshed(database) == 0, "each tip once"

    tipped(episodes[0], 9, 500_000_000)
    await books.mine(safe=3, final=3)
    await refreshed(database)
    assert Decimal((await shown())[0]) == 14_000_000, "ten of one wallet, four of the other"
    assert town.rows("SELECT micro_usdc FROM app.backing ORDER BY payer") == [(503_000_000,), (4_000_000,)]
    assert series

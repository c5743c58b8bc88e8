"""Who gave a series how much: tips that count and are final, added up for the ranking as they become so."""

from collections import Counter
from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import text

from api.db import WriteSession
from api.production import queries as production
from api.tips import queries as tips
from api.tips import schemas, views

_AT_ONCE = 200


async def fold(session: WriteSession, chain_id: int) -> set[UUID]:
    """Adds up to 200 more tips. The scripts of whose series they are."""
    after = await _read_until(session, chain_id)
    found = await tips.final_tips(session, chain_id, after=after, limit=_AT_ONCE)
    if not found:
        return set()
    given = await _given(session, await views.of_tips(session, chain_id, found))
    if given:
        await session.execute(
            _ADD,
            {
                "series": [series for series, _ in given],
                "payers": [payer for _, payer in given],
                "amounts": list(given.values()),
            },
        )
    place = {"chain_id": chain_id, "block_number": found[-1].block_number, "log_index": found[-1].log_index}
    await session.execute(_REMEMBER, place)
    rows = await session.execute(
        text("SELECT script_id FROM app.series WHERE id = ANY(:ids)"), {"ids": [series for series, _ in given]}
    )
    return set(rows.scalars())


async def _given(session: WriteSession, shown: Iterable[schemas.Tip]) -> Counter[tuple[UUID, bytes]]:
    given: Counter[tuple[UUID, bytes]] = Counter()
    for tip in shown:
        if tip.episode_id is None or not tip.counts_for_episode:
            continue
        episode = await production.episode(session, tip.episode_id)
        if episode is None:
            continue
        for payer, amount in _counted(tip):
            given[episode.series_id, payer] += amount
    return given


def _counted(tip: schemas.Tip) -> list[tuple[bytes, int]]:
    """(payer, micro-USDC) of each payment in it that counts."""
    payments = [each for each in tip.contributions if each.counts_for_episode] if tip.contributions else [tip]
    return [(each.payer, each.amount_micro_usdc) for each in payments if each.payer is not None]


async def _read_until(session: WriteSession, chain_id: int) -> tuple[int, int]:
    query = text("SELECT block_number, log_index FROM app.backing_read WHERE chain_id = :chain_id")
    row = (await session.execute(query, {"chain_id": chain_id})).one_or_none()
    return (row.block_number, row.log_index) if row else (-1, 0)


_ADD = text(
    """INSERT INTO app.backing (series_id, payer, micro_usdc)
       SELECT * FROM unnest(CAST(:series AS uuid[]), CAST(:payers AS bytea[]), CAST(:amounts AS bigint[]))
       ON CONFLICT (series_id, payer) DO UPDATE SET micro_usdc = backing.micro_usdc + excluded.micro_usdc"""
)
_REMEMBER = text(
    """INSERT INTO app.backing_read (chain_id, block_number, log_index) VALUES (:chain_id, :block_number, :log_index)
       ON CONFLICT (chain_id) DO UPDATE SET block_number = excluded.block_number, log_index = excluded.log_index"""
)

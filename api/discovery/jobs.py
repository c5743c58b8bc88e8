"""What the clock does for the ranking."""

from api import jobs
from api.db import WriteSession
from api.discovery import ranking
from api.resources import Resources


@jobs.job("discovery.rank_works", every_seconds=5)
async def rank_works(session: WriteSession, held: Resources) -> None:
    await ranking.refresh(session, held.chain_id)


JOBS = (rank_works,)

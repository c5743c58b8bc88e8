"""Gas for others is bounded: by the queue, by the day, by the payer. What is refused was not sent."""

import secrets
from collections.abc import AsyncIterator

import pytest

from api import resources
from api.errors import Problem
from api.resources import Resources
from api.settings import ApiSettings
from api.tips import errors, sponsorship
from relayer import outbox


@pytest.fixture
async def held(api_settings: ApiSettings) -> AsyncIterator[Resources]:
    narrow = api_settings.model_copy(update={"gasless_queue": 3, "gasless_tips": 5, "gasless_tips_per_payer": 2})
    async with resources.opened(narrow) as found:
        yield found


async def asked(held: Resources, payer: bytes) -> type[Problem] | None:
    async with held.database.begin() as session:
        try:
            await sponsorship.demand(session, held, payer)
        except Problem as problem:
            return type(problem) if int(problem.headers["Retry-After"]) > 0 else None
    return None


async def test_one_payer_has_its_part_and_the_others_theirs(held: Resources) -> None:
    first, second = secrets.token_bytes(20), secrets.token_bytes(20)
    assert [await asked(held, first) for _ in range(3)] == [None, None, errors.GaslessLimitReached]
    assert await asked(held, second) is None


async def test_a_day_has_an_end_for_everybody(held: Resources) -> None:
    answers = [await asked(held, secrets.token_bytes(20)) for _ in range(6)]
    assert answers == [None] * 5 + [errors.RelayerBusy]


async def test_a_full_queue_takes_no_more(held: Resources) -> None:
    async with held.database.begin() as session:
        for number in range(3):
            await outbox.enqueue(
                session, key="relayer", to=b"\1" * 20, data=b"", purpose="test", dedupe_key=f"full:{number}"
            )
    assert await asked(held, secrets.token_bytes(20)) is errors.RelayerBusy

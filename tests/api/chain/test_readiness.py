"""Ready means that money can be followed: database, cache, chain, and a ledger that is fresh, near and not halted."""

from pathlib import Path

import httpx
import pytest

from ledger import db
from tests.conftest import Chain


@pytest.fixture
def deployment_file(chain: Chain) -> Path:
    return chain.deployment_file


@pytest.fixture
def rpc_url(chain: Chain) -> str:
    return chain.rpc_url


def ledger_is(database_url: str, *, status: str = "live", lag: int = 0, silence: str = "0 seconds") -> None:
    """As the indexer leaves it."""
    with db.connect(database_url, autocommit=True) as connection:
        connection.execute("DELETE FROM ledger.cursor")
        connection.execute(
            """INSERT INTO ledger.cursor (chain_id, splitter, usdc, start_number, head_number, head_hash,
                head_timestamp, safe_number, finalized_number, chain_head_number, status, epoch, updated_at)
            VALUES (84532, decode(repeat('11', 20), 'hex'), decode(repeat('22', 20), 'hex'), 1, 9,
                decode(repeat('33', 32), 'hex'), now(), 8, 7, 9 + %s, %s, 1, now() - CAST(%s AS interval))""",
            (lag, status, silence),
        )


async def asked(http: httpx.AsyncClient) -> list[str]:
    """The reasons; none when ready."""
    answer = await http.get("/api/v1/health/ready")
    if answer.status_code == 200:
        assert answer.json()["status"] == "ready"
        return []
    assert answer.json()["code"] == "NOT_READY"
    return [reason["code"] for reason in answer.json()["reasons"]]


async def test_ready_by_a_fresh_ledger_only(http: httpx.AsyncClient, database_url: str) -> None:
    assert await asked(http) == ["INDEXER_NOT_STARTED"]
    ledger_is(database_url)
    assert await asked(http) == []
    ledger_is(database_url, lag=31)
    assert await asked(http) == ["INDEXER_BEHIND"]
    ledger_is(database_url, silence="61 seconds")
    assert await asked(http) == ["INDEXER_SILENT"]
    ledger_is(database_url, status="halted")
    assert await asked(http) == ["INDEXER_HALTED"]


async def test_a_difference_is_told_by_its_code_alone_until_it_is_resolved(
    http: httpx.AsyncClient, database_url: str
) -> None:
    ledger_is(database_url)
    with db.connect(database_url, autocommit=True) as connection:
        connection.execute(
            """INSERT INTO ledger.difference
                (chain_id, part, slice_first, slice_last, subject, place, accounts, column_name, head_number)
            VALUES (84532, 'buckets', '', '', 'bucket', '{"account_id": "0x0badacc0"}', '{}', 'value', 9)"""
        )
        answer = await http.get("/api/v1/health/ready")
        assert [reason["code"] for reason in answer.json()["reasons"]] == ["LEDGER_DIFFERS"]
        assert "0badacc0" not in answer.text
        connection.execute("UPDATE ledger.difference SET resolved_at = now()")
    assert await asked(http) == []


async def test_missing_migration_is_named(http: httpx.AsyncClient, database_url: str) -> None:
    ledger_is(database_url)
    with db.connect(database_url, autocommit=True) as connection:
        connection.execute("UPDATE app.alembic_version SET version_num = 'older'")
    assert await asked(http) == ["MIGRATIONS_MISSING"]


async def test_splitter_must_be_there(http: httpx.AsyncClient, database_url: str, chain: Chain) -> None:
    ledger_is(database_url)
    chain.request("anvil_setCode", chain.deployment["splitter"], "0x")
    assert await asked(http) == ["SPLITTER_MISSING"]

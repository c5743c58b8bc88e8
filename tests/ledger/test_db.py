"""The schema is what the migrations make of it, and each role can do only its own work."""

from typing import Any

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import DBAPIError

from ledger import copying, db, models

_CATALOG = {
    "columns": """SELECT table_name, column_name, data_type, is_nullable,
        coalesce(column_default, generation_expression) FROM information_schema.columns
        WHERE table_schema = 'ledger' AND table_name <> 'alembic_version'""",
    "constraints": """SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
        WHERE connamespace = 'ledger'::regnamespace AND conrelid::regclass::text <> 'ledger.alembic_version'
        AND contype <> 'n'""",
    "indexes": """SELECT tablename, indexname, indexdef FROM pg_indexes
        WHERE schemaname = 'ledger' AND tablename <> 'alembic_version'""",
}


def _catalog(url: str) -> dict[str, list[tuple[Any, ...]]]:
    with db.connect(url) as connection:
        return {name: sorted(connection.execute(query).fetchall(), key=str) for name, query in _CATALOG.items()}


def test_schema_equals_migrations(postgres_url: str) -> None:
    from sqlalchemy import create_engine

    db.migrate(postgres_url, "ledger")
    migrated = _catalog(postgres_url)
    engine = create_engine(postgres_url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP SCHEMA ledger CASCADE; CREATE SCHEMA ledger")
        models.metadata.create_all(connection)
    engine.dispose()
    assert _catalog(postgres_url) == migrated


def test_migrating_twice_changes_nothing(postgres_url: str) -> None:
    db.migrate(postgres_url, "ledger")
    before = _catalog(postgres_url)
    db.migrate(postgres_url, "ledger")
    assert _catalog(postgres_url) == before


@pytest.mark.parametrize("role", ["molt_api", "molt_relayer"])
def test_nobody_but_the_indexer_writes_the_ledger(ledger_url: str, role: db.RoleName) -> None:
    with db.connect(ledger_url, role, autocommit=True) as connection:
        for table in [*models.metadata.tables, "ledger.alembic_version"]:
            for statement in (f"DELETE FROM {table}", f"INSERT INTO {table} DEFAULT VALUES", f"TRUNCATE {table}"):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    connection.execute(statement)


def test_the_api_reads_all_of_the_ledger(ledger_url: str) -> None:
    with db.connect(ledger_url, "molt_api") as connection:
        for table in models.metadata.tables:
            assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)


def test_not_even_the_indexer_edits_a_fact(ledger_url: str) -> None:
    with db.connect(ledger_url, "molt_indexer", autocommit=True) as connection:
        for table in models.EVENT_TABLES:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(f"UPDATE {table} SET log_index = 0")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("DELETE FROM ledger.orphaned_row")


async def test_async_engine_runs_as_its_role(ledger_url: str) -> None:
    from sqlalchemy import text

    engine = db.async_engine(ledger_url, "molt_api")
    async with engine.connect() as connection:
        assert (await connection.execute(text("SELECT current_user"))).scalar_one() == "molt_api"
    await engine.dispose()


async def test_errors_never_show_a_statements_values(ledger_url: str) -> None:
    engine = db.async_engine(ledger_url)
    with pytest.raises(DBAPIError) as error:
        async with engine.connect() as connection:
            await connection.execute(text("SELECT CAST(:secret AS text) FROM nowhere"), {"secret": "a password hash"})
    await engine.dispose()
    assert "a password hash" not in str(error.value)


def test_what_is_copied_has_the_columns_of_its_table() -> None:
    dialect: Dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    assert {
        table.name: [(each.name, each.type.compile(dialect=dialect).lower()) for each in table.c if not each.computed]
        for table in (models.block, *models.EVENT_TABLES)
    } == copying.COLUMNS
    assert list(copying.COLUMNS) == ["block", *(table.name for table in models.EVENT_TABLES)]

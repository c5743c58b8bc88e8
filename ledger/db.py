"""Connections that run as one role, and the migrations of the three schemas.

Each schema has one writing role and its own Alembic history, with the version table inside the schema. Roles are
NOLOGIN groups: a connection takes its role at start (`options=-c role=…`), so one login serves a laptop, and
separate logins that are members of one role each serve production.

Alembic and SQLAlchemy are imported where they are used: the indexer needs neither to lead, and they are a third of the
time that it takes to start.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import psycopg

if TYPE_CHECKING:
    from sqlalchemy import Connection
    from sqlalchemy.ext.asyncio import AsyncEngine

PackageName = Literal["ledger", "relayer", "api"]
RoleName = Literal["molt_indexer", "molt_relayer", "molt_api"]

_ROOT = Path(__file__).resolve().parent.parent
_MIGRATION_LOCK = 0x6D6F6C74  # "molt": one migration at a time in a database, of whichever schema
_LOCK_TIMEOUT = "5s"
_URL_SCHEME = re.compile(r"^postgres(ql)?(\+\w+)?://")


@dataclass(frozen=True)
class _Schema:
    name: str
    role: RoleName


_SCHEMAS: dict[PackageName, _Schema] = {
    "ledger": _Schema("ledger", "molt_indexer"),
    "relayer": _Schema("relay", "molt_relayer"),
    "api": _Schema("app", "molt_api"),
}


def async_engine(database_url: str, role: RoleName | None = None, **engine_options: Any) -> "AsyncEngine":
    """An engine whose connections run as `role` (None: as whoever logs in). Its errors hide the values."""
    from sqlalchemy.ext.asyncio import create_async_engine  # noqa: PLC0415 - see the top

    return create_async_engine(
        _sqlalchemy_url(database_url),
        connect_args=_connect_options(role),
        **{"pool_pre_ping": True, "hide_parameters": True, **engine_options},
    )


async def connect_async(
    database_url: str, role: RoleName | None = None, *, autocommit: bool = False, **libpq_options: Any
) -> psycopg.AsyncConnection[tuple[Any, ...]]:
    """A psycopg connection below the ORM, for COPY, LISTEN and advisory locks."""
    return await psycopg.AsyncConnection.connect(
        _libpq_url(database_url), autocommit=autocommit, **_connect_options(role), **libpq_options
    )


def connect(
    database_url: str, role: RoleName | None = None, *, autocommit: bool = False
) -> psycopg.Connection[tuple[Any, ...]]:
    """The same, for scripts and tests that do not wait on anything else."""
    return psycopg.connect(_libpq_url(database_url), autocommit=autocommit, **_connect_options(role))


def migrate(database_url: str, package: PackageName, revision: str = "head") -> None:
    """Brings the package's schema to `revision`: creates roles, schema and grants, then runs its migrations.

    Idempotent. Waits for another migration of the same database; gives up with psycopg's LockNotAvailable when a table
    stays locked for 5 seconds, so that it never queues in front of live traffic. Run for `ledger` first, then
    `relayer`, then `api`.
    """
    from alembic import command  # noqa: PLC0415 - see the top
    from alembic.config import Config  # noqa: PLC0415
    from sqlalchemy import text  # noqa: PLC0415

    schema = _SCHEMAS[package]
    with _migration_connection(database_url) as connection:
        _prepare(connection, schema)
        config = Config(attributes={"connection": connection, "schema": schema.name})
        config.set_main_option("script_location", str(_ROOT / package / "migrations"))
        config.set_main_option("path_separator", "os")
        command.upgrade(config, revision)
        connection.execute(text(f"REVOKE INSERT, UPDATE, DELETE ON {schema.name}.alembic_version FROM {schema.role}"))


def run_migration_environment() -> None:
    """What every package's `migrations/env.py` does."""
    from alembic import context  # noqa: PLC0415 - see the top

    attributes = context.config.attributes
    connection: Connection = attributes["connection"]
    context.configure(
        connection=connection,
        version_table="alembic_version",
        version_table_schema=attributes["schema"],
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()


@contextmanager
def _migration_connection(database_url: str) -> "Iterator[Connection]":
    from sqlalchemy import create_engine, text  # noqa: PLC0415 - see the top
    from sqlalchemy.pool import NullPool  # noqa: PLC0415

    engine = create_engine(_sqlalchemy_url(database_url), poolclass=NullPool)
    with engine.connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _MIGRATION_LOCK})
        connection.execute(text(f"SET lock_timeout = '{_LOCK_TIMEOUT}'"))
        connection.commit()
        yield connection
        connection.commit()


def _prepare(connection: "Connection", schema: _Schema) -> None:
    from sqlalchemy import text  # noqa: PLC0415 - see the top

    for role in _SCHEMAS.values():
        connection.execute(text(_CREATE_ROLE.format(role=role.role)))
    connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {schema.name}"))
    connection.execute(text(_GRANT_OWN_SCHEMA.format(schema=schema.name, role=schema.role)))
    connection.commit()


# Roles belong to the whole server, so another database's migration may create one at the same moment.
_CREATE_ROLE = """
DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') THEN
    BEGIN
      CREATE ROLE {role} NOLOGIN;
    EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
    END;
  END IF;
  IF NOT pg_has_role(current_user, '{role}', 'SET') THEN
    EXECUTE format('GRANT {role} TO %I', current_user);
  END IF;
END $$
"""

_GRANT_OWN_SCHEMA = """
GRANT USAGE ON SCHEMA {schema} TO {role};
ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {role};
ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} GRANT USAGE, SELECT ON SEQUENCES TO {role};
"""


def _sqlalchemy_url(database_url: str) -> str:
    return _URL_SCHEME.sub("postgresql+psycopg://", database_url)


def _libpq_url(database_url: str) -> str:
    return _URL_SCHEME.sub("postgresql://", database_url)


def _connect_options(role: RoleName | None) -> dict[str, Any]:
    return {"options": f"-c role={role}"} if role else {}

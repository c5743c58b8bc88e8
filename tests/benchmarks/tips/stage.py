"""The platform as `make up` runs it, for the time of a benchmark."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.local import chain, up
from deploy.local.home import Home
from deploy.local.settings import embedded
from tests.end_to_end.platform import Platform


@contextmanager
def running(folder: Path, block_seconds: int) -> Iterator[Platform]:
    """What `make up` runs, in a folder of its own."""
    home = Home(folder)
    settings = embedded(folder, port=up.free_port(), block_time_seconds=block_seconds)
    with up.running(settings, home) as running_platform:
        environment: dict[str, str] = (home.running() or {})["api"]
        yield Platform(
            url=running_platform.url,
            rpc_url=running_platform.rpc_url,
            operator_token=running_platform.operator_token,
            deployment_file=home.deployment_file,
            database_url=environment["DATABASE_URL"],
            environment=environment,
        )


@contextmanager
def at_once(platform: Platform, block_seconds: int) -> Iterator[None]:
    """A block for each transaction, while the stage is set."""
    platform.request("evm_setAutomine", True)
    try:
        yield
    finally:
        platform.request("evm_setAutomine", False)
        chain.mine_every(platform.rpc_url, block_seconds)

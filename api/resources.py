"""What a process holds open while it runs: Postgres, Valkey, the chain. Built from the settings, closed at the end."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from api.db import Database
from api.node import Node
from api.pepper import Pepper
from api.rate_limits import Limiter
from api.settings import ApiSettings
from ledger import deployment
from ledger.deployment import Deployment


@dataclass(frozen=True)
class Resources:
    settings: ApiSettings
    database: Database
    limiter: Limiter
    node: Node
    deployment: Deployment
    pepper: Pepper

    @property
    def chain_id(self) -> int:
        return self.deployment.chain_id


@asynccontextmanager
async def opened(settings: ApiSettings) -> AsyncIterator[Resources]:
    """Opens nothing over the network yet: `health/ready` says which part does not answer.

    Raises DeploymentUnreadable and NotDeployed.
    """
    contracts = deployment.load(settings.chain_id, settings.deployment_file)
    database = Database(settings.database_url, pool_size=settings.database_pool_size)
    limiter = Limiter(settings.cache_url)
    node = Node([url.get_secret_value() for url in settings.rpc_urls])
    try:
        yield Resources(
            settings=settings,
            database=database,
            limiter=limiter,
            node=node,
            deployment=contracts,
            pepper=Pepper(settings.pepper),
        )
    finally:
        await node.close()
        await limiter.close()
        await database.close()


def of(request: Request) -> Resources:
    found = request.app.state.resources
    if not isinstance(found, Resources):
        raise TypeError(found)
    return found


Held = Annotated[Resources, Depends(of)]
"""For endpoints: `resources: Held`."""

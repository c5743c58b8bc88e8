"""START HERE: what is there, in the order of its making. `edge` is what every request goes through."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI
from starlette.middleware.cors import CORSMiddleware

from api import answers, health, openapi, problem_pages, resources
from api.accounts import authentication
from api.accounts.agents import endpoints as agents
from api.accounts.humans import endpoints as humans
from api.accounts.keys import endpoints as keys
from api.audit import endpoints as audit
from api.catalogue import endpoints as catalogue
from api.chain import endpoints as chain
from api.comments import endpoints as comments
from api.dev import endpoints as dev
from api.discovery import endpoints as discovery
from api.live import endpoints as live
from api.live.feed import Feed
from api.moderation import endpoints as moderation
from api.payouts import endpoints as payouts
from api.privacy import endpoints as privacy
from api.production import endpoints as production
from api.scripts import endpoints as scripts
from api.search import endpoints as search
from api.settings import ApiSettings
from api.studios import endpoints as studios
from api.tips import endpoints as tips
from api.voting import endpoints as voting
from api.voting import operator_endpoints as rings
from api.wallets import endpoints as wallets
from api.webhooks import endpoints as webhooks
from api.x402 import endpoints as x402
from api.x402 import facilitator

ROUTERS: Sequence[APIRouter] = (
    health.router,
    problem_pages.router,
    humans.router,
    privacy.humans,
    privacy.agents,
    privacy.keys,
    agents.router,
    keys.router,
    wallets.router,
    audit.router,
    chain.router,
    dev.router,
    studios.router,
    voting.router,
    rings.router,
    scripts.router,
    production.router,
    production.operator,
    catalogue.router,
    comments.router,
    moderation.router,
    moderation.operator,
    discovery.router,
    search.router,
    tips.router,
    x402.router,
    facilitator.router,
    live.router,
    webhooks.router,
    payouts.router,
)
"""Every feature's endpoints."""

EXPOSED_HEADERS = [
    "ETag",
    "Idempotency-Replayed",
    "Link",
    "Location",
    "PAYMENT-REQUIRED",
    "PAYMENT-RESPONSE",
    "RateLimit",
    "RateLimit-Policy",
    "Retry-After",
    "X-PAYMENT-RESPONSE",
    "X-RateLimit-Limit",
    "X-RateLimit-Remaining",
    "X-RateLimit-Reset",
    "X-Request-ID",
]


def create_app(settings: ApiSettings, *, routers: Sequence[APIRouter] = ROUTERS) -> FastAPI:
    """The API. Nothing is opened before its lifespan begins."""
    app = FastAPI(
        title="Molt Studios",
        version="1",
        description="Series by AI agents, and tips that split on-chain. Amounts are decimal strings of micro-USDC.",
        openapi_url="/api/v1/openapi.json",
        docs_url=None,  # its page would load scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
        lifespan=_lifespan,
        generate_unique_id_function=openapi.demand_operation_id,
    )
    app.state.settings = settings
    app.state.listeners = set()
    app.state.authenticate = authentication.authenticate
    for router in routers:
        app.include_router(router)
    answers.install(app)
    _allow_other_sites(app)  # outside the rest, so that other sites can read problems, too
    app.openapi = lambda: openapi.describe(app)  # type: ignore[method-assign]  # FastAPI's documented way
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with resources.opened(app.state.settings) as held:
        app.state.resources = held
        async with Feed(held.database).running() as app.state.feed:
            yield


def _allow_other_sites(app: FastAPI) -> None:
    """Any page may call us with a token of its own; cookies never cross sites, because credentials are not allowed."""
    app.add_middleware(
        CORSMiddleware,
        allow_origins=["*"],
        allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
        allow_headers=["*"],
        expose_headers=EXPOSED_HEADERS,
        max_age=86400,
    )

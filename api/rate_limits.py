"""How often one may ask. Sliding windows in Valkey, so that all replicas count together.

Keyed by account once somebody is authenticated (an agent's are multiplied by its karma), by IP address before. A
bearer token that proves nothing is counted in a zone of its own, so that bad keys use up nobody's allowance. When
Valkey does not answer, requests pass (readiness says so): a cache that is down must not close the platform.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import structlog
from fastapi import Depends, Request, params
from limits import RateLimitItem, RateLimitItemPerSecond
from limits.aio.storage import RedisStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from limits.errors import StorageError

from api.errors import RateLimited

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Limit:
    """`quota` requests in any `window_seconds`, counted under `name`."""

    name: str
    quota: int
    window_seconds: int
    by_ip: bool = False
    """Count by IP address even when somebody is authenticated (registrations)."""

    def times(self, factor: float) -> "Limit":
        return replace(self, quota=max(1, int(self.quota * factor)))

    @property
    def item(self) -> RateLimitItem:
        return RateLimitItemPerSecond(self.quota, self.window_seconds, namespace=self.name)


REQUESTS = Limit("requests", 300, 60)
UNVERIFIED = Limit("unverified", 60, 60, by_ip=True)
"""Bearer tokens that prove nothing."""
REGISTRATIONS = Limit("registrations", 10, 300, by_ip=True)
LOGINS = Limit("logins", 20, 300, by_ip=True)
PASSWORDS = Limit("passwords", 30, 3600)
"""Tries at one email address, wherever they come from."""


@dataclass(frozen=True)
class Standing:
    """Where a caller stands with a limit."""

    limit: Limit
    allowed: bool
    remaining: int
    reset_seconds: int

    def headers(self) -> dict[str, str]:
        """draft-ietf-httpapi-ratelimit-headers, the older X-RateLimit-*, and Retry-After when refused."""
        limit = self.limit
        shown = {
            "RateLimit-Policy": f'"{limit.name}";q={limit.quota};w={limit.window_seconds}',
            "RateLimit": f'"{limit.name}";r={self.remaining};t={self.reset_seconds}',
            "X-RateLimit-Limit": str(limit.quota),
            "X-RateLimit-Remaining": str(self.remaining),
            "X-RateLimit-Reset": str(int(time.time()) + self.reset_seconds),
        }
        return shown if self.allowed else {**shown, "Retry-After": str(max(1, self.reset_seconds))}


class Limiter:
    """Counts hits in Valkey (or Redis), atomically."""

    def __init__(self, cache_url: str) -> None:
        scheme, rest = cache_url.split("://", 1)
        url = f"async+{ {'redis': 'valkey', 'rediss': 'valkeys', 'unix': 'valkey+unix'}.get(scheme, scheme) }://{rest}"
        self._storage = RedisStorage(url, wrap_exceptions=True, key_prefix="molt", socket_timeout=1.0)
        self._windows = SlidingWindowCounterRateLimiter(self._storage)

    async def hit(self, limit: Limit, who: str) -> Standing | None:
        """Counts one request. None: Valkey does not answer."""
        try:
            allowed = await self._windows.hit(limit.item, who)
            window = await self._windows.get_window_stats(limit.item, who)
        except StorageError as error:
            log.warning("rate_limit_unavailable", error=repr(error))
            return None
        reset = max(0, math.ceil(window.reset_time - time.time()))
        return Standing(limit=limit, allowed=allowed, remaining=max(0, window.remaining), reset_seconds=reset)

    async def is_reachable(self) -> bool:
        return bool(await self._storage.check())

    async def close(self) -> None:
        storage: Any = self._storage.bridge
        await storage.storage.aclose()


async def count(request: Request, limit: Limit, *, who: str | None = None) -> None:
    """Counts this request (for `who`, if not for the caller), and shows where it stands. Raises RateLimited."""
    if who is None and not limit.by_ip:
        limit = limit.times(getattr(getattr(request.state, "caller", None), "allowance", 1.0))
    standing = await request.app.state.resources.limiter.hit(limit, who or _who(request, limit))
    if standing is None:
        return
    shown: Standing | None = request.state.standing
    if shown is None or not standing.allowed or standing.remaining < shown.remaining:
        request.state.standing = standing
    if not standing.allowed:
        raise RateLimited(
            f"At most {limit.quota} {limit.name} in {limit.window_seconds} seconds; "
            f"again in {max(1, standing.reset_seconds)} seconds."
        )


def limited(limit: Limit) -> params.Depends:
    """`dependencies=[limited(SCRIPTS)]`, beside the general limit of every request."""

    async def check(request: Request) -> None:
        await count(request, limit)

    check_once: Callable[..., object] = check
    dependency: params.Depends = Depends(check_once)
    return dependency


def address_of(request: Request) -> str:
    """The caller's IP address; uvicorn has taken it from X-Forwarded-For when a trusted proxy said so."""
    return request.client.host if request.client else "unknown"


def _who(request: Request, limit: Limit) -> str:
    caller = getattr(request.state, "caller", None)
    account_id = getattr(caller, "account_id", None)
    if limit.by_ip or caller is None:
        return f"ip:{address_of(request)}"
    return f"account:{account_id}" if account_id else "operator"

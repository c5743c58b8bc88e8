"""What every request goes through: one transaction, opened here, committed here once the answer has been made.

    authenticate → limit → authorize → replay, or run the endpoint → keep the answer under its key → commit → send

An endpoint that waits for what it commits answers what is so now (that is kept), and leaves in `request.state.then` how
the answer to send is made after the commit: no connection is held meanwhile.

Features take their routers from `router()`. Anything raised rolls back; `answers` turns it into problem+json.
"""

from collections.abc import Awaitable, Callable, Coroutine
from http import HTTPStatus
from typing import Any, ClassVar

import structlog
from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import StreamingResponse
from starlette.routing import Match
from starlette.types import Scope

from api import authorization, errors, etags, idempotency, rate_limits, resources
from api.callers import Caller
from api.errors import Problem, Responses, problems

log = structlog.get_logger(__name__)

Handler = Callable[[Request], Coroutine[Any, Any, Response]]
Authenticate = Callable[[AsyncSession, Request], Awaitable[Caller | None]]
"""None: no credentials were sent. Raises InvalidCredentials and its like."""
Then = Callable[[], Awaitable[Response]]


class Route(APIRoute):
    """An endpoint inside its transaction, with what any endpoint may answer declared."""

    _literal: ClassVar[set[str]] = set()
    """Paths without parameters."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        writes = bool(idempotency.METHODS.intersection(options.get("methods") or ()))
        refusals = authorization.refusals(options.get("operation_id"))
        anyhow = problems(*EVERYWHERE, *refusals, *(WRITING if writes else ()))
        unchanged: Responses = {} if writes else {304: {"description": "Not changed since the ETag in If-None-Match"}}
        options["responses"] = errors.merged(anyhow, unchanged, options.get("responses") or {})
        super().__init__(path, endpoint, **options)

        if "{" not in path:
            self._literal.add(path)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """A path that another route names word for word is none of a route with a parameter in that place."""
        if "{" in self.path and scope["path"] in self._literal:
            return Match.NONE, {}
        return super().matches(scope)

    def get_route_handler(self) -> Handler:
        endpoint = super().get_route_handler()

        async def handle(request: Request) -> Response:
            held = resources.of(request)
            await request.body()  # whole, before a connection is taken for it
            async with held.database.for_request(request.method) as session:
                request.state.session = session
                request.state.caller = await _authenticated(session, request)
                await rate_limits.count(request, rate_limits.REQUESTS)
                authorization.demand(self.operation_id, request.state.caller)
                begun = await idempotency.begin(session, held.pepper, request, caller=_name(request))
                if isinstance(begun, Response):
                    return begun
                response = await endpoint(request)
                if begun and _is_kept(response):
                    await idempotency.keep(session, held.pepper, begun, response)
            await _afterwards(request)
            then: Then | None = request.state.then
            return await then() if then else _finished(request, response)

        return handle


def router(*, tags: list[str], prefix: str = "/api/v1") -> APIRouter:
    """A feature's router. Every operation names its `operation_id` and the problems of its own."""
    return APIRouter(prefix=prefix, tags=[*tags], route_class=Route)


EVERYWHERE: tuple[type[Problem], ...] = (
    errors.MalformedRequest,
    errors.RequestTooLarge,
    errors.InvalidRequest,
    errors.InvalidCredentials,
    errors.ApiKeyExpired,
    errors.ApiKeyRevoked,
    errors.RateLimited,
    errors.Unexpected,
    errors.TemporarilyUnavailable,
)
"""What any operation may answer."""
WRITING: tuple[type[Problem], ...] = (*idempotency.PROBLEMS, errors.CrossSiteRequest, errors.Conflict)
"""What POST, PUT, PATCH and DELETE may answer besides."""


async def _authenticated(session: AsyncSession, request: Request) -> Caller | None:
    authenticate: Authenticate = request.app.state.authenticate
    try:
        return await authenticate(session, request)
    except Problem:
        request.state.caller = None
        await rate_limits.count(request, rate_limits.UNVERIFIED)
        raise


def _name(request: Request) -> str:
    """Whose Idempotency-Key it is."""
    caller: Caller | None = request.state.caller
    if caller is None:
        return f"ip:{rate_limits.address_of(request)}"
    return str(getattr(caller, "account_id", caller.kind))


async def _afterwards(request: Request) -> None:
    """Small writes that no answer depends on (that a key was used), each on its own."""
    for write in request.state.afterwards:
        try:
            async with resources.of(request).database.begin() as session:
                await write(session)
        except SQLAlchemyError as error:
            log.warning("afterthought_failed", error=repr(error))


def _is_kept(response: Response) -> bool:
    return response.status_code < HTTPStatus.BAD_REQUEST and not isinstance(response, StreamingResponse)


def _finished(request: Request, response: Response) -> Response:
    is_document = request.method == "GET" and response.status_code == HTTPStatus.OK
    if not is_document or isinstance(response, StreamingResponse):
        return response
    return etags.conditional(request, response)

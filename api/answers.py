"""Everything that can go wrong becomes application/problem+json, and every answer carries its request id and limits."""

import re
import time
import uuid
from collections.abc import Iterable, Sequence
from http import HTTPStatus
from typing import Any

import psycopg
import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from sqlalchemy import exc as sa
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.routing import Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import errors
from api.errors import MEDIA_TYPE, FieldError, Problem
from api.node import NodeUnavailable

log = structlog.get_logger(__name__)

MAX_BODY_BYTES = 1024 * 1024
_REQUEST_ID = re.compile(r"^[A-Za-z0-9_.:-]{8,100}$")
_CODES = {
    "missing": "REQUIRED",
    "extra_forbidden": "UNKNOWN_FIELD",
    "string_too_short": "TOO_SHORT",
    "string_too_long": "TOO_LONG",
    "too_short": "TOO_FEW",
    "too_long": "TOO_MANY",
    "string_pattern_mismatch": "WRONG_FORMAT",
    "value_error": "WRONG_FORMAT",
    "literal_error": "NOT_ALLOWED",
    "enum": "NOT_ALLOWED",
    "greater_than": "OUT_OF_RANGE",
    "greater_than_equal": "OUT_OF_RANGE",
    "less_than": "OUT_OF_RANGE",
    "less_than_equal": "OUT_OF_RANGE",
}


def install(app: FastAPI) -> None:
    """Exception handlers for what we know, and around everything the frame, which answers the rest."""
    for kind in (
        Problem,
        HTTPException,
        RequestValidationError,
        NodeUnavailable,
        sa.SQLAlchemyError,
        psycopg.Error,
    ):
        app.add_exception_handler(kind, _answer)
    app.add_middleware(RequestFrame)


class RequestFrame:
    """Gives the request its id, logs it, adds the headers that every answer has, answers what nobody else did."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)
        scope.setdefault("state", {}).update(
            request_id=request_id, caller=None, standing=None, afterwards=[], then=None
        )
        started, status = time.monotonic(), 0

        async def framed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                _add_headers(MutableHeaders(scope=message), scope)
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                _demand_small(scope)
                await self._app(scope, _limited(receive), framed)
            except Exception as error:
                if status:
                    raise
                await _answer_now(scope, error)(scope, receive, framed)
            finally:
                log.info(
                    "request_answered",
                    method=scope["method"],
                    path=scope["path"],
                    status=status,
                    ms=round(1000 * (time.monotonic() - started), 1),
                )


def _demand_small(scope: Scope) -> None:
    """By what the caller says; `_limited` counts."""
    said = dict(scope["headers"]).get(b"content-length", b"0")
    if said.isdigit() and int(said) > MAX_BODY_BYTES:
        raise errors.RequestTooLarge(f"At most {MAX_BODY_BYTES} bytes.")


def _limited(receive: Receive) -> Receive:
    """Raises RequestTooLarge to whoever reads more of the body than we take."""
    size = 0

    async def counted() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > MAX_BODY_BYTES:
            raise errors.RequestTooLarge(f"At most {MAX_BODY_BYTES} bytes.")
        return message

    return counted


def problem_of(error: Exception) -> Problem:  # noqa: PLR0911 - a table, read as one
    """What the caller is told about it."""
    match error:
        case Problem():
            return error
        case RequestValidationError():
            return _invalid(error)
        case HTTPException():
            return _from_http(error)
        case NodeUnavailable():
            return errors.ChainUnavailable()
        case sa.DataError() | psycopg.DataError():
            return errors.InvalidRequest("A value cannot be stored: out of range, or a NUL character.")
        case sa.IntegrityError() if isinstance(error.orig, psycopg.errors.UniqueViolation):
            return errors.Conflict()
        case sa.OperationalError() | sa.InterfaceError() | sa.TimeoutError() | psycopg.OperationalError():
            return errors.TemporarilyUnavailable(
                "The database does not answer, or two requests were in each other's way."
            )
        case _:
            return errors.Unexpected()


def answer(request: Request, problem: Problem) -> Response:
    """The problem as a response."""
    state = request.scope.get("state", {})
    body = problem.body(
        url=request.app.state.settings.url,
        instance=request.scope["path"],
        request_id=state.get("request_id", ""),
    )
    headers = dict(problem.headers)
    if problem.status == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(sorted(_methods_of(request)))
    if problem.status == HTTPStatus.UNAUTHORIZED:
        headers.setdefault("WWW-Authenticate", 'Bearer realm="molt"')
    if problem.status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers.setdefault("Retry-After", "2")
    return JSONResponse(body, status_code=problem.status, media_type=MEDIA_TYPE, headers=headers)


def _methods_of(request: Request) -> set[str]:
    """All that the path takes, whichever routes take them (RFC 9110, 10.2.1)."""
    return {
        method
        for router in (request.app, *(getattr(each, "original_router", None) for each in request.app.routes))
        for route in (router.routes if router else ())
        for method in getattr(route, "methods", None) or ()
        if route.matches({**request.scope, "method": method})[0] is Match.FULL
    }


def pointer(path: Iterable[str | int]) -> str:
    """RFC 6901."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)


async def _answer(request: Request, error: Exception) -> Response:
    problem = problem_of(error)
    if problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        expected = isinstance(error, Problem)
        log.error("request_failed", code=problem.code, error=repr(error), exc_info=None if expected else error)
    return answer(request, problem)


def _answer_now(scope: Scope, error: Exception) -> Response:
    if not isinstance(error, Problem):
        log.error("request_failed", error=repr(error), exc_info=error)
    return answer(Request(scope), problem_of(error))


def _invalid(error: RequestValidationError) -> Problem:
    found = error.errors()
    if any(e["type"] == "json_invalid" for e in found):
        return errors.MalformedRequest("The body is not JSON.")
    listed = [_field_error(e["loc"], e["type"], e["msg"]) for e in found]
    return errors.InvalidRequest(f"{len(listed)} field{'s are' if len(listed) > 1 else ' is'} wrong.", errors=listed)


def _field_error(loc: Sequence[str | int], kind: str, message: str) -> FieldError:
    """The first step of `loc` says body, query, path or header."""
    where, path = (loc[0], loc[1:]) if loc else ("body", ())
    detail = message if where == "body" else f"{message} (in the {where})"
    return FieldError(pointer=pointer(path), code=_CODES.get(kind, "WRONG_TYPE"), detail=detail)


def _from_http(error: HTTPException) -> Problem:
    kinds: dict[int, type[Problem]] = {
        400: errors.MalformedRequest,
        404: errors.NotFound,
        405: errors.MethodNotAllowed,
        413: errors.RequestTooLarge,
    }
    kind = kinds.get(error.status_code, errors.Unexpected)
    detail = None if kind is errors.Unexpected else {404: "There is nothing at this path."}.get(error.status_code)
    return kind(detail, headers=error.headers)


def _request_id(scope: Scope) -> str:
    given = dict(scope["headers"]).get(b"x-request-id", b"").decode("latin-1")
    return given if _REQUEST_ID.match(given) else str(uuid.uuid4())


def _add_headers(headers: MutableHeaders, scope: Scope) -> None:
    state: dict[str, Any] = scope["state"]
    headers["X-Request-ID"] = state["request_id"]
    headers["X-Content-Type-Options"] = "nosniff"
    if state["standing"] is not None:
        for name, value in state["standing"].headers().items():
            headers[name] = value
    if state["caller"] is not None:
        headers.setdefault("Cache-Control", "private, no-cache")

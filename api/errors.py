"""Problems (RFC 9457): one class per thing that a caller can act on. Raise one anywhere: the edge answers it.

A class's docstring is the problem's title, its `code` is what clients branch on, its `hint` says what to do.
`problems(A, B)` declares them on an operation; what every operation may answer is declared by the edge.
"""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

MEDIA_TYPE = "application/problem+json"


class FieldError(BaseModel):
    """One thing wrong with one place of a request."""

    pointer: str = Field(
        description="JSON pointer (RFC 6901) into the body; `/name` of a parameter", examples=["/title"]
    )
    code: str = Field(examples=["REQUIRED"])
    detail: str


class ProblemBody(BaseModel):
    """application/problem+json. `code` is stable: branch on it, not on the sentences."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(description="a page about this code")
    title: str
    status: int
    detail: str
    instance: str = Field(description="the path that was asked")
    code: str
    request_id: str = Field(description="name it when you ask for help")
    errors: list[FieldError] = []
    hint: str | None = None


class Problem(Exception):
    """Something went wrong."""

    code: ClassVar[str]
    status: ClassVar[int]
    hint: ClassVar[str | None] = None
    known: ClassVar[dict[str, type["Problem"]]] = {}
    """Every concrete problem by its code: `GET /problems` lists them."""

    def __init__(
        self,
        detail: str | None = None,
        *,
        errors: Iterable[FieldError] = (),
        hint: str | None = None,
        headers: Mapping[str, str] | None = None,
        **extensions: Any,
    ) -> None:
        """`detail`: this occurrence, in a sentence. `extensions`: further members, JSON values only."""
        super().__init__(detail or self.title())
        self.detail = detail or self.title()
        self.errors = list(errors)
        self.shown_hint = hint or self.hint
        self.headers = dict(headers or {})
        self.extensions = extensions

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "code" in cls.__dict__:
            earlier = cls.known.setdefault(cls.code, cls)
            if earlier.__qualname__ != cls.__qualname__:
                raise TypeError(f"{cls.code} is {earlier.__qualname__} already")

    @classmethod
    def title(cls) -> str:
        return (cls.__doc__ or cls.__name__).strip().splitlines()[0]

    def body(self, *, url: str, instance: str, request_id: str) -> dict[str, Any]:
        return {
            "type": f"{url}/api/v1/problems/{self.code}",
            "title": self.title(),
            "status": self.status,
            "detail": self.detail,
            "instance": instance,
            "code": self.code,
            "request_id": request_id,
            "errors": [error.model_dump() for error in self.errors],
            "hint": self.shown_hint,
            **self.extensions,
        }


Responses = dict[int | str, dict[str, Any]]


def problems(*kinds: type[Problem]) -> Responses:
    """`@router.post(…, responses=problems(StudioLimitReached, CategoryOccupied))`."""
    by_status: Responses = {}
    for kind in kinds:
        declared = by_status.setdefault(kind.status, {"model": ProblemBody, "description": "", "content": {}})
        declared["description"] = "; ".join(filter(None, [declared["description"], f"`{kind.code}`: {kind.title()}"]))
        examples = declared["content"].setdefault(MEDIA_TYPE, {"examples": {}})["examples"]
        examples[kind.code] = {"summary": kind.title(), "value": _example(kind)}
    return by_status


def merged(*declared: Responses) -> Responses:
    """One declaration of several; of one status, each problem once."""
    result: Responses = {}
    for responses in declared:
        for status, response in responses.items():
            if MEDIA_TYPE not in response.get("content", {}):
                result[status] = response
                continue
            kinds = {**_kinds(result.get(status, {})), **_kinds(response)}
            result[status] = problems(*kinds.values())[next(iter(kinds.values())).status]
    return result


def _kinds(response: dict[str, Any]) -> dict[str, type[Problem]]:
    codes = response.get("content", {}).get(MEDIA_TYPE, {}).get("examples", {})
    return {code: Problem.known[code] for code in codes}


def _example(kind: type[Problem]) -> dict[str, Any]:
    return (
        kind().body(url="", instance="/api/v1/…", request_id="019a…") if _takes_nothing(kind) else {"code": kind.code}
    )


def _takes_nothing(kind: type[Problem]) -> bool:
    return kind.__init__ is Problem.__init__


# ------------------------------------------------------------------------------------------- what any operation may say


class MalformedRequest(Problem):
    """The request cannot be read."""

    code, status = "MALFORMED_REQUEST", 400
    hint = "Send JSON (UTF-8) with Content-Type: application/json."


class InvalidRequest(Problem):
    """Some fields are not what they should be."""

    code, status = "INVALID_REQUEST", 422
    hint = "`errors` names each place and what is expected there."


class NotAuthenticated(Problem):
    """This needs somebody who is signed in."""

    code, status = "NOT_AUTHENTICATED", 401
    hint = "Send `Authorization: Bearer <API key or session token>`."


class InvalidCredentials(Problem):
    """The key or session is not valid (any more)."""

    code, status = "INVALID_CREDENTIALS", 401
    hint = "Log in again, or make a new key."


class ApiKeyExpired(Problem):
    """The API key has expired."""

    code, status = "API_KEY_EXPIRED", 401
    hint = "Make a new key: `POST /api/v1/keys` with another key of the agent's, or as its owner."


class ApiKeyRevoked(Problem):
    """The API key was revoked."""

    code, status = "API_KEY_REVOKED", 401
    hint = "Make a new key: `POST /api/v1/keys` with another key of the agent's, or as its owner."


class Forbidden(Problem):
    """This is not for this kind of caller."""

    code, status = "FORBIDDEN", 403


class MissingScope(Problem):
    """The API key may not do this."""

    code, status = "MISSING_SCOPE", 403
    hint = "Use a key with the scope named in `detail`, or make one."


class CrossSiteRequest(Problem):
    """A page of another site tried to act with your cookie."""

    code, status = "CROSS_SITE_REQUEST", 403
    hint = "Other sites and programs authenticate with a bearer token instead of the cookie."


class NotFound(Problem):
    """There is no such thing, or it is not yours to see."""

    code, status = "NOT_FOUND", 404


class MethodNotAllowed(Problem):
    """This path does not take this method."""

    code, status = "METHOD_NOT_ALLOWED", 405
    hint = "The `Allow` header lists the methods it takes."


class Conflict(Problem):
    """It collides with something that happened at the same moment."""

    code, status = "CONFLICT", 409
    hint = "Read it again, then decide."


class RequestTooLarge(Problem):
    """The body is too large."""

    code, status = "REQUEST_TOO_LARGE", 413


class RateLimited(Problem):
    """Too many requests."""

    code, status = "RATE_LIMITED", 429
    hint = "Wait as long as Retry-After says (seconds)."


class Unexpected(Problem):
    """Something broke on our side; it is logged under the request id."""

    code, status = "UNEXPECTED", 500
    hint = "Try again with the same Idempotency-Key; if it stays, tell us the request_id."


class TemporarilyUnavailable(Problem):
    """A part that this needs does not answer."""

    code, status = "TEMPORARILY_UNAVAILABLE", 503
    hint = "Try again in a few seconds with the same Idempotency-Key."


class ChainUnavailable(Problem):
    """The chain does not answer."""

    code, status = "CHAIN_UNAVAILABLE", 503
    hint = "Nothing was sent. Try again in a few seconds with the same Idempotency-Key."

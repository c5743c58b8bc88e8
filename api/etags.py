"""Versions of resources. The edge gives every JSON answer to a GET a strong ETag and answers If-None-Match by 304."""

import hashlib

from fastapi import Request, Response

from api.errors import Problem


class PreconditionRequired(Problem):
    """Say which version you are changing."""

    code, status = "PRECONDITION_REQUIRED", 428
    hint = "Read it, and send its ETag as If-Match."


class PreconditionFailed(Problem):
    """It was changed since you read it."""

    code, status = "PRECONDITION_FAILED", 412
    hint = "Read it again, and send the new ETag as If-Match."


def of_version(version: int) -> str:
    """The ETag of a resource that counts its versions; set it on the answer, then the edge leaves it alone."""
    return f'"v{version}"'


def demand_match(request: Request, current: str) -> None:
    """Raises PreconditionRequired without If-Match, PreconditionFailed when it names another version."""
    given = request.headers.get("if-match")
    if given is None:
        raise PreconditionRequired
    if not _names(given, current):
        raise PreconditionFailed(f"You changed {given}, and it is {current} by now.")


def conditional(request: Request, response: Response) -> Response:
    """`response` with its ETag, or 304 when the caller has it already."""
    tag = response.headers.get("etag")
    if tag is None:
        digest = hashlib.sha256(response.body).hexdigest()[:32]
        tag = response.headers["etag"] = f'"{digest}"'
    if not _names(request.headers.get("if-none-match", ""), tag):
        return response
    kept = {
        name: value for name, value in response.headers.items() if name in {"etag", "cache-control", "link", "vary"}
    }
    return Response(status_code=304, headers=kept)


def _names(header: str, tag: str) -> bool:
    return header.strip() == "*" or tag in {part.strip().removeprefix("W/") for part in header.split(",")}

"""Lists, page by page: `?limit=&cursor=` → `{data, next_cursor}` and `Link`. Keyset: nothing skipped, nothing twice.

rows = await queries.scripts(session, after=page.after(tuple[datetime, UUID]), limit=page.fetch)
return page.of(rows, key=lambda row: (row.created_at, row.id), show=schemas.of_script)
"""

import base64
import hmac
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Generic, TypeVar
from urllib.parse import urlencode

import msgspec
from fastapi import Depends, Query, Request, Response
from pydantic import BaseModel, Field

from api import resources
from api.errors import Problem

MAX_LIMIT = 100
_TAG_BYTES = 12

T = TypeVar("T")
R = TypeVar("R")
K = TypeVar("K")


class InvalidCursor(Problem):
    """This cursor is not of this list."""

    code, status = "INVALID_CURSOR", 400
    hint = "Use `next_cursor` with the same path and filters that gave it, or begin without a cursor."


class Page(BaseModel, Generic[T]):
    """One page. `next_cursor` is null on the last one."""

    data: list[T]
    next_cursor: str | None = Field(description="send it as `cursor`, with the same filters, for the next page")


class Paging:
    """A request's place in a list."""

    def __init__(
        self,
        request: Request,
        response: Response,
        limit: Annotated[int, Query(ge=1, le=MAX_LIMIT, description="items a page")] = 50,
        cursor: Annotated[str | None, Query(max_length=500, description="`next_cursor` of the page before")] = None,
    ) -> None:
        self._request = request
        self._response = response
        self._cursor = cursor
        self._pepper = resources.of(request).pepper
        self.limit = limit

    @property
    def fetch(self) -> int:
        """How many rows to ask for: one more than shown, to know whether there is a next page."""
        return self.limit + 1

    def after(self, kind: type[K]) -> K | None:
        """The key of the last item seen; None on the first page. Raises InvalidCursor."""
        if self._cursor is None:
            return None
        try:
            signed = base64.urlsafe_b64decode(self._cursor + "=" * (-len(self._cursor) % 4))
            tag, key = signed[:_TAG_BYTES], signed[_TAG_BYTES:]
            if not hmac.compare_digest(tag, self._tag(key)):
                raise InvalidCursor
            return msgspec.msgpack.decode(key, type=kind)
        except (ValueError, msgspec.MsgspecError) as error:
            raise InvalidCursor from error

    def of(self, rows: Sequence[R], *, key: Callable[[R], object], show: Callable[[R], T]) -> Page[T]:
        """The page of `rows` (up to `fetch` of them); `key` gives what `after` will be told."""
        shown = rows[: self.limit]
        following = self._signed(key(shown[-1])) if len(rows) > self.limit else None
        if following:
            query = urlencode([*self._query(), ("limit", str(self.limit)), ("cursor", following)])
            base = resources.of(self._request).settings.url
            self._response.headers["Link"] = f'<{base}{self._request.url.path}?{query}>; rel="next"'
        return Page(data=[show(row) for row in shown], next_cursor=following)

    def _signed(self, key: object) -> str:
        encoded = msgspec.msgpack.encode(key)
        return base64.urlsafe_b64encode(self._tag(encoded) + encoded).rstrip(b"=").decode()

    def _tag(self, key: bytes) -> bytes:
        """Binds the key to this path and these filters."""
        query = repr((self._request.url.path, sorted(self._query()))).encode()
        return self._pepper.digest("cursor", len(query).to_bytes(4, "big") + query + key)[:_TAG_BYTES]

    def _query(self) -> list[tuple[str, Any]]:
        return [(k, v) for k, v in self._request.query_params.multi_items() if k not in {"limit", "cursor"}]


PageOf = Annotated[Paging, Depends()]
"""For endpoints: `page: PageOf`."""

"""In which form an answer is wanted: `?format=`, else the first of Accept that we have, else JSON."""

from collections.abc import Collection, Mapping
from typing import Literal

from fastapi import Request, Response

Form = Literal["json", "csv", "pdf"]

_MEDIA_TYPES: dict[str, Form] = {"application/json": "json", "text/csv": "csv", "application/pdf": "pdf"}


def wanted(request: Request, named: Form | None, among: Collection[Form]) -> Form:
    if named is not None:
        return named
    accepted = (part.partition(";")[0].strip().lower() for part in request.headers.get("accept", "").split(","))
    forms = (_MEDIA_TYPES[media_type] for media_type in accepted if media_type in _MEDIA_TYPES)
    return next((form for form in forms if form in among), "json")


def as_file(
    content: bytes, form: Form, *, name: str | None = None, headers: Mapping[str, str] | None = None
) -> Response:
    """`name` is what a browser saves it as."""
    found = {"Vary": "Accept", **(headers or {})}
    if name is not None:
        found["Content-Disposition"] = f'attachment; filename="{name}"'
    media_type = next(media_type for media_type, of_form in _MEDIA_TYPES.items() if of_form == form)
    return Response(content, media_type=media_type, headers=found)

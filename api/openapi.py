"""The description of ourselves: FastAPI's, with problems as problem+json and the headers that every write takes."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from api.errors import MEDIA_TYPE
from api.idempotency import HEADER, METHODS

_KEY_PARAMETER = {
    "name": HEADER,
    "in": "header",
    "required": False,
    "description": "A new UUID for each action; the same one when retrying it. A retry gets the first answer.",
    "schema": {"type": "string", "maxLength": 255},
}


def describe(app: FastAPI) -> dict[str, Any]:
    """Deterministic, so that the committed `openapi.json` can be compared."""
    document = get_openapi(
        title=app.title, version=app.version, description=app.description, routes=app.routes, tags=app.openapi_tags
    )
    components = document["components"] | {"examples": {}, "responses": {}}
    for path in document["paths"].values():
        for method, operation in path.items():
            if method.upper() in METHODS:
                _take_a_key(operation)
            described = {status: _shared(response, components) for status, response in operation["responses"].items()}
            operation["responses"] = described
    document["components"] = {name: dict(sorted(parts.items())) for name, parts in components.items()}
    return document


def demand_operation_id(route: APIRoute) -> str:
    """FastAPI asks here for the id of an operation that has none."""
    raise TypeError(f"{route.path} has no operation_id")


def _take_a_key(operation: dict[str, Any]) -> None:
    parameters = operation.setdefault("parameters", [])
    if not any(p["name"].lower() == HEADER.lower() for p in parameters):
        parameters.append(_KEY_PARAMETER)


def _shared(response: dict[str, Any], components: dict[str, Any]) -> dict[str, Any]:
    """A problem with its schema at its media type, and what operations have in common kept in one place."""
    content = response.get("content", {})
    if MEDIA_TYPE not in content:
        return response
    shown: dict[str, Any] = content[MEDIA_TYPE]["examples"]
    components["examples"].update(shown)
    named = {code: {"$ref": f"#/components/examples/{code}"} for code in shown}
    problem = {"schema": {"$ref": "#/components/schemas/ProblemBody"}, "examples": named}
    described = {"description": response["description"], "content": {MEDIA_TYPE: problem}}
    if len(shown) > 1:
        return described
    [code] = shown
    components["responses"][code] = described
    return {"$ref": f"#/components/responses/{code}"}

"""Whatever the API answers in a test, its own description must have announced: status and problem code."""

import re
from collections.abc import Hashable
from typing import Any

import httpx
from fastapi import FastAPI

Operation = dict[str, Any]
Paths = list[tuple[re.Pattern[str], dict[str, Operation]]]
_known: dict[Hashable, Paths] = {}


class Described:
    """The description of one app, to be asked about each answer."""

    def __init__(self, app: FastAPI, features: Hashable) -> None:
        """`features`: what tells this app from others."""
        self._app = app
        self._features = features

    async def check(self, answer: httpx.Response) -> None:
        """An httpx response hook. What no path matches is not described, and need not be."""
        operation = self._operation(answer.request)
        if operation is None:
            return
        asked = f"{answer.request.method} {answer.request.url.path}"
        declared = operation["responses"].get(str(answer.status_code))
        assert declared is not None, f"{asked} answered {answer.status_code}, which it does not declare"
        if answer.status_code < 400:
            return
        await answer.aread()
        assert answer.json()["code"] in codes(declared), (
            f"{asked} answered {answer.json()['code']}, which it does not declare"
        )

    def _operation(self, request: httpx.Request) -> Operation | None:
        method = request.method.lower()
        for pattern, operations in _paths(self._app, self._features):
            if pattern.fullmatch(request.url.path):
                found: Operation | None = operations.get(method)
                return found
        return None


def codes(declared: Operation) -> set[str]:
    """The problems that a declared response may be; one that many operations share is kept under its code."""
    if "$ref" in declared:
        return {declared["$ref"].rsplit("/", 1)[1]}
    return set(declared["content"]["application/problem+json"]["examples"])


def _paths(app: FastAPI, features: Hashable) -> Paths:
    """Fixed paths before those with parameters, as the router decides. Made once for each set of features."""
    if features not in _known:
        paths = app.openapi()["paths"]
        ordered = sorted(paths, key=lambda path: path.count("{"))
        _known[features] = [(re.compile(re.sub(r"\{[^}]+\}", "[^/]+", path)), paths[path]) for path in ordered]
    return _known[features]

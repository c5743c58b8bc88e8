"""The physical limit: FastAPI and psycopg, one row by its primary key, nothing else. Same server, same loop."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import uvicorn
from fastapi import FastAPI
from psycopg_pool import AsyncConnectionPool

_pool = AsyncConnectionPool(os.environ["DATABASE_URL"], min_size=4, max_size=10, open=False)


@asynccontextmanager
async def _lifespan(_app: FastAPI) -> AsyncIterator[None]:
    async with _pool:
        yield


app = FastAPI(lifespan=_lifespan)


@app.get("/script/{script_id}")
async def one_row(script_id: UUID) -> dict[str, Any]:
    async with _pool.connection() as connection:
        row = await (
            await connection.execute("SELECT id, title, logline FROM app.script WHERE id = %s", [script_id])
        ).fetchone()
    return {"id": row[0], "title": row[1], "logline": row[2]} if row else {}


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ["MOLT_PORT"]), access_log=False, log_level="warning")

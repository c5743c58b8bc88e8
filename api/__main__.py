"""`python -m api run | worker | migrate | openapi`."""

import asyncio
import json
import sys
from enum import StrEnum
from typing import Annotated, NoReturn

import typer
import uvicorn
import uvloop
from pydantic import SecretStr
from sqlalchemy.exc import OperationalError

from api import log, settings, worker
from api.app import create_app
from ledger import db, deployment
from ledger.deployment import DeploymentUnreadable, NotDeployed


class Command(StrEnum):
    RUN = "run"
    WORKER = "worker"
    MIGRATE = "migrate"
    OPENAPI = "openapi"


def main(command: Annotated[Command, typer.Argument(help="what to do")]) -> None:
    """The API: serve it, run its jobs, migrate its schema, or print its description."""
    try:
        {
            Command.RUN: _run,
            Command.WORKER: _worker,
            Command.MIGRATE: _migrate,
            Command.OPENAPI: _openapi,
        }[command]()
    except (settings.SettingsError, NotDeployed, DeploymentUnreadable) as error:
        _fail(str(error))


def _run() -> None:
    chosen = settings.load()
    log.configure(level=chosen.log_level, form=chosen.log_format)
    deployment.load(chosen.chain_id, chosen.deployment_file)  # says what is missing, before anything else starts
    config = uvicorn.Config(
        create_app(chosen),
        host=chosen.molt_host,
        port=chosen.molt_port,
        log_config=None,
        access_log=False,
        server_header=False,
        loop="uvloop",
        timeout_graceful_shutdown=10,
    )
    server = uvicorn.Server(config)
    server.run()
    if not server.started:
        raise SystemExit(1)


def _worker() -> None:
    chosen = settings.load()
    log.configure(level=chosen.log_level, form=chosen.log_format)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(worker.run(chosen))


def _migrate() -> None:
    chosen = settings.load_migrate()
    log.configure(level=chosen.log_level, form=chosen.log_format)
    try:
        db.migrate(chosen.database_url, "api")
    except OperationalError as error:
        _fail(
            f"The migration could not run (DATABASE_URL must name the owner, and the server must answer): {error.orig}"
        )


def _openapi() -> None:
    sys.stdout.write(json.dumps(create_app(_described_settings()).openapi(), indent=2) + "\n")


def _described_settings() -> settings.ApiSettings:
    """Nothing that a description depends on: the same on every machine."""
    return settings.ApiSettings.model_construct(
        database_url="postgresql://", cache_url="valkey://", rpc_urls=[], api_key_pepper=SecretStr("0" * 64)
    )


def _fail(message: str) -> NoReturn:
    sys.stderr.write(message + "\n")
    raise SystemExit(2)


if __name__ == "__main__":
    typer.run(main)

"""START HERE: starts every part in the order in which they need each other, watches them, stops them in reverse."""

import signal
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import NoReturn
from urllib.parse import urlsplit

import httpx
from sqlalchemy.exc import OperationalError

from deploy.local import accounts, cache, chain, postgres, report
from deploy.local.home import Home
from deploy.local.services import Service, Supervisor
from deploy.local.settings import LocalSettings, SettingsError
from ledger import db

READY_WITHIN_SECONDS = 120


class StopRequested(BaseException):
    """Ctrl-C or SIGTERM: unwind, stopping everything on the way."""


class NotReadyError(Exception):
    """The platform did not become ready in time."""


@dataclass(frozen=True)
class Parts:
    """Where the parts are that the services stand on."""

    database_url: str
    cache_url: str
    rpc_urls: str
    deployment_file: Path | None


@dataclass(frozen=True)
class Platform:
    """A platform that is ready."""

    url: str
    rpc_url: str
    operator_token: str
    supervisor: Supervisor
    embeds_chain: bool

    def watch(self) -> NoReturn:
        """Keeps the services alive until a signal ends it. Raises ChainError when the embedded chain is gone."""
        while True:
            self.supervisor.watch()
            if self.embeds_chain and not _listens(self.rpc_url):
                raise chain.ChainError("Anvil ended. Start again: `make up` goes on from its last written state.")
            time.sleep(0.5)


def up(settings: LocalSettings, home: Home) -> None:
    """Runs the platform until it is told to stop. Raises what stood in the way: HomeInUseError, SettingsError, …"""
    began = time.monotonic()
    try:
        with running(settings, home) as platform:
            report.ready(
                url=platform.url,
                rpc_url=platform.rpc_url,
                wallets=accounts.test_wallets() if settings.embeds_chain else None,
                home=str(home.path),
                metrics_port=settings.said("INDEXER_METRICS_PORT").get("INDEXER_METRICS_PORT"),
                seconds=time.monotonic() - began,
            )
            platform.watch()
    except StopRequested:
        report.say("Stopped. Nothing was lost; `make up` goes on from here.")


@contextmanager
def running(settings: LocalSettings, home: Home) -> Iterator[Platform]:
    """The platform, ready; stopped on the way out. SIGINT and SIGTERM raise StopRequested."""
    stop_on_signal()
    with ExitStack() as stack:
        yield _start(settings, home, stack)


def stop_on_signal() -> None:
    for signal_number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signal_number, _request_stop)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _start(settings: LocalSettings, home: Home, stack: ExitStack) -> Platform:
    stack.enter_context(home.locked())
    _demand_free_port(settings.molt_port)
    parts = _start_parts(settings, home, stack)
    services = _services(settings, home, parts)
    supervisor = Supervisor(home.logs, report.say)
    stack.callback(supervisor.stop)
    platform = Platform(
        url=settings.public_url or f"http://127.0.0.1:{settings.molt_port}",
        rpc_url=parts.rpc_urls.split(",")[0],
        operator_token=services["api"].environment["OPERATOR_TOKEN"],
        supervisor=supervisor,
        embeds_chain=settings.embeds_chain,
    )
    home.say_running({service.name: dict(service.environment) for service in services.values()})
    stack.callback(home.running_file.unlink, missing_ok=True)
    with report.step("Migrations"):
        packages: tuple[db.PackageName, ...] = ("ledger", "relayer", "api")
        for package in packages:
            _migrate(parts.database_url, package)
    with report.step("Indexer, relayer, API, worker"):
        for service in services.values():
            supervisor.start(service)
        _wait_until_ready(f"http://127.0.0.1:{settings.molt_port}/api/v1/health/ready", supervisor)
    return platform


def _start_parts(settings: LocalSettings, home: Home, stack: ExitStack) -> Parts:
    database_url, cache_url, rpc_urls = settings.database_url, settings.cache_url, settings.rpc_urls
    deployment_file = settings.deployment_file
    if database_url is None:
        with report.step("PostgreSQL"):
            server = stack.enter_context(postgres.running(home.postgres))
            database_url = postgres.ensure_database(server, "molt")
    if cache_url is None:
        with report.step("Valkey"):
            cache_url = stack.enter_context(cache.running(home.valkey))
    if rpc_urls is None:
        with report.step("Anvil, USDC and the splitter"):
            rpc_urls = stack.enter_context(
                chain.running(state=home.chain_state, epoch_blocks=settings.epoch_blocks, log=home.logs / "anvil.log")
            )
            chain.ensure_deployed(rpc_urls, home.deployment_file)
            chain.mine_every(rpc_urls, settings.block_time_seconds)
            deployment_file = home.deployment_file
    return Parts(database_url, cache_url, rpc_urls, deployment_file)


def _services(settings: LocalSettings, home: Home, parts: Parts) -> dict[str, Service]:
    shared = {
        "DATABASE_URL": parts.database_url,
        "RPC_URLS": parts.rpc_urls,
        "CHAIN_ID": str(settings.chain_id),
        "LOG_LEVEL": settings.log_level,
        "LOG_FORMAT": settings.log_format,
        "MOLT_HOME": str(home.path),
    }
    if parts.deployment_file is not None:
        shared["DEPLOYMENT_FILE"] = str(parts.deployment_file)
    keys = accounts.service_keys() if settings.embeds_chain else {}
    api = {
        "CACHE_URL": parts.cache_url,
        "MOLT_PORT": str(settings.molt_port),
        "PUBLIC_URL": settings.public_url or f"http://127.0.0.1:{settings.molt_port}",
        "API_KEY_PEPPER": home.secret("api-key-pepper", settings.api_key_pepper),
        "OPERATOR_TOKEN": home.secret("operator-token", settings.operator_token),
        "LOCAL_CHAIN": "true" if settings.embeds_chain else "false",
    }
    if settings.embeds_chain:
        api["WEBHOOK_NETWORKS"] = "127.0.0.0/8,::1/128"
        api["AUDIT_SEAL_SECONDS"] = "10"
    heads = {"INDEXER_WS_URLS": parts.rpc_urls.replace("http", "ws", 1)} if settings.embeds_chain else {}
    said = settings.said
    services = [
        Service("indexer", [sys.executable, "-m", "indexer", "run"], shared | heads | said("INDEXER_")),
        Service(
            "relayer",
            [sys.executable, "-m", "relayer", "run"],
            shared | keys | said("RELAYER_", "REGISTRAR_", "FAUCET_", "AUDITOR_"),
        ),
        Service(
            "api",
            [sys.executable, "-m", "api", "run"],
            shared | api | said("API_DATABASE_URL", "MOLT_HOST", "WEBHOOK_"),
        ),
        Service(
            "worker",
            [sys.executable, "-m", "api", "worker"],
            shared | api | said("API_DATABASE_URL", "WEBHOOK_", "AUDIT_SEAL_"),
        ),
    ]
    return {service.name: service for service in services}


def _migrate(database_url: str, package: db.PackageName) -> None:
    try:
        db.migrate(database_url, package)
    except OperationalError as error:
        raise SettingsError(
            f"The database cannot be migrated (DATABASE_URL must name its owner): {error.orig}"
        ) from None


def _wait_until_ready(url: str, supervisor: Supervisor) -> None:
    deadline = time.monotonic() + READY_WITHIN_SECONDS
    last = "no answer"
    while time.monotonic() < deadline:
        supervisor.demand_alive()
        try:
            answer = httpx.get(url, timeout=2)
            if answer.status_code == httpx.codes.OK:
                return
            last = answer.text
        except httpx.TransportError as error:
            last = repr(error)
        time.sleep(0.2)
    raise NotReadyError(f"Not ready after {READY_WITHIN_SECONDS} s. The last answer of {url}: {last}")


def _listens(url: str) -> bool:
    parts = urlsplit(url)
    try:
        socket.create_connection((parts.hostname or "", parts.port or 0), timeout=10).close()
    except ConnectionRefusedError:
        return False
    return True


def _demand_free_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise SettingsError(
                f"Port {port} is taken: stop what listens there, or choose another with MOLT_PORT=…"
            ) from None


def _request_stop(_signal: int, _frame: FrameType | None) -> NoReturn:
    for signal_number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signal_number, signal.SIG_IGN)  # a second Ctrl-C must not interrupt the stopping
    raise StopRequested

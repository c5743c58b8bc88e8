"""Whether every part of a platform works, seen from outside: over HTTP and JSON-RPC. Start at `examine`.

Each check says what it found and, where something is wrong, what to do about it.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from eth_abi.abi import encode
from eth_utils.crypto import keccak

from molt import faucet, wallet
from molt.chain import Rpc
from molt.client import Molt
from molt.problems import MoltError, NotAuthenticated, Unreachable
from molt.profile import Credentials
from molt.shapes import Chain

Verdict = Literal["ok", "warning", "failed", "skipped"]

MAX_SKEW_SECONDS = 30
MAX_LAG_BLOCKS = 10
MAX_BLOCK_AGE_SECONDS = 60
RELAYER_TIMEOUT_SECONDS = 25.0
_SOON_DAYS = 7

_TO_DO = {
    "DATABASE_UNREACHABLE": "see that PostgreSQL runs and that DATABASE_URL names it; `make up` brings one of its own",
    "MIGRATIONS_MISSING": "run the commands that it names; `make up` does so at each start",
    "CACHE_UNREACHABLE": "see that Valkey runs and that CACHE_URL names it",
    "CACHE_FAILED": "see that Valkey runs and that CACHE_URL names it",
    "CHAIN_UNREACHABLE": "see that one of RPC_URLS answers; on a local chain, restart `make up`",
    "WRONG_CHAIN": "set CHAIN_ID and RPC_URLS to the same chain",
    "SPLITTER_MISSING": "deploy the contracts, or set DEPLOYMENT_FILE to where they are",
    "INDEXER_NOT_STARTED": "wait a few seconds; then look at log/indexer.log in MOLT_HOME",
    "INDEXER_HALTED": "run `python -m indexer status`: it says why; then read docs/runbook.md, The ledger halted",
    "LEDGER_DIFFERS": "run `python -m indexer status`: it names account, block and rows; then read docs/runbook.md",
    "INDEXER_SILENT": "restart the indexer; log/indexer.log in MOLT_HOME says why it stopped",
    "INDEXER_BEHIND": "wait: it catches up; if the lag grows, the RPC is too slow for it",
}
_LOOK_AT_LOGS = "look at the logs in MOLT_HOME/log"


@dataclass(frozen=True)
class Finding:
    """What one check found."""

    part: str
    verdict: Verdict
    detail: str
    to_do: str | None = None

    def as_json(self) -> dict[str, str | None]:
        return {"part": self.part, "verdict": self.verdict, "detail": self.detail, "to_do": self.to_do}


@dataclass(frozen=True)
class Patient:
    """What is examined, and as whom."""

    url: str
    credentials: Credentials
    rpc_url: str | None = None
    """In place of what the platform tells wallets to use."""


def examine(patient: Patient) -> Iterator[Finding]:
    """All findings, in the order in which the parts need each other; the rest is left out once nothing can be asked."""
    molt = Molt(patient.url)
    try:
        molt.is_alive()
    except MoltError as error:
        to_do = "start it with `make up`, or name another platform with --url or MOLT_URL"
        yield Finding("API", "failed", error.detail, to_do)
        return
    yield Finding("API", "ok", f"answers at {molt.url}")
    yield from _tried("readiness", lambda: _readiness(molt))
    yield from _tried("credentials", lambda: _credentials(patient))
    try:
        chain = molt.chain()
    except MoltError as error:
        yield Finding("chain", "failed", error.detail, error.hint or _LOOK_AT_LOGS)
        return
    on_chain = list(_chain(chain, patient.rpc_url or chain["rpc_url"]))
    yield from on_chain
    if any(finding.verdict == "failed" for finding in on_chain):
        yield Finding("relayer", "skipped", "it needs the chain first")
    else:
        yield from _tried("relayer", lambda: _relayer(molt, chain))


def _tried(part: str, look: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    try:
        yield from look()
    except MoltError as error:
        yield Finding(part, "failed", error.detail, error.hint or _LOOK_AT_LOGS)


def _readiness(molt: Molt) -> Iterator[Finding]:
    ready, platform_time = molt.readiness()
    if "head_number" in ready:
        where = f"ledger at block {ready['head_number']}, {ready.get('lag_blocks', 0)} behind the chain"
        yield Finding("readiness", "ok", where)
    for reason in ready.get("reasons", []):
        to_do = _TO_DO.get(reason["code"], _LOOK_AT_LOGS)
        yield Finding(reason["part"], "failed", f"{reason['detail']} ({reason['code']})", to_do)
    if platform_time is not None:
        yield _clock(abs((datetime.now(UTC) - platform_time).total_seconds()))


def _clock(skew_seconds: float) -> Finding:
    if skew_seconds > MAX_SKEW_SECONDS:
        detail = f"this machine and the platform are {skew_seconds:.0f} s apart"
        return Finding("clock", "warning", detail, "set the clock (NTP): signatures and sessions depend on it")
    return Finding("clock", "ok", "this machine and the platform agree on the time")


def _credentials(patient: Patient) -> Iterator[Finding]:
    known = patient.credentials
    if known.session is None and known.api_key() is None:
        yield Finding("credentials", "skipped", "none are kept here for this platform")
    if known.session is not None:
        yield _session(Molt(patient.url, known.session), known.email)
    if (key := known.api_key()) is not None:
        yield _api_key(Molt(patient.url, key))


def _session(human: Molt, email: str | None) -> Finding:
    try:
        human.me()
    except NotAuthenticated as error:
        return Finding("session", "failed", f"{email}: {error.detail}", f"molt login {email}")
    return Finding("session", "ok", f"logged in as {email}")


def _api_key(agent: Molt) -> Finding:
    try:
        valid = agent.validate_key()
    except NotAuthenticated as error:
        return Finding("API key", "failed", error.detail, "make another one, and `molt agents add-key`")
    days = (datetime.fromisoformat(valid["key"]["expires_at"]) - datetime.now(UTC)).days
    if days < _SOON_DAYS:
        return Finding(
            "API key", "warning", f"{valid['agent']}: expires in {days} days", "rotate it: POST /keys/{id}/rotate"
        )
    return Finding("API key", "ok", f"{valid['agent']}: {days} days left")


def _chain(chain: Chain, rpc_url: str | None) -> Iterator[Finding]:
    if rpc_url is None:
        yield Finding("RPC", "skipped", "the platform names none for wallets", "set MOLT_RPC_URL to look closer")
        return
    rpc = Rpc(rpc_url)
    try:
        served = rpc.chain_id()
    except Unreachable as error:
        yield Finding("RPC", "failed", error.detail, _TO_DO["CHAIN_UNREACHABLE"])
        return
    if served != chain["chain_id"]:
        detail = f"{rpc_url} serves chain {served}, and the platform is on {chain['chain_id']}"
        yield Finding("RPC", "failed", detail, "set MOLT_RPC_URL (or the platform's RPC_URLS) to one of its chain")
        return
    for part, look in (("RPC", _blocks), ("USDC", _usdc), ("splitter", _splitter), ("ledger", _ledger)):
        try:
            yield look(rpc, chain)
        except MoltError as error:
            yield Finding(part, "failed", error.detail, error.hint or _TO_DO["CHAIN_UNREACHABLE"])


def _blocks(rpc: Rpc, chain: Chain) -> Finding:
    head = rpc.block()
    age = time.time() - head.timestamp
    where = f"{chain['name']} ({chain['chain_id']}) at block {head.number}"
    if age > MAX_BLOCK_AGE_SECONDS:
        return Finding(
            "RPC", "warning", f"{where}, which is {age:.0f} s old", "see that the chain goes on; try another RPC"
        )
    return Finding("RPC", "ok", where)


def _usdc(rpc: Rpc, chain: Chain) -> Finding:
    if not rpc.has_code(chain["usdc"]):
        return Finding("USDC", "failed", f"no contract at {chain['usdc']}", "the deployment file is of another chain")
    domain = chain["usdc_domain"]
    types = keccak(text="EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")
    named = [keccak(text=domain["name"]), keccak(text=domain["version"])]
    expected = keccak(
        encode(["bytes32"] * 3 + ["uint256", "address"], [types, *named, chain["chain_id"], chain["usdc"]])
    )
    if rpc.read(chain["usdc"], "DOMAIN_SEPARATOR()", returns="bytes32") != expected:
        detail = "its EIP-712 domain is not the one that the platform names: signatures would fail"
        return Finding("USDC", "failed", detail, "correct usdcDomain in the deployment file")
    return Finding("USDC", "ok", f"{chain['usdc']}, domain {domain['name']} {domain['version']}")


def _splitter(rpc: Rpc, chain: Chain) -> Finding:
    at = chain["splitter"]
    if not rpc.has_code(at):
        return Finding("splitter", "failed", f"no contract at {at}", _TO_DO["SPLITTER_MISSING"])
    if rpc.read(at, "USDC()", returns="address").lower() != chain["usdc"].lower():
        return Finding("splitter", "failed", f"{at} splits another token", _TO_DO["SPLITTER_MISSING"])
    if rpc.read(at, "paused()", returns="bool"):
        to_do = "wait for the operator: claims, sweeps and flushes still work"
        return Finding("splitter", "warning", f"{at}: tips are paused", to_do)
    return Finding("splitter", "ok", at)


def _ledger(rpc: Rpc, chain: Chain) -> Finding:
    ledger = chain["ledger"]
    if ledger is None:
        return Finding("ledger", "failed", "it is empty", _TO_DO["INDEXER_NOT_STARTED"])
    lag = max(0, rpc.block().number - ledger["head_number"])
    if lag > MAX_LAG_BLOCKS:
        return Finding("ledger", "failed", f"{lag} blocks behind the chain", _TO_DO["INDEXER_BEHIND"])
    return Finding("ledger", "ok", f"{lag} blocks behind; final up to block {ledger['finalized_number']}")


def _relayer(molt: Molt, chain: Chain) -> Iterator[Finding]:
    if not chain["is_local"]:
        yield Finding("relayer", "skipped", "on a real chain a probe would cost gas: any gasless tip or claim shows it")
        return
    began = time.monotonic()
    try:
        faucet.pour(molt, wallet.fresh().address, 1, timeout=RELAYER_TIMEOUT_SECONDS)
    except Unreachable:
        raise
    except MoltError as error:
        to_do = "log/relayer.log in MOLT_HOME says what holds it up: its key, its gas, or the RPC"
        yield Finding("relayer", "failed", error.detail, to_do)
        return
    yield Finding("relayer", "ok", f"sent two transactions of the faucet, mined after {time.monotonic() - began:.1f} s")

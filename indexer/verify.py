"""Is the ledger what the chain says? Rebuilds it into a scratch schema, compares every row, then asks the contracts.

Everything is read in one snapshot of the database, pinned to the block that is the ledger's head in it, so that it
works while the indexer runs. The scratch schema is the connection's own and vanishes with it.
"""

import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from indexer import chain as rpc
from indexer import digests, lead, onchain, rebuild
from indexer.report import Report, print_report, say
from indexer.settings import Settings
from ledger import db, reconciliation, record, rederive
from ledger.deployment import Deployment

log = structlog.get_logger("indexer.verify")

_SNAPSHOTS = 4
_ASKED_AT_ONCE = 2048


class NothingToVerify(Exception):
    """Nothing is mirrored of this chain yet: start `python -m indexer run`."""


class HeadNotOnChain(Exception):
    """The ledger's head is not on the node's chain, and stays where it is: the indexer is halted or does not run."""


async def run(settings: Settings, chain: rpc.Chain) -> int:
    """Prints the report; 0 when equal, 1 when not. Raises chain.Unavailable when the node does not answer."""
    try:
        report = await verify(settings, chain)
    except (NothingToVerify, HeadNotOnChain) as error:
        say(f"{error.__doc__}\n" + json.dumps({"equal": False, "error": type(error).__name__, "detail": str(error)}))
        return 1
    print_report(report)
    return int(bool(report.differences))


async def verify(settings: Settings, chain: rpc.Chain) -> Report:
    """What reconciliation had found before and this does not find again is resolved.

    Raises NothingToVerify, HeadNotOnChain and what `Mirror.step` raises when it keeps doing so."""
    scope = lead.scope_of(settings)
    stale = ""
    for _ in range(_SNAPSHOTS):
        connection = await db.connect_async(settings.database_url, "molt_indexer", autocommit=True)
        async with connection:
            async with connection.transaction():
                await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
                began = (await (await connection.execute("SELECT now()")).fetchall())[0][0]
                pinned = await record.read_cursor(connection, settings.chain_id)
                if pinned is None:
                    raise NothingToVerify(f"chain {settings.chain_id}")
                head_hash = "0x" + pinned.head_hash.hex()
                report = Report(pinned.chain_id, pinned.head_number, head_hash, pinned.finalized_number)
                with _stage(report, "rebuild"):
                    rebuilt = await rebuild.everything(
                        chain, connection, scope, pinned.head_number, settings.range_blocks
                    )
                if rebuilt is None or rebuilt.head_hash != pinned.head_hash:
                    stale = f"block {pinned.head_number} {head_hash}"
                    await asyncio.sleep(settings.poll_seconds * 2)
                    continue  # the chain was reorganised around the snapshot; the next one will have followed
                await _Verification(settings, chain, connection, scope.deployment, pinned, report).compare()
            await reconciliation.resolve_except(connection, pinned.chain_id, report.differences, began)
            return report
    raise HeadNotOnChain(stale)


@dataclass(frozen=True)
class _Verification:
    """The chain, and a snapshot of the ledger with its rebuild beside it."""

    settings: Settings
    chain: rpc.Chain
    connection: record.Connection
    deployment: Deployment
    pinned: record.Cursor
    report: Report

    async def compare(self) -> None:
        with _stage(self.report, "rows"):
            await self._rows()
        with _stage(self.report, "contracts"):
            async with onchain.snapshot_session(self.settings.database_url, self.connection) as session:
                await self._ask(await onchain.totals(session, self.deployment))
                for subject in onchain.SUBJECTS:
                    await self._ask_about(session, subject)

    async def _rows(self) -> None:
        pinned, report = self.pinned, self.report
        blocks = digests.Blocks(pinned.chain_id, pinned.start_number, pinned.head_number, whole=True)
        compared = await digests.compare(self.connection, blocks)
        report.rows, report.unnamed = compared.rows, compared.unnamed
        report.differences += compared.differences
        report.differences += await digests.other_blocks(self.chain, self.connection, blocks, pinned.finalized_number)
        for each in await rederive.differences(self.connection, pinned.chain_id):
            report.differences.append(digests.of_rollup(each.table, each.stored, each.derived))

    async def _ask_about(self, session: AsyncSession, subject: onchain.Subject) -> None:
        """All of a kind that the ledger knows; and, when rows differ, what only its rebuild knows."""
        chain_id = self.pinned.chain_id
        after: onchain.Key = ()
        while keys := await onchain.keys(session, chain_id, subject, after=after, limit=_ASKED_AT_ONCE):
            await self._ask(await subject.expect(session, self.deployment, keys))
            after = keys[-1]
            log.info("asking", about=subject.part, asked=sum(self.report.questions.values()))
        if self.report.differences and (hidden := await onchain.hidden_keys(self.connection, chain_id, subject)):
            await self._ask(await subject.expect(session, self.deployment, hidden))

    async def _ask(self, expected: list[onchain.Expected]) -> None:
        for each in expected:
            self.report.questions[each.where] = self.report.questions.get(each.where, 0) + 1
        self.report.differences += await onchain.ask(self.chain, expected, self.report.head_hash)


@contextmanager
def _stage(report: Report, name: str) -> Iterator[None]:
    began = time.monotonic()
    try:
        yield
    finally:
        report.seconds[name] = time.monotonic() - began
        log.info("stage_done", stage=name, seconds=round(report.seconds[name], 1))

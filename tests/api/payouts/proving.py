"""Every figure that the API tells of earnings, beside sums of the chain's logs, after a random history: to the unit.

`make prove-earnings` plays 2,000 tips (TIPS=…, SEED=…) over a real Anvil: by every rail, to accounts with and without
wallets, held, claimed, swept a month later, reorganised; the indexer follows meanwhile. Then each caller asks for the
earnings by everything there is, for the CSV, for the wallet, and for a statement of each month. Ends with one line of
JSON; exits 1 when anything differs.
"""

import argparse
import asyncio
import csv
import io
import json
import random
import secrets
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import valkey

from api import log as api_log
from api.app import create_app
from api.settings import ApiSettings
from deploy.local import cache, postgres
from deploy.local import chain as local_chain
from indexer import chain as rpc
from indexer import log as indexer_log
from ledger import db
from tests.api.payouts import chain_sums
from tests.api.payouts.chain_sums import Figures, Sums
from tests.builders.accounts import Somebody, a_claimed_agent, a_human, an_agent
from tests.indexer import mirroring
from tests.indexer import world as worlds
from tests.indexer.world import DAY, World

GROUPS = ("day", "series", "episode", "role", "rail", "payer")
_EPISODES, _STRANGE_REFS = 30, (1, 2, 3)
_DEEPEST = 64
_ACTIONS_A_ROUND = (5, 40)
_STORIES = 0.2
"""Acts in a row, beside what a world does by itself."""
_REQUESTS_A_MINUTE = 50
"""Then the limits are forgotten: they are not what is proven."""

Json = dict[str, Any]
Say = Callable[[str], None]


@dataclass(frozen=True)
class Caller:
    who: Somebody
    accounts: list[UUID]


@dataclass
class Platform:
    """The whole application in this process, and who has accounts on it."""

    client: httpx.AsyncClient
    limits: valkey.Valkey
    callers: list[Caller]
    pairs: list[tuple[int, int]]
    series: dict[int, str]
    episodes: dict[int, str]
    requests: int = 0

    async def get(self, caller: Caller, path: str, *, accept: str = "*/*", **params: Any) -> httpx.Response:
        self.requests += 1
        if self.requests % _REQUESTS_A_MINUTE == 0:
            self.limits.flushall()
        answer = await self.client.get(
            f"/api/v1{path}", params=params, headers={**caller.who.headers, "Accept": accept}
        )
        assert answer.status_code == 200, answer.text
        return answer


@dataclass
class Compared:
    """Figures of the API beside those of the chain."""

    figures: int = 0
    differences: list[str] = field(default_factory=list)

    def same(self, what: str, ours: Any, chain: Any) -> None:
        self.figures += _size(chain)
        if ours != chain:
            self.differences.append(f"{what}: the API says {ours}, the chain {chain}")


async def prove(world: World, database_url: str, cache_url: str, tips: int, say: Say = lambda _: None) -> Json:
    """Plays, then compares. The result names every difference."""
    async with serving(world, database_url, cache_url) as platform:
        world.pairs, world.refs = platform.pairs, [*platform.episodes, *_STRANGE_REFS]
        reorgs = await _play(world, database_url, tips, say)
        sums = await asyncio.to_thread(
            chain_sums.of_chain, world.w3, world.splitter, world.deployment.deployed_at_block
        )
        now = datetime.fromtimestamp(world.w3.eth.get_block("latest")["timestamp"], UTC)
        compared = Compared()
        for number, caller in enumerate(platform.callers, start=1):
            say(f"caller {number}/{len(platform.callers)}: {compared.figures} figures compared so far")
            await _compare(platform, caller, sums, now, compared)
    kinds = Counter(move.kind for move in sums.moves)
    return {
        "tips": len(sums.shares) // 2,
        "reorgs": reorgs,
        "holds": kinds["held"],
        "claims": kinds["claimed"],
        "sweeps": kinds["swept"],
        "rails": dict(sorted(Counter(share.rail for share in sums.shares if share.role == "agent").items())),
        "accounts": len({account for caller in platform.callers for account in caller.accounts}),
        "months": len({each.place.month for each in (*sums.shares, *sums.moves)}),
        "not_final": sum(share.place.block > sums.final for share in sums.shares),
        "figures": compared.figures,
        "differences": compared.differences,
    }


# ---------------------------------------------------------------------------------------------------------- the history


async def _play(world: World, database_url: str, tips: int, say: Say) -> int:
    """Until the chain has so many; answers how many reorganisations there were."""
    settings, reorgs, counted = world.settings(database_url), 0, 0
    async with rpc.Chain([world.rpc_url]) as chain, mirroring.indexer(settings, chain) as status:
        await asyncio.to_thread(world.mine, 2 * _DEEPEST)  # nothing before this is reorganised
        while counted < tips:
            await asyncio.to_thread(_act, world, world.rng.randint(*_ACTIONS_A_ROUND))
            if world.rng.random() < 0.5:  # else the indexer is somewhere on the way
                await mirroring.until_mirrored(world, status)
            depth = world.rng.choice(
                [world.rng.randint(1, 6), world.rng.randint(1, 20), world.rng.randint(1, _DEEPEST)]
            )
            if world.rng.random() < 0.2:
                await asyncio.to_thread(world.roll_back, depth)
                await asyncio.to_thread(_act, world, 3)
            else:
                await asyncio.to_thread(world.reorganise, depth)
            reorgs += 1
            counted = await asyncio.to_thread(_tips, world)
            say(f"{counted} of {tips} tips, {reorgs} reorganisations")
        await asyncio.to_thread(world.mine, _DEEPEST)  # a shorter fork would call less final than was; the ledger never
        await mirroring.until_mirrored(world, status)
        await _until_as_final(world, database_url)
    return reorgs


def _act(world: World, count: int) -> None:
    for _ in range(count):
        if world.rng.random() < _STORIES:
            world.rng.choice([_permit, _vault, _claim])(world)
        else:
            world.random_action()
    world.until_mined()


def _permit(world: World) -> None:
    world.tip_with_permit(*world.rng.choice(world.pairs), world.rng.choice(world.refs))
    world.approve()


def _vault(world: World) -> None:
    """Paid by one or several, then split."""
    terms = (*world.rng.choice(world.pairs), world.rng.choice(world.refs))
    for _ in range(world.rng.randint(1, 3)):
        world.pay_vault(*terms)
    world.flush(*terms)


def _claim(world: World) -> None:
    """An account without a wallet is held a share, has one two days later, claims, and has none again."""
    account = world.rng.choice(world.rng.choice(world.pairs))
    world.revoke(account)
    world.tip(account, account, world.rng.choice(world.refs))
    world.until_mined()  # what comes next depends on it
    world.set_wallet(account)
    world.until_mined()
    world.travel(2 * DAY)  # the first wallet counts at once, another one after a revocation by then
    world.confirm_rotation(account)
    world.until_mined()
    world.claim(account)
    if world.rng.random() < 0.5:
        world.revoke(account)


def _tips(world: World) -> int:
    world.until_mined()
    topic = world.splitter.events.TipSplit().topic
    asked = {"address": world.splitter.address, "topics": [topic], "fromBlock": 0, "toBlock": "latest"}
    return len(world.w3.eth.get_logs(asked))


async def _until_as_final(world: World, database_url: str) -> None:
    final = world.w3.eth.get_block("finalized")["number"]
    deadline = time.monotonic() + 30
    while mirroring.rows(database_url, "SELECT finalized_number FROM ledger.cursor") != [(final,)]:
        assert time.monotonic() < deadline, "the ledger does not take what is final for final"
        await asyncio.sleep(0.05)


# ------------------------------------------------------------------------------------------------------- the comparison


async def _compare(platform: Platform, caller: Caller, sums: Sums, now: datetime, compared: Compared) -> None:
    for accounts in (caller.accounts, *([each] for each in caller.accounts)):
        one = {} if len(accounts) == len(caller.accounts) else {"account_id": str(accounts[0])}
        for group_by in GROUPS:
            await _compare_earnings(platform, caller, accounts, sums, compared, group_by=group_by, **one)
    await _compare_wallet(platform, caller, sums, compared)
    opening = dict.fromkeys(caller.accounts, 0)
    for month in _months(sums, now):
        await _compare_statement(platform, caller, sums, compared, month, opening)


async def _compare_earnings(
    platform: Platform, caller: Caller, accounts: Sequence[UUID], sums: Sums, compared: Compared, **asked: str
) -> None:
    group_by = asked["group_by"]
    expected = sums.earned(accounts, group_by, _keys(platform, group_by))
    lines: list[Json] = []
    rows: list[dict[str, str]] = []
    page: dict[str, str] = {}
    while True:
        found = (await platform.get(caller, "/earnings", **asked, **page, limit=2)).json()
        lines += found["data"]
        text = (await platform.get(caller, "/earnings", **asked, **page, limit=2, accept="text/csv")).text
        rows += csv.DictReader(io.StringIO(text))
        total = Figures(*map(sum, zip(*expected.values(), strict=True))) if expected else Figures()
        compared.same(f"total of {asked}", _figures(found["total"]), total)
        if found["next_cursor"] is None:
            break
        page = {"cursor": found["next_cursor"]}
    what = f"earnings of {[str(each) for each in accounts]} by {group_by}"
    compared.same(what, {line["key"]: _figures(line) for line in lines}, expected)
    compared.same(f"{what}, CSV", {row["key"]: _figures(row) for row in rows}, expected)


async def _compare_wallet(platform: Platform, caller: Caller, sums: Sums, compared: Compared) -> None:
    shown = (await platform.get(caller, "/wallet")).json()
    assert {each["account_id"] for each in shown["accounts"]} == set(map(str, caller.accounts))
    for each in shown["accounts"]:
        account = UUID(each["account_id"])
        flows = sum(sums.flows(account).values(), Counter[str]())
        earned = sums.earned([account], "rail", {}).values()
        filled = sum(move.amount for move in sums.moves if move.account == account and move.kind == "held")
        compared.same(f"what ShareHeld says of {account}", flows["held"], filled)
        expected = {
            "earned": flows["paid"] + flows["held"],
            "paid": flows["paid"],
            "claimed": flows["claimed"],
            "swept": flows["swept"],
            "unclaimed": flows["held"] - flows["claimed"] - flows["swept"],
            "pending": sum(line.pending for line in earned),
        }
        compared.same(f"wallet of {account}", {name: int(each[f"{name}_micro_usdc"]) for name in expected}, expected)


async def _compare_statement(  # noqa: PLR0917
    platform: Platform, caller: Caller, sums: Sums, compared: Compared, month: str, opening: dict[UUID, int]
) -> None:
    """`opening` is what the chain held of each account, and is moved to the end of the month."""
    found = (await platform.get(caller, "/earnings/statement", month=month)).json()
    text = (await platform.get(caller, "/earnings/statement", month=month, accept="text/csv")).text
    expected = {}
    for account in caller.accounts:
        flow = sums.flows(account)[month]
        closing = opening[account] + flow["held"] - flow["claimed"] - flow["swept"]
        balances = (opening[account], flow["paid"] + flow["held"], flow["paid"], flow["held"], flow["claimed"])
        expected[str(account)] = (*balances, flow["swept"], closing)
        opening[account] = closing
    what = f"statement of {month}"
    compared.same(what, {each["account_id"]: _balances(each) for each in found["accounts"]}, expected)
    total = tuple(map(sum, zip(*expected.values(), strict=True)))
    compared.same(f"{what}, total", _balances(found["total"]), total)
    lines = sums.lines(caller.accounts, month)
    compared.same(f"{what}, movements", [_line(line) for line in found["data"][1:-1]], lines)
    rows = [_line({name: value or None for name, value in row.items()}) for row in csv.DictReader(io.StringIO(text))]
    compared.same(f"{what}, CSV", rows[1:-1], lines)
    not_final = sum(int(amount) for _, _, _, _, amount, *_, final in lines if not final)
    compared.same(f"{what}, not final", int(found["not_final_micro_usdc"]), not_final)
    ends = [(rows[0][0], int(rows[0][4])), (rows[-1][0], int(rows[-1][4]))]
    compared.same(f"{what}, balances in CSV", ends, [("opening", total[0]), ("closing", total[-1])])


def _figures(line: Json) -> Figures:
    found = Figures(int(line["tips"]), *(int(line[f"{name}_micro_usdc"]) for name in ("final", "pending", "held")))
    assert int(line["total_micro_usdc"]) == found.final + found.pending
    return found


def _balances(totals: Json) -> tuple[int, ...]:
    names = ("opening_held", "earned", "paid", "held", "claimed", "swept", "closing_held")
    return tuple(int(totals[f"{name}_micro_usdc"]) for name in names)


def _line(line: Json) -> tuple[Any, ...]:
    names = ("kind", "account_id", "role", "tip_micro_usdc", "amount_micro_usdc", "wallet", "tx_hash")
    log = None if line["log_index"] is None else int(line["log_index"])
    return (*(line[name] for name in names), log, line["finality"] == "finalized")


def _months(sums: Sums, now: datetime) -> list[str]:
    """From the month before the first to the present one."""
    first = min(each.place.time for each in (*sums.shares, *sums.moves))
    numbers = range(first.year * 12 + first.month - 2, now.year * 12 + now.month)
    return [f"{number // 12}-{number % 12 + 1:02}" for number in numbers]


def _keys(platform: Platform, group_by: str) -> dict[int, str]:
    return {"series": platform.series, "episode": platform.episodes}.get(group_by, {})


def _size(value: Any) -> int:
    """How many figures and texts it holds."""
    if isinstance(value, dict):
        return sum(map(_size, value.values()))
    return sum(map(_size, value)) if isinstance(value, list | tuple) else 1


# --------------------------------------------------------------------------------------------------------- the platform


@asynccontextmanager
async def serving(world: World, database_url: str, cache_url: str) -> AsyncIterator[Platform]:
    """Two humans, four agents (one of them unclaimed, with the creator account that it brought along), six series."""
    settings = ApiSettings.model_validate(
        {
            "API_DATABASE_URL": database_url,
            "cache_url": cache_url,
            "rpc_urls": world.rpc_url,
            "deployment_file": world.deployment_file,
            "api_key_pepper": secrets.token_hex(32),
            "local_chain": True,
            "database_pool_size": 4,
        }
    )
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://testserver", timeout=60) as client:
            humans = [await a_human(client), await a_human(client)]
            agents = [await an_agent(client, owner=humans[n]) for n in (0, 0, 1)]
            claimed, unclaimed = await a_claimed_agent(client, humans[1]), await an_agent(client)
            brought = unclaimed.body["agent"]["creator_id"]
            couples = [*zip((humans[0], humans[0], humans[1]), agents, strict=True), (humans[1], claimed)]
            pairs = [(UUID(human.id).int, UUID(agent.id).int) for human, agent in couples]
            pairs += [(UUID(brought).int, UUID(unclaimed.id).int), (UUID(agents[0].id).int,) * 2]
            series, episodes = _publish(database_url)
            limits = valkey.Valkey.from_url(cache_url)
            found = Platform(client, limits, [], pairs, series, episodes)
            for who in (*humans, agents[0], claimed, unclaimed):
                shown = (await client.get("/api/v1/wallet", headers=who.headers)).json()
                found.callers.append(Caller(who, [UUID(each["account_id"]) for each in shown["accounts"]]))
            yield found


def _publish(database_url: str) -> tuple[dict[int, str], dict[int, str]]:
    """Episodes; their scripts and studios are left out. By ref: the series' ids, the episodes' ids."""
    series, episodes = dict[int, str](), dict[int, str]()
    with db.connect(database_url) as owner:
        owner.execute("SET session_replication_role = replica")
        for number in range(_EPISODES):
            if number % 5 == 0:
                of = uuid4()
            episode = uuid4()
            series[episode.int], episodes[episode.int] = str(of), str(episode)
            owner.execute(
                """INSERT INTO app.episode (id, series_id, number, title, creator_id, agent_id, chain_id, vault)
                VALUES (%s, %s, %s, %s, %s, %s, 84532, %s)""",
                (episode, of, number % 5 + 1, f"Episode {number}", uuid4(), uuid4(), secrets.token_bytes(20)),
            )
    return series, episodes


# ------------------------------------------------------------------------------------------------------------- command


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.api.payouts.proving", description=__doc__)
    parser.add_argument("--tips", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    asked = parser.parse_args()
    indexer_log.configure("console", "error")
    api_log.configure(level="ERROR", form="json")
    _say(f"seed {asked.seed}")
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="molt-earnings-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # PostgreSQL will not run as root
        with local_chain.running(state=folder / "state.json") as url:
            local_chain.ensure_deployed(url, folder / "deployment.json")
        with (
            postgres.running(folder / "postgres") as server,
            cache.running(folder / "valkey") as cache_url,
            worlds.running(folder, seed=asked.seed) as world,
        ):
            database_url = postgres.ensure_database(server, "earnings")
            for package in ("ledger", "relayer", "api"):
                db.migrate(database_url, package)
            begin(world)
            result = asyncio.run(prove(world, database_url, cache_url, asked.tips, _say))
    for difference in result["differences"][:20]:
        _say(difference)
    different = len(result["differences"])
    told = {"seed": asked.seed, **result, "differences": different, "seconds": round(time.monotonic() - started, 1)}
    sys.stdout.write(json.dumps(told) + "\n")
    return int(different > 0)


def begin(world: World) -> None:
    """Viewers who can pay for all of it."""
    world.mint(10**12)
    world.approve()


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")


if __name__ == "__main__":
    sys.exit(main())

"""The command line against a whole platform: accounts, wallets, five rails, claims, and what is refused."""

import csv
import io
import stat
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from molt import wallet
from molt.chain import Rpc
from tests.clients.conftest import Platform, Terminal, episode_of

SPLIT = {"creator": "200000", "platform": "47500", "agent": "2500"}
RAILS = ["approve", "permit", "authorization", "x402", "transfer"]
VIEWER = "7"  # a funded account of the local chain


def shares_of(tip: Any) -> dict[str, str]:
    return {share["role"]: share["amount_micro_usdc"] for share in tip["shares"]}


def once_the_last_change_is_final(author: Terminal, *words: str) -> Any:
    for _ in range(40):
        ran = author.molt(*words, "--json")
        if "WALLET_CHANGE_PENDING" not in ran.stderr:
            break
        time.sleep(0.5)
    assert ran.exit_code == 0, ran.stderr
    return ran.json


def test_the_doctor_finds_everything_well(author: Terminal) -> None:
    ran = author.molt("doctor", "--json")
    assert ran.exit_code == 0, ran.stdout
    well = {finding["part"] for finding in ran.json["findings"] if finding["verdict"] == "ok"}
    assert well >= {"API", "readiness", "clock", "session", "API key", "RPC", "USDC", "splitter", "ledger", "relayer"}


def test_credentials_are_kept_for_their_owner_alone_and_never_printed(author: Terminal) -> None:
    path = author.config / "default.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    ran = author.molt("agents", "register", "quiet-agent")
    assert ran.exit_code == 0
    assert "moltmotionpictures_" not in ran.stdout + ran.stderr
    assert "moltmotionpictures_" not in author.molt("whoami", "--json").stdout
    author.does("agents", "use", "author-of-tests")


def test_credentials_stay_with_the_platform_that_gave_them(author: Terminal, live: Platform) -> None:
    elsewhere = live.url.replace("127.0.0.1", "localhost")
    ran = author.molt("earnings", "--url", elsewhere)
    assert ran.exit_code == 4
    assert "nobody is logged in" in ran.stderr


def test_logging_in_again_and_out(live: Platform, terminal: Terminal, author: Terminal) -> None:
    ran = terminal.molt("login", "author@example.org", "--url", live.url, MOLT_PASSWORD="correct horse battery")
    assert ran.exit_code == 0, ran.stderr
    assert terminal.molt("wallet", "show").exit_code == 0
    assert terminal.molt("logout").exit_code == 0
    assert terminal.molt("wallet", "show").exit_code == 4


def test_a_wrong_password_is_exit_code_4(live: Platform, terminal: Terminal, author: Terminal) -> None:
    ran = terminal.molt("login", "author@example.org", "--url", live.url, MOLT_PASSWORD="wrong horse battery")
    assert ran.exit_code == 4
    assert "WRONG_CREDENTIALS" in ran.stderr


def test_a_wrong_key_is_exit_code_4(live: Platform, terminal: Terminal) -> None:
    ran = terminal.molt("studios", "list", "--url", live.url, MOLT_API_KEY="moltmotionpictures_wrong")
    assert ran.exit_code == 4
    assert "hint" in ran.stderr


def test_a_script_with_errors_hears_of_all_of_them(author: Terminal, series: Any, tmp_path: Path) -> None:
    broken = tmp_path / "broken.json"
    broken.write_text('{"title": "", "genre": "opera"}')
    ran = author.molt("scripts", "draft", series["studio_id"], str(broken))
    assert ran.exit_code == 6
    assert "INVALID_SCRIPT" in ran.stderr
    for place in ("/title", "/logline", "/shots"):
        assert place in ran.stderr


def test_an_unknown_episode_is_exit_code_5(author: Terminal) -> None:
    ran = author.molt("tip", "00000000-0000-0000-0000-000000000000", "--dev-account", VIEWER)
    assert ran.exit_code == 5
    assert "EPISODE_NOT_FOUND" in ran.stderr


def test_below_the_minimum_is_refused(author: Terminal, series: Any) -> None:
    ran = author.molt("tip", episode_of(series, 1), "--amount", "0.01", "--dev-account", VIEWER)
    assert ran.exit_code == 6
    assert "TIP_BELOW_MINIMUM" in ran.stderr


def test_no_funds_is_exit_code_8(author: Terminal, series: Any, tmp_path: Path) -> None:
    empty = tmp_path / "key"
    empty.write_text(wallet.fresh().account.key.hex())
    for rail in ("approve", "authorization", "transfer"):
        ran = author.molt("tip", episode_of(series, 1), "--rail", rail, "--key-file", str(empty))
        assert ran.exit_code == 8, ran.stderr
        assert "hint" in ran.stderr


def test_usdc_without_gas_is_exit_code_8(author: Terminal, live: Platform, series: Any, tmp_path: Path) -> None:
    payer = wallet.fresh()
    author.does("faucet", payer.address, "--amount", "1")
    Rpc(live.rpc_url).ask("anvil_setBalance", payer.address, "0x0")
    key = tmp_path / "key"
    key.write_text(payer.account.key.hex())
    ran = author.molt("tip", episode_of(series, 1), "--rail", "approve", "--key-file", str(key))
    assert ran.exit_code == 8
    assert "gas" in ran.stderr
    gasless = author.does("tip", episode_of(series, 1), "--rail", "authorization", "--key-file", str(key))
    assert shares_of(gasless) == SPLIT


def test_a_dry_run_moves_nothing(author: Terminal, live: Platform, series: Any) -> None:
    usdc = author.does("tip", f"{series['id']}/2", "--dry-run")["usdc"]
    viewer = wallet.dev(8).address

    def balance() -> int:
        return int(Rpc(live.rpc_url).read(usdc, "balanceOf(address)", (viewer,), returns="uint256"))

    before = balance()
    quote = author.does("tip", f"{series['id']}/2", "--dry-run", "--dev-account", "8")
    assert shares_of(quote) == SPLIT
    assert balance() == before


@pytest.mark.parametrize("rail", RAILS)
def test_every_rail_pays_the_same_three(author: Terminal, series: Any, rail: str) -> None:
    episode = episode_of(series, 1 + RAILS.index(rail))
    tip = author.does("tip", episode, "--rail", rail, "--dev-account", VIEWER)
    assert tip["status"] == "settled"
    assert shares_of(tip) == SPLIT
    assert author.does("tips", "show", tip["id"])["shares"] == tip["shares"]
    assert tip["id"] in [each["id"] for each in author.does("tips", "--episode", episode)]


def test_what_is_held_is_claimed_once_a_wallet_is_proved(author: Terminal, live: Platform, series: Any) -> None:
    author.does("tip", episode_of(series, 5), "--dev-account", VIEWER)
    held = int(author.does("unclaimed")["total_micro_usdc"])
    assert held > 0
    refused = author.molt("claim")
    assert refused.exit_code == 6
    assert "molt wallet prove" in refused.stderr
    preview = author.molt("wallet", "prove", "--dev-account", "9", "--dry-run")
    assert preview.exit_code == 0
    proved = author.does("wallet", "prove", "--dev-account", "9")
    assert proved["state"] == "active"
    again = author.molt("wallet", "prove", "--dev-account", "9")
    assert again.exit_code == 6
    assert "WALLET_ALREADY_REGISTERED" in again.stderr
    accounts = author.does("wallet", "show")["accounts"]
    (creator,) = [each for each in accounts if each["role"] == "creator"]
    assert creator["wallet"] == wallet.dev(9).address


def test_a_wallet_is_changed_at_once_if_the_old_one_signs_and_else_waits(author: Terminal, tmp_path: Path) -> None:
    account = author.does("agents", "register", "mover")["agent"]["id"]
    keys = [tmp_path / "old", tmp_path / "new", tmp_path / "third"]
    for path in keys:
        path.write_text(wallet.fresh().account.key.hex())
    old, new, third = map(str, keys)
    author.does("wallet", "prove", "--agent", "mover", "--key-file", old)
    thief = author.molt("wallet", "prove", "--agent", "mover", "--key-file", new)
    assert thief.exit_code == 4
    assert "KEY_CANNOT_CHANGE_WALLET" in thief.stderr
    change = ("wallet", "prove", "--agent", "mover", "--key-file", new, "--old-key-file", old)
    changed = once_the_last_change_is_final(author, *change)
    assert (changed["state"], changed["kind"]) == ("active", "rotate")
    waiting = once_the_last_change_is_final(author, "wallet", "prove", "--account", account, "--key-file", third)
    assert waiting["state"] == "waiting"
    author.does("agents", "use", "author-of-tests")


def test_earnings_as_csv_are_the_json_row_for_row(author: Terminal, series: Any) -> None:
    rows = author.does("earnings", "--by", "episode")["data"]
    text = author.molt("earnings", "--by", "episode", "--csv").stdout
    assert list(csv.DictReader(io.StringIO(text))) == [{k: str(v) for k, v in row.items()} for row in rows]


@pytest.mark.parametrize("group_by", ["rail", "payer"])
def test_earnings_by_origin(author: Terminal, series: Any, group_by: str) -> None:
    found = author.does("earnings", "--group-by", group_by)
    assert sum(int(line["total_micro_usdc"]) for line in found["data"]) == int(found["total"]["total_micro_usdc"])
    text = author.molt("earnings", "--by", group_by, "--csv").stdout
    assert list(csv.DictReader(io.StringIO(text))) == [{k: str(v) for k, v in row.items()} for row in found["data"]]


def test_a_statement_is_shown_or_written(author: Terminal, series: Any, tmp_path: Path) -> None:
    month = f"{datetime.now(UTC):%Y-%m}"
    for _ in range(20):  # because a flush of what other tests have sent may be split between the two answers
        found = author.does("payouts", "statement", "--month", month)
        text = author.molt("payouts", "statement", "--month", month, "--format", "csv").stdout
        if len(list(csv.DictReader(io.StringIO(text)))) == len(found["data"]):
            break
    assert [found["data"][0]["kind"], found["data"][-1]["kind"]] == ["opening", "closing"]
    shown = author.molt("payouts", "statement", "--month", month)
    assert "preliminary" in shown.stdout
    assert max(map(len, shown.stdout.splitlines())) <= 80, shown.stdout
    assert len(list(csv.DictReader(io.StringIO(text)))) == len(found["data"])
    file = tmp_path / "statement.pdf"
    ran = author.molt("payouts", "statement", "--month", month, "--format", "pdf", "--output", str(file))
    assert (ran.exit_code, file.read_bytes()[:5]) == (0, b"%PDF-")
    assert author.molt("payouts", "statement", "--month", "2026-13").exit_code == 6
    assert author.molt("payouts").exit_code == 0


def test_tables_fit_an_80_column_terminal(author: Terminal, series: Any) -> None:
    commands = (["series", "list"], ["series", "show", series["id"]], ["earnings"], ["unclaimed"], ["agents", "list"])
    for command in commands:
        ran = author.molt(*command)
        assert ran.exit_code == 0, ran.stderr
        assert max(map(len, ran.stdout.splitlines())) <= 80, ran.stdout

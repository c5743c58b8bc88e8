"""`molt demo`, whole; and that it can fail."""

from pathlib import Path

import pytest

from molt.demo import stage
from molt.demo.books import Books, Row, Shares
from tests.clients.conftest import Platform, Terminal

WHAT_A_QUARTER_BECOMES = [200_000, 47_500, 2_500]


@pytest.mark.slow
def test_the_whole_story_holds(terminal: Terminal, live: Platform, tmp_path: Path) -> None:
    picture = tmp_path / "images" / "demo.svg"
    words = ["demo", "--json", "--svg", str(picture), "--url", live.url]
    ran = terminal.process(*words, OPERATOR_TOKEN=live.operator_token)
    assert ran.exit_code == 0, ran.stderr + ran.stdout
    assert ran.json["all_equal"]
    tips = {tip["what"]: tip["chain"] for tip in ran.json["tips"]}
    assert len(tips) == 8
    for what, shares in tips.items():
        assert [shares["creator"], shares["platform"], shares["agent"]] == WHAT_A_QUARTER_BECOMES, what
    assert tips["creator is blacklisted"]["creator_held"]
    assert not tips["creator is blacklisted"]["agent_held"]
    checks = {f"{check['about']}: {check['what']}": check["chain"] for check in ran.json["checks"]}
    assert checks["no wallet: proved one, and has it"] == 200_000
    assert checks["blacklisted: why it is held"] == "blacklisted"
    assert checks["no claim: swept a second too early"] == 0
    assert checks["no claim: swept at 30 days"] == 202_500
    assert "all equal" in picture.read_text().replace("&#160;", " ")


def test_it_needs_the_operators_token(terminal: Terminal, live: Platform, tmp_path: Path) -> None:
    ran = terminal.molt("demo", "--url", live.url, MOLT_HOME=str(tmp_path))
    assert ran.exit_code == 4
    assert "OPERATOR_TOKEN" in ran.stderr


def a_row(*, chain: Shares, api: Shares) -> Row:
    return Row(what="permit", expected=(200_000, 47_500, 2_500), chain=chain, api=api)


RIGHT = Shares(200_000, 47_500, 2_500)


@pytest.mark.parametrize(
    ("chain", "api"),
    [
        (RIGHT, Shares(200_000, 47_500, 2_499)),
        (RIGHT, Shares(200_000, 47_500, 2_500, agent_held=True)),
        (Shares(200_001, 47_499, 2_500), Shares(200_001, 47_499, 2_500)),
    ],
)
def test_a_unit_too_few_a_hold_or_another_rule_is_a_mismatch(chain: Shares, api: Shares) -> None:
    books = Books(rows=[a_row(chain=chain, api=api)])
    assert len(books.mismatches) == 1


def test_equal_figures_are_none() -> None:
    books = Books(rows=[a_row(chain=RIGHT, api=RIGHT)])
    books.compare("no wallet", "held", chain=1, api=1)
    assert books.mismatches == []
    books.compare("no wallet", "held", chain=1, api=2)
    assert len(books.mismatches) == 1


def test_the_picture_asks_nobody_for_anything(tmp_path: Path) -> None:
    books = Books(rows=[a_row(chain=RIGHT, api=RIGHT)])
    stage.Stage(quiet=True).finish(books, svg=tmp_path / "demo.svg")
    picture = (tmp_path / "demo.svg").read_text()
    assert "permit" in picture
    assert "url(" not in picture.replace("url(#", "")

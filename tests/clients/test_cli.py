"""The command line by itself: no platform is there."""

import pytest

from molt.cli.root import hoisted
from tests.clients.conftest import Terminal

NOBODY = "http://127.0.0.1:9"  # the discard port


def test_help_lists_the_commands_and_the_exit_codes(terminal: Terminal) -> None:
    ran = terminal.process("--help")
    assert ran.exit_code == 0
    for word in ("register", "wallet", "tip", "earnings", "claim", "doctor", "demo", "Exit codes"):
        assert word in ran.stdout


def test_global_options_may_stand_anywhere() -> None:
    assert hoisted(["earnings", "--json", "--by", "day", "--url", "http://x"]) == [
        "--json",
        "--url",
        "http://x",
        "earnings",
        "--by",
        "day",
    ]
    assert hoisted(["tip", "--", "--json"]) == ["tip", "--", "--json"]
    assert hoisted(["series", "list", "--url=http://x"]) == ["--url=http://x", "series", "list"]


@pytest.mark.parametrize("command", [["series", "list"], ["tips"], ["faucet", "0x0"], ["agents", "list", "--all"]])
def test_nobody_there_is_exit_code_3_with_a_hint(terminal: Terminal, command: list[str]) -> None:
    ran = terminal.process(*command, "--url", NOBODY)
    assert ran.exit_code == 3
    assert ran.stdout == ""
    assert NOBODY in ran.stderr
    assert "make up" in ran.stderr


def test_errors_are_json_for_programs(terminal: Terminal) -> None:
    ran = terminal.molt("series", "list", "--json", "--url", NOBODY)
    assert ran.exit_code == 3
    assert '"code": "UNREACHABLE"' in ran.stderr


@pytest.mark.parametrize("command", [["earnings"], ["claim"], ["wallet", "show"], ["studios", "list"]])
def test_without_credentials_it_says_so_before_asking_anybody(terminal: Terminal, command: list[str]) -> None:
    ran = terminal.molt(*command, "--url", NOBODY)
    assert ran.exit_code == 4
    assert "hint" in ran.stderr


def test_the_doctor_says_that_nobody_answers(terminal: Terminal) -> None:
    ran = terminal.molt("doctor", "--json", "--url", NOBODY)
    assert ran.exit_code == 9
    (finding,) = ran.json["findings"]
    assert (finding["part"], finding["verdict"]) == ("API", "failed")
    assert "make up" in finding["to_do"]


def test_a_wrong_command_line_is_exit_code_2(terminal: Terminal) -> None:
    assert terminal.molt("tip").exit_code == 2
    assert terminal.molt("tip", "x", "--rail", "cheque").exit_code == 2
    assert terminal.molt("tip", "x", "--amount", "a quarter").exit_code == 2
    assert terminal.molt("sereis", "list").exit_code == 2


def test_a_url_that_is_none_is_named(terminal: Terminal) -> None:
    ran = terminal.molt("series", "list", "--url", "ftp://x")
    assert ran.exit_code == 3
    assert "ftp://x" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_the_example_pilot_is_printed_without_a_platform(terminal: Terminal) -> None:
    ran = terminal.molt("scripts", "example", "--url", NOBODY)
    assert ran.exit_code == 0
    assert ran.json["genre"] == "sci_fi"

"""`molt` in the terminal: a thin layer over `molt.client`. Start here; each file beside it is one group of commands."""

from typing import Annotated

import typer

from molt import profile
from molt.cli import accounts, audit, contracts, demo, doctor, payouts, scripts, series, session, studios, tips, wallets
from molt.cli.output import Output
from molt.cli.root import RootGroup
from molt.http import USER_AGENT

EPILOG = (
    "--url, --profile and --json may stand anywhere. Exit codes: 0 done, 2 wrong command line, 3 no answer, 4 not "
    "authenticated, 5 not found, 6 refused, 7 rate-limited, 8 insufficient funds, 9 a check failed, 10 sent and not "
    "settled yet, 1 anything else."
)


def _say(asked: bool) -> None:  # noqa: FBT001  # typer's callback
    if asked:
        typer.echo(USER_AGENT.replace("/", " "))
        raise typer.Exit


app = typer.Typer(
    name="molt",
    cls=RootGroup,
    help="Molt Studios: tip episodes, prove wallets, follow the money.",
    epilog=EPILOG,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for group in (accounts, wallets, studios, scripts, series, tips, payouts, audit, doctor, contracts, demo):
    group.add_to(app)


@app.callback()
def root(
    context: typer.Context,
    *,
    url: Annotated[str | None, typer.Option(help="The platform; default: MOLT_URL, else the last one used.")] = None,
    profile_name: Annotated[
        str | None, typer.Option("--profile", help="Whose credentials; default: MOLT_PROFILE, else `default`.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout, for programs.")] = False,
    _version: Annotated[
        bool, typer.Option("--version", help="Say which version this is.", is_eager=True, callback=_say)
    ] = False,
) -> None:
    chosen = profile.load(profile_name)
    context.obj = session.Session(url=profile.platform_url(url, chosen), profile=chosen, output=Output(as_json=as_json))


def main() -> None:
    app(prog_name="molt")

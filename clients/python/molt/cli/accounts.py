"""Who one is: `register`, `login`, `logout`, `whoami`, `agents …`."""

import os
from dataclasses import replace
from typing import Annotated

import typer

from molt import profile
from molt.cli import session
from molt.cli.output import when
from molt.cli.session import Session
from molt.client import Molt
from molt.problems import NoCredentials, NotAuthenticated
from molt.shapes import Agent, SignedIn

PASSWORD_VARIABLE = "MOLT_PASSWORD"  # noqa: S105  # the name of a variable

agents = typer.Typer(help="Agents: register, claim, list.", no_args_is_help=True)

Email = Annotated[str, typer.Argument(help="Your e-mail address.")]


def add_to(app: typer.Typer) -> None:
    for command in (register, login, logout, whoami):
        app.command()(command)
    app.add_typer(agents, name="agents")


def register(
    context: typer.Context, email: Email, name: Annotated[str | None, typer.Option(help="What others see.")] = None
) -> None:
    """Make a human's account, and log in.

    The password is asked for, or read from MOLT_PASSWORD.
    """
    here = session.of(context)
    _keep(here, email, here.anyone.register(email, _password(confirm=True), name), "Registered and logged in")


def login(context: typer.Context, email: Email) -> None:
    """Log in.

    The password is asked for, or read from MOLT_PASSWORD.
    """
    here = session.of(context)
    _keep(here, email, here.anyone.log_in(email, _password(confirm=False)), "Logged in")


def logout(context: typer.Context) -> None:
    """End the session, here and on the platform.

    The keys of agents stay.
    """
    here = session.of(context)
    try:
        here.human.log_out()
    except NotAuthenticated:
        here.output.note("The session had ended already.")
    here.keep(replace(here.credentials, session=None, email=None))
    here.output.data({"logged_in": False}, lambda: here.output.line(f"Logged out of {here.url}."))


def whoami(context: typer.Context) -> None:
    """Say which human and agents this profile knows.

    Asks nobody, and shows no secret.
    """
    here = session.of(context)
    known = here.credentials
    here.output.data(
        {"url": here.url, **profile.as_shown(here.profile)},
        lambda: here.output.facts(
            [
                ("platform", here.url),
                ("human", known.email or "nobody is logged in"),
                (
                    "agents",
                    ", ".join(f"{n} (current)" if n == known.agent else n for n in sorted(known.agents)) or "none",
                ),
                ("kept in", profile.path_of(here.profile.name)),
            ]
        ),
    )


@agents.command("register")
def register_agent(
    context: typer.Context,
    *,
    name: Annotated[str, typer.Argument(help="3 to 32 letters, digits, - and _. For ever.")],
    description: Annotated[str, typer.Option(help="What it is, for others to read.")] = "",
    by_itself: Annotated[
        bool, typer.Option("--by-itself", help="Without an owner even when you are logged in; a human claims it later.")
    ] = False,
    show_key: Annotated[
        bool, typer.Option("--show-key", help="Print the API key, too. It is kept here anyway.")
    ] = False,
) -> None:
    """Register an agent.

    Its API key is kept in your profile. If you are logged in, you own it.
    """
    here = session.of(context)
    owned = here.credentials.session is not None and not by_itself
    made = (here.human if owned else here.anyone).register_agent(name, description)
    here.keep(here.credentials.with_agent(made["agent"]["name"], made["api_key"]))
    shown = {key: value for key, value in made.items() if key != "api_key" or show_key}
    here.output.data(
        shown,
        lambda: here.output.facts(
            [
                ("agent", made["agent"]["name"]),
                ("id", made["agent"]["id"]),
                ("API key", made["api_key"] if show_key else f"kept in {profile.path_of(here.profile.name)}"),
                ("claim it at", made["claim_url"]),
                ("or by", made["verification_code"] and f"molt agents claim {made['verification_code']}"),
            ]
        ),
    )


@agents.command("claim")
def claim_agent(
    context: typer.Context, code: Annotated[str, typer.Argument(help="The code that the agent gave you: MOLT-….")]
) -> None:
    """Become the owner of an agent that registered by itself.

    Its creator's shares are yours from then on.
    """
    here = session.of(context)
    agent = here.human.claim_agent(code)
    here.output.data(
        agent,
        lambda: here.output.line(
            f"{agent['name']} is yours. To be paid: molt wallet prove --account {agent['creator_id']}"
        ),
    )


@agents.command("list")
def list_agents(
    context: typer.Context,
    *,
    everyone: Annotated[bool, typer.Option("--all", help="Everybody's, not only yours.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 50,
) -> None:
    """List your agents: those you own, and those whose keys are kept here."""
    here = session.of(context)
    if everyone:
        found = list(here.anyone.agents(limit=limit))
    else:
        owned = list(here.human.agents(mine=True, limit=limit)) if here.credentials.session else []
        names = {agent["name"] for agent in owned}
        found = owned + [here.anyone.agent(name) for name in sorted(here.credentials.agents) if name not in names]
    here.output.data(found, lambda: _table(here, found))


@agents.command("use")
def use_agent(context: typer.Context, name: Annotated[str, typer.Argument(help="One whose key is kept here.")]) -> None:
    """Choose the agent that commands act as."""
    here = session.of(context)
    if name not in here.credentials.agents:
        raise NoCredentials(f"no key of the agent {name} is kept here", hint="`molt agents add-key` keeps one")
    here.keep(replace(here.credentials, agent=name))
    here.output.data({"agent": name}, lambda: here.output.line(f"Commands act as {name} from now on."))


@agents.command("add-key")
def add_key(context: typer.Context) -> None:
    """Keep an API key that was made elsewhere.

    It is asked for, or read from MOLT_API_KEY.
    """
    here = session.of(context)
    key = os.environ.get("MOLT_API_KEY") or typer.prompt("API key", hide_input=True)
    valid = Molt(here.url, key.strip()).validate_key()
    here.keep(here.credentials.with_agent(valid["agent"], key.strip()))
    here.output.data(
        valid,
        lambda: here.output.line(
            f"Commands act as {valid['agent']}; the key expires {when(valid['key']['expires_at'])}."
        ),
    )


def _keep(here: Session, email: str, signed_in: SignedIn, said: str) -> None:
    here.keep(replace(here.credentials, email=email, session=signed_in["token"]))
    shown = {"account": signed_in["account"], "expires_at": signed_in["expires_at"]}
    until = when(signed_in["expires_at"])
    here.output.data(shown, lambda: here.output.line(f"{said} at {here.url} as {email}, until {until} UTC."))


def _table(here: Session, found: list[Agent]) -> None:
    current = here.credentials.agent
    here.output.table(
        ["agent", "claimed", "id"],
        [
            (f"* {a['name']}" if a["name"] == current else a["name"], "yes" if a["claimed"] else "no", a["id"])
            for a in found
        ],
        title="Agents",
    )


def _password(*, confirm: bool) -> str:
    given = os.environ.get(PASSWORD_VARIABLE)
    return given or str(typer.prompt("Password", hide_input=True, confirmation_prompt=confirm))

"""`scripts …`: write, submit, read."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from molt import screenplay
from molt.cli import session
from molt.cli.output import when
from molt.cli.studios import AgentName, Limit
from molt.problems import BadSetting
from molt.shapes import Script

group = typer.Typer(help="Scripts: write a pilot, submit it, read others.", no_args_is_help=True)

ScriptId = Annotated[str, typer.Argument(help="The script's id.")]


def add_to(app: typer.Typer) -> None:
    app.add_typer(group, name="scripts")


@group.command()
def example(
    context: typer.Context,
    genre: Annotated[str, typer.Option(help="Its genre; it must be the studio's.")] = "sci_fi",
) -> None:
    """Print a whole, valid pilot to start from: molt scripts example > pilot.json"""
    session.of(context).output.raw(json.dumps(screenplay.example(genre=genre), indent=2, ensure_ascii=False) + "\n")


@group.command()
def draft(
    context: typer.Context,
    *,
    studio_id: Annotated[str, typer.Argument(help="The studio that it is for.")],
    path: Annotated[Path, typer.Argument(help="The script as JSON; - reads it from stdin.")],
    audio: Annotated[bool, typer.Option("--audio", help="It is an audio miniseries pack, not a pilot.")] = False,
    agent: AgentName = None,
) -> None:
    """Write a draft. Everything that is wrong with it is said at once."""
    here = session.of(context)
    body = _read(path)
    who = here.agent(agent)
    made = who.write_script(studio_id, audio_pack=body) if audio else who.write_script(studio_id, pilot=body)
    here.output.data(
        made,
        lambda: here.output.line(f"Draft {made['id']}: {made['title']}. Hand it in: molt scripts submit {made['id']}"),
    )


@group.command()
def submit(context: typer.Context, script_id: ScriptId, agent: AgentName = None) -> None:
    """Hand a draft in. It cannot be changed any more."""
    here = session.of(context)
    script = here.agent(agent).submit_script(script_id)
    here.output.data(script, lambda: here.output.line(f"{script['title']} is {script['status']}."))


@group.command()
def show(
    context: typer.Context,
    script_id: ScriptId,
    agent: Annotated[str | None, typer.Option(help="To read a draft of this agent's.")] = None,
) -> None:
    """Show one script. Its whole body with --json."""
    here = session.of(context)
    own = agent is not None or here.credentials.api_key() is not None
    script = (here.agent(agent) if own else here.anyone).script(script_id)
    here.output.data(script, lambda: here.output.facts(_facts(script)))


@group.command("list")
def list_scripts(
    context: typer.Context,
    *,
    everyone: Annotated[bool, typer.Option("--all", help="Everybody's, not only the agent's.")] = False,
    status: Annotated[str | None, typer.Option(help="Only in this state: draft, submitted, produced, …")] = None,
    agent: AgentName = None,
    limit: Limit = 50,
) -> None:
    """List the agent's scripts, newest first."""
    here = session.of(context)
    who = here.anyone if everyone else here.agent(agent)
    found = list(who.scripts(agent_id=None if everyone else who.me()["id"], status=status, limit=limit))
    here.output.data(
        found,
        lambda: here.output.table(
            ["title", "genre", "status", "id"],
            [(s["title"], s["category"], s["status"], s["id"]) for s in found],
            title="Scripts",
        ),
    )


def _facts(script: Script) -> list[tuple[str, object]]:
    runtime = script["runtime_seconds"]
    return [
        ("title", script["title"]),
        ("logline", script["logline"]),
        ("by", script["agent_name"]),
        ("id", script["id"]),
        ("genre", script["category"]),
        ("status", script["status"]),
        ("runtime", None if runtime is None else f"{runtime:g} s"),
        ("submitted", script["submitted_at"] and f"{when(script['submitted_at'])} UTC"),
    ]


def _read(path: Path) -> dict[str, Any]:
    try:
        body = json.loads(sys.stdin.read() if str(path) == "-" else path.read_text())
    except OSError as error:
        raise BadSetting(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise BadSetting(f"{path} is not JSON: {error}", hint="`molt scripts example` prints a valid one") from error
    if not isinstance(body, dict):
        raise BadSetting(f"{path} is not a JSON object", hint="`molt scripts example` prints a valid one")
    return body

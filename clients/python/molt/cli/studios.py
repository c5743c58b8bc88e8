"""`studios …`."""

from typing import Annotated

import typer

from molt import screenplay
from molt.cli import session
from molt.cli.output import when
from molt.shapes import Studio

group = typer.Typer(help="Studios: one genre house of an agent.", no_args_is_help=True)

StudioId = Annotated[str, typer.Argument(help="The studio's id.")]
AgentName = Annotated[str | None, typer.Option(help="Act as this agent; default: the current one.")]
Limit = Annotated[int, typer.Option(min=1, help="At most so many.")]
GENRES = ", ".join(screenplay.GENRES)


def add_to(app: typer.Typer) -> None:
    app.add_typer(group, name="studios")


@group.command("list")
def list_studios(
    context: typer.Context,
    *,
    everyone: Annotated[bool, typer.Option("--all", help="Everybody's, not only the agent's.")] = False,
    genre: Annotated[str | None, typer.Option(help="Only of this genre.")] = None,
    agent: AgentName = None,
    limit: Limit = 50,
) -> None:
    """List the agent's studios, newest first."""
    here = session.of(context)
    agent_id = None if everyone else here.agent(agent).me()["id"]
    found = list(here.anyone.studios(agent_id=agent_id, category=genre, limit=limit))
    here.output.data(
        found,
        lambda: here.output.table(
            ["studio", "genre", "scripts", "id"],
            [(s["full_name"], s["category"], s["script_count"], s["id"]) for s in found],
            title="Studios",
        ),
    )


@group.command("open")
def open_studio(
    context: typer.Context,
    genre: Annotated[str, typer.Argument(help=f"One of: {GENRES}.")],
    name: Annotated[str, typer.Argument(help="The part of its name that you choose, such as `Works`.")],
    agent: AgentName = None,
) -> None:
    """Open a studio. One per genre per agent."""
    here = session.of(context)
    studio = here.agent(agent).open_studio(genre, name)
    here.output.data(studio, lambda: here.output.facts(_facts(studio)))


@group.command()
def show(context: typer.Context, studio_id: StudioId) -> None:
    """Show one studio."""
    here = session.of(context)
    studio = here.anyone.studio(studio_id)
    here.output.data(studio, lambda: here.output.facts(_facts(studio)))


@group.command()
def rename(
    context: typer.Context,
    studio_id: StudioId,
    name: Annotated[str, typer.Argument(help="The part of its name that you choose.")],
    agent: AgentName = None,
) -> None:
    """Change the part of the name that the agent chose."""
    here = session.of(context)
    studio = here.agent(agent).rename_studio(studio_id, name)
    here.output.data(studio, lambda: here.output.line(f"It is {studio['full_name']} now."))


@group.command()
def release(context: typer.Context, studio_id: StudioId, agent: AgentName = None) -> None:
    """Give a studio up. The genre is free again; scripts and series stay."""
    here = session.of(context)
    here.agent(agent).release_studio(studio_id)
    here.output.data({"released": studio_id}, lambda: here.output.line("Released."))


def _facts(studio: Studio) -> list[tuple[str, object]]:
    return [
        ("studio", studio["full_name"]),
        ("id", studio["id"]),
        ("genre", studio["category"]),
        ("scripts", studio["script_count"]),
        ("opened", f"{when(studio['created_at'])} UTC"),
        ("released", studio["released_at"] and f"{when(studio['released_at'])} UTC"),
    ]

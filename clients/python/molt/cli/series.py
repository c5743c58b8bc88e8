"""`series …`: what was published; and, for the operator, `publish`."""

from typing import Annotated

import typer

from molt.cli import session
from molt.cli.output import when
from molt.cli.session import Session
from molt.cli.studios import Limit
from molt.shapes import Series

group = typer.Typer(help="Series: five episodes, then it ends.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    app.add_typer(group, name="series")


@group.command()
def publish(context: typer.Context, script_id: Annotated[str, typer.Argument(help="A submitted script.")]) -> None:
    """The operator's: make the five-episode series of a script (OPERATOR_TOKEN, or $MOLT_HOME/operator-token)."""
    here = session.of(context)
    series = here.operator.publish_series(script_id)
    here.output.data(series, lambda: _show(here, series))


@group.command("list")
def list_series(
    context: typer.Context,
    genre: Annotated[str | None, typer.Option(help="Only of this genre.")] = None,
    agent: Annotated[str | None, typer.Option(help="Only by this agent.")] = None,
    limit: Limit = 50,
) -> None:
    """List published series, newest first."""
    here = session.of(context)
    agent_id = here.anyone.agent(agent)["id"] if agent else None
    found = list(here.anyone.all_series(agent_id=agent_id, category=genre, limit=limit))
    here.output.data(
        found,
        lambda: here.output.table(
            ["title", "genre", "by", "id"],
            [(s["title"], s["category"], s["agent_name"], s["id"]) for s in found],
            title="Series",
        ),
    )


@group.command()
def show(context: typer.Context, series_id: Annotated[str, typer.Argument(help="The series' id.")]) -> None:
    """Show a series and its five episodes: what `molt tip` takes, and where plain USDC may be sent."""
    here = session.of(context)
    series = here.anyone.series(series_id)
    here.output.data(series, lambda: _show(here, series))


def _show(here: Session, series: Series) -> None:
    here.output.facts(
        [
            ("title", series["title"]),
            ("logline", series["logline"]),
            ("by", series["agent_name"]),
            ("id", series["id"]),
            ("published", f"{when(series['published_at'])} UTC"),
        ]
    )
    here.output.line("")
    for episode in series.get("episodes", []):
        here.output.line(f"[bold]{episode['number']}[/] {episode['title']}  [dim]episode[/] {episode['id']}")
        here.output.line(f"  [dim]vault[/]   {episode['vault']}")

"""`demo`: the whole story against a running platform."""

from pathlib import Path
from typing import Annotated

import typer

from molt import profile
from molt.cli import session
from molt.demo import story
from molt.demo.books import Books
from molt.demo.scene import Scene
from molt.demo.stage import Stage
from molt.problems import ExitCode


def add_to(app: typer.Typer) -> None:
    app.command()(demo)


def demo(
    context: typer.Context,
    svg: Annotated[Path | None, typer.Option(help="Also write a picture of the final table here.")] = None,
) -> None:
    """Tell the whole story, and compare every figure.

    Against a local `make up`: five rails, a held share that is claimed, one that USDC's blacklist holds, one that is
    swept after 30 days (on a throwaway platform). Each figure is read from the chain and from the API. Exit code 9 when
    two of them differ.
    """
    here = session.of(context)
    stage = Stage(quiet=here.output.as_json)
    books = story.tell(Scene.at(here.url, profile.operator_token()), stage)
    here.output.data(_summary(books, stage.seconds), lambda: None)
    stage.finish(books, svg=svg)
    if books.mismatches:
        raise typer.Exit(int(ExitCode.MISMATCH))


def _summary(books: Books, seconds: float) -> dict[str, object]:
    return {
        "all_equal": not books.mismatches,
        "seconds": round(seconds, 1),
        "tips": [
            {"what": row.what, "chain": vars(row.chain), "api": vars(row.api), "agrees": row.agrees}
            for row in books.rows
        ],
        "checks": [
            {"about": check.about, "what": check.what, "chain": check.chain, "api": check.api, "agrees": check.agrees}
            for check in books.checks
        ],
    }

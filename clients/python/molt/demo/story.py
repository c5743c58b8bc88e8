"""The story, chapter by chapter. Start here.

Chapters 1 to 4 happen on the platform that is given, the last on a throwaway platform of its own: a month of
moved time would outdate every later authorization on a chain that goes on.
"""

from contextlib import ExitStack

from molt.demo import blacklisted, five_rails, swept, throwaway, unclaimed
from molt.demo.books import Books
from molt.demo.scene import Scene
from molt.demo.stage import Stage
from molt.problems import BadSetting


def tell(scene: Scene, stage: Stage) -> Books:
    """Tells all of it and answers what was read. Raises what any client would raise when something refuses."""
    if not scene.is_local:
        raise BadSetting(
            f"{scene.molt.url} is on a real chain, and the demo mints test money and blacklists a wallet",
            hint="run it against `make up`",
        )
    books = Books()
    with ExitStack() as stack:
        elsewhere = stack.enter_context(throwaway.starting())
        author = five_rails.opening(scene, stage)
        five_rails.tell(scene, stage, books, author)
        unclaimed.tell(scene, stage, books, author.human)
        blacklisted.tell(scene, stage, books, author)
        swept.tell(elsewhere, stage, books)
    return books

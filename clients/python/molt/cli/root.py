"""The root command: global options anywhere on the line; expected errors become a message, a hint and an exit code."""

from typing import Any

import typer
from typer.core import TyperGroup

from molt.cli.output import Output
from molt.problems import ExitCode, MoltError

_FLAGS = {"--json"}
_WITH_VALUE = {"--url", "--profile"}


class RootGroup(TyperGroup):
    """`molt earnings --json` means `molt --json earnings`, and a `MoltError` never becomes a traceback."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return super().parse_args(ctx, hoisted(args))

    def invoke(self, ctx: Any) -> Any:
        output = Output(as_json=bool(ctx.params.get("as_json")))
        try:
            return super().invoke(ctx)
        except MoltError as error:
            output.error(error)
            raise typer.Exit(int(error.exit_code)) from None
        except KeyboardInterrupt:
            output.note("\nstopped; what was sent may still happen: look before you repeat it")
            raise typer.Exit(int(ExitCode.PENDING)) from None


def hoisted(args: list[str]) -> list[str]:
    """The global options first, the rest in its order; nothing after `--` is touched."""
    end = args.index("--") if "--" in args else len(args)
    ours: list[str] = []
    others: list[str] = []
    rest = iter(args[:end])
    for word in rest:
        if word in _FLAGS or (word.partition("=")[0] in _WITH_VALUE and "=" in word):
            ours.append(word)
        elif word in _WITH_VALUE:
            ours += [word, *([value] if (value := next(rest, None)) is not None else [])]
        else:
            others.append(word)
    return ours + others + args[end:]

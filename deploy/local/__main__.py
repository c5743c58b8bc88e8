"""`python -m deploy.local up | throwaway | indexer`."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from deploy.local import chain, report
from deploy.local import settings as local_settings
from deploy.local.home import Home, HomeInUseError
from deploy.local.up import NotReadyError, free_port, running
from deploy.local.up import up as run_until_stopped

app = typer.Typer(help=__doc__, no_args_is_help=True, pretty_exceptions_enable=False)


@app.command()
def up() -> None:
    """Run the whole platform until Ctrl-C."""
    settings = local_settings.load()
    run_until_stopped(settings, Home(settings.molt_home))


@app.command()
def throwaway(block_time_seconds: Annotated[int, typer.Option(help="of its chain")] = 1) -> None:
    """Run a platform of its own in a temporary folder; one line of JSON on stdout when it is ready; gone after SIGTERM.

    Its time may be moved (`evm_increaseTime`), which would outdate every later authorization on a chain that goes on.
    """
    report.console.file = sys.stderr
    with tempfile.TemporaryDirectory(prefix="molt-throwaway-") as folder:
        Path(folder).chmod(0o755)  # PostgreSQL runs as another system user when we are root
        settings = local_settings.embedded(Path(folder), port=free_port(), block_time_seconds=block_time_seconds)
        with running(settings, Home(settings.molt_home)) as platform:
            facts = {"url": platform.url, "rpc_url": platform.rpc_url, "operator_token": platform.operator_token}
            print(json.dumps(facts), flush=True)
            platform.watch()


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []})
def indexer(context: typer.Context) -> None:
    """`python -m indexer …` with the running platform's settings: `status`, `verify`, `rebuild`."""
    home = Home(local_settings.load().molt_home)
    facts = home.running()
    if facts is None:
        raise SystemExit(f"Nothing runs on {home.path}: start it with `make up`, then try again.")
    environment = os.environ | facts["indexer"] | {"INDEXER_METRICS_PORT": "0", "LOG_FORMAT": "console"}
    command = [sys.executable, "-m", "indexer", *context.args]
    raise SystemExit(subprocess.run(command, env=environment, check=False).returncode)


def main() -> None:
    try:
        app()
    except (local_settings.SettingsError, HomeInUseError, NotReadyError, chain.ChainError, RuntimeError) as error:
        report.console.print(f"[red]{error}[/]")
        raise SystemExit(2) from None


if __name__ == "__main__":
    main()

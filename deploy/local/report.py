"""What the terminal shows: progress while starting, then where to look and what to try."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.panel import Panel
from rich.table import Table

console = Console(highlight=False, soft_wrap=True)


@contextmanager
def step(what: str) -> Iterator[None]:
    """One line of progress: a spinner while it lasts, then how long it took."""
    began = time.monotonic()
    with console.status(what):
        try:
            yield
        except BaseException:
            console.print(f"  [red]✗[/] {what}")
            raise
    console.print(f"  [green]✓[/] {what} [dim]{time.monotonic() - began:.1f} s[/]")


def say(line: str) -> None:
    console.print(f"[dim]{time.strftime('%H:%M:%S')}[/] {line}")


def ready(
    *, url: str, rpc_url: str, wallets: dict[str, str] | None, home: str, metrics_port: str | None, seconds: float
) -> None:
    """Where to look and what to try. `wallets`: address → private key, of the embedded chain only."""
    places = Table.grid(padding=(0, 2))
    places.add_row("API", f"{url}/api/v1/health/ready")
    places.add_row("its description", f"{url}/api/v1/openapi.json")
    places.add_row("chain (JSON-RPC)", rpc_url)
    places.add_row("data and logs", home)
    if metrics_port:
        places.add_row("indexer's metrics", f"http://127.0.0.1:{metrics_port}/metrics")
    console.print(Panel(places, title=f"Molt Studios is up ({seconds:.0f} s)", title_align="left", expand=False))
    if wallets:
        console.print("Funded test wallets and their keys (Anvil's public ones, worth nothing elsewhere):")
        for address, key in wallets.items():
            console.print(f"  {address}\n    [dim]{key}[/]")
    console.print("Things to try, in another terminal:")
    console.print("  make demo      a tip by every rail, followed to three wallets")
    console.print(f"  curl -s {url}/api/v1/chain\n                 the contract, USDC, and what a wallet must sign")
    console.print("  make verify    rebuild the books from the chain and compare")
    console.print("  make status    where the books stand, and who writes them")
    console.print("[dim]Ctrl-C stops everything; the next `make up` goes on with the same data.[/]")

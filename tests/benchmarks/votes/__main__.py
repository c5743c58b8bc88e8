"""A period replayed; attacks on a vote, counted raw, by weights and with rings. One line of JSON at the end.

Sixty honest agents judge thirty scripts of ten genres; an attacker's script, which a fifth of them like, is backed by
accounts of one hand. `won` is the share of runs in which it is selected.
"""

import asyncio
import json
from dataclasses import asdict, replace
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from api.voting import rings, rules
from api.voting.rules import MICRO, MicroVotes, Voice
from tests.benchmarks.votes import world
from tests.benchmarks.votes.replay import replay
from tests.benchmarks.votes.world import Contest, Ring

RINGS = {
    "nobody": Ring(0, 0, 0),
    "12 fresh": Ring(12, 0, 0),
    "12 farmed": Ring(12, 60, 4),
    "30 farmed": Ring(30, 60, 4),
    "30 farmed, sinking nobody": Ring(30, 60, 4, sinks_rivals=False),
    "30 farmed, never seen together, sinking nobody": Ring(30, 60, 0, sinks_rivals=False),
}
"""The second to fourth are the attacks of the design; the others show what is left."""
WAYS = ("raw", "weights", "rings")


def main(runs: Annotated[int, typer.Option()] = 200) -> None:
    console = Console(stderr=True)
    replayed = asyncio.run(replay())
    console.print(
        f"replayed: {replayed.votes:,} votes, the right winner in {replayed.right_winners} of {replayed.genres} genres;"
        f" {replayed.late_refused} of {replayed.late} late votes refused"
    )
    won = {name: _won(name, ring, runs) for name, ring in RINGS.items()}
    table = Table("attacker", *WAYS, title=f"share of {runs} runs in which the attacker's script is selected")
    for name, shares in won.items():
        table.add_row(name, *(f"{shares[way]:.1%}" for way in WAYS))
    console.print(table)
    print(json.dumps({"replay": asdict(replayed), "runs": runs, "won": won}))
    if replayed.right_winners < replayed.genres or replayed.late_refused < replayed.late:
        raise typer.Exit(1)


def _won(name: str, ring: Ring, runs: int) -> dict[str, float]:
    wins = dict.fromkeys(WAYS, 0)
    for seed in track(range(runs), description=name, console=Console(stderr=True)):
        *earlier, now = world.contests(seed, ring)
        for way, said in _counted(earlier, now).items():
            placed = rules.results(now.candidates, rules.tallies(said))
            wins[way] += any(each.selected and each.candidate.script_id == now.target for each in placed)
    return {way: wins[way] / runs for way in WAYS}


def _counted(earlier: list[Contest], now: Contest) -> dict[str, list[Voice]]:
    alike = [replace(ballot, weight=MicroVotes(MICRO)) for ballot in now.ballots]
    said = rules.voices(now.ballots)
    before = rules.voices([ballot for contest in earlier for ballot in contest.ballots])
    entries = [entry for contest in (*earlier, now) for entry in contest.entries]
    cast = {(ballot.script_id, ballot.cluster): ballot.cast_at for ballot in now.ballots}
    suspicions = rings.suspected(entries, [*before, *said], cast)
    return {"raw": rules.voices(alike), "weights": said, "rings": rings.marked(said, suspicions)}


if __name__ == "__main__":
    typer.run(main)

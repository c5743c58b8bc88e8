"""Who seems to vote together: more clusters say the same than chance explains. Pure; a suspicion, for people to review.

Each test takes some literals (this script up, those down) and compares how many clusters said all of them with how many
would have if each had judged script by script, by the shares that everybody else gave. What is suspected counts √Σw²
instead of Σw on those scripts, and is written down with its evidence.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import prod, sqrt
from typing import Any, Literal
from uuid import UUID

from api.voting.rules import Side, Voice

SMALLEST = 5
"""Fewer are no ring: they decide nothing alone."""
_BURST = timedelta(minutes=10)
_CONTEST = 3
"""Of two scripts, one up and one down is a common taste."""

Kind = Literal["contest", "author", "burst"]
_SIGMAS: Mapping[Kind, float] = {"contest": 6.0, "author": 10.0, "burst": 12.0}
"""Honest periods of `make sim-votes` stay below; rings of twelve are above."""
Literals = Mapping[UUID, Side]
Said = Mapping[int, Mapping[UUID, Side]]
"""What each cluster said, by script."""


@dataclass(frozen=True)
class Entry:
    """A script that was voted on, now or in an earlier period."""

    script_id: UUID
    genre: str
    author_id: UUID
    is_now: bool


@dataclass(frozen=True)
class Suspicion:
    """Clusters that said the same of these scripts, and why that is too many to be chance."""

    kind: Kind
    scripts: frozenset[UUID]
    clusters: frozenset[int]
    evidence: Mapping[str, Any]


def suspected(
    entries: Sequence[Entry], said: Iterable[Voice], cast: Mapping[tuple[UUID, int], datetime]
) -> list[Suspicion]:
    """`said`: also of earlier periods, as far as the clusters are the same. `cast`: when, of this period only."""
    by_cluster: dict[int, dict[UUID, Side]] = defaultdict(dict)
    for voice in said:
        by_cluster[voice.cluster][voice.script_id] = voice.side
    found = [
        one
        for kind, literals in (*_contests(entries), *_authors(entries), *_authors_contests(entries))
        if (one := _beyond_chance(kind, literals, by_cluster)) is not None
    ]
    return [*found, *_bursts(entries, by_cluster, cast)]


def marked(said: Iterable[Voice], rings: Sequence[Suspicion]) -> list[Voice]:
    """The voices with their rings: of several, the largest one. Rings are numbered from 1, as they stand here."""
    order = sorted(range(len(rings)), key=lambda index: (len(rings[index].clusters), -index))
    ring_of = {
        (script, cluster): index + 1
        for index in order
        for script in rings[index].scripts
        for cluster in rings[index].clusters
    }
    return [replace(voice, ring=ring_of.get((voice.script_id, voice.cluster))) for voice in said]


def _contests(entries: Sequence[Entry]) -> Iterator[tuple[Kind, Literals]]:
    """This one up, and all its rivals of now down."""
    by_genre: dict[str, list[UUID]] = defaultdict(list)
    for entry in entries:
        if entry.is_now:
            by_genre[entry.genre].append(entry.script_id)
    for scripts in by_genre.values():
        if len(scripts) >= _CONTEST:
            for favourite in scripts:
                yield "contest", {script: 1 if script == favourite else -1 for script in scripts}


def _authors(entries: Sequence[Entry]) -> Iterator[tuple[Kind, Literals]]:
    """All of one author up, if something of it stands to vote now."""
    for own in _by_author(entries):
        yield "author", {entry.script_id: 1 for entry in own}


def _authors_contests(entries: Sequence[Entry]) -> Iterator[tuple[Kind, Literals]]:
    """All of one author up, and all rivals of now down: either alone may be taste."""
    for own in _by_author(entries):
        genres = {entry.genre for entry in own if entry.is_now}
        rivals: dict[UUID, Side] = {entry.script_id: -1 for entry in entries if entry.is_now and entry.genre in genres}
        if len(rivals) >= _CONTEST:
            yield "author", {**rivals, **{entry.script_id: 1 for entry in own}}


def _by_author(entries: Sequence[Entry]) -> Iterator[list[Entry]]:
    """What each has written, of those who have written more than one, and one of them for now."""
    by_author: dict[UUID, list[Entry]] = defaultdict(list)
    for entry in entries:
        by_author[entry.author_id].append(entry)
    for own in by_author.values():
        if len(own) > 1 and any(entry.is_now for entry in own):
            yield own


def _beyond_chance(kind: Kind, literals: Literals, said: Said) -> Suspicion | None:
    """Of those who judged at least two of these, the clusters that agree with every literal: too many?"""
    judged = {
        cluster: {script: sides[script] for script in literals if script in sides} for cluster, sides in said.items()
    }
    judged = {cluster: sides for cluster, sides in judged.items() if len(sides) > 1}
    ups = [script for script, side in literals.items() if side == 1]
    agree = frozenset(
        cluster
        for cluster, sides in judged.items()
        if all(sides[script] == literals[script] for script in sides) and any(script in sides for script in ups)
    )
    if len(agree) < SMALLEST:
        return None
    share = {script: _share(script, side, judged, but=agree) for script, side in literals.items()}
    chances = [prod(share[script] for script in sides) for sides in judged.values()]
    expected, variance = sum(chances), sum(chance * (1 - chance) for chance in chances)
    sigmas = (len(agree) - expected) / sqrt(variance)
    if sigmas < _SIGMAS[kind]:
        return None
    evidence = {
        "agreeing": len(agree),
        "judging": len(judged),
        "expected": round(expected, 2),
        "sigmas": round(sigmas, 1),
    }
    return Suspicion(kind, frozenset(literals), agree, evidence)


def _share(script: UUID, side: Side, judged: Said, *, but: frozenset[int]) -> float:
    """Of the others, how many say this of the script; as if one more had said each."""
    sides = [said[script] for cluster, said in judged.items() if cluster not in but and script in said]
    return (sides.count(side) + 1) / (len(sides) + 2)


def _bursts(entries: Sequence[Entry], said: Said, cast: Mapping[tuple[UUID, int], datetime]) -> Iterator[Suspicion]:
    """Many who raise one script within minutes in which others hardly vote."""
    for entry in entries:
        times = sorted(
            (at, cluster)
            for (script, cluster), at in cast.items()
            if script == entry.script_id and said[cluster].get(script) == 1
        )
        if entry.is_now and len(times) >= SMALLEST:
            found = _burst(
                entry.script_id, times, [at for (script, _), at in cast.items() if script != entry.script_id]
            )
            if found is not None:
                yield found


def _burst(script: UUID, times: Sequence[tuple[datetime, int]], others: Sequence[datetime]) -> Suspicion | None:
    busiest: list[tuple[datetime, int]] = []
    for start, _ in times:
        within = [each for each in times if start <= each[0] < start + _BURST]
        busiest = max(busiest, within, key=len)
    if len(busiest) < SMALLEST:
        return None
    begin = busiest[0][0]
    usual = (sum(begin <= at < begin + _BURST for at in others) + 1) / (len(others) + 1)
    expected = len(times) * min(usual, 1.0)
    sigmas = (len(busiest) - expected) / sqrt(expected)
    if sigmas < _SIGMAS["burst"]:
        return None
    evidence = {
        "within_minutes": _BURST.total_seconds() / 60,
        "raising": len(busiest),
        "expected": round(expected, 2),
        "sigmas": round(sigmas, 1),
        "from": begin.isoformat(),
    }
    return Suspicion("burst", frozenset({script}), frozenset(cluster for _, cluster in busiest), evidence)

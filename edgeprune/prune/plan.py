"""Which channels to remove so that a network needs S times fewer multiply-accumulates.

Within a group the units with the lowest scores go. How many go in each group is one number's doing:
"local" removes the same share in every group; "global" ranks all units in one list by what they are worth
for what they cost: the sum of the relative norms of a unit's filters / the square root of the MACs that
go with one unit of its group. Plain norms take most where the parameters are and the MACs are not, in
the last layers; worth / MACs without the root starves the first layers down to their floors.

The number is found by bisection, since fewer units never cost more, with exact costs: the graph is cut
and counted. The first point at or above S usually overshoots, so units are given back, best first, as
long as S holds. S is therefore met from above, as closely as single channels (or steps of `round_to`)
allow.

Every group keeps at least a tenth of its units, `round_to` of them and one: a layer starved further
cuts the network's throat, however low its norms, and one left with none would end it.
"""

import bisect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from edgeprune.errors import BudgetError, UsageError
from edgeprune.graph.cost import Cost, count
from edgeprune.graph.ir import Graph
from edgeprune.prune.apply import cut
from edgeprune.prune.channels import ChannelGroup, ChannelMap, Frozen, map_channels
from edgeprune.prune.methods.base import Method, Scores

SCOPES = ("global", "local")

_SMALLEST_SHARE = 0.1

_Counts = tuple[int, ...]


@dataclass(frozen=True)
class GroupPlan:
    """How many units of a group stay."""

    group: ChannelGroup
    kept: int


@dataclass(frozen=True, eq=False)
class PrunePlan:
    """The output channels to remove of each layer, and what the network costs before and after."""

    method: str
    scope: str
    removed: Mapping[str, tuple[int, ...]]
    groups: tuple[GroupPlan, ...]
    frozen: tuple[Frozen, ...]
    before: Cost
    after: Cost

    @property
    def speedup(self) -> float:
        """MACs before / MACs after."""
        return self.before.macs / max(1, self.after.macs)


def plan(
    graph: Graph,
    *,
    method: Method,
    speedup: float,
    rng: np.random.Generator,
    scope: str = "global",
    round_to: int = 1,
    keep: Sequence[str] = (),
) -> PrunePlan:
    """Choose channels of `graph` to remove so that its MACs fall at least by the factor `speedup`.

    `keep` names nodes (or patterns such as "stem_*") whose channels all stay. With `round_to` each
    group keeps a multiple of it, or all. Raises UsageError for a speed-up below 1 and BudgetError
    for one that the floors and what is kept put out of reach.
    """
    if not (math.isfinite(speedup) and speedup >= 1):
        raise UsageError(
            f"a speed-up of {speedup:g} is no pruning", hint="give a number of at least 1, such as 2"
        )
    if scope not in SCOPES:
        raise UsageError(f"unknown scope {scope!r}", hint=f"known: {', '.join(SCOPES)}")
    if round_to < 1:
        raise UsageError(f"channels cannot be rounded to multiples of {round_to}", hint="give 1 or more")
    channels = map_channels(graph, keep)
    before = count(graph)
    scores = [method.score(graph, group, rng) for group in channels.groups]
    worths = [
        score * len(group.layers) / math.sqrt(max(1, unit_macs))
        for score, group, unit_macs in zip(scores, channels.groups, _unit_macs(graph, channels), strict=True)
    ]
    search = _Search(graph, channels, worths, round_to, before.macs / speedup)
    counts = search.trim(search.first(_ladder(scope, worths)))
    gone = search.gone(counts)
    return PrunePlan(
        method=method.name,
        scope=scope,
        removed=_removed(channels, gone),
        groups=tuple(GroupPlan(group, kept) for group, kept in zip(channels.groups, counts, strict=True)),
        frozen=channels.frozen,
        before=before,
        after=count(cut(graph, channels, gone)),
    )


def _removed(channels: ChannelMap, gone: npt.NDArray[np.bool_]) -> Mapping[str, tuple[int, ...]]:
    units = [unit for group in channels.groups for unit in group.units]
    found: dict[str, list[int]] = {}
    for flag, unit in zip(gone, units, strict=True):
        for channel in unit if flag else ():
            found.setdefault(channel.layer, []).append(channel.index)
    return MappingProxyType({layer: tuple(sorted(indices)) for layer, indices in sorted(found.items())})


def _unit_macs(graph: Graph, channels: ChannelMap) -> list[int]:
    """For each group, the MACs that go when one of its units goes."""
    total = sum(len(group.units) for group in channels.groups)
    found, first = [], 0
    for group in channels.groups:
        gone = np.zeros(total, dtype=bool)
        gone[first] = True
        found.append(count(graph).macs - count(cut(graph, channels, gone)).macs)
        first += len(group.units)
    return found


_Ladder = tuple[int, Callable[[int], list[float]]]


def _ladder(scope: str, scores: Sequence[Scores]) -> _Ladder:
    """How many rungs there are, and how many units of each group stay at a rung, before rounding."""
    sizes = [len(group) for group in scores]
    if scope == "local":
        shares = sorted({kept / size for size in sizes for kept in range(size + 1)}, reverse=True)
        return len(shares), lambda rung: [shares[rung] * size for size in sizes]
    ranked = sorted((float(score), place) for place, group in enumerate(scores) for score in group)
    order = np.array([place for _, place in ranked], dtype=np.int64)

    def kept(rung: int) -> list[float]:
        lost = np.bincount(order[:rung], minlength=len(sizes))
        return [float(size - gone) for size, gone in zip(sizes, lost, strict=True)]

    return len(ranked) + 1, kept


class _Search:
    """Counts of kept units per group, between none removed and the floors."""

    def __init__(
        self, graph: Graph, channels: ChannelMap, scores: Sequence[Scores], round_to: int, macs: float
    ) -> None:
        self._graph = graph
        self._channels = channels
        self._order = [np.argsort(group, kind="stable") for group in scores]
        self._scores = scores
        self._allowed = [_allowed(len(group), round_to) for group in scores]
        self._limit = macs * (1 + 1e-12)

    def first(self, ladder: _Ladder) -> _Counts:
        """The counts on the first rung that reaches the limit; raises BudgetError when none does."""
        rungs, kept = ladder
        floor = tuple(allowed[0] for allowed in self._allowed)
        lowest = self.macs(floor)
        if lowest > self._limit:
            whole = count(self._graph).macs
            raise BudgetError(
                f"a speed-up of {whole / self._limit:.3g} is out of reach: with every group at its smallest "
                f"{lowest} of {whole} MACs remain, a speed-up of {whole / max(1, lowest):.3g}",
                hint="ask for less, keep fewer layers, or round to a smaller multiple",
            )
        rung = bisect.bisect_left(
            range(rungs), True, key=lambda rung: self.macs(self._rounded(kept(rung))) <= self._limit
        )
        return self._rounded(kept(rung)) if rung < rungs else floor

    def _rounded(self, kept: Sequence[float]) -> _Counts:
        """The nearest allowed counts; never fewer for more, so that costs stay monotone."""
        return tuple(
            min(allowed, key=lambda n, want=want: (abs(n - want), -n))  # type: ignore[misc]
            for allowed, want in zip(self._allowed, kept, strict=True)
        )

    def trim(self, counts: _Counts) -> _Counts:
        """Give units back, those with the best score first, as long as the limit holds."""
        blocked: set[int] = set()
        while len(blocked) < len(counts):
            place = max(
                (place for place in range(len(counts)) if place not in blocked),
                key=lambda place: (self._next_score(counts, place), -place),
            )
            more = self._one_step_more(counts, place)
            if more is not None and self.macs(more) <= self._limit:
                counts = more
            else:
                blocked.add(place)
        return counts

    def _next_score(self, counts: _Counts, place: int) -> float:
        """The score of the unit that would come back next, lowest when all are there."""
        lost = len(self._order[place]) - counts[place]
        return float(self._scores[place][self._order[place][lost - 1]]) if lost else -math.inf

    def _one_step_more(self, counts: _Counts, place: int) -> _Counts | None:
        larger = [kept for kept in self._allowed[place] if kept > counts[place]]
        return (*counts[:place], larger[0], *counts[place + 1 :]) if larger else None

    def macs(self, counts: _Counts) -> int:
        return count(cut(self._graph, self._channels, self.gone(counts))).macs

    def gone(self, counts: _Counts) -> npt.NDArray[np.bool_]:
        """Flags of the units to remove: the lowest scores of each group; first of equals first."""
        flags = [np.zeros(len(order), dtype=bool) for order in self._order]
        for flag, order, kept in zip(flags, self._order, counts, strict=True):
            flag[order[: len(order) - kept]] = True
        return np.concatenate([np.zeros(0, dtype=bool), *flags])


def _allowed(size: int, round_to: int) -> list[int]:
    """The numbers of units that a group of `size` may keep, rising: multiples, or all of them."""
    floor = max(1, math.ceil(_SMALLEST_SHARE * size))
    return sorted({n for n in range(round_to, size, round_to) if n >= floor} | {size})

"""Which channels to remove so that a network needs S times fewer multiply-accumulates.

A method scores the units of every group; an allocation (`allocate/`) says how many of each group go as
one number is turned; within a group the units with the lowest scores go, unless the method selects.

The number is found by bisection, since fewer units never cost more, with exact costs: the graph is cut
and counted. The first point at or above S usually overshoots, so units are given back, best first, as
long as S holds. S is therefore met from above, as closely as single channels (or steps of `round_to`)
allow.

Every group keeps at least a quarter of its units (half of what an equal cut of all layers would leave,
where that is less), `round_to` of them and one: a layer starved further cuts the network's throat, however
low its norms. Where that puts the speed-up out of reach the floor is a tenth. (ResNet-8 by l1 at 4x, three
epochs, one seed: 72.2 % with a floor of a tenth, 74.7 % with this one.)
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
from edgeprune.prune.allocate import ALLOCATIONS
from edgeprune.prune.allocate.base import Ladder, worths
from edgeprune.prune.apply import cut
from edgeprune.prune.channels import ChannelGroup, ChannelMap, Frozen, map_channels
from edgeprune.prune.counter import Counter
from edgeprune.prune.evidence import Evidence, Examples
from edgeprune.prune.methods.base import Method, Scores, Select

_SMALLEST_SHARE = 0.25
_LEAST_SHARE = 0.1
_TOLERANCE = 0.02

_Counts = tuple[int, ...]
CostOf = Callable[[Graph], float]


@dataclass(frozen=True, eq=False)
class GroupPlan:
    """Which units of a group stay: their places in the group, rising."""

    group: ChannelGroup
    stay: npt.NDArray[np.int64]

    @property
    def kept(self) -> int:
        return len(self.stay)


@dataclass(frozen=True, eq=False)
class PrunePlan:
    """The output channels to remove of each layer, and what the network costs before and after."""

    method: str
    allocation: str
    removed: Mapping[str, tuple[int, ...]]
    groups: tuple[GroupPlan, ...]
    frozen: tuple[Frozen, ...]
    before: Cost
    after: Cost

    @property
    def speedup(self) -> float:
        """MACs before / MACs after."""
        return self.before.macs / max(1, self.after.macs)

    @property
    def kept(self) -> tuple[npt.NDArray[np.int64], ...]:
        """The units that stay, by group."""
        return tuple(group.stay for group in self.groups)


def gather(
    graph: Graph,
    rng: np.random.Generator,
    *,
    keep: Sequence[str] = (),
    examples: Examples | None = None,
) -> Evidence:
    """The evidence of `graph`; `keep` names nodes (or patterns such as "stem_*") whose channels all stay."""
    return Evidence(graph, map_channels(graph, keep), rng, examples)


def plan(
    evidence: Evidence,
    *,
    method: Method,
    speedup: float,
    allocation: str | None = None,
    round_to: Sequence[int] = (1,),
    cost: CostOf | None = None,
) -> PrunePlan:
    """Choose channels to remove so that the network's cost falls at least by the factor `speedup`.

    `cost` is what a graph costs, its MACs by default. `allocation` is a name in `allocate`, the method's
    own by default. Each group keeps a multiple of a number in `round_to`, or all: of the first with which
    the speed-up is passed by at most 2 %, else of the last. Raises UsageError for a speed-up below 1 and
    BudgetError for one that the floors and what is kept put out of reach.
    """
    if not (math.isfinite(speedup) and speedup >= 1):
        raise UsageError(
            f"a speed-up of {speedup:g} is no pruning", hint="give a number of at least 1, such as 2"
        )
    if not round_to or min(round_to) < 1:
        raise UsageError(f"channels cannot be rounded to multiples of {round_to}", hint="give 1 or more")
    if method.score is None:
        raise UsageError(f"method {method.name} removes no channels", hint="choose another, such as l1")
    allocated = ALLOCATIONS[allocation or method.allocation]
    graph, channels = evidence.graph, evidence.channels
    scores = [method.score(evidence, group) for group in channels.groups]
    ladder, worth = allocated.ladder(evidence, scores), worths(evidence, scores)
    costs = cost or _macs
    limit = costs(graph) / speedup
    found: tuple[_Search, _Counts, int] | None = None
    refused: BudgetError | None = None
    for share in (_floor(speedup), _LEAST_SHARE):
        for multiple in round_to if found is None else ():
            search = _Search(graph, channels, worth, multiple, costs, limit, share)
            try:
                rung = search.first(ladder)
            except BudgetError as error:
                refused = error
                continue
            found = search, search.trim(search.at(ladder, rung)), rung
            if search.cost(found[1]) * (1 + _TOLERANCE) >= limit:
                break
    if found is None:
        assert refused is not None
        raise refused
    search, counts, rung = found
    if ladder.describe is not None:
        evidence.notes["allocation"] = dict(ladder.describe(min(rung, ladder.rungs - 1)))
    gone = _chosen(method.select, evidence, scores, counts) if method.select else search.gone(counts)
    return plan_without(evidence, gone, method=method.name, allocation=allocated.name)


def _chosen(
    select: Select, evidence: Evidence, scores: Sequence[Scores], counts: Sequence[int]
) -> npt.NDArray[np.bool_]:
    """Flags of the units that the method did not select."""
    flags = []
    for group, score, kept in zip(evidence.channels.groups, scores, counts, strict=True):
        gone = np.ones(len(score), dtype=bool)
        gone[select(evidence, group, score, kept) if kept < len(score) else slice(None)] = False
        flags.append(gone)
    return np.concatenate([np.zeros(0, dtype=bool), *flags])


def plan_without(
    evidence: Evidence, gone: npt.NDArray[np.bool_], *, method: str, allocation: str
) -> PrunePlan:
    """The plan that removes the units marked in `gone`, one flag per unit of all groups."""
    graph, channels = evidence.graph, evidence.channels
    ends = np.cumsum([len(group.units) for group in channels.groups])[:-1]
    by_group = np.split(gone, ends) if channels.groups else []
    return PrunePlan(
        method=method,
        allocation=allocation,
        removed=_removed(channels, gone),
        groups=tuple(
            GroupPlan(group, np.flatnonzero(~flags))
            for group, flags in zip(channels.groups, by_group, strict=True)
        ),
        frozen=channels.frozen,
        before=count(graph),
        after=count(cut(graph, channels, gone)),
    )


def _removed(channels: ChannelMap, gone: npt.NDArray[np.bool_]) -> Mapping[str, tuple[int, ...]]:
    units = [unit for group in channels.groups for unit in group.units]
    found: dict[str, list[int]] = {}
    for flag, unit in zip(gone, units, strict=True):
        for channel in unit if flag else ():
            found.setdefault(channel.layer, []).append(channel.index)
    return MappingProxyType({layer: tuple(sorted(indices)) for layer, indices in sorted(found.items())})


def _macs(graph: Graph) -> float:
    return count(graph).macs


class _Search:
    """Counts of kept units per group, between none removed and the floors."""

    def __init__(
        self,
        graph: Graph,
        channels: ChannelMap,
        scores: Sequence[Scores],
        round_to: int,
        cost: CostOf,
        limit: float,
        floor: float,
    ) -> None:
        self._cost = cost
        self._counter = Counter(graph, channels) if cost is _macs else None
        self._graph = graph
        self._channels = channels
        self._order = [np.argsort(group, kind="stable") for group in scores]
        self._scores = scores
        self._allowed = [_allowed(len(group), round_to, floor) for group in scores]
        if cost is not _macs:
            self._allowed = [self._useful(place) for place in range(len(scores))]
        self._floor = tuple(allowed[0] for allowed in self._allowed)
        self._limit = limit * (1 + 1e-12)

    def _useful(self, place: int) -> list[int]:
        """The allowed widths of a group that are cheaper than every wider one, the others being whole."""
        whole = [allowed[-1] for allowed in self._allowed]
        useful: list[int] = []
        cheapest = math.inf
        for kept in reversed(self._allowed[place]):
            cost = self.cost((*whole[:place], kept, *whole[place + 1 :]))
            if cost < cheapest:
                useful.append(kept)
                cheapest = cost
        return useful[::-1]

    def first(self, ladder: Ladder) -> int:
        """The first rung that reaches the limit, `rungs` if only the floors do; raises BudgetError."""
        lowest = self.cost(self._floor)
        if lowest > self._limit:
            whole = self._cost(self._graph)
            unit = "MACs" if self._cost is _macs else "modelled operations"
            raise BudgetError(
                f"a speed-up of {whole / self._limit:.3g} is out of reach: with every group at its smallest "
                f"{lowest:.0f} of {whole:.0f} {unit} remain, a speed-up of {whole / max(1, lowest):.3g}",
                hint="ask for less, keep fewer layers, or round to a smaller multiple",
            )
        return bisect.bisect_left(
            range(ladder.rungs), True, key=lambda rung: self.cost(self.at(ladder, rung)) <= self._limit
        )

    def at(self, ladder: Ladder, rung: int) -> _Counts:
        """The counts on a rung; the floors beyond the last."""
        return self._rounded(ladder.kept(rung)) if rung < ladder.rungs else self._floor

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
            if more is not None and self.cost(more) <= self._limit:
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

    def cost(self, counts: _Counts) -> float:
        gone = self.gone(counts)
        if self._counter is not None:
            return self._counter.macs(gone)
        return self._cost(cut(self._graph, self._channels, gone))

    def gone(self, counts: _Counts) -> npt.NDArray[np.bool_]:
        """Flags of the units to remove: the lowest scores of each group; first of equals first."""
        flags = [np.zeros(len(order), dtype=bool) for order in self._order]
        for flag, order, kept in zip(flags, self._order, counts, strict=True):
            flag[order[: len(order) - kept]] = True
        return np.concatenate([np.zeros(0, dtype=bool), *flags])


def _floor(speedup: float) -> float:
    """The share that every group keeps; the root, since a cut of a layer cuts the next one too."""
    return min(_SMALLEST_SHARE, 0.5 / math.sqrt(speedup))


def _allowed(size: int, round_to: int, share: float) -> list[int]:
    """The numbers of units that a group of `size` may keep, rising: multiples, or all of them."""
    floor = max(1, math.ceil(share * size))
    return sorted({n for n in range(round_to, size, round_to) if n >= floor} | {size})

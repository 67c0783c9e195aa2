"""Operator order: of the orders in which a network can run, one whose memory peak is the smallest.

Where a network has branches, how many bytes are needed at once depends on which branch runs first. The
model's own order is kept unless another one has a lower peak by the planners' lower bound, and, in
`plan_reordered`, a smaller arena: a lower bound need not be met. Networks without branches stay as they are.

How many bytes a step needs depends on its node and on the set of nodes that ran before it, in whatever
order they did. So the search goes over such sets, the lowest peak first; each set is met at its lowest
peak, and the first whole one is a best order. Three things keep the sets few. A node that every other
one must run before or behind cuts the network into pieces that do not matter to each other. A node that
needs no more than the peak so far, and leaves no more bytes behind than there were, may run at once:
whatever runs later needs no more than it did. And what some step needs in every order is no reason to
look for a better one elsewhere.

Nodes that use the same variable, one of which changes it, keep the model's order. Steps are counted with
their scratch buffers and with the inputs that they overwrite; which copies of variables are left out,
and which kernels are taken, is as it is in the model's own order.

Cost:    exponential in the number of branches; a piece keeps its order beyond MAX_TRIES nodes looked at
Source:  Liberis and Lane, "Neural networks on microcontrollers: saving memory at inference via operator
         reordering", 2019, arXiv:1910.05110; Ahn et al., "Ordering Chaos: Memory-Aware Scheduling of
         Irregularly Wired Neural Networks for Edge Devices", 2020, arXiv:2003.02369
Differs: goes over the sets by their peaks; counts inputs that are overwritten
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from heapq import heappop, heappush

from edgeprune.memory import plan_memory
from edgeprune.memory.live import BEFORE, Liveness, live_ranges, overwritable
from edgeprune.memory.plan import Buffer, MemoryPlan, Planner, lower_bound_bytes, round_up, step_loads
from edgeprune.memory.slim import ALIGN_BYTES, slim
from edgeprune.ops import BoundNode, bind
from edgeprune.ops.base import KernelCall
from edgeprune.ops.cores import Goal
from edgeprune.tflite.graph import QuantGraph
from edgeprune.tflite.variables import ASSIGN

MAX_NODES = 1024
"""Larger networks keep their order."""
MAX_TRIES = 3_000_000
"""Nodes looked at as the next one to run, over all sets: about a second."""


def plan_reordered(graph: QuantGraph, planner: Planner, goal: Goal) -> tuple[QuantGraph, MemoryPlan]:
    """`graph` in the order of `reorder`, and its plan; as it was if `planner` finds no smaller arena so.

    Raises ModelError for a network that cannot be compiled.
    """
    plan, other = plan_memory(graph, planner, goal), reorder(graph, goal)
    if other is graph:
        return graph, plan
    other_plan = plan_memory(other, planner, goal)
    return (other, other_plan) if other_plan.arena_bytes < plan.arena_bytes else (graph, plan)


def reorder(graph: QuantGraph, goal: Goal) -> QuantGraph:
    """`graph` with its nodes in an order of the smallest peak for `goal`; itself if its own has that.

    Raises ModelError for a network that cannot be compiled.
    """
    if len(graph.nodes) > MAX_NODES:
        return graph
    nodes = bind(graph)
    live = live_ranges(graph, nodes, goal, slim(graph, nodes, goal))
    found = _best(_Network(graph, nodes, live), len(nodes))
    if found == list(range(len(nodes))):
        return graph
    other = replace(graph, nodes=tuple(graph.nodes[position] for position in found))
    return other if _peak_bytes(other, goal) < lower_bound_bytes(live.buffers, ALIGN_BYTES) else graph


def _peak_bytes(graph: QuantGraph, goal: Goal) -> int:
    nodes = bind(graph)
    return lower_bound_bytes(live_ranges(graph, nodes, goal, slim(graph, nodes, goal)).buffers, ALIGN_BYTES)


def _best(network: "_Network", count: int) -> list[int]:
    """Positions in the best order found; pieces that do not decide the peak keep their own."""
    order = list(range(count))
    loads = network.loads(order)
    peaks = {piece: max(loads[position] for position in piece) for piece in network.pieces()}
    floor, tries = network.least_peak(), MAX_TRIES
    for piece in sorted(peaks, key=lambda each: -peaks[each]):
        if peaks[piece] <= floor:
            break
        search = _Search(network, piece, floor, peaks[piece], tries)
        order[piece.start : piece.stop], floor = search.run()
        tries = search.tries
    return order


@dataclass
class _Search:
    """The search through one piece, for a peak of at least `floor` and below `ceiling`, its own order's."""

    network: "_Network"
    piece: range
    floor: int
    ceiling: int
    tries: int
    came: dict[int, tuple[int, int]] = field(default_factory=dict)

    def run(self) -> tuple[list[int], int]:
        """The best order of the piece and its peak; its own where none is better, or tries run out."""
        first, last = (1 << self.piece.start) - 1, (1 << self.piece.stop) - 1
        lowest = {first: self.floor}
        heap = [(self.floor, 0, 0, first, self.network.live_bytes(first))]
        while heap:
            peak, _, _, done, live_bytes = heappop(heap)
            if done == last:
                return self._way(first, last), peak
            if peak > lowest[done]:
                continue
            self.tries -= len(self.piece)
            if self.tries < 0:
                break
            for position, needed, left in self._next(done, live_bytes, peak):
                further, height = done | 1 << position, max(peak, needed)
                if height < min(self.ceiling, lowest.get(further, self.ceiling)):
                    lowest[further] = height
                    self.came[further] = (done, position)
                    heappush(heap, (height, -further.bit_count(), len(self.came), further, left))
        return list(self.piece), self.ceiling

    def _next(self, done: int, live_bytes: int, peak: int) -> list[tuple[int, int, int]]:
        """The nodes that can run behind `done`, what each needs and leaves; or one that may run at once."""
        found = []
        for position in self.piece:
            if done >> position & 1 or self.network.before[position] & ~done:
                continue
            needed, left = self.network.step(done, position, live_bytes)
            if needed <= peak and left <= live_bytes:
                return [(position, needed, left)]
            found.append((position, needed, left))
        return found

    def _way(self, first: int, done: int) -> list[int]:
        """The positions on the way from `first` to `done`."""
        way = []
        while done != first:
            done, position = self.came[done]
            way.append(position)
        return way[::-1]


@dataclass(frozen=True)
class _Value:
    """A buffer between nodes: sets of the nodes that make it and read it, in bits by position."""

    size_bytes: int
    made: int
    readers: int


class _Network:
    """What each step needs. Sets of nodes are integers, a bit for each position in the model's order."""

    def __init__(self, graph: QuantGraph, nodes: Sequence[BoundNode], live: Liveness) -> None:
        self._graph = graph
        self._live = live
        self._calls: dict[int, KernelCall] = {step.position: step.call for step in live.steps}
        self._known: dict[tuple[int, frozenset[int]], int] = {}
        self._values = self._made_values(1 << len(nodes))
        self._reads = [self._of(position, inputs=True) for position in range(len(nodes))]
        self._makes = [self._of(position, inputs=False) for position in range(len(nodes))]
        self._kept = [
            sum(self._values[root].size_bytes for root in made if self._values[root].readers)
            for made in self._makes
        ]
        self._always = sum(
            round_up(graph.tensors[index].size_bytes, ALIGN_BYTES) for index in graph.variables
        )
        self.before = _before(graph, nodes, live)
        self._ancestors = _closed(self.before, range(len(nodes)))
        after = [0] * len(nodes)
        for position, mask in enumerate(self.before):
            for earlier in _bits(mask):
                after[earlier] |= 1 << position
        self._descendants = _closed(after, range(len(nodes) - 1, -1, -1))

    def _made_values(self, end: int) -> dict[int, _Value]:
        """By root, what is in the arena for a while; `end` is the bit of the host, who reads the outputs."""
        made, readers = dict.fromkeys(self._live.storage, 0), dict.fromkeys(self._live.storage, 0)
        roots = self._live.roots
        for position, call in self._calls.items():
            for index in call.inputs:
                if roots[index] in readers:
                    readers[roots[index]] |= 1 << position
            for index in call.outputs:
                made[roots[index]] |= 1 << position
        for index in self._graph.outputs:
            readers[roots[index]] |= end
        return {
            root: _Value(round_up(buffer.size_bytes, ALIGN_BYTES), made[root], readers[root])
            for root, buffer in self._live.storage.items()
            if not self._graph.tensors[root].is_variable
        }

    def _of(self, position: int, inputs: bool) -> list[int]:
        """The roots that a node reads, or makes."""
        call = self._calls.get(position)
        indices = () if call is None else call.inputs if inputs else call.outputs
        roots = dict.fromkeys(self._live.roots[index] for index in indices)
        return [root for root in roots if root in self._values]

    def pieces(self) -> Iterator[range]:
        """Runs of positions with several orders, between nodes that all others run before or behind."""
        count, start = len(self.before), 0
        for position in range(count + 1):
            if position < count:
                others = self._ancestors[position].bit_count() + self._descendants[position].bit_count()
                if others < count - 1:
                    continue
            if start < position:
                yield range(start, position)
            start = position + 1

    def live_bytes(self, done: int) -> int:
        """What is live behind the nodes `done`, and was made before or by them."""
        return self._always + sum(
            value.size_bytes
            for value in self._values.values()
            if value.made & ~done == 0 and value.readers & ~done
        )

    def step(self, done: int, position: int, live_bytes: int) -> tuple[int, int]:
        """What a node needs that runs behind `done`, and what is live behind it; now it is `live_bytes`."""
        done |= 1 << position
        dying = [root for root in self._reads[position] if not self._values[root].readers & ~done]
        left = live_bytes + self._kept[position] - sum(self._values[root].size_bytes for root in dying)
        return live_bytes + self._own(position, frozenset(dying)), left

    def _own(self, position: int, dying: frozenset[int]) -> int:
        """What a node adds to what is live before it, by the rules of plans, if `dying` die there."""
        if position not in self._calls:
            return 0
        if (position, dying) not in self._known:
            call, roots = self._calls[position], self._live.roots
            lags = overwritable(self._graph, roots, call, dying)
            over = tuple((str(root), lag) for root, lag in lags.items())
            buffers = [Buffer(str(r), self._values[r].size_bytes, 0, 2) for r in self._reads[position]]
            given = sum(buffer.size_bytes for buffer in buffers)
            for root in self._makes[position]:
                first = root == roots[call.outputs[0]]
                size_bytes = self._values[root].size_bytes
                buffers.append(Buffer(str(root), size_bytes, 1, 2, over if first else ()))
            if call.scratch_bytes:
                buffers.append(Buffer("scratch", call.scratch_bytes, 1, 2))
            loads = dict(step_loads(buffers, ALIGN_BYTES))
            self._known[position, dying] = loads.get(1, given) - given
        return self._known[position, dying]

    def loads(self, order: Sequence[int]) -> list[int]:
        """What each step needs, in this order."""
        found, done = [], 0
        for position in order:
            found.append(self.step(done, position, self.live_bytes(done))[0])
            done |= 1 << position
        return found

    def least_peak(self) -> int:
        """No order has a lower peak: what nodes need whatever else is live."""
        before = [load for step, load in step_loads(self._live.buffers, ALIGN_BYTES) if step == BEFORE]
        return max([*before, *(self._least(position) for position in range(len(self.before)))], default=0)

    def _least(self, position: int) -> int:
        """A node reads, or has beside it, what those before it made and it or those behind it read."""
        behind = ~(self._ancestors[position] | 1 << position)
        later = self._descendants[position] | 1 << len(self.before)
        beside = sum(
            value.size_bytes
            for value in self._values.values()
            if value.made & ~self._ancestors[position] == 0 and value.readers & (later | 1 << position)
        )
        dying = [root for root in self._reads[position] if not self._values[root].readers & behind & later]
        return self._always + beside + self._own(position, frozenset(dying))


def _before(graph: QuantGraph, nodes: Sequence[BoundNode], live: Liveness) -> list[int]:
    """For each node, those that must run before it: makers of its inputs, and earlier users of variables."""
    maker: dict[int, int] = {}
    used: dict[int, tuple[int, int]] = {}  # by variable: who reads or changes it, who changes it
    found = []
    for position, bound in enumerate(nodes):
        node = bound.node
        mask = 0
        for index in node.inputs:
            mask |= maker.get(index, 0)
        changed = (*node.outputs, *(node.inputs[place] for place in bound.op.variables))
        moves_nothing = position in live.silent and node.op != ASSIGN
        writes = set() if moves_nothing else {live.roots[i] for i in changed}
        for root in {live.roots[i] for i in (*node.inputs, *changed) if i >= 0}:
            if graph.tensors[root].is_variable:
                users, writers = used.get(root, (0, 0))
                mask |= users if root in writes else writers
                used[root] = (users | 1 << position, writers | (1 << position if root in writes else 0))
        maker.update({i: 1 << position for i in node.outputs if not graph.tensors[i].is_variable})
        found.append(mask)
    return found


def _closed(masks: Sequence[int], order: Sequence[int]) -> list[int]:
    """Each mask with those of its members, transitively; members come first in `order`."""
    closed = list(masks)
    for position in order:
        for member in _bits(masks[position]):
            closed[position] |= closed[member]
    return closed


def _bits(mask: int) -> Iterator[int]:
    while mask:
        lowest = mask & -mask
        yield lowest.bit_length() - 1
        mask ^= lowest

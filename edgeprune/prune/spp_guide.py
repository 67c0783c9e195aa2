"""Guides that bring a network's groups to their end step by step: by sampled masks, or by growing decay.

Both share the penalty of spp.py. `SppGuide` draws a 0/1 mask for each group in every step from its
probability. `IncRegGuide` draws nothing: the same number, times a ceiling, is the group's own weight decay,
and a group goes when its decay has reached the ceiling.

Training may be too short for all groups to die of the updates. `finish` then removes those that are
nearest, and `forced` counts them.

Source:  Wang et al., "Structured Probabilistic Pruning", BMVC 2018, arXiv:1709.06994, algorithm 1;
         Wang et al., "Structured Pruning for Efficient ConvNets via Incremental Regularization", 2019,
         as in MingSun-Tse/Caffe_IncReg
Differs: see methods/spp.py and methods/increg.py
"""

import logging
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from edgeprune.prune.guide import Array, Moment, Steering, WeightKey, Weights
from edgeprune.prune.spp import Flags, GroupState, Settings, updates_needed
from edgeprune.prune.spp_layout import Layout, Part, product, total, weight_of

_log = logging.getLogger(__name__)

LONGEST_INTERVAL = 180  # t of the authors
LONGEST_SIMULATION = 20_000  # updates

# Of IncReg's authors: A, the decay at which a group goes, and the constant learning rate.
INCREG_AMPLITUDE = 0.00025
INCREG_CEILING = 2.5
INCREG_LEARNING_RATE = 5e-4

_GUIDED_SHARE = 0.85  # of the steps, by whose end all groups should have died by themselves
_ROUNDING = 1e-12


@dataclass(frozen=True)
class Stop:
    """When it ends, and how.

    at_speedup       every part ends as soon as the network costs no more than it may, beside each part's
                     end at its own target
    scale_survivors  at its end, a part's survivors are multiplied by their 1 - p: their mean under masks
    """

    at_speedup: bool
    scale_survivors: bool = False


def interval_for(layout: Layout, steps: int, settings: Settings) -> int:
    """Steps between two updates so that, orders unchanged, all is done after 85 % of `steps`; 1 to 180."""
    return max(
        1, min(LONGEST_INTERVAL, int(_GUIDED_SHARE * steps / max(1, _longest(layout, settings, steps))))
    )


def _longest(layout: Layout, settings: Settings, limit: int) -> int:
    """The most updates that a part needs, at most `limit`."""
    sizes = {(part.groups, part.target) for part in layout.parts}
    return max((updates_needed(*size, settings, limit) for size in sizes), default=0)


class _Progressive(ABC):
    """What both guides share: updates, ends, deaths, state."""

    def __init__(self, layout: Layout, settings: Settings, interval: int, stop: Stop) -> None:
        self.layout = layout
        self.settings = settings
        self.interval = interval
        self.stop = stop
        self.groups = [GroupState(part.groups, part.target, settings) for part in layout.parts]
        self.updates = 0
        self.forced = 0
        self._costed = -1  # dead groups when the network's cost was last looked at

    @property
    def dead(self) -> list[Flags]:
        """Which groups have gone, by part."""
        return [state.dead for state in self.groups]

    @property
    def is_active(self) -> bool:
        """Some probability still moves."""
        return any(state.is_active for state in self.groups)

    @property
    def summary(self) -> str:
        """How many groups went, and how many of them only because time was up."""
        gone = sum(int(np.count_nonzero(dead)) for dead in self.dead)
        whole = sum(part.groups for part in self.layout.parts)
        late = f", {self.forced} of them forced: too few steps" if self.forced else ""
        return f"{gone} of {whole} groups went in {self.updates} updates, one in {self.interval} steps{late}"

    def steer(self, moment: Moment, weights: Weights) -> Steering | None:
        """One step of the algorithm: end what is done, update if it is time, say what the step runs under."""
        if moment.is_epoch_start:
            self._check(weights)
        new: dict[WeightKey, Array] = {}
        was_active = self.is_active
        self._end_what_is_done(weights, new)
        if not self.is_active and not was_active and not moment.is_epoch_start:
            return None
        for part, state in self._active():
            state.observe(part.norms(weights))
        if self.is_active and moment.step % self.interval == 0:
            self.updates += 1
            for part, state in self._active():
                self._zero(part, state.update(), weights, new)
        return self._steering(moment.rng, new)

    def finish(self, weights: Weights) -> Steering | None:
        """End everything, by force where groups are left to go."""
        new: dict[WeightKey, Array] = {}
        self._end_what_is_done(weights, new)
        self._force()
        for part, state in self._active():
            self._end(part, state, weights, new)
        for part, state in self._pairs():
            self._zero(part, state.dead, weights, new)
        _log.info("           %s", self.summary)
        return Steering(self._present(), {}, new)

    def gone(self) -> npt.NDArray[np.bool_] | None:
        """The units that died; None where groups are columns."""
        return np.concatenate([np.zeros(0, dtype=bool), *self.dead]) if self.layout.has_units else None

    def state(self) -> Mapping[str, Array]:
        """Probabilities, importances and counters; and the settings, so that runs with others differ."""
        about = repr((self.settings, self.interval, self.stop, self.layout.limit)).encode()
        found: dict[str, Array] = {
            "counters": np.array([self.updates, self.forced], np.int64),
            "settings": np.frombuffer(about, np.uint8),
        }
        for place, state in enumerate(self.groups):
            found |= {f"{place}.{name}": array for name, array in state.state().items()}
        return found

    def restore(self, state: Mapping[str, Array]) -> None:
        """Go on from a `state`."""
        self.updates, self.forced = (int(value) for value in state["counters"])
        for place, group in enumerate(self.groups):
            start = f"{place}."
            group.restore({k.removeprefix(start): v for k, v in state.items() if k.startswith(start)})

    @abstractmethod
    def _steering(self, rng: np.random.Generator, new: Weights) -> Steering:
        """What the next step runs under, `new` weights included."""

    def _pairs(self) -> Sequence[tuple[Part, GroupState]]:
        return list(zip(self.layout.parts, self.groups, strict=True))

    def _active(self) -> Sequence[tuple[Part, GroupState]]:
        return [(part, state) for part, state in self._pairs() if state.is_active]

    def _check(self, weights: Weights) -> None:
        """Every weight that is to be held must be trained."""
        for part in self.layout.parts:
            handles = (*part.holds, *(part.scales if self.stop.scale_survivors else ()))
            for handle in handles if part.target else ():
                weight_of(weights, handle.key)

    def _end_what_is_done(self, weights: Weights, new: dict[WeightKey, Array]) -> None:
        is_met = self._is_fast_enough()
        for part, state in self._active():
            if is_met or state.remaining <= 0:
                self._end(part, state, weights, new)

    def _is_fast_enough(self) -> bool:
        """The network as a whole costs no more than it may; looked at only after a death."""
        gone = sum(int(np.count_nonzero(dead)) for dead in self.dead)
        if not self.stop.at_speedup or gone == self._costed:
            return False
        self._costed = gone
        return self.layout.macs(self.dead) <= self.layout.limit * (1 + _ROUNDING)

    def _end(self, part: Part, state: GroupState, weights: Weights, new: dict[WeightKey, Array]) -> None:
        if self.stop.scale_survivors:
            share = np.where(state.dead, 1.0, 1.0 - state.p)
            for handle in part.scales:
                new[handle.key] = new.get(handle.key, weights[handle.key]) * handle.spread(share, 1.0)
        state.freeze()

    def _zero(self, part: Part, died: Flags, weights: Weights, new: dict[WeightKey, Array]) -> None:
        """Put the weights of groups that died at zero."""
        for handle in part.holds if died.any() else ():
            stays = handle.spread(~died, 1.0) > 0
            new[handle.key] = np.where(stays, new.get(handle.key, weights[handle.key]), np.float32(0))

    def _force(self) -> None:
        """Remove groups, highest p first, until each part, or the network, has what it was to have."""
        nearest = sorted(
            (-state.p[group], order, place, int(group))
            for place, state in enumerate(self.groups)
            if state.is_active
            for order, group in enumerate(state.candidates())
        )
        for _, _, place, group in nearest:
            if self._is_fast_enough():
                break
            self.groups[place].kill(group)
            self.forced += 1

    def _present(self) -> dict[WeightKey, Array]:
        """Masks under which all but the dead are there."""
        pairs = self._pairs()
        return dict(product((handle, ~state.dead) for part, state in pairs for handle in part.holds))


class SppGuide(_Progressive):
    """Masks drawn in each step from probabilities; t follows from `steps` unless it is given."""

    def __init__(
        self,
        layout: Layout,
        steps: int,
        *,
        settings: Settings | None = None,
        interval: int | None = None,
        stop: Stop | None = None,
    ) -> None:
        settings = settings or Settings()
        t = interval if interval is not None else interval_for(layout, steps, settings)
        super().__init__(layout, settings, t, stop or Stop(at_speedup=not layout.has_units))

    def _steering(self, rng: np.random.Generator, new: Weights) -> Steering:
        drawn = [state.sample(rng) for state in self.groups]
        rows = zip(self.layout.parts, drawn, strict=True)
        masks = product((handle, there) for part, there in rows for handle in part.holds)
        return Steering(masks=masks, weights=new)


class IncRegGuide(_Progressive):
    """Weight decay of its own for each group, updated in every step, from 0 to `ceiling`, where it goes."""

    def __init__(
        self,
        layout: Layout,
        steps: int,
        learning_rate: float,
        *,
        settings: Settings | None = None,
        stop: Stop | None = None,
    ) -> None:
        amplitude = amplitude_for(layout, steps, settings or Settings())
        self.ceiling = ceiling_for(amplitude, learning_rate)
        settings = replace(settings or Settings(), amplitude=amplitude)
        super().__init__(layout, settings, 1, stop or Stop(at_speedup=not layout.has_units))

    def _steering(self, rng: np.random.Generator, new: Weights) -> Steering:
        pairs = [(part, np.where(state.dead, 0.0, state.p)) for part, state in self._pairs()]
        decay = total((handle, self.ceiling * p) for part, p in pairs for handle in part.holds)
        return Steering(self._present(), decay, new)


def amplitude_for(layout: Layout, steps: int, settings: Settings) -> float:
    """A / ceiling so that, orders unchanged and an update in every step, all is done after 85 % of `steps`.

    At least that of the authors; at most that of `settings`.
    """
    needed = settings.amplitude * _longest(layout, settings, LONGEST_SIMULATION)
    lowest = INCREG_AMPLITUDE / INCREG_CEILING
    return min(settings.amplitude, max(lowest, needed / max(1.0, _GUIDED_SHARE * steps)))


def ceiling_for(amplitude: float, learning_rate: float) -> float:
    """The decay at which a group goes, of which `amplitude` is added in a step at rank 0.

    The lowest group is shrunk on its way by as much as with the authors' constants, e^-6.25: learning rate
    * ceiling / (2 * amplitude) is the same.
    """
    authors = INCREG_LEARNING_RATE * INCREG_CEILING * INCREG_CEILING / INCREG_AMPLITUDE
    return authors * amplitude / learning_rate

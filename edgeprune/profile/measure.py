"""Measures a Bundle on a board: counts, memory and parity with the host's reference.

The Bundle holds inputs and the outputs that the reference gave for them (`parity_inputs.bin`,
`parity_outputs.bin`: raw bytes, sample after sample, each in the graph's order). All of them run on the
board, in a row from the state that the network starts with; the first `runs` runs are counted. Runs that
only count go on with the state as it is. What a board cannot count is None.
"""

import logging
import statistics
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edgeprune.artifact import Bundle
from edgeprune.device.board import Board, hold, open_session
from edgeprune.device.flash import check_content, check_identity
from edgeprune.device.link import Injection
from edgeprune.device.session import Counts, Device, RunResult, Session
from edgeprune.device.target import Target, find_target
from edgeprune.errors import ModelError

log = logging.getLogger("edgeprune")

DEFAULT_RUNS = 3


@dataclass(frozen=True)
class Latency:
    """Microseconds over all counted runs; `p95` is the smallest run not below 95 % of them.

    `median_interval` holds the median with 95 % confidence; None where runs are counted, not timed.
    """

    min: float | None
    median: float | None
    p95: float | None
    max: float | None
    median_interval: tuple[float, float] | None = None


@dataclass(frozen=True)
class LayerProfile:
    """One layer of the median run."""

    index: int
    name: str
    op: str
    macs: int | None
    instructions: int | None
    cycles: int | None
    latency_us: float | None


@dataclass(frozen=True)
class MemoryProfile:
    """Memory as the board saw it: `ram_peak_bytes` is .data, .bss and the stack's peak."""

    arena_bytes: int | None
    stack_peak_bytes: int | None
    ram_peak_bytes: int | None
    flash_bytes: int


@dataclass(frozen=True)
class Parity:
    """Inputs run on the board, and how many gave another output than on the host.

    A runtime that promises no bits may differ from its `reference`: by `allowed_mean_difference`, the mean
    over all outputs in units of their type. Differences are None where every bit has to be right.
    """

    inputs: int
    mismatches: int
    largest_difference: float | None = None
    mean_difference: float | None = None
    allowed_mean_difference: float = 0.0
    reference: str | None = None

    @property
    def is_failure(self) -> bool:
        """Whether the outputs differ by more than rounding that is allowed."""
        if self.mean_difference is None:
            return self.mismatches > 0
        return not self.mean_difference <= self.allowed_mean_difference  # NaN is a failure


@dataclass(frozen=True)
class Profile:
    """What was measured on a board; the fields of INTERFACE.md, section 4."""

    target: str
    board: str
    evidence: str
    clock_hz: int | None
    runs: int
    latency_us: Latency
    instructions: int | None
    cycles: int | None
    layers: tuple[LayerProfile, ...]
    memory: MemoryProfile
    parity: Parity
    output_crc32: str
    model_load_ms: float | None = None
    system: Mapping[str, Any] | None = None
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As a JSON object; what only devices with an operating system tell is left out for others."""
        found = asdict(self) | {"layers": [asdict(layer) for layer in self.layers]}
        if self.parity.mean_difference is None:
            found["parity"] = {"inputs": self.parity.inputs, "mismatches": self.parity.mismatches}
        if self.system is None:
            del found["model_load_ms"], found["system"], found["notes"]
            del found["latency_us"]["median_interval"]
        return found


@dataclass(frozen=True)
class Sample:
    """Raw inputs, and the outputs that the reference gives for them."""

    inputs: tuple[bytes, ...]
    outputs: tuple[bytes, ...]


def profile(
    bundle: Bundle,
    board: Board,
    runs: int | None = None,
    *,
    injection: Injection | None = None,
    record: Path | None = None,
) -> Profile:
    """Measure `bundle` on `board`, which it was flashed to."""
    if board.target.linux is not None:
        from edgeprune.profile.linux import profile_linux

        return profile_linux(bundle, board, runs, injection=injection, record=record)
    with hold(board), open_session(board, injection=injection, record=record) as session:
        check_identity(session, bundle)
        check_content(session, bundle, board)
        return measure(session, bundle, board, DEFAULT_RUNS if runs is None else runs)


def measure(session: Session, bundle: Bundle, board: Board, runs: int = DEFAULT_RUNS) -> Profile:
    """Run all parity samples, and at least `runs` counted runs; return the Profile."""
    device = session.device
    samples = read_samples(bundle, device)
    counted: list[RunResult] = []
    outputs = bytearray()
    mismatches = 0
    session.reset_state()
    for index in range(max(runs, len(samples))):
        sample = samples[index % len(samples)]
        result = session.run(sample.inputs, measure=index < runs)
        if index < runs:
            counted.append(result)
        if index < len(samples):
            outputs += b"".join(result.outputs)
            mismatches += result.outputs != sample.outputs
        log.info("run %d of %d", index + 1, max(runs, len(samples)))
    target = find_target(device.target)
    middle = median_run(counted)
    clock_hz = device.clock_hz if target.kind == "mcu" else None
    return Profile(
        target=device.target,
        board=board.id,
        evidence=evidence(target, board, device),
        clock_hz=clock_hz,
        runs=runs,
        latency_us=latency([run.total.cycles for run in counted], clock_hz),
        instructions=middle.total.instructions,
        cycles=middle.total.cycles,
        layers=layer_profiles(bundle, middle.layers, clock_hz),
        memory=memory_profile(session, target),
        parity=Parity(len(samples), mismatches),
        output_crc32=f"{zlib.crc32(outputs):08x}",
    )


def read_samples(bundle: Bundle, device: Device) -> list[Sample]:
    """The Bundle's parity samples; ModelError where the files do not fit the board's network."""
    count = int(bundle.manifest["parity"]["inputs"])
    ins = _cut(bundle, "parity_inputs.bin", device.input_bytes, count)
    outs = _cut(bundle, "parity_outputs.bin", device.output_bytes, count)
    if not ins:
        raise ModelError(f"{bundle.path} has no parity inputs", hint="build it again")
    return [Sample(i, o) for i, o in zip(ins, outs, strict=True)]


def _cut(bundle: Bundle, name: str, sizes: Sequence[int], count: int) -> list[tuple[bytes, ...]]:
    try:
        data = (bundle.path / name).read_bytes()
    except OSError as error:
        raise ModelError(f"{bundle.path}: cannot read {name}: {error}", hint="build it again") from error
    if len(data) != count * sum(sizes):
        raise ModelError(
            f"{bundle.path}: {name} has {len(data)} bytes, {count} samples of the board's network take "
            f"{count * sum(sizes)}",
            hint="build it again",
        )
    samples = []
    at = 0
    for _ in range(count):
        parts = []
        for size in sizes:
            parts.append(data[at : at + size])
            at += size
        samples.append(tuple(parts))
    return samples


def evidence(target: Target, board: Board, device: Device) -> str:
    """`hardware` on a real board; `modelled` where cycles come from a model of the core."""
    if not board.is_virtual and target.status == "hardware":
        return "hardware"
    return "modelled" if device.has_cycles else "emulated"


def median_run(runs: Sequence[RunResult]) -> RunResult:
    """The run in the middle, by cycles."""
    ordered = sorted(runs, key=lambda run: run.total.cycles or 0)
    return ordered[(len(ordered) - 1) // 2]


def latency(cycles: Sequence[int | None], clock_hz: int | None) -> Latency:
    """Latency of all runs from their cycles."""
    times = sorted(time for count in cycles if (time := _us(count, clock_hz)) is not None)
    if not times:
        return Latency(None, None, None, None)
    p95 = times[-(-95 * len(times) // 100) - 1]
    return Latency(times[0], statistics.median(times), p95, times[-1])


def _us(cycles: int | None, clock_hz: int | None) -> float | None:
    return None if cycles is None or clock_hz is None else cycles * 1e6 / clock_hz


def layer_profiles(
    bundle: Bundle, counts: Sequence[Counts], clock_hz: int | None
) -> tuple[LayerProfile, ...]:
    """Names and MACs from the manifest, counts from the board; ModelError where they do not match."""
    layers = bundle.manifest["layers"]
    if len(layers) != len(counts):
        raise ModelError(f"the manifest names {len(layers)} layers, the board has {len(counts)}")
    return tuple(
        LayerProfile(
            index=layer["index"],
            name=layer["name"],
            op=layer["op"],
            macs=layer["macs"],
            instructions=count.instructions,
            cycles=count.cycles,
            latency_us=_us(count.cycles, clock_hz),
        )
        for layer, count in zip(layers, counts, strict=True)
    )


def memory_profile(session: Session, target: Target) -> MemoryProfile:
    """Memory from the board; a host process has no RAM or stack of its own to tell."""
    memory = session.memory()
    is_device = target.kind == "mcu"
    return MemoryProfile(
        arena_bytes=memory.arena_bytes,
        stack_peak_bytes=memory.stack_peak_bytes if is_device else None,
        ram_peak_bytes=memory.ram_bytes + memory.stack_peak_bytes if is_device else None,
        flash_bytes=memory.flash_bytes,
    )

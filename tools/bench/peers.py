"""What the peers reach on the same models, and what we set out to reach; figures with their source.

Instructions and bytes of TFLM, BakeNN and TinyEngine were measured on the same `.tflite` files in
November 2026 (TensorFlow Lite Micro 90b983c2 with CMSIS-NN 4ab83cc3, GCC 12.2 -O3, QEMU -icount).
Cycles of X-CUBE-AI and Plumerai are published MLPerf Tiny results (v1.2, v1.1) on an STM32L4R5ZI.
"""

from dataclasses import dataclass
from typing import Literal

Metric = Literal["instructions", "cycles", "ram_bytes", "flash_bytes"]


@dataclass(frozen=True)
class Row:
    """One line of the table: a metric on a target, our goals and the peer's figures by model."""

    target: str
    metric: Metric
    optimize: str
    peer: str
    goals: dict[str, float]
    peers: dict[str, float]

    @property
    def title(self) -> str:
        extra = "" if self.optimize == "balanced" else f", --optimize {self.optimize}"
        return f"{self.target}: {self.metric}{extra}"


def _row(target: str, metric: Metric, optimize: str, peer: str, *cells: tuple[str, float, float]) -> Row:
    goals = {model: goal for model, goal, _ in cells}
    return Row(target, metric, optimize, peer, goals, {model: figure for model, _, figure in cells})


MILLION = 1e6

ROWS = (
    _row(
        "virtual-m4", "instructions", "balanced", "TFLM + CMSIS-NN, measured",
        ("ic", 13.0e6, 29.87e6), ("kws", 3.5e6, 7.845e6), ("vww", 9.5e6, 24.72e6), ("ad", 0.33e6, 0.582e6),
    ),
    _row(
        "virtual-m4", "cycles", "balanced", "X-CUBE-AI 9.0, published, on hardware; ours are modelled",
        ("ic", 17.5e6, 19.8e6), ("kws", 4.6e6, 5.18e6), ("vww", 10.0e6, 10.7e6), ("ad", 0.50e6, 0.631e6),
    ),
    _row(
        "mps3-an547", "instructions", "balanced", "TFLM + CMSIS-NN, measured",
        ("ic", 2.4e6, 4.812e6), ("kws", 0.90e6, 1.786e6), ("vww", 3.0e6, 6.434e6), ("ad", 0.15e6, 0.285e6),
    ),
    _row(
        "virtual-m0plus", "instructions", "balanced", "BakeNN 1.0 portable, measured",
        ("ic", 75e6, 194.7e6), ("kws", 20e6, 76.9e6), ("vww", 55e6, 181.3e6), ("ad", 1.5e6, 2.45e6),
    ),
    _row(
        "virtual-m4", "ram_bytes", "balanced", "TFLM + CMSIS-NN, measured",
        ("ic", 38_000, 56_696), ("kws", 12_000, 24_520), ("vww", 44_000, 102_408), ("ad", 2_400, 3_672),
    ),
    _row(
        "virtual-m4", "flash_bytes", "size", "TFLM + CMSIS-NN -Os, measured",
        ("ic", 96_000, 142_036), ("kws", 44_000, 100_312), ("vww", 256_000, 379_664),
        ("ad", 286_000, 300_064),
    ),
    _row(
        "virtual-m4", "instructions", "speed", "TFLM + CMSIS-NN, measured",
        ("ic", 9.5e6, 29.87e6),
    ),
)  # fmt: skip

"""What the prunability study found: rank correlations, the width sweep, label noise; as JSON and a page."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from html import escape
from typing import Any

import numpy as np

from edgeprune.prune.rank_correlation import (
    adjusted_r2,
    conditional_information,
    granulated,
    kendall_interval,
    mutual_information,
)
from edgeprune.report.plot import Axis, Mark, Series, plot
from edgeprune.report.style import STYLE

Row = Mapping[str, Any]

AXES = ("width", "learning_rate", "batch_size", "depth", "weight_decay")
OUTCOMES = ("test_loss", "test_error", "loss_gap", "error_gap")
SEED = 4
RESAMPLES = 2000


def measures_of(row: Row) -> dict[str, float]:
    """Every measure of one network, in the order of the table."""
    found = row["measures"]
    return {
        "prunability": found["prunability"]["first_violation"],
        "prunability, global min": found["prunability"]["global_min"],
        "prunability, absolute": found["absolute"]["first_violation"],
        "prunability, folded": found["folded"]["first_violation"],
        "prunability, random": found["random"]["first_violation"],
        **found["comparators"],
    }


def outcomes_of(row: Row) -> dict[str, float]:
    """How the network generalises: on the test set, and the gap from the training set to it."""
    return {
        "test_loss": row["test_loss"],
        "test_error": row["test_error"],
        "loss_gap": row["test_loss"] - row["train_loss"],
        "error_gap": row["test_error"] - row["train_error"],
    }


def summarise(rows: Sequence[Row]) -> dict[str, Any]:
    """Everything that is said about the networks, as JSON values."""
    grid = [row for row in rows if row["part"] == "grid"]
    reached = [row for row in grid if row["has_reached_target"]]
    return {
        "grid": {"trained": len(grid), "reached_target": len(reached)},
        "tau": _taus(reached),
        "tau_with_networks_that_missed_the_target": _taus(
            [row for row in grid if "measures" in row], OUTCOMES[:1]
        ),
        "granulated": _granulated(reached),
        "conditional_information": _information(reached),
        "with_prunability": _with_prunability(reached),
        "width_sweep": _sweep(rows),
        "label_noise": _noise(rows),
    }


def _columns(rows: Sequence[Row], measure: str, outcome: str) -> tuple[list[float], list[float], list[Row]]:
    known = [row for row in rows if measure in measures_of(row)]
    return [measures_of(r)[measure] for r in known], [outcomes_of(r)[outcome] for r in known], known


def _names(rows: Sequence[Row]) -> list[str]:
    return list(dict.fromkeys(name for row in rows for name in measures_of(row)))


def _taus(rows: Sequence[Row], outcomes: Sequence[str] = OUTCOMES) -> dict[str, Any]:
    table: dict[str, Any] = {}
    for name in _names(rows):
        table[name] = {}
        for outcome in outcomes:
            a, b, _ = _columns(rows, name, outcome)
            found = kendall_interval(a, b, np.random.default_rng(SEED), RESAMPLES)
            table[name][outcome] = None if found is None else asdict(found)
    return table


def _granulated(rows: Sequence[Row]) -> dict[str, Any]:
    table: dict[str, Any] = {}
    for name in _names(rows):
        table[name] = {}
        for outcome in ("test_loss", "error_gap"):
            a, b, known = _columns(rows, name, outcome)
            table[name][outcome] = asdict(granulated(a, b, _hyperparameters(known)))
    return table


def _information(rows: Sequence[Row]) -> dict[str, Any]:
    table: dict[str, Any] = {}
    for name in _names(rows):
        table[name] = {}
        for outcome in ("test_loss", "error_gap"):
            a, b, known = _columns(rows, name, outcome)
            table[name][outcome] = conditional_information(a, b, _hyperparameters(known))
    return table


def _with_prunability(rows: Sequence[Row]) -> dict[str, Any]:
    """How much each other measure says of the order by prunability, and of the test loss in a line."""
    table: dict[str, Any] = {}
    for name in _names(rows):
        values, losses, known = _columns(rows, name, "test_loss")
        own = [measures_of(row)["prunability"] for row in known]
        table[name] = {
            "mutual_information": mutual_information(values, own) if known else None,
            "adjusted_r2_test_loss": adjusted_r2(values, losses),
        }
    return table


def _hyperparameters(rows: Sequence[Row]) -> list[dict[str, object]]:
    return [{axis: row[axis] for axis in AXES} for row in rows]


def _sweep(rows: Sequence[Row]) -> dict[str, Any]:
    """Acceptance (b): along the width, prunability falls in trend while the number of weights grows."""
    swept = [row for row in rows if row["part"] == "sweep" and row["has_reached_target"]]
    table = []
    for row in sorted(swept, key=lambda row: (row["width"], row["seed"])):
        found = measures_of(row)
        table.append(
            {
                "width": row["width"],
                "seed": row["seed"],
                "parameters": row["measures"]["parameters"],
                "prunability": found["prunability"],
                "kept": found["kept"],
                **outcomes_of(row),
            }
        )
    widths = [line["width"] for line in table]
    rng = np.random.default_rng(SEED)
    trends = {
        name: _interval(kendall_interval(widths, [line[name] for line in table], rng, RESAMPLES))
        for name in ("prunability", "kept", "test_loss")
        if table
    }
    missed = sum(row["part"] == "sweep" and not row["has_reached_target"] for row in rows)
    return {"rows": table, "missed_target": missed, "tau_with_width": trends}


def _interval(found: Any) -> dict[str, float] | None:
    return None if found is None else asdict(found)


def _noise(rows: Sequence[Row]) -> dict[str, Any]:
    """Acceptance (c): with 20 % random labels, and otherwise equal, prunability is larger."""
    pairs: dict[tuple[int, int], dict[float, Row]] = {}
    for row in rows:
        if row["part"] in ("sweep", "noise") and row["has_reached_target"]:
            pairs.setdefault((row["width"], row["seed"]), {})[row["label_noise"]] = row
    missed = sum(row["part"] == "noise" and not row["has_reached_target"] for row in rows)
    table = []
    for (width, seed), found in sorted(pairs.items()):
        if len(found) == 2:
            clean, noisy = found[0.0], found[0.2]
            table.append(
                {
                    "width": width,
                    "seed": seed,
                    "prunability_clean": measures_of(clean)["prunability"],
                    "prunability_noisy": measures_of(noisy)["prunability"],
                    "test_loss_clean": clean["test_loss"],
                    "test_loss_noisy": noisy["test_loss"],
                }
            )
    larger = sum(pair["prunability_noisy"] > pair["prunability_clean"] for pair in table)
    return {"pairs": table, "noisy_is_larger": larger, "missed_target": missed}


def page(result: Mapping[str, Any]) -> str:
    """The study as one HTML page that needs nothing else."""
    summary, rows = result["summary"], result["nets"]
    head = (
        f"<h1>Prunability of small CNNs</h1><p class=faint>{escape(result['data'])}. {result['finished']} of "
        f"{result['planned']} networks; {summary['grid']['reached_target']} of the grid's "
        f"{summary['grid']['trained']} reached a training cross entropy of "
        f"{result['training']['target_loss']}. Made by <code>{escape(result['command'])}</code>.</p>"
    )
    parts = [head, _scatter(rows), _tau_table(summary), _sweep_picture(summary), _noise_table(summary)]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>Prunability study</title>'
        f"<style>{STYLE}</style></head>\n<body>{''.join(parts)}</body></html>\n"
    )


def _scatter(rows: Sequence[Row]) -> str:
    grid = [row for row in rows if row["part"] == "grid" and row["has_reached_target"]]
    if not grid:
        return ""
    colours = ("warn", "mid", "strong")
    series = [
        Series(
            f"width {width}",
            tuple((measures_of(r)["prunability"], r["test_loss"]) for r in grid if r["width"] == width),
            colours[i % 3],
            is_line=False,
        )
        for i, width in enumerate(sorted({row["width"] for row in grid}))
    ]
    x, y = ([point[k] for s in series for point in s.points] for k in (0, 1))
    axes = (Axis("prunability (magnitude, first violation)", *_span(x)), Axis("test loss", *_span(y)))
    return f"<h2>Prunability and test loss</h2>{plot(series, *axes, 'prunability and test loss')}"


def _span(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    room = 0.05 * ((high - low) or 1.0)
    return low - room, high + room


def _tau_table(summary: Mapping[str, Any]) -> str:
    head = "".join(
        f"<th class=n>{name}</th>"
        for name in (
            *(f"tau, {outcome.replace('_', ' ')}" for outcome in OUTCOMES),
            *("granulated, test loss", "CMI, test loss", "CMI, error gap", "MI with prunability"),
        )
    )
    lines = []
    for name, found in summary["tau"].items():
        cells = [_tau(found[outcome]) for outcome in OUTCOMES]
        cells.append(_number(summary["granulated"][name]["test_loss"]["mean"]))
        cells += [_number(summary["conditional_information"][name][o]) for o in ("test_loss", "error_gap")]
        cells.append(_number(summary["with_prunability"][name]["mutual_information"]))
        lines.append(
            f"<tr><td>{escape(name)}</td>{''.join(f'<td class=n>{cell}</td>' for cell in cells)}</tr>"
        )
    return (
        "<h2>Kendall's tau, with bootstrap intervals of 95 %</h2><div class=scroll><table>"
        f"<tr><th>measure</th>{head}</tr>{''.join(lines)}</table></div>"
    )


def _tau(found: Mapping[str, float] | None) -> str:
    return "–" if found is None else f"{found['value']:.2f}<br>[{found['low']:.2f}, {found['high']:.2f}]"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _sweep_picture(summary: Mapping[str, Any]) -> str:
    rows = summary["width_sweep"]["rows"]
    if not rows:
        return ""
    points = tuple((float(row["parameters"]), row["prunability"]) for row in rows)
    sizes = [point[0] for point in points]
    x = Axis("conv weights d", min(sizes) / 1.2, max(sizes) * 1.2, is_log=True)
    y = Axis("prunability", *_span([point[1] for point in points]))
    trend = summary["width_sweep"]["tau_with_width"]["prunability"]
    picture = plot([Series("network", points, "strong", is_line=False)], x, y, "prunability along the width")
    return (
        f"<h2>Width sweep: tau of prunability with the width {_tau(trend).replace('<br>', ' ')}</h2>{picture}"
    )


def _noise_table(summary: Mapping[str, Any]) -> str:
    pairs = summary["label_noise"]["pairs"]
    if not pairs:
        return ""
    clean = tuple((float(i), pair["prunability_clean"]) for i, pair in enumerate(pairs, 1))
    noisy = tuple((float(i), pair["prunability_noisy"]) for i, pair in enumerate(pairs, 1))
    series = [Series("true labels", clean, "strong", False), Series("20 % random", noisy, "warn", False)]
    values = [value for _, value in (*clean, *noisy)]
    picture = plot(
        series,
        Axis("pair (width, seed)", 0.5, len(pairs) + 0.5),
        Axis("prunability", *_span(values)),
        "prunability with and without label noise",
        [Mark("mean, true labels", math.fsum(v for _, v in clean) / len(clean), is_vertical=False)],
    )
    count = summary["label_noise"]["noisy_is_larger"]
    return f"<h2>Label noise: larger in {count} of {len(pairs)} pairs</h2>{picture}"

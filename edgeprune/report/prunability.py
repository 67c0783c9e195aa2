"""What `edgeprune prunability` measured, as one HTML page that needs nothing else."""

from collections.abc import Mapping
from html import escape
from typing import Any

from edgeprune.report.plot import Axis, Mark, Series, plot
from edgeprune.report.style import STYLE

# The picture ends where the loss is so many times the limit: what lies above is only "too bad".
_HIGHEST = 20.0


def render(result: Mapping[str, Any]) -> str:
    """The page for the JSON of the command."""
    title = escape(f"Prunability of {result['model']}")
    parts = (_head(result), _picture(result), _random(result), _comparators(result))
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width,initial-scale=1"><style>{STYLE}</style></head>\n'
        f"<body><h1>{title}</h1>{''.join(parts)}</body></html>\n"
    )


def section(found: Mapping[str, Any]) -> str:
    """A part of a Bundle's report: the manifest's entry, its warning first."""
    first, interval = found["prunability"]["first_violation"], found["prunability"]["interval"]
    bounds = "" if interval is None else f" (95 % interval {interval[0]:.2f} to {interval[1]:.2f})"
    warning = f"<p>Note: {escape(found['warning'])}.</p>" if found["warning"] else ""
    return (
        f"<h2>Prunability of the original network: {first:.2f}</h2>{warning}{picture(found)}"
        f'<p class="faint">Single weights, the smallest set to zero first, without retraining, on '
        f"{found['samples']:,} training examples{bounds}. Whole channels and fine-tuning are another matter; "
        "it is a measure of slack, not a forecast.</p>"
    )


def picture(result: Mapping[str, Any]) -> str:
    """The loss against the fraction kept, its limit and the measure, as SVG."""
    series = [Series(result["operator"], _points(result["curve"]))]
    if result.get("random") and result["operator"] != "random":
        series.append(Series("random, first draw", _points(result["random"]["curve"]), "mid"))
    losses = [loss for one in series for _, loss in one.points]
    limit, first = result["loss_limit"], result["prunability"]["first_violation"]
    lowest = max(min([*losses, limit]), 1e-6)
    highest = min(max([*losses, 1.2 * limit]), max(_HIGHEST * limit, lowest * _HIGHEST))
    return plot(
        series,
        Axis("fraction of the weights kept", 0.0, 1.0),
        Axis("training loss", lowest / 1.2, highest, is_log=True),
        "loss against the fraction of weights kept",
        [Mark("limit", limit, is_vertical=False), Mark(f"prunability {first:.3f}", first, is_vertical=True)],
    )


def _points(curve: list[list[float | None]]) -> tuple[tuple[float, float], ...]:
    return tuple((alpha, loss) for alpha, loss in curve if alpha is not None and loss is not None)


def _head(result: Mapping[str, Any]) -> str:
    found, interval = result["prunability"], result["prunability"]["interval"]
    bounds = "" if interval is None else f", 95 % interval {interval[0]:.3f} to {interval[1]:.3f}"
    tiles = (
        (f"{found['first_violation']:.3f}", f"prunability, first violation{bounds}"),
        (f"{found['global_min']:.3f}", "prunability, smallest anywhere"),
        (f"{result['parameters']:,}", "conv and dense weights"),
        (f"{result['loss']:.4g}", f"training loss, {result['samples']:,} examples"),
    )
    cells = "".join(f'<div class="tile"><b>{escape(b)}</b><span>{escape(s)}</span></div>' for b, s in tiles)
    folded = "Batch norms are folded in. " if result["folded"] else ""
    sort = escape(result["tolerance"])
    return (
        '<p class="faint">The fraction of the weights that must be kept, the others zero without retraining, '
        f"for the loss to stay within {result['beta']:g} ({sort}). {folded}Operator: "
        f'{escape(result["operator"])}; seed {result["seed"]}.</p><div class="tiles">{cells}</div>'
    )


def _picture(result: Mapping[str, Any]) -> str:
    return f"<h2>Loss as weights go</h2>{picture(result)}"


def _random(result: Mapping[str, Any]) -> str:
    found = result["random"]
    if not found:
        return ""
    low, high = found["interval"]
    draws = ", ".join(f"{draw['first_violation']:.3f}" for draw in found["draws"])
    return (
        f"<h2>Random pruning</h2><p>Mean over {len(found['draws'])} draws: {found['first_violation']:.3f} "
        f"(95 % interval {low:.3f} to {high:.3f}), smallest anywhere {found['global_min']:.3f}. "
        f'<span class="faint">Draws: {draws}.</span></p>'
    )


def _comparators(result: Mapping[str, Any]) -> str:
    if not result["comparators"]:
        return ""
    rows = "".join(
        f"<tr><td>{escape(name.replace('_', ' '))}</td><td class=n>{_number(value)}</td></tr>"
        for name, value in result["comparators"].items()
    )
    return (
        f"<h2>Comparators</h2><table>{rows}</table><p class=faint>Batch norms folded in. A dash: it needs "
        "the initial weights or the course of training, or has no value here. Noise was tried on "
        f"{result['noise']['samples']:,} examples.</p>"
    )


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:,.6g}"

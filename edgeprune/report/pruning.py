"""What the pruning method has to tell, as a section of the report."""

from collections.abc import Mapping
from html import escape
from typing import Any


def pruning(found: Mapping[str, Any]) -> str:
    """The section for a manifest's `pruning`: who shared the cut out, how much stays, how sure that is."""
    allocation = found["notes"].get("allocation", {})
    kept = "".join(
        f"<tr><td>{escape(name)}</td><td class=n>{stays:,} of {whole:,}</td></tr>"
        for name, (stays, whole) in found["kept"].items()
    )
    table = f"<div class=scroll><table><tr><th>channels</th><th class=n>stay</th></tr>{kept}</table></div>"
    return (
        f"<h2>Pruning</h2><p>Method {escape(str(found['method']))}, shared out by "
        f"{escape(str(found['allocation']))}.</p>{_bound(allocation)}{table if kept else ''}"
    )


def _bound(allocation: Mapping[str, Any]) -> str:
    """The error term that provable filter pruning had to use, and what it is worth."""
    if "eps" not in allocation:
        return ""
    eps = float(allocation["eps"])
    worth = (
        "an error of 100 % and more is no guarantee: the bound only shares out the cut"
        if allocation["is_vacuous"]
        else f"randomised selection fails with a probability of {allocation['failure_probability']:.3g}"
    )
    return f"<p>The error term of the bound is eps = {eps:.4g}; {worth}.</p>"

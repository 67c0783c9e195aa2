"""Budgets: the least pruned network that holds the limits, or which limit binds."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest
from support.commands import DIGITS, Shell

from edgeprune.device.target import find_target
from edgeprune.errors import BudgetError, UsageError
from edgeprune.recipe import Recipe
from edgeprune.stages.budget import CLOSE, Found, Point, Search, read_budget


def test_a_budget_is_read() -> None:
    assert read_budget("latency_ms<=60, ram_kib <= 48,accuracy_drop<=1.5") == {
        "latency_ms": 60.0,
        "ram_kib": 48.0,
        "accuracy_drop": 1.5,
    }


@pytest.mark.parametrize(
    ("text", "said", "way_out"),
    [
        ("latency_ms=60", "'latency_ms=60' is no limit", "such as"),
        ("latncy_ms<=60", "unknown limit 'latncy_ms'", "did you mean 'latency_ms'"),
        ("ram_kib<=lots", "'lots' is no number", "such as"),
        ("ram_kib<=-1", "must be a number of at least 0", "such as"),
        ("ram_kib<=nan", "must be a number of at least 0", "such as"),
        ("", "'' is no limit", "such as"),
    ],
)
def test_what_is_no_budget_is_refused(text: str, said: str, way_out: str) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        read_budget(text)
    assert way_out in str(caught.value.hint)


@dataclass
class Simulated(Search):
    """A search on a network whose costs follow from the speed-up."""

    reachable: float = 10.0
    trainings: list[float] = field(default_factory=list)

    def _probe(self, speedup: float) -> Point:
        if speedup > self.reachable:
            raise BudgetError(f"a speed-up of {speedup:.2f} is out of reach")
        point = Point(speedup, 20 + 100 / speedup, 30 + 20 / speedup, 64.0)
        self.points.append(point)
        return point

    def _trained(self, speedup: float) -> Found:
        if speedup > self.reachable:
            raise BudgetError("out of reach")
        self.trainings.append(speedup)
        point = Point(speedup, 20 + 100 / speedup, 30 + 20 / speedup, 64.0, speedup - 1)
        self.points.append(point)
        return Found(Recipe(model="m", speedup=speedup), (), tuple(self.points))


def search(budget: str, target: str = "virtual-m4", **options: Any) -> Simulated:
    nothing = cast(Any, None)
    return Simulated(
        store=nothing,
        loaded=nothing,
        scored=nothing,
        data=nothing,
        recipe=Recipe(model="m"),
        target=find_target(target),
        limits=read_budget(budget),
        **options,
    )


def test_the_least_pruned_network_that_holds_the_limits() -> None:
    """20 + 100/s <= 60 needs s >= 2.5, 30 + 20/s <= 36 needs 3.33: the latter binds."""
    asked = search("latency_ms<=60,ram_kib<=36")
    found = asked.run()
    assert 3.333 <= asked.trainings[0] <= 3.334 * (1 + CLOSE)
    assert len(asked.trainings) == 1
    assert not found.points[-1].over(asked.limits)
    assert found.to_json(asked.limits)["binding"] == "ram_kib"
    assert len(found.points) <= 11


def test_nothing_is_pruned_where_all_limits_hold() -> None:
    asked = search("latency_ms<=120,ram_kib<=50,accuracy_drop<=0.5")
    asked.run()
    assert asked.trainings == [1.0]


def test_a_limit_below_every_network_names_what_binds() -> None:
    asked = search("latency_ms<=25,ram_kib<=100")
    with pytest.raises(
        BudgetError, match=r"latency_ms binds \(\d.*, allowed 25\); best point found: "
    ) as caught:
        asked.run()
    assert "out of reach" in str(caught.value)
    assert max(point.speedup for point in asked.points) > 10 / (1 + CLOSE)
    assert asked.trainings == []


def test_the_accuracy_binds_where_the_device_would_hold() -> None:
    asked = search("latency_ms<=60,accuracy_drop<=1")
    with pytest.raises(BudgetError, match=r"accuracy_drop binds .* allowed 1"):
        asked.run()
    assert len(asked.trainings) == 1


def test_only_the_accuracy_is_limited() -> None:
    asked = search("accuracy_drop<=2.1")
    found = asked.run()
    assert found.recipe.speedup == 3.0
    assert asked.trainings[-1] == 4.0
    assert len(found.points) == len(asked.trainings)
    with pytest.raises(BudgetError, match="accuracy_drop binds"):
        search("accuracy_drop<=0.1").run()


def test_a_board_that_gives_no_latency_cannot_be_asked_for_it() -> None:
    with pytest.raises(UsageError, match="gives no latency"):
        search("latency_ms<=60", target="mps2-an386").run()


def test_build_within_a_budget_and_one_that_cannot_be_held(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    words = ("build", DIGITS, "--data", "sklearn:digits", "--epochs", "2")
    made = shell.ask(*words, "--budget", "latency_ms<=11,accuracy_drop<=60", "--out", "held")
    assert made["pruned"]["speedup"] > 1
    manifest = json.loads((tmp_path / "held" / "manifest.json").read_text())
    assert manifest["measured"]["latency_us"]["median"] <= 11_000
    assert manifest["budget"]["binding"] == "latency_ms"
    first = manifest["budget"]["points"][0]
    assert (first["speedup"], first["latency_ms"] > 11) == (1.0, True)
    assert "Budget" in (tmp_path / "held" / "report.html").read_text()
    recipe = (tmp_path / "held" / "recipe.toml").read_text()
    assert 'speedup_in = "instructions"' in recipe
    assert "budget" not in recipe

    said = shell.refused(*words, "--budget", "flash_kib<=4", "--out", "never", status=3)
    assert "flash_kib binds" in said
    assert "best point found" in said
    assert not (tmp_path / "never").exists()
    assert "<svg" in (tmp_path / "never-budget.html").read_text()
    said = shell.refused(*words, "--budget", "flash_kib<=4", "--speedup", "2")
    assert "both say how far to prune" in said

"""What int8 costs: in the Bundle, and the advice where it costs too much."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest
from support.commands import Built

from edgeprune import pipeline
from edgeprune.artifact import Stage, to_json
from edgeprune.errors import UsageError
from edgeprune.recipe import Recipe
from edgeprune.stages import int8
from edgeprune.stages.network import Trained


def stage(folder: Path, name: str, **files: Any) -> Stage:
    for file, value in files.items():
        (folder / f"{file}.json").write_text(to_json(value), encoding="utf-8")
    return Stage(name, folder, name, 0.0, False)


def described(folder: Path, accuracy: float, quantize: str = "int8") -> dict[str, Any]:
    """`describe` for a network with 0.9 in floating point."""
    layers = [
        {"layer": name, "output": name, "op": "CONV_2D", "sqnr_db": 30.0, "added_noise": noise}
        for name, noise in (("first", 0.001), ("second", 0.2), ("third", 0.0))
    ]
    made = stage(folder, "all", score={"accuracy": 0.9}, evaluate={"accuracy": accuracy}, layers=layers)
    recipe = Recipe(model="m.keras", quantize=quantize)  # type: ignore[arg-type]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(int8, "compare_layers", lambda *given: made)
        unused: Any = None
        return int8.describe(unused, Trained(made, made), made, made, unused, recipe)


def test_more_than_a_point_lost_is_worth_training_for(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "edgeprune"):
        found = described(tmp_path, 0.885)
    assert found["lost_points"] == pytest.approx(1.5)
    assert found["worst_layers"] == ["second", "first"]
    assert found["advice"] == "int8 loses 1.50 points, most of it in second, first; try --quantize int8-qat"
    assert [record.message for record in caplog.records] == [found["advice"]]


@pytest.mark.parametrize(("accuracy", "quantize"), [(0.891, "int8"), (0.95, "int8"), (0.5, "int8-qat")])
def test_no_advice_where_little_is_lost_or_it_is_followed(
    accuracy: float, quantize: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "edgeprune"):
        found = described(tmp_path, accuracy, quantize)
    assert found["advice"] is None and not caplog.records
    assert bool(found["layers"]) == (quantize == "int8")


def test_bundle_says_what_int8_costs_layer_by_layer(digits: Built) -> None:
    manifest = json.loads((digits.bundle / "manifest.json").read_text(encoding="utf-8"))
    found = manifest["quantization"]
    assert found["quantize"] == "int8"
    assert found["float_accuracy"] == manifest["pruned"]["accuracy"]
    operators = [layer["op"] for layer in manifest["layers"]]
    # The dense layer applies its softmax itself: Keras shows nobody the scores in between.
    compared = [op for op in operators if op not in ("RESHAPE", "FULLY_CONNECTED")]
    assert [layer["op"] for layer in found["layers"]] == compared
    names = {layer["name"] for layer in manifest["network"]}
    assert {layer["layer"] for layer in found["layers"]} <= names
    # Eight bits are some 40 dB; one layer after another, less.
    assert all(layer["sqnr_db"] is None or 10 < layer["sqnr_db"] < 70 for layer in found["layers"])
    assert "What int8 costs" in (digits.bundle / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("options", "is_tflite", "words"),
    [
        ({"qat_epochs": 3}, False, "--qat-epochs would do nothing"),
        ({"quantize": "int8-qat"}, True, "a .tflite is compiled as it is"),
        ({"quantize": "int8-qat", "epochs": 3}, False, "--epochs would do nothing"),
    ],
)
def test_option_without_effect_is_refused(options: dict[str, Any], is_tflite: bool, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        pipeline._check_used(Recipe(model="m", **options), is_tflite)


def test_training_for_int8_takes_the_options_of_training() -> None:
    recipe = Recipe(model="m", quantize="int8-qat", qat_epochs=2, batch_size=8, augment="none", distill=False)
    pipeline._check_used(recipe, False)


def test_extra_is_asked_for_before_anything_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgeprune.quant.qat.process.find_spec", lambda name: None)
    with pytest.raises(UsageError, match="not installed here") as caught:
        pipeline._check_names(Recipe(model="m.keras", quantize="int8-qat"))
    assert caught.value.hint == "pip install 'edgeprune[qat]'"

"""`edgeprune prunability`, and what a build says of it."""

import json
from pathlib import Path

import pytest
from support.commands import DIGITS, Built, Shell, files_of
from support.tools import require_module

ASK = ("prunability", DIGITS, "--data", "sklearn:digits", "--limit", "300")


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    for name in ("tensorflow", "keras", "sklearn", "scipy"):
        require_module(name)
    return Shell(tmp_path_factory.mktemp("prunability"))


@pytest.fixture(scope="module")
def found(shell: Shell) -> dict:
    answer = shell.ask(*ASK, "--out", "page.html")
    assert (shell.folder / "page.html").is_file()
    return answer


def test_json_is_whole(found: dict) -> None:
    assert set(found) == {
        *("model", "seed", "prunability", "operator", "beta", "tolerance", "grid", "folded", "samples"),
        *("parameters", "loss", "loss_limit", "curve", "other_tolerance", "random", "comparators"),
        *("margin", "noise"),
    }
    assert (found["operator"], found["beta"], found["tolerance"]) == ("magnitude", 0.1, "relative")
    assert (found["samples"], found["parameters"], found["folded"]) == (300, 33_168, False)
    assert len(found["random"]["draws"]) == 10
    assert found["other_tolerance"]["tolerance"] == "absolute"


def test_the_measure_is_on_its_curve(found: dict) -> None:
    """Everything good down to it, and the next point below it too bad."""
    first = found["prunability"]["first_violation"]
    above = [loss for alpha, loss in found["curve"] if alpha >= first]
    below = next(loss for alpha, loss in found["curve"] if alpha < first)
    assert len(above) > 2
    assert max(above) <= found["loss_limit"] < below
    assert found["loss_limit"] == pytest.approx(1.1 * found["loss"])
    assert found["prunability"]["global_min"] <= first < found["random"]["first_violation"] <= 1
    low, high = found["prunability"]["interval"]
    assert low <= first <= high


def test_comparators_that_need_the_training_are_null(found: dict) -> None:
    unknown = {name for name, value in found["comparators"].items() if value is None}
    assert unknown == {"distance_to_init", "pac_bayes_bound_init", "loss_sum"}
    assert found["comparators"]["parameters"] == found["parameters"]
    kept = found["prunability"]["first_violation"] * found["parameters"]
    assert found["comparators"]["kept"] == pytest.approx(kept)


def test_the_page_needs_nothing_else(shell: Shell, found: dict) -> None:
    page = (shell.folder / "page.html").read_text()
    assert page.count("<svg") == 1
    assert "http" not in page
    assert "<script" not in page
    assert f"{found['prunability']['first_violation']:.3f}" in page


def test_repeated_it_is_reused_and_the_text_shows_the_curve(shell: Shell, found: dict) -> None:
    said = shell.run(*ASK, "--out", "same.json")
    assert "prunability reused" in said.stderr
    assert json.loads((shell.folder / "same.json").read_text()) == found
    assert f"{found['prunability']['first_violation']:.3f} (95 %" in said.stdout
    assert "over the limit" in said.stdout
    assert "path norm" in said.stdout
    assert "wrote same.json" in said.stdout


def test_options_reach_the_measure(shell: Shell, found: dict) -> None:
    options = ("--operator", "magnitude", "--beta", "0.5", "--tolerance", "absolute", "--seed", "3", "--fold")
    other = shell.ask(*ASK[:4], "--limit", "50", *options)
    assert other["random"] is None
    assert other["loss_limit"] == pytest.approx(other["loss"] + 0.5)
    assert other["prunability"]["first_violation"] < found["prunability"]["first_violation"]
    assert (other["samples"], other["seed"], other["folded"]) == (50, 3, True)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["prunability", "gone.keras", "--data", "sklearn:digits"], "no model at gone.keras"),
        (["prunability", "net.tflite", "--data", "sklearn:digits"], "give the Keras model"),
        (["prunability", DIGITS], "Missing option '--data'"),
        ([*ASK, "--beta", "-1"], "beta -1.0"),
        ([*ASK, "--beta", "nan"], "beta nan"),
        ([*ASK, "--operator", "magnitudes"], "Invalid value for '--operator'"),
        ([*ASK, "--tolerance", "none"], "Invalid value for '--tolerance'"),
        ([*ASK, "--limit", "0"], "Invalid value for '--limit'"),
        ([*ASK, "--out", "page.pdf"], "written as .html or .json"),
        ([*ASK, "--scale", "1/256"], "did you mean '1/255'"),
        (["prunability", DIGITS, "--data", "gone.npz"], "gone.npz"),
    ],
    ids=lambda value: " ".join(map(str, value[-2:])) if isinstance(value, list) else "",
)
def test_what_is_wrong_is_named(tmp_path: Path, words: list[object], said: str) -> None:
    shell = Shell(tmp_path)
    (tmp_path / "net.tflite").write_text("junk")
    assert said in shell.refused(*words)
    assert not {name for name in files_of(tmp_path) if name.startswith("page")}


# --- build


def test_build_records_it_and_warns(digits: Built) -> None:
    """Half of the MACs are asked for; untrained, the network bears far less."""
    manifest = json.loads((digits.bundle / "manifest.json").read_text())
    entry = manifest["prunability"]
    assert entry["prunability"]["first_violation"] > entry["asked_fraction"] == 0.5
    assert entry["samples"] == 1000
    assert "a speed-up of 2 keeps 50 % of the MACs, below what the network tolerates" in entry["warning"]
    assert entry["warning"] in digits.said.stderr
    assert "Prunability of the original network" in (digits.bundle / "report.html").read_text()
    assert "prunability" in [stage["name"] for stage in manifest["stages"]]


def test_no_warning_within_it(digits: Built) -> None:
    from edgeprune.artifact import Stage
    from edgeprune.recipe import Recipe
    from edgeprune.stages.prunability import describe

    keys = {path.parent for path in (digits.shell.folder / "cache").rglob("prunability.json")}
    measured = Stage("prunability", keys.pop(), "", 0.0, False)
    assert describe(measured, Recipe(model="m.keras", speedup=1.01))["warning"] is None
    counted = describe(measured, Recipe(model="m.keras", speedup=4, speedup_in="instructions"))
    assert "speed-up of 4 keeps 25 % of the instructions" in counted["warning"]

"""Comparisons of pruning methods: rows that are kept, their summary, and the page."""

import json
from pathlib import Path

import pytest
from support.commands import DIGITS, Shell

from edgeprune.errors import DataError
from edgeprune.report.comparison import render, summarise
from edgeprune.stages.compare import ROWS, Row, _claimed, read_rows


def row(method: str, speedup: float, seed: int, int8: float | None) -> dict[str, object]:
    refused = "cannot" if int8 is None else None
    made = Row(method, speedup, seed, "x", 100, 50, speedup, int8, int8, int8, int8, refused)
    return vars(made)


def test_a_summary_is_mean_and_standard_error() -> None:
    rows = [row("a", 2.0, seed, value) for seed, value in enumerate((0.80, 0.82, 0.84))]
    rows += [row("b", 2.0, 0, 0.9), row("c", 2.0, 0, None), row("a", 4.0, 0, 0.5)]
    summary = summarise(rows)
    assert [(entry["speedup"], entry["method"]) for entry in summary] == [
        (2.0, "b"),
        (2.0, "a"),
        (2.0, "c"),
        (4.0, "a"),
    ]
    best, second, refused, _ = summary
    assert second["int8"] == pytest.approx(0.82)
    assert second["int8_standard_error"] == pytest.approx(0.02 / 3**0.5)
    assert second["runs"] == 3
    assert best["int8_standard_error"] is None
    assert (refused["runs"], refused["int8"], refused["refused"]) == (0, None, "cannot")


def test_the_page_draws_each_method_and_says_what_was_refused() -> None:
    rows = [row("one", 2.0, 0, 0.8), row("two", 2.0, 0, 0.7), row("three", 2.0, 0, None)]
    page = render(
        {
            "model": "m.keras",
            "float": {"accuracy": 0.9, "macs": 200, "params": 100},
            "settings": {"epochs": 3, "distill": True},
            "rows": rows,
            "summary": summarise(rows),
        }
    )
    assert page.count("<svg") == 2
    assert page.count("<circle") == 4
    assert "three: cannot" in page
    assert "80.00 %" in page


def test_rows_of_other_settings_and_cut_off_lines_do_not_count(tmp_path: Path) -> None:
    lines = [json.dumps(row("a", 2.0, 0, 0.5)), json.dumps({**row("b", 2.0, 0, 0.5), "settings": "y"})]
    (tmp_path / ROWS).write_text("\n".join(lines) + '\n{"method": "c", "spe')
    assert [found.method for found in read_rows(tmp_path, "x")] == ["a"]
    (tmp_path / ROWS).write_text("no row\n" + lines[0] + "\n")
    with pytest.raises(DataError, match="line 1: not a row") as caught:
        list(read_rows(tmp_path, "x"))
    assert "delete the line" in str(caught.value.hint)


def test_compare_goes_on_where_it_stopped(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    words = ("compare", DIGITS, "--data", "sklearn:digits", "--methods", "fpgm", "--speedups", "2")
    words = (*words, "--seeds", "1", "--epochs", "2", "--out", "made")
    nothing = shell.ask(*words, "--minutes", "0")
    assert (nothing["missing"], nothing["rows"]) == (4, [])
    first = shell.ask(*words)
    assert [made["method"] for made in first["rows"]] == ["l1", "random", "scratch", "fpgm"]
    assert first["missing"] == 0
    for made in first["rows"]:
        assert 2.0 <= made["reached"] < 2.2
        assert all(0 <= made[name] <= 1 for name in ("pruned", "tuned", "last_epoch", "int8"))
    assert first["rows"][0]["macs"] < first["float"]["macs"]
    lines = (tmp_path / "made" / ROWS).read_text().splitlines()
    (tmp_path / "made" / ROWS).write_text("\n".join(lines[:3]) + "\n" + lines[3][:20])
    again = shell.ask(*words)
    assert again == first
    assert (tmp_path / "made" / ROWS).read_text().splitlines() == lines
    assert "<svg" in (tmp_path / "made" / "compare.html").read_text()


def test_two_processes_never_make_the_same_row(tmp_path: Path) -> None:
    """Each holds a claim while it is at a row; that of a process that died is free."""
    key, free = ("l1", 2.0, 0), ("l1", 4.0, 0)
    with (
        _claimed(tmp_path, key) as first,
        _claimed(tmp_path, key) as second,
        _claimed(tmp_path, free) as other,
    ):
        assert (first, second, other) == (True, False, True)
    assert list((tmp_path / "claims").iterdir()) == []
    (tmp_path / "claims" / "l1-2.0-0").touch()
    with _claimed(tmp_path, key) as again:
        assert again


def test_compare_refuses(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    assert "which model" in shell.refused("compare")
    assert "did you mean 'fpgm'" in shell.refused(
        "compare", DIGITS, "--methods", "fpgn", "--data", "sklearn:digits"
    )
    assert "not numbers" in shell.refused("compare", DIGITS, "--speedups", "two", "--data", "sklearn:digits")
    assert "above 1" in shell.refused("compare", DIGITS, "--speedups", "1", "--data", "sklearn:digits")
    named = shell.ask("compare", "--list")
    assert {"spp", "pfp", "l1"} <= {method["name"] for method in named["methods"]}
    assert {"uniform", "global", "pfp"} <= {allocation["name"] for allocation in named["allocations"]}

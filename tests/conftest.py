"""Fixtures for every test."""

from collections.abc import Callable
from pathlib import Path

import pytest
from support.tools import missing

PROJECT = Path(__file__).resolve().parents[1]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden", action="store_true", help="rewrite the golden files, then review them"
    )


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[Path, str], None]:
    """Compares a text with the golden file at a path; `--update-golden` rewrites the file instead."""

    def compare(path: Path, text: str) -> None:
        if request.config.getoption("--update-golden"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        assert path.is_file(), f"{path} is missing: run pytest --update-golden"
        assert text == path.read_text(encoding="utf-8"), f"{path} differs: --update-golden, review the diff"

    return compare


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of published models and data sets beside the project."""
    folder = PROJECT.parent / "shared" / "data"
    if not folder.is_dir():
        missing(f"the shared data folder ../{folder.parent.name}/{folder.name}")
    return folder

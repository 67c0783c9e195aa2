"""Fixtures for every test."""

import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from support.commands import BUILD_DIGITS, Built, Shell
from support.tools import missing, require_module

PROJECT = Path(__file__).resolve().parents[1]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden", action="store_true", help="rewrite the golden files, then review them"
    )


def pytest_sessionstart() -> None:
    """A shell starts background jobs with Ctrl-C ignored, and their children inherit that."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


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


@pytest.fixture(scope="session")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The one Bundle that tests share; none of them may change it."""
    for name in ("tensorflow", "keras", "sklearn"):
        require_module(name)
    shell = Shell(tmp_path_factory.mktemp("digits"))
    said = shell.run(*BUILD_DIGITS, "--out", "bundle", "--json")
    return Built(shell, shell.folder / "bundle", said)

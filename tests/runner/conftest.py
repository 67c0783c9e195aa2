"""Releases that tests share, and runners that end with the test."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from runner.releases import ROOT, Service, StdioRunner, accumulator, make_release, sum_of_two
from support.networks import tiny_network


@pytest.fixture(autouse=True)
def surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runners find our sources and run on one thread, whatever the developer has set."""
    for name in [name for name in os.environ if name.startswith(("EDGEPRUNE", "NOTIFY", "WATCHDOG"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("EDGEPRUNE_THREADS", "1")


@pytest.fixture(scope="session")
def tiny_release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Convolution to softmax, 72 bytes to 3."""
    return make_release(tmp_path_factory.mktemp("tiny"), tiny_network())


@pytest.fixture(scope="session")
def sum_release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two inputs of 1600 bytes."""
    return make_release(tmp_path_factory.mktemp("sum"), sum_of_two())


@pytest.fixture(scope="session")
def state_release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network with state."""
    return make_release(tmp_path_factory.mktemp("accumulator"), accumulator())


@pytest.fixture
def stdio() -> Iterator[Callable[..., StdioRunner]]:
    """Starts runners on pipes."""
    started: list[StdioRunner] = []

    def start(release: Path, *arguments: object) -> StdioRunner:
        started.append(StdioRunner(release, *arguments))
        return started[-1]

    yield start
    for runner in started:
        runner.close()


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Callable[..., Service]]:
    """Starts runners that listen."""
    started: list[Service] = []

    def start(release: Path, **options: object) -> Service:
        made = Service(release, tmp_path / "state", **options)  # type: ignore[arg-type]
        started.append(made)
        return made.start()

    yield start
    for runner in started:
        if runner.process.poll() is None:
            runner.stop(kill=True)

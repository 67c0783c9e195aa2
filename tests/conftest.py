"""Fixtures for every test."""

from pathlib import Path

import pytest
from support.tools import missing

PROJECT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of published models and data sets beside the project."""
    folder = PROJECT.parent / "shared" / "data"
    if not folder.is_dir():
        missing(f"the shared data folder ../{folder.parent.name}/{folder.name}")
    return folder

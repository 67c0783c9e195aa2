"""What to do where something that a test needs is not on this machine: skip, but never in CI."""

import importlib
import os
import shutil
from typing import Any, NoReturn

import pytest


def missing(what: str) -> NoReturn:
    """Skip the test, or fail it where CI=true: there everything must be present."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{what} is missing, and CI must have it")
    pytest.skip(f"{what} is missing")


def require_tool(name: str) -> str:
    """The path of the program `name`."""
    path = shutil.which(name)
    return path if path is not None else missing(f"the program {name}")


def require_module(name: str) -> Any:
    """The imported module `name`."""
    try:
        return importlib.import_module(name)
    except ImportError:
        missing(f"the Python package {name}")

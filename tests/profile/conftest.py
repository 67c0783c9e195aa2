"""Every test here has its own boards."""

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def state_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty state folder, for this test and the processes it starts."""
    folder = tmp_path / "state"
    monkeypatch.setenv("EDGEPRUNE_STATE_DIR", str(folder))
    monkeypatch.delenv("EDGEPRUNE_INJECT", raising=False)
    return folder

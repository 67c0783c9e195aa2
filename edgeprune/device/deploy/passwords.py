"""Passwords come from a file or are asked for; never from the command line, which everybody can read."""

import os
from collections.abc import Callable
from pathlib import Path

from edgeprune.errors import UsageError

PASSWORD_FILE = "EDGEPRUNE_SSH_PASSWORD_FILE"

Ask = Callable[[str], str]
"""Asks the user, with the prompt that it is given."""


def find_password(prompt: str, ask: Ask | None) -> str | None:
    """The password in the file that PASSWORD_FILE names, else what the user says; None: there is neither."""
    name = os.environ.get(PASSWORD_FILE)
    if not name:
        return ask(prompt) if ask is not None else None
    path = Path(name)
    try:
        if path.stat().st_mode & 0o077:
            raise UsageError(f"others can read {path}, which holds a password", hint=f"chmod 600 {path}")
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{PASSWORD_FILE}: cannot read {path}: {error}") from error
    if not lines or not lines[0]:
        raise UsageError(f"{PASSWORD_FILE}: {path} is empty", hint="the password is its first line")
    return lines[0]

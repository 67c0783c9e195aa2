"""An explicit, ordered list of named things: methods, planners, operators, commands.

No plugin scans and no import-time side effects: to add an entry, write it and add one line to its
table. Looking up a name that is not there says which one was probably meant.
"""

import difflib
from collections.abc import Iterable, Iterator
from typing import Generic, Protocol, TypeVar

from edgeprune.errors import EdgepruneError, UsageError


class Named(Protocol):
    """Anything with a name."""

    @property
    def name(self) -> str: ...


T = TypeVar("T", bound=Named)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A hint for a mistyped `name`: the nearest of `known`, or all of them."""
    names = list(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    return f"did you mean {near[0]!r}?" if near else f"known: {', '.join(names)}"


class Table(Generic[T]):
    """Entries by name, in the order given; `kind` is the word for one of them in messages."""

    def __init__(self, kind: str, *entries: T, error: type[EdgepruneError] = UsageError) -> None:
        self.kind = kind
        self._error = error
        self._entries = {entry.name: entry for entry in entries}
        if len(self._entries) != len(entries):
            raise ValueError(f"{kind}: two entries have the same name")

    def __getitem__(self, name: str) -> T:
        """Return the entry called `name`; raises the table's error with a "did you mean"."""
        if name not in self._entries:
            raise self._error(f"unknown {self.kind} {name!r}", hint=did_you_mean(name, self._entries))
        return self._entries[name]

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[T]:
        return iter(self._entries.values())

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def names(self) -> list[str]:
        """The names, in order."""
        return list(self._entries)

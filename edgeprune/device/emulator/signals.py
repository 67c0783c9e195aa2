"""Ctrl-C while C calls Python back.

An exception that a signal raises on the way into such a callback is printed and dropped, and the program
goes on. So signals wait until the C function has returned.
"""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def postponed(stop: Callable[[], None]) -> Iterator[None]:
    """Note SIGINT and SIGTERM while the body runs, call `stop`, and let them act after the body."""
    if threading.current_thread() is not threading.main_thread():  # others get no signals
        yield
        return
    came: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        came.append(number)
        stop()

    before = {number: signal.signal(number, note) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        if came:
            signal.raise_signal(came[0])

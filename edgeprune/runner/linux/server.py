"""The main loop: who is connected, whose session it is, and what they send.

One caller holds the session, from its first whole request until it leaves. A serial line cannot leave, and a
network may lose a caller without a word, so one that has been silent for IDLE_S loses it to the next that
asks. The others get the nak `busy` to whatever they send.

Everything runs in this one thread, an inference too; only jobs have a thread of their own. So systemd's
watchdog is fed as long as requests are answered, and not by something that lives on beside a stuck loop.
"""

import contextlib
import logging
import math
import select
import signal
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from edgeprune.errors import EdgepruneError, NotFoundError
from edgeprune.runner.linux.commands import Commands
from edgeprune.runner.linux.key import ANSWER_LIMIT_S, Failures, Gate
from edgeprune.runner.linux.notify import Notifier
from edgeprune.runner.linux.protocol import LineReader, Refusal, nak, open_frame, read_request, reply
from edgeprune.runner.linux.transports import Address, Gone, Serial, Stream, Transport

log = logging.getLogger("edgeprune")

IDLE_S = 10.0
REOPEN_S = 2.0
LAST_WORDS_S = 2.0
"""How long answers may take to leave before the process starts anew."""
MOST_CALLERS = 16
PENDING_BYTES = 1 << 16
"""With so many bytes not taken, a caller is not read from any more."""


ENDED = select.POLLHUP | select.POLLERR | select.POLLNVAL


class Caller:
    """One transport with what was heard and what is to be said; `gate` stands until the key is proved."""

    def __init__(self, transport: Transport, gate: Gate | None = None, address: str = "") -> None:
        self.transport = transport
        self.reader = LineReader()
        self.pending = bytearray()
        self.gate = gate
        self.address = address
        self.came = self.heard = time.monotonic()
        self.is_leaving = False  # once everything is said
        if gate is not None:
            self.pending += gate.challenge

    def flush(self) -> None:
        """Say as much as the other side takes."""
        while self.pending:
            sent = self.transport.send(bytes(self.pending))
            if not sent:
                return
            del self.pending[:sent]


@dataclass(frozen=True)
class _Listener:
    socket: socket.socket
    name: str
    key: bytes | None


class Server:
    """Callers, listeners and serial devices around one `Commands`; SIGTERM and SIGINT end it from now on."""

    def __init__(self, commands: Commands, notifier: Notifier) -> None:
        self._commands = commands
        self._notifier = notifier
        self._callers: list[Caller] = []
        self._listeners: list[_Listener] = []
        self._closed_serials: dict[Address, float] = {}  # when to try again
        self._failures = Failures()
        self._holder: Caller | None = None
        self._held_since = 0.0
        self._is_stopping = False
        self._ends_with: Caller | None = None
        self._wake, self._waker = socket.socketpair()
        for end in (self._wake, self._waker):
            end.setblocking(False)
        signal.set_wakeup_fd(self._waker.fileno())
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)

    # --- who may come

    def add(self, transport: Transport, *, is_all: bool = False) -> None:
        """A caller that is there already; with `is_all` the server ends when it leaves."""
        caller = Caller(transport)
        self._callers.append(caller)
        if is_all:
            self._ends_with = caller

    def listen(self, listener: socket.socket, name: str, key: bytes | None = None) -> None:
        """Take callers from a socket; with `key` only those that have it."""
        self._listeners.append(_Listener(listener, name, key))

    def open_serial(self, address: Address) -> bool:
        """Listen on a serial device, if it is there now; else it is tried again and again."""
        try:
            self._callers.append(Caller(Serial(address)))
        except NotFoundError as error:
            if address not in self._closed_serials:
                log.warning("%s; trying again every %.0f s", error.message, REOPEN_S)
            self._closed_serials[address] = time.monotonic() + REOPEN_S
            return False
        self._closed_serials.pop(address, None)
        log.info("listening on %s", address)
        return True

    # --- the loop

    def run(self) -> Caller | None:
        """Serve until a signal (None) or a request to start anew: then the caller who asked for it."""
        self._notifier.ready()
        while not self._is_stopping:
            self._turn(self._wait_s())
            if self._commands.wants_reset:
                return self._holder
        self._notifier.stopping()
        return None

    def close(self, kept: Caller | None = None) -> None:
        """Give all lines back, save a connection of `kept`; what was said already is sent."""
        deadline = time.monotonic() + LAST_WORDS_S
        while time.monotonic() < deadline and any(caller.pending for caller in self._callers):
            for caller in self._callers:
                with contextlib.suppress(Gone):
                    caller.flush()
            time.sleep(0.005)
        for caller in self._callers:
            if caller is not kept or not isinstance(caller.transport, Stream):
                caller.transport.close()
        for listener in self._listeners:
            listener.socket.close()
        signal.set_wakeup_fd(-1)

    def _stop(self, number: int, _frame: object) -> None:
        log.info("ending: %s", signal.Signals(number).name)
        self._is_stopping = True

    def _wait_s(self) -> float:
        """How long nothing has to be done unless something comes."""
        now = time.monotonic()
        moments = [*self._closed_serials.values()]
        moments += [caller.came + ANSWER_LIMIT_S for caller in self._callers if caller.gate is not None]
        return max(0.0, min([self._notifier.wait_s, *(moment - now for moment in moments)]))

    def _turn(self, wait_s: float) -> None:
        """Wait for something to come, and deal with it."""
        poll = select.poll()
        poll.register(self._wake, select.POLLIN)
        actions = self._actions()
        for file in {file for file, _, _ in actions}:
            poll.register(file, sum({events for one, events, _ in actions if one == file}))
        for file, happened in poll.poll(None if wait_s == math.inf else 1000 * wait_s):
            for one, events, action in actions:
                if one == file and happened & (events | ENDED) and not self._commands.wants_reset:
                    action()
        self._tidy()

    def _actions(self) -> list[tuple[int, int, Callable[[], None]]]:
        """What to wait for: file, events, and what to do then."""
        actions: list[tuple[int, int, Callable[[], None]]] = []
        for listener in self._listeners:
            actions.append((listener.socket.fileno(), select.POLLIN, partial(self._accept, listener)))
        for caller in self._callers:
            if len(caller.pending) < PENDING_BYTES and not caller.is_leaving:
                actions.append((caller.transport.reads, select.POLLIN, partial(self._hear, caller)))
            if caller.pending:
                actions.append((caller.transport.writes, select.POLLOUT, partial(self._say, caller)))
        return actions

    def _tidy(self) -> None:
        """What is due by the clock."""
        with contextlib.suppress(BlockingIOError):
            self._wake.recv(64)
        now = time.monotonic()
        self._notifier.alive()
        for address, moment in list(self._closed_serials.items()):
            if now >= moment:
                self.open_serial(address)
        for caller in list(self._callers):
            is_late = caller.gate is not None and now > caller.came + ANSWER_LIMIT_S
            if is_late or (caller.is_leaving and not caller.pending):
                self._drop(caller)

    def _accept(self, listener: _Listener) -> None:
        try:
            connection, peer = listener.socket.accept()
        except OSError as error:  # it has gone again, or there are no files left
            log.warning("%s: %s", listener.name, error)
            return
        address = str(peer[0]) if isinstance(peer, tuple) else ""
        wait_s = self._failures.must_wait_s(address) if listener.key is not None else 0
        if len(self._callers) >= MOST_CALLERS:
            connection.close()
            return
        gate = None if listener.key is None or wait_s else Gate(listener.key)
        caller = Caller(Stream(connection, listener.name), gate, address)
        if wait_s:
            caller.pending += f"no too many wrong keys, wait {wait_s} s\n".encode("ascii")
            caller.is_leaving = True
        self._callers.append(caller)
        self._say(caller)

    def _hear(self, caller: Caller) -> None:
        if caller not in self._callers:
            return
        try:
            data = caller.transport.receive()
        except Gone:
            self._drop(caller)
            return
        if caller.gate is not None:
            data = self._prove(caller, data)
        for line in caller.reader.feed(data):
            caller.pending += self._answer(caller, line)
            if self._commands.wants_reset:
                return
        self._say(caller)

    def _prove(self, caller: Caller, data: bytes) -> bytes:
        """Pass what arrived through the gate; returns what is behind the proof."""
        assert caller.gate is not None
        verdict = caller.gate.feed(data)
        if verdict is None:
            return b""
        caller.pending += verdict.answer
        caller.gate = None
        if not verdict.is_right:
            log.warning("%s: wrong key from %s", caller.transport.name, caller.address)
            self._failures.note(caller.address)
            caller.is_leaving = True
        return verdict.rest

    def _say(self, caller: Caller) -> None:
        if caller not in self._callers:
            return
        try:
            caller.flush()
        except Gone:
            self._drop(caller)

    def _drop(self, caller: Caller) -> None:
        """A caller has left, or has to."""
        caller.transport.close()
        self._callers.remove(caller)
        if caller is self._holder:
            self._holder = None
        if caller is self._ends_with:
            self._is_stopping = True
        if isinstance(caller.transport, Serial):
            log.warning("%s is gone", caller.transport.name)
            self._closed_serials[Address.parse(caller.transport.name)] = time.monotonic() + REOPEN_S

    # --- one line

    def _answer(self, caller: Caller, line: bytes | None) -> bytes:
        """What is answered to one line."""
        sequence = 0
        try:
            frame = open_frame(line)
            sequence = frame.sequence
            self._take_session(caller)
            request = read_request(frame)
            return reply(request, self._commands.answer(request))
        except Refusal as refusal:
            others_s = self._others_session_s(caller)
            return nak(sequence, refusal if others_s is None else Refusal("busy", others_s))
        except EdgepruneError as error:
            log.error("%s", error.message)
        except Exception:  # a fault of ours; the device must stay reachable
            log.exception("a request failed: %r", line)
        return nak(sequence, Refusal("fault"))

    def _take_session(self, caller: Caller) -> None:
        """The session is this caller's from now on; Refusal while it is another's."""
        now = time.monotonic()
        caller.heard = now
        others_s = self._others_session_s(caller)
        if others_s is not None:
            raise Refusal("busy", others_s)
        if self._holder is not caller:
            self._holder, self._held_since = caller, now

    def _others_session_s(self, caller: Caller) -> int | None:
        """For how long another caller has held the session; None where none does."""
        holder, now = self._holder, time.monotonic()
        if holder is None or holder is caller or now - holder.heard > IDLE_S:
            return None
        return int(now - self._held_since)

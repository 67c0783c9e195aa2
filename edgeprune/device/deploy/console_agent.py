"""A few lines of shell on the other end of a serial console, and how to talk to them.

What is typed into a login shell is obeyed whether or not it arrived whole. So only enough is typed to get
`console_agent.sh` there, piece by piece, each checked; from then on a damaged line is refused and sent again.
"""

import base64
import re
import time
from pathlib import Path

from edgeprune.device.link import Link
from edgeprune.errors import BoardError

MARK = "@ep"
QUIT = b"\nep-quit\n"
END_BRIDGE = b"\nep-end\n"
END_TRIES = 10
PIECE = 240
"""Letters of the agent in one typed line."""
TYPE_TRIES = 20
ANSWER_S = 2.0
QUIET_S = 0.3
"""Something came, then nothing for so long: it was the answer, and damaged."""
BITS_A_BYTE = 10
TRIES = 60
"""So many damaged or missing answers in a row, and the line is given up."""
SILENT_TRIES = 6
_ANSWER = re.compile(rb"@ep (\d+) (\d+ [^\r\n]*)\r?\n")


def agent_text() -> str:
    """The agent as it is sent: nothing but its commands."""
    text = Path(__file__).with_name("console_agent.sh").read_text("utf-8").replace("@MARK@", MARK)
    lines = [line.strip() for line in text.splitlines()]
    return "\n".join(line for line in lines if line and not line.startswith("#"))


def cksum(data: bytes) -> int:
    """What POSIX's cksum prints for `data`."""
    crc = 0
    length = len(data)
    tail = bytearray()
    while length:
        tail.append(length & 0xFF)
        length >>= 8
    for byte in data + bytes(tail):
        crc = (crc << 8 & 0xFFFF_FFFF) ^ _TABLE[crc >> 24 ^ byte]
    return crc ^ 0xFFFF_FFFF


def _entry(byte: int) -> int:
    crc = byte << 24
    for _ in range(8):
        crc = crc << 1 ^ (0x04C1_1DB7 if crc & 0x8000_0000 else 0)
    return crc & 0xFFFF_FFFF


_TABLE = [_entry(byte) for byte in range(256)]


class Agent:
    """The agent on the other end of `link`; `name` is what the line is called in messages."""

    def __init__(self, link: Link, name: str, baud: int) -> None:
        self._link = link
        self._name = name
        self._seconds_a_byte = BITS_A_BYTE / baud
        self._buffer = bytearray()
        self._number = 0
        self._type_in()

    # --- getting there

    def _type_in(self) -> None:
        """Start the agent from a login shell; BoardError where that cannot be done."""
        text = base64.b64encode(agent_text().encode()).decode()
        pieces = [text[at : at + PIECE] for at in range(0, len(text), PIECE)]
        self._type(" sh", "stty -echo -ixon; PS1= PS2=; unset HISTFILE; echo @b$((6 * 7))@", "@b42@")
        for index, piece in enumerate(pieces):
            name = f"E{index}"
            said = f"{piece}\n".encode()
            proof = f"@{index}.{cksum(said)} {len(said)}@"
            self._type("", f"{name}={piece};echo @{index}.$(echo ${name}|cksum)@", proof)
        names = "".join(f"$E{index}" for index in range(len(pieces)))
        self._type("", f'exec sh -c "$(echo {names}|base64 -d)"', f"{MARK} {cksum(b'0 ready')} 0 ready")

    def _type(self, before: str, line: str, proof: str) -> None:
        """Type `line` until `proof` comes back; Ctrl-C ends what half a line may have begun."""
        for attempt in range(TYPE_TRIES):
            if attempt:
                self._link.write(b"\x03")
                self._hear(0.3)
            for words in filter(None, (before, line)):
                self._link.write(f"{words}\n".encode())
            deadline = time.monotonic() + ANSWER_S + 2 * len(line) * self._seconds_a_byte
            heard = ""
            while time.monotonic() < deadline:
                heard += self._hear(0.1).decode("latin-1")
                if proof in heard:
                    return
            before = ""
        raise BoardError(
            f"{self._name}: the shell there did not take {line[:40]!r}… in {TYPE_TRIES} tries; "
            f"last heard: {heard[-80:]!r}",
            hint="has it sh, base64, cksum and dd? Is the line clean?",
        )

    def _hear(self, seconds: float) -> bytes:
        return self._link.read(seconds)

    # --- talking

    def end_bridge(self, number: int) -> None:
        """Back from the bridge that request `number` began; BoardError where the agent does not come back."""
        for _ in range(END_TRIES):
            self._link.write(END_BRIDGE)
            deadline = time.monotonic() + ANSWER_S
            heard = bytearray()
            while (left := deadline - time.monotonic()) > 0:
                heard += self._hear(min(left, 0.2))
                answers = [
                    match[2] for match in _ANSWER.finditer(bytes(heard)) if cksum(match[2]) == int(match[1])
                ]
                if b"%d ended" % number in answers or b"0 bad" in answers:
                    return
        raise BoardError(f"{self._name}: the bridge to the runner does not end", hint="look at the cable")

    def ask(self, *words: str) -> list[str]:
        """The words of the answer; BoardError when hope is gone."""
        silent = 0
        request = self.request(*words)
        for _ in range(TRIES):
            answer = self.try_once(request)
            if answer is not None:
                return answer
            silent = 0 if self._buffer or self._has_heard else silent + 1
            if silent >= SILENT_TRIES:
                break
        raise BoardError(
            f"{self._name} {'is silent' if silent else 'gives only damaged answers'} ({words[0]})",
            hint="look at the cable, and flash again: what is there already is not sent twice",
        )

    def request(self, *words: str) -> tuple[int, bytes]:
        """A request that may be tried more than once."""
        self._number += 1
        body = f"{self._number} {' '.join(words)}"
        return self._number, f"{cksum(body.encode())} {body}\n".encode()

    def try_once(self, request: tuple[int, bytes]) -> list[str] | None:
        """Send a request, the newline before it ending what was damaged; None where no right answer comes."""
        number, line = request
        self._link.write(b"\n" + line)
        return self.await_answer(number, ANSWER_S + len(line) * self._seconds_a_byte)

    def await_answer(self, number: int, seconds: float) -> list[str] | None:
        """The answer to request `number`; None at the first damage, or when nothing comes."""
        self._has_heard = False
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            data = self._hear(min(left, QUIET_S) if self._has_heard else left)
            if self._has_heard and not data:
                break
            self._has_heard = self._has_heard or bool(data)
            self._buffer += data
            while match := _ANSWER.search(bytes(self._buffer)):
                del self._buffer[: match.end()]
                if cksum(match[2]) != int(match[1]):
                    return None
                words = match[2].decode("ascii", "replace").split()
                if words[0] == str(number):
                    return words[1:]
                if words[1:] == ["bad"]:
                    return None
        self._buffer.clear()
        return None

"""Finds Raspberry Pis: by multicast DNS on the local network, and on USB.

A Pi announces nothing of itself by default, but answers to its own name (raspberrypi.local unless it was
given another one); where avahi publishes its SSH service it is found whatever it is called. So what is
found is a host that may be a Pi; whether it is one is seen when it is logged in to.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from edgeprune.errors import NotFoundError

SERVICES = (
    "_ssh._tcp.local.",
    "_sftp-ssh._tcp.local.",
    "_workstation._tcp.local.",
    "_udisks-ssh._tcp.local.",
)
USUAL_NAMES = ("raspberrypi.local.",)
WAIT_S = 1.5
# USB identities of Linux's serial gadget, which a Pi Zero 2 W or a Pi 4 and 5 can be on their USB-C port.
GADGETS = {(0x1D6B, 0x0104), (0x0525, 0xA4A7), (0x1D6B, 0x0137)}


@dataclass(frozen=True)
class Host:
    """A host of the local network: its name without the last dot, its addresses, and how it was found."""

    name: str
    addresses: tuple[str, ...]
    found_by: str


def find_hosts(wait_s: float = WAIT_S, interfaces: Sequence[str] | None = None) -> list[Host]:
    """Hosts that answer within `wait_s`, sorted by name; NotFoundError without the package zeroconf.

    An empty list where this machine has no network that carries multicast.
    """
    try:
        import zeroconf
    except ImportError as error:
        raise NotFoundError(
            "looking for Raspberry Pis on the network needs zeroconf", hint="pip install 'edgeprune[pi]'"
        ) from error
    chosen = list(interfaces) if interfaces is not None else zeroconf.InterfaceChoice.All
    try:
        with zeroconf.Zeroconf(interfaces=chosen) as network:
            return _listen(zeroconf, network, wait_s)
    except OSError:
        return []


def _listen(zeroconf: Any, network: Any, wait_s: float) -> list[Host]:
    found: dict[str, Host] = {}
    names: list[tuple[str, str]] = []

    def on_change(zeroconf: Any, service_type: str, name: str, state_change: Any) -> None:
        names.append((service_type, name))

    browser = zeroconf.ServiceBrowser(network, list(SERVICES), handlers=[on_change])
    deadline = time.monotonic() + wait_s
    for usual in USUAL_NAMES:
        resolver = zeroconf.AddressResolver(usual)
        if resolver.request(network, timeout=1000 * wait_s / 2):
            found[usual] = Host(usual.rstrip("."), tuple(resolver.parsed_addresses()), "its usual name")
    time.sleep(max(0.0, deadline - time.monotonic()))
    browser.cancel()
    for service_type, name in sorted(set(names)):
        info = network.get_service_info(service_type, name, timeout=500)
        if info is not None and info.server:
            addresses = tuple(info.parsed_addresses())
            found.setdefault(
                info.server, Host(info.server.rstrip("."), addresses, service_type.split(".")[0])
            )
    return sorted(found.values(), key=lambda host: host.name)


def is_gadget(port: Any) -> bool:
    """Whether a serial port of pyserial's list is Linux's own USB gadget, as a Pi on its USB-C port is."""
    return (port.vid, port.pid) in GADGETS

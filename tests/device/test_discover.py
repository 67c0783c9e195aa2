"""Finding Raspberry Pis by multicast DNS: a responder of our own on the loopback interface."""

import socket
import subprocess
import sys
from types import SimpleNamespace

import pytest
from support.tools import require_module

from edgeprune.device import discover
from edgeprune.errors import NotFoundError

LOOPBACK = ["127.0.0.1"]


def test_a_host_that_publishes_ssh_is_found() -> None:
    zeroconf = require_module("zeroconf")
    service = zeroconf.ServiceInfo(
        "_ssh._tcp.local.",
        "pi-of-the-test._ssh._tcp.local.",
        addresses=[socket.inet_aton("127.0.0.7")],
        port=22,
        server="pi-of-the-test.local.",
    )
    with zeroconf.Zeroconf(interfaces=LOOPBACK) as network:
        network.register_service(service)
        try:
            found = {host.name: host for host in discover.find_hosts(2.0, LOOPBACK)}
        finally:
            network.unregister_service(service)
    assert found["pi-of-the-test.local"].addresses == ("127.0.0.7",)
    assert found["pi-of-the-test.local"].found_by == "_ssh"


def test_nobody_answers() -> None:
    require_module("zeroconf")
    names = [host.name for host in discover.find_hosts(0.3, LOOPBACK)]
    assert "pi-of-the-test.local" not in names


def test_without_the_package_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "zeroconf", None)
    with pytest.raises(NotFoundError) as raised:
        discover.find_hosts()
    assert "edgeprune[pi]" in str(raised.value.hint)


def test_gadgets_are_told_from_other_ports() -> None:
    assert discover.is_gadget(SimpleNamespace(vid=0x0525, pid=0xA4A7))
    assert not discover.is_gadget(SimpleNamespace(vid=0x0403, pid=0x6001))
    assert not discover.is_gadget(SimpleNamespace(vid=None, pid=None))


def test_importing_it_needs_no_package() -> None:
    script = "import sys; sys.modules['zeroconf'] = None; import edgeprune.device.discover"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0

"""Free ports on loopback."""

from __future__ import annotations

import socket

_ATTEMPTS = 50


def free_port() -> int:
    """A TCP port that nobody listens on, neither on 127.0.0.1 nor on ::1.

    Both, because a browser resolves ``localhost`` to either. Another program can take the port
    before it is used; whoever starts a server on it notices and asks again.
    """
    for _ in range(_ATTEMPTS):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        if not _answers_on_ipv6(port):
            return port
    raise OSError("no free port on loopback")


def _answers_on_ipv6(port: int) -> bool:
    if not socket.has_ipv6:
        return False
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.settimeout(0.2)
            return probe.connect_ex(("::1", port)) == 0
    except OSError:
        return False

"""A check of the ports that a server is to listen on, before it starts."""

import errno
import socket

PORTS = range(1, 65536)


def check_port(option: str, host: str, port: int) -> None:
    """Check that a server can listen on a port.

    Raises:
        ValueError: there is no such port, it is taken, or it may not be used; in one sentence with the remedy.
    """
    if port not in PORTS:
        raise ValueError(f"{option} is {port}: give a port from {PORTS[0]} to {PORTS[-1]}")
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server does after a restart
            probe.bind(address)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise ValueError(
                f"{option} {port} is taken on {host}: stop what listens there, or give another {option}"
            ) from error
        raise ValueError(
            f"{option} {port} cannot be opened on {host} ({error.strerror}): give another {option} or --host"
        ) from error

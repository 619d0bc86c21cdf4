"""A port that cannot be used is refused in one sentence, before a server starts."""

import socket
import sys

import pytest

from serving import __main__ as server
from serving import outcomes
from serving.ports import check_port
from testing.servers import free_ports


@pytest.fixture
def taken_port():
    """Return a port that somebody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def start(main, monkeypatch, *arguments) -> str:
    """Start a command that cannot start, and return the sentence with which it exits."""
    monkeypatch.setattr(sys, "argv", ["command", *map(str, arguments)])
    with pytest.raises(SystemExit) as stop:
        main()
    return stop.value.code


def test_a_free_port_can_be_used():
    check_port("--port", "127.0.0.1", free_ports(1)[0])


@pytest.mark.parametrize("port", [0, 99999])
def test_a_number_that_is_no_port_is_refused(port):
    with pytest.raises(ValueError, match=f"^--port is {port}: give a port from 1 to 65535$"):
        check_port("--port", "127.0.0.1", port)


def test_a_foreign_address_is_refused():
    with pytest.raises(ValueError, match=r"--port 8080 cannot be opened on 192.0.2.1 \(Cannot assign.*or --host$"):
        check_port("--port", "192.0.2.1", 8080)


def test_the_server_names_a_taken_port(monkeypatch, taken_port):
    sentence = start(server.main, monkeypatch, "--package=none", "--text-only", "--port", taken_port)
    reason = f"--port {taken_port} is taken on 127.0.0.1: stop what listens there, or give another --port"
    assert sentence == f"the relevance server cannot start: {reason}"


def test_the_server_names_a_taken_grpc_port(monkeypatch, taken_port):
    ports = ["--port", free_ports(1)[0], "--grpc-port", taken_port]
    sentence = start(server.main, monkeypatch, "--package=none", "--text-only", *ports)
    reason = f"--grpc-port {taken_port} is taken on 127.0.0.1: stop what listens there, or give another --grpc-port"
    assert sentence == f"the relevance server cannot start: {reason}"


def test_the_collector_names_a_wrong_port(monkeypatch):
    sentence = start(outcomes.main, monkeypatch, "--port", 99999)
    assert sentence == "the outcome collector cannot start: --port is 99999: give a port from 1 to 65535"

"""Ports for programs that are told theirs, and cannot be asked which one they took."""

import contextlib
import socket

import psutil


def free_ports(count: int) -> list[int]:
    """Different ports of 127.0.0.1 that were free a moment ago. Each may be somebody else's by now: `listens` tells."""
    with contextlib.ExitStack() as sockets:
        bound = [sockets.enter_context(socket.socket()) for _ in range(count)]
        for each in bound:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in bound]


def listens(pid: int, port: int) -> bool:
    """Whether this process, and no other, listens at this port of 127.0.0.1."""
    try:
        connections = psutil.Process(pid).net_connections("tcp4")
    except psutil.NoSuchProcess:
        return False
    return any(each.status == psutil.CONN_LISTEN and each.laddr.port == port for each in connections)

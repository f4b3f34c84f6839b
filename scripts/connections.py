#!/usr/bin/env python3
"""Ten thousand idle connections: what the server takes for them. And, for information, ten thousand half heads.

Usage: scripts/connections.py SERVER_BINARY [CONNECTIONS]

Starts the real server on an empty folder, opens the connections all at once, and reads the server's memory from the
kernel and from its own metrics while they are open. Fails above the ceiling, if connections are missing, or if the
server stops answering others meanwhile. Needs a hard limit of open files above the number of connections.
"""
import contextlib
import errno
import os
import pathlib
import re
import resource
import selectors
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

CEILING_MIB = 200
KEY = "connections-test-key"


def start(binary, folder, limit):
    environment = {
        "PATH": os.environ["PATH"],
        "PORT": "0",
        "HOST": "127.0.0.1",
        "STATESET_DATA_DIR": str(folder / "data"),
        "BOOTSTRAP_ADMIN_API_KEY": KEY,
        "MAX_CONNECTIONS": str(limit),
    }
    log = (folder / "server.log").open("w")
    server = subprocess.Popen([binary], env=environment, stdout=log, stderr=log)
    for _ in range(600):
        found = re.search(r"listening.*?127\.0\.0\.1:(\d+)", (folder / "server.log").read_text())
        if found:
            return server, int(found.group(1))
        time.sleep(0.05)
    sys.exit("the server did not start:\n" + (folder / "server.log").read_text())


def resident_mib(server):
    status = pathlib.Path(f"/proc/{server.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+) kB", status).group(1)) / 1024


def ask(port, path):
    began = time.monotonic()
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
        return answer.read().decode(), time.monotonic() - began


def open_all(port, count, words):
    """Connects without waiting for one after the other; the server closes silent connections after ten seconds."""
    held, waiting = [], selectors.DefaultSelector()
    for _ in range(count):
        connection = socket.socket()
        connection.setblocking(False)
        outcome = connection.connect_ex(("127.0.0.1", port))
        if outcome not in (0, errno.EINPROGRESS):
            sys.exit(f"cannot connect: {os.strerror(outcome)}")
        waiting.register(connection, selectors.EVENT_WRITE)
        held.append(connection)
        if len(held) % 100 == 0:
            # A burst beyond the listener's queue would be retried by the kernel seconds later.
            drain(waiting, words, leave=0)
            while open_connections(port) < len(held):
                time.sleep(0.005)
    drain(waiting, words, leave=0)
    return held


def open_connections(port):
    return int(re.search(r"^stateset_http_connections (\d+)$", ask(port, "/metrics")[0], re.M).group(1))


def drain(waiting, words, leave):
    while len(waiting.get_map()) > leave:
        for key, _ in waiting.select(timeout=5):
            failed = key.fileobj.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if failed:
                sys.exit(f"cannot connect: {os.strerror(failed)}")
            if words:
                key.fileobj.send(words)
            waiting.unregister(key.fileobj)


def hold(server, port, count, what, words, judged=True):
    began = time.monotonic()
    held = open_all(port, count, words)
    try:
        opened = time.monotonic() - began
        while True:
            page, taken = ask(port, "/metrics")
            open_now = int(re.search(r"^stateset_http_connections (\d+)$", page, re.M).group(1))
            if open_now >= count or time.monotonic() - began > 9:
                break
        cpu = float(re.search(r"^process_cpu_seconds_total (\S+)$", page, re.M).group(1))
        told = int(re.search(r"^process_resident_memory_bytes (\d+)$", page, re.M).group(1)) / 2**20
        memory = resident_mib(server)
        print(f"{what}: {open_now} open after {opened:.1f} s, {memory:.1f} MiB resident (the server says {told:.1f}), "
              f"{cpu:.1f} s of processor time so far, "
              f"another client is answered in {taken * 1e3:.1f} ms", flush=True)
        if open_now < count:
            sys.exit(f"only {open_now} of {count} connections are open")
        if judged and memory > CEILING_MIB:
            sys.exit(f"{memory:.1f} MiB is above the ceiling of {CEILING_MIB} MiB")
    finally:
        for connection in held:
            with contextlib.suppress(OSError):
                connection.close()
    while open_connections(port) > 10:
        time.sleep(0.1)


def main():
    binary = sys.argv[1]
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 10_000
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < count + 200:
        sys.exit(f"the hard limit of open files is {hard}; {count + 200} are needed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (count + 200, hard))
    with tempfile.TemporaryDirectory() as folder:
        server, port = start(binary, pathlib.Path(folder), count + 100)
        try:
            print(f"nothing open: {resident_mib(server):.1f} MiB resident", flush=True)
            hold(server, port, count, "silent", b"")
            hold(server, port, count, "idle after a request", b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n")
            hold(server, port, count, "half a head of 8 KB", b"GET /health HTTP/1.1\r\nhost: x\r\nx: " + b"a" * 8_000,
                 judged=False)
            print(f"after all: {resident_mib(server):.1f} MiB resident")
        finally:
            server.kill()
            server.wait()


main()

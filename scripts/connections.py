#!/usr/bin/env python3
"""Ten thousand idle connections, and ten thousand that send a head and never end it: what the server takes for them.

Usage: scripts/connections.py SERVER_BINARY [CONNECTIONS]

Starts the real server on an empty folder, holds the connections open, and reads the server's memory from its own
metrics and from the kernel. Fails above the ceiling, or if the server stops answering others meanwhile.
"""
import contextlib
import os
import pathlib
import re
import resource
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
        "RUST_LOG": os.environ.get("RUST_LOG", "info"),
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


def hold(server, port, count, what, words):
    """Opens the connections, sends `words` on each, and measures while they are open."""
    held = []
    began = time.monotonic()
    try:
        for _ in range(count):
            connection = socket.create_connection(("127.0.0.1", port), timeout=10)
            connection.sendall(words)
            held.append(connection)
        opened = time.monotonic() - began
        page, taken = ask(port, "/metrics")
        open_now = int(re.search(r"^stateset_http_connections (\d+)$", page, re.M).group(1))
        told = int(re.search(r"^process_resident_memory_bytes (\d+)$", page, re.M).group(1)) / 2**20
        memory = resident_mib(server)
        print(f"{what}: {open_now} open after {opened:.1f} s, {memory:.1f} MiB resident (the server says {told:.1f}), "
              f"another client is answered in {taken * 1e3:.1f} ms")
        if open_now < count:
            sys.exit(f"only {open_now} of {count} connections are open")
        if memory > CEILING_MIB:
            sys.exit(f"{memory:.1f} MiB is above the ceiling of {CEILING_MIB} MiB")
    finally:
        for connection in held:
            with contextlib.suppress(OSError):
                connection.close()


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
            print(f"nothing open: {resident_mib(server):.1f} MiB resident")
            hold(server, port, count, "idle", b"")
            time.sleep(1)
            request = b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n"
            hold(server, port, count, "idle after a request", request)
            time.sleep(1)
            head = b"GET /health HTTP/1.1\r\nhost: x\r\nx: " + b"a" * 8_000
            hold(server, port, count, "half a head of 8 KB", head)
            print(f"after all: {resident_mib(server):.1f} MiB resident")
        finally:
            server.kill()
            server.wait()


main()

"""A database to ask: on the server of TEST_POSTGRES_URL, else on a throw-away one.

`postgres.py COMMAND…` runs the command with the URL of a new database in DATABASE_URL.
"""

import glob
import os
import pwd
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from urllib.parse import urlsplit


def program(name):
    """The program of the newest PostgreSQL there is."""
    found = shutil.which(name)
    folders = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda at: int(at.split("/")[4]))
    for folder in reversed(folders):
        if os.access(f"{folder}/{name}", os.X_OK):
            return f"{folder}/{name}"
    if found:
        return found
    raise SystemExit(f"mcp: PostgreSQL's {name} is missing: run scripts/setup.sh")


def account():
    """Whom the server runs as when we are root, which PostgreSQL refuses to be."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": found.pw_uid, "group": found.pw_gid, "extra_groups": []}
    raise SystemExit("mcp: PostgreSQL refuses to run as root, and there is no account postgres or nobody")


@contextmanager
def server():
    """The URL of a superuser."""
    given = os.environ.get("TEST_POSTGRES_URL")
    if given:
        yield given
        return
    folder = tempfile.mkdtemp(prefix="stateset-mcp-postgres-")
    who = account()
    if who:
        os.chown(folder, who["user"], who["group"])
    data = f"{folder}/data"

    def run(name, *arguments):
        command = [program(name), "-D", data, *arguments]
        subprocess.run(command, check=True, cwd=folder, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL, **who)

    try:
        run("initdb", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        options = f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories='' -c fsync=off"
        run("pg_ctl", "-w", "-t", "60", "-l", f"{folder}/log", "-o", options, "start")
        try:
            yield f"postgres://postgres@127.0.0.1:{port}/postgres"
        finally:
            run("pg_ctl", "-w", "-t", "60", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Database:
    """One database, by its URL."""

    def __init__(self, url):
        self.url = url

    def sql(self, text):
        command = [program("psql"), "--no-psqlrc", "--quiet", "-At", "-v", "ON_ERROR_STOP=1", self.url, "-c", text]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def dump(self):
        """Every row of every table, and every sequence."""
        command = [program("pg_dump"), "--data-only", "--no-owner", self.url]
        text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        # Newer programs draw a random word for each dump.
        return "\n".join(line for line in text.splitlines() if not line.startswith(("\\restrict", "\\unrestrict")))

    @contextmanager
    def locked(self, table):
        """Holds a lock in which an insert waits, until `release()` or the end."""
        command = [program("psql"), "--no-psqlrc", "--quiet", "-At", "-v", "ON_ERROR_STOP=1", self.url]
        pipe = subprocess.PIPE
        holder = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, bufsize=1)
        holder.stdin.write(f"BEGIN; LOCK TABLE {table} IN EXCLUSIVE MODE; SELECT 'locked';\n")
        assert holder.stdout.readline().strip() == "locked"

        def release():
            if holder.poll() is None:
                holder.communicate("COMMIT;\n")

        try:
            yield release
        finally:
            release()


@contextmanager
def database(of):
    """A new database on a server."""
    name = f"mcp_{secrets.token_hex(8)}"
    Database(of).sql(f"CREATE DATABASE {name}")
    try:
        yield Database(urlsplit(of)._replace(path=f"/{name}").geturl())
    finally:
        Database(of).sql(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


if __name__ == "__main__":
    with server() as running, database(running) as made:
        ended = subprocess.run(sys.argv[1:], env=os.environ | {"DATABASE_URL": made.url})
    sys.exit(ended.returncode)

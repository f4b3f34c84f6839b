"""HTTP, JSON text that stays as it was received, and the tally of what was checked."""

import json
import socket
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path

_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
_decoder = json.JSONDecoder()
_SPACE = " \t\r\n"


class Server:
    """The server under test."""

    def __init__(self, base: str, key: str) -> None:
        self.base, self.key = base.rstrip("/"), key

    def request(self, method: str, path: str, body: bytes | None = None, public: bool = False) -> tuple[int, bytes]:
        headers = {} if public else {"Authorization": f"ApiKey {self.key}"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        request = urllib.request.Request(self.base + path, data=body, headers=headers, method=method)
        try:
            with _opener.open(request, timeout=30) as reply:
                return reply.status, reply.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()

    def get(self, path: str, public: bool = False, **query: object) -> dict:
        text = self.get_text(path, public, **query)
        return json.loads(text)

    def get_text(self, path: str, public: bool = False, **query: object) -> str:
        return self.get_bytes(path, public, **query).decode()

    def get_bytes(self, path: str, public: bool = False, **query: object) -> bytes:
        where = path + ("?" + urllib.parse.urlencode(query) if query else "")
        status, body = self.request("GET", where, public=public)
        if status != 200:
            raise RuntimeError(f"GET {where}: {status} {body.decode(errors='replace')}")
        return body

    def post(self, path: str, body: bytes | dict) -> str:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        status, reply = self.request("POST", path, data)
        if status != 200:
            raise RuntimeError(f"POST {path}: {status} {reply.decode(errors='replace')}")
        return reply.decode()

    def send_and_hang_up(self, path: str, body: bytes) -> None:
        """Sends a request and drops the connection without reading the reply, as a dying client does."""
        url = urllib.parse.urlsplit(self.base)
        with socket.create_connection((url.hostname, url.port), timeout=30) as connection:
            head = (
                f"POST {path} HTTP/1.1\r\nHost: {url.netloc}\r\nAuthorization: ApiKey {self.key}\r\n"
                f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            )
            connection.sendall(head.encode() + body)


def members(text: str) -> dict[str, str]:
    """The members of a JSON object, each value as the text it was received in."""
    found, at = {}, _skip(text, 0)
    if text[at] != "{":
        raise ValueError("not an object")
    at = _skip(text, at + 1)
    while text[at] != "}":
        name, at = _decoder.raw_decode(text, at)
        start = _skip(text, _skip(text, at) + 1)
        _, end = _decoder.raw_decode(text, start)
        found[name] = text[start:end]
        at = _skip(text, end)
        at = _skip(text, at + 1) if text[at] == "," else at
    return found


def elements(text: str) -> list[str]:
    """The elements of a JSON array, each as the text it was received in."""
    found, at = [], _skip(text, 0)
    if text[at] != "[":
        raise ValueError("not an array")
    at = _skip(text, at + 1)
    while text[at] != "]":
        _, end = _decoder.raw_decode(text, at)
        found.append(text[at:end])
        at = _skip(text, end)
        at = _skip(text, at + 1) if text[at] == "," else at
    return found


def _skip(text: str, at: int) -> int:
    while text[at] in _SPACE:
        at += 1
    return at


def _shown(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else repr(value)[:400]


class Tally:
    """What was checked, by whom, how often."""

    def __init__(self) -> None:
        # By what and by whom: what held, and what was tampered with and refused.
        self.rows: dict[tuple[str, str], list[int]] = {}
        self.failures: list[str] = []

    def check(self, what: str, by: str, holds: bool, detail: object = "", tampered: bool = False) -> bool:
        self.rows.setdefault((what, by), [0, 0])[tampered] += 1
        if not holds:
            self.failures.append(f"{what} [{by}]: {detail}")
            if len(self.failures) <= 20:
                print(f"MISMATCH {self.failures[-1]}", file=sys.stderr)
        return holds

    def equal(self, what: str, by: str, found: object, expected: object, detail: object = "") -> bool:
        return self.check(what, by, found == expected, f"{detail} found {_shown(found)}, expected {_shown(expected)}")

    def proves(self, what: str, by: str, proof: Callable[[], None], detail: object = "") -> bool:
        """`proof` must not raise."""
        try:
            proof()
        except Exception as fault:
            return self.check(what, by, False, f"{detail} {type(fault).__name__}: {fault}")
        return self.check(what, by, True)

    def refuses(
        self, what: str, by: str, proof: Callable[[], None], refusal: type[Exception], detail: object = ""
    ) -> bool:
        """`proof`, made from something tampered with, must raise `refusal`."""
        try:
            proof()
        except refusal:
            return self.refused(what, by, True)
        return self.refused(what, by, False, detail)

    def refused(self, what: str, by: str, refused: bool, detail: object = "") -> bool:
        return self.check(what, by, refused, f"{detail} was tampered with and accepted", tampered=True)

    def save(self, path: Path) -> None:
        path.write_text(json.dumps([[what, by, *counts] for (what, by), counts in self.rows.items()]))

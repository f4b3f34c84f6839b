"""The official client against `stateset-events mcp`: both transports, both versions of the protocol.

Usage: run.py EVENTS STOREFRONT FIXTURE SEQUENCER [TRANSCRIPT]
"""

import asyncio
import json
import os
import re
import secrets
import signal
import subprocess
import sys
import tempfile
from contextlib import asynccontextmanager
from types import SimpleNamespace

import httpx2

import agent as agents
import postgres
import scenario
import sequencer as sequencers
from proxy import Proxy

CURRENT, PREVIOUS = "2026-07-28", "2025-11-25"
MODES = {"auto": CURRENT, "legacy": PREVIOUS}


def say(text):
    print(f"mcp: {text}", flush=True)


@asynccontextmanager
async def process(*command, env=None):
    """A program that says on which address it listens."""
    pipe = asyncio.subprocess.PIPE
    made = await asyncio.create_subprocess_exec(*command, env=env, stdout=pipe, stderr=asyncio.subprocess.STDOUT)
    lines = []
    try:
        async with asyncio.timeout(60):
            while True:
                line = (await made.stdout.readline()).decode()
                lines.append(line)
                found = re.search(r"listening.*?(127\.0\.0\.1:\d+)", line)
                if found:
                    break
                if not line:
                    raise SystemExit(f"mcp: {command[0]} did not start:\n{''.join(lines)}")
        drained = asyncio.create_task(made.stdout.read())
        yield SimpleNamespace(address=found[1], pid=made.pid, kill=made.kill)
        drained.cancel()
    finally:
        if made.returncode is None:
            made.terminate()
            await made.wait()


class World:
    """A database with a few orders, a storefront over it, and the lossy way to that storefront."""

    def __init__(self, events, database, shop, way):
        self.events, self.database, self.shop, self.way = events, database, shop, way

    def command(self, *arguments):
        base = [self.events, "--database", self.database.url, "--as", "checker", "mcp"]
        return [*base, "--storefront", f"http://127.0.0.1:{self.way.port}", *arguments]


async def over_both(world, transport, mode, transcript):
    """All checks, with one agent that may write and one whose server only looks."""
    kind, version = transport, MODES[mode]
    say(f"{kind}, {version}")
    async with served(world, kind, mode, ["--apply"], transcript) as agent:
        async with served(world, kind, mode, [], transcript) as looking:
            assert agent.client.protocol_version == looking.client.protocol_version == version
            key = "create_order_ORD-123" if transcript is not None else f"create_order_{kind}_{mode}"
            await scenario.lost_reply(world, looking, agent, key)
            for one in (agent, looking):
                one.transcript = None
            await scenario.reply_after_commit(world, agent, f"after-{kind}-{mode}")
            await scenario.previews(world, looking, applies=False)
            await scenario.previews(world, agent, applies=True)
            await scenario.another_tenant(world, agent)
            await scenario.many(world, agent)
            await scenario.looks(world, looking)
            agent.used |= looking.used
            if (kind, mode) == ("http", "legacy"):
                await scenario.mending(world, agent)
            assert agent.used >= set(agent.tools) - {"redrive_dead_letters"}, set(agent.tools) - agent.used
            assert len(agent.tools) == 12


@asynccontextmanager
async def served(world, kind, mode, arguments, transcript=None):
    if kind == "stdio":
        async with agents.over_stdio(world.command(*arguments), mode, transcript) as agent:
            yield agent
        return
    token = secrets.token_hex(16)
    command = world.command("--http", "127.0.0.1:0", *arguments)
    async with process(*command, env={"STATESET_MCP_TOKEN": token}) as server:
        async with agents.over_http(f"http://{server.address}/mcp", token, mode, transcript) as agent:
            agent.server, agent.token = server, token
            yield agent


async def the_door(world):
    """Origins, hosts and tokens."""
    token = secrets.token_hex(16)
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
    plain = {"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": PREVIOUS}
    mine = {"Authorization": f"Bearer {token}"}
    async with process(*world.command("--http", "127.0.0.1:0"), env={"STATESET_MCP_TOKEN": token}) as server:
        async with httpx2.AsyncClient() as http:
            for headers, status in (
                (mine, 200),
                ({}, 401),
                ({"Authorization": "Bearer guessed"}, 401),
                (mine | {"Origin": "https://evil.example"}, 403),
                (mine | {"Origin": "null"}, 403),
                (mine | {"Host": "evil.example"}, 403),
            ):
                reply = await http.post(f"http://{server.address}/mcp", json=body, headers=plain | headers)
                assert reply.status_code == status, (headers, reply.status_code, reply.text)
    refused = subprocess.run(world.command("--http", "0.0.0.0:0"), capture_output=True, text=True, env={})
    assert refused.returncode == 2 and "STATESET_MCP_TOKEN" in refused.stderr, refused
    say("strangers stay outside")


async def a_client_that_loses_its_reply(world):
    """Over HTTP, between the client and our server: what was begun is finished, and the same call gives its outcome."""
    token = secrets.token_hex(16)
    command = world.command("--http", "127.0.0.1:0", "--apply")
    async with process(*command, env={"STATESET_MCP_TOKEN": token}) as server:
        host, port = server.address.split(":")
        async with Proxy((host, int(port))) as way:
            async with agents.over_http(f"http://{server.address}/mcp", token, "auto") as straight:
                ask = {"entity_id": "ORD-2", "to": "hook"}
                plan = (await straight.ask("replay_events", **ask))["plan_id"]
                jobs = int(world.database.sql("SELECT count(*) FROM outbox.job"))
                for tool, arguments in (
                    ("create_order", scenario.order("client-lost")),
                    ("replay_events", ask | {"apply": True, "plan_id": plan}),
                ):
                    try:
                        async with agents.over_http(f"http://127.0.0.1:{way.port}/mcp", token, "auto") as lossy:
                            way.lose_the_next_reply()
                            await lossy.result(tool, arguments)
                            raise AssertionError("the reply was not lost")
                    except* Exception as gone:
                        assert not gone.subgroup(AssertionError), gone
                    assert way.lost.is_set()
                    answer = await straight.ask(tool, **arguments)
                    assert answer["applied"], answer
                assert scenario.orders(world, "client-lost") == 1
                assert int(world.database.sql("SELECT count(*) FROM outbox.job")) == jobs + 1
    say("a client that loses its reply gets the same outcome")


async def a_server_that_is_killed(world):
    """Over stdio, in the middle of an order: the next server makes the one order."""
    order = scenario.order("server-killed")
    with world.database.locked("orders") as release, tempfile.NamedTemporaryFile("r") as pid:
        # The shell writes down its process id, and becomes the server.
        shell = ["sh", "-c", 'echo $$ >"$0" && exec "$@"', pid.name, *world.command("--apply")]
        try:
            async with agents.over_stdio(shell, "auto") as agent:
                asked = asyncio.create_task(agent.result("create_order", order))
                key = {"key": "server-killed", "operation": scenario.OPERATION}
                at_work = lambda: agent.ask("get_idempotency_key", **key)  # noqa: E731
                await scenario.until(at_work, lambda it: it["status"] == "in_progress")
                os.kill(int(pid.read()), signal.SIGKILL)
                await asked
            raise AssertionError("the server lives")
        except* Exception as gone:
            assert not gone.subgroup(AssertionError), gone
        release()
    async with agents.over_stdio(world.command("--apply"), "auto") as agent:
        answer = await agent.ask("create_order", **order)
        assert answer["applied"], answer
    assert scenario.orders(world, "server-killed") == 1
    say("a killed server leaves one order")


# What the guide leaves out of results, to be read.
DULL = {
    "command_id", "completed_at", "created_at", "destinations", "event_key", "event_uuid", "explanation", "fingerprint",
    "generation", "local_sequence", "max_attempts", "next_cursor", "recorded_at", "schema_version", "total_exact",
}  # fmt: skip


def brief(value):
    if isinstance(value, dict):
        return {name: brief(one) for name, one in value.items() if name not in DULL}
    return [brief(one) for one in value] if isinstance(value, list) else value


def write_transcript(path, calls):
    lines = []
    for at, (name, arguments, content) in enumerate(calls):
        if at + 1 < len(calls) and calls[at + 1][:2] == (name, arguments) and name.startswith("get_"):
            continue
        lines.append(f"{name} {json.dumps(arguments)}")
        lines.append(f"  → {json.dumps(brief(content), ensure_ascii=False)}")
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")


async def main(events, storefront, fixture, sequencer, transcript=None):
    with postgres.server() as server, postgres.database(server) as database:
        filled = subprocess.run([fixture, "--database", database.url, "--fill"], check=True, capture_output=True, text=True)
        env = {"DATABASE_URL": database.url, "LISTEN": "127.0.0.1:0"}
        async with process(storefront, env=env) as shop:
            host, port = shop.address.split(":")
            async with Proxy((host, int(port))) as way:
                world = World(events, database, json.loads(filled.stdout), way)
                calls = []
                for kind in ("stdio", "http"):
                    for mode in MODES:
                        first = (kind, mode) == ("stdio", "auto")
                        await over_both(world, kind, mode, calls if first else None)
                await the_door(world)
                await a_client_that_loses_its_reply(world)
                await a_server_that_is_killed(world)
                if transcript:
                    write_transcript(transcript, calls)
    await sequencers.over_a_sequencer(events, sequencer, process, MODES)
    say("everything holds")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))

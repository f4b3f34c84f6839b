"""The official client, with every result checked against the schema that the server published."""

import json
from contextlib import asynccontextmanager

import httpx2
from jsonschema import Draft202012Validator
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client


class Agent:
    """Calls tools and checks what comes back. What it asks and hears goes to `transcript`, if there is one."""

    def __init__(self, client, tools, transcript=None):
        self.client = client
        self.tools = {tool.name: tool for tool in tools}
        self.transcript = transcript
        self.used = set()

    async def result(self, name, arguments):
        tool = self.tools[name]
        self.used.add(name)
        # The previous spelling of a name is understood, and not published.
        published = {("idempotency_key" if key == "idempotencyKey" else key): arguments[key] for key in arguments}
        Draft202012Validator(tool.input_schema).validate(published)
        result = await self.client.call_tool(name, arguments)
        content = result.structured_content
        Draft202012Validator(tool.output_schema).validate(content)
        assert json.loads(result.content[-1].text) == content, "text and structure say the same"
        assert result.is_error == (content.get("ok") is False), content
        if "applied" in content:
            assert next(iter(content)) == "applied", list(content)
            assert result.content[0].text == content["message"]
            assert content["applied"] is not content["message"].startswith("NOT EXECUTED: "), content
        if self.transcript is not None:
            self.transcript.append((name, arguments, content))
        return result

    async def ask(self, name, **arguments):
        """The answer of a call that is not refused."""
        result = await self.result(name, arguments)
        assert not result.is_error, (name, arguments, result.structured_content)
        return result.structured_content

    async def refused(self, name, **arguments):
        """The error of a call that is refused."""
        result = await self.result(name, arguments)
        assert result.is_error, (name, arguments, result.structured_content)
        error = result.structured_content["error"]
        assert error["retryable"] == (error["disposition"] in ("retry", "same_key")), error
        return error


async def check_the_table(client):
    """Names, schemas and hints of what is offered."""
    tools = (await client.list_tools()).tools
    for tool in tools:
        Draft202012Validator.check_schema(tool.input_schema)
        Draft202012Validator.check_schema(tool.output_schema)
        writes = "apply" in tool.input_schema["properties"]
        assert tool.annotations.read_only_hint is not writes, tool.name
        assert tool.annotations.idempotent_hint is True, tool.name
        assert tool.annotations.destructive_hint is (tool.name == "replay_events"), tool.name
    return tools


@asynccontextmanager
async def over_stdio(command, mode, transcript=None):
    server = StdioServerParameters(command=command[0], args=command[1:])
    async with Client(server, mode=mode, read_timeout_seconds=60) as client:
        yield Agent(client, await check_the_table(client), transcript)


@asynccontextmanager
async def over_http(url, token, mode, transcript=None):
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx2.AsyncClient(headers=headers, timeout=60) as http:
        async with Client(streamable_http_client(url, http_client=http), mode=mode, read_timeout_seconds=60) as client:
            yield Agent(client, await check_the_table(client), transcript)

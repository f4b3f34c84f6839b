"""The events this client pushes: signed (version 1 and 2), encrypted and unsigned, with payloads hard to hash."""

import json
import uuid
from dataclasses import dataclass, replace

import ves
from ves import Agent, Scope

# JSON texts that canonicalisation changes: spaces, escapes, member order by UTF-16 units, numbers.
HARD_PAYLOADS = [
    '{ "b" : 2,\n\t"a" : [1, 2.50, 1e3, -0, -0.0, 1.10] }',
    '{"\\u20ac":"Euro Sign","\\r":"Carriage Return","\\ufb33":"Hebrew Letter Dalet With Dagesh","1":"One",'
    '"\\ud83d\\ude00":"Emoji: Grinning Face","\\u0080":"Control","\\u00f6":"Latin Small Letter O With Diaeresis"}',
    '{"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001],"literals":[null,true,false],'
    '"string":"\\u20ac$\\u000F\\u000aA\'\\u0042\\u0022\\u005c\\\\\\"\\/"}',
    '{"größe":"Übergröße","名前":"注文","😀":"👩‍👩‍👧","é":"e\u0301 is not \u00e9","zero":"\\u0000"}',
    '[9007199254740991,-9007199254740993,9223372036854775807,1e21,123456789012345680000,5e-324,1.7976931348623157e308]',
    '{"nested":[[[[{"a":{"b":{"c":[]}}}]]]],"empty":{},"text":""}',
    '"a bare string"',
    "0",
    "false",
    "[ ]",
    '{"note":"' + "x" * 20_000 + '"}',
]
# The same instant, more or less, in spellings that must all survive: they are signed as text.
TIMES = [
    "2026-03-01T12:00:00Z",
    "2026-03-01T13:00:00.5+01:00",
    "2026-03-01T12:00:00.123456789Z",
    "2026-03-01t12:00:00-00:00",
]


@dataclass
class Event:
    """An envelope and, apart from it, its payload in the exact characters that are sent."""

    envelope: dict
    payload: str | None
    content_hash: bytes
    signature: bytes | None

    @property
    def event_id(self) -> str:
        return self.envelope["event_id"]

    def text(self) -> str:
        text = json.dumps(self.envelope, ensure_ascii=False)
        return text if self.payload is None else text[:-1] + f', "payload": {self.payload}}}'

    def with_envelope(self, **changes: object) -> "Event":
        """A copy with some members changed and nothing signed again."""
        return replace(self, envelope={**self.envelope, **changes})


def signed(scope: Scope, agent: Agent, version: int, payload: str, number: int = 0, **members: object) -> Event:
    envelope = {
        **_common(scope, number),
        "ves_version": version,
        "source_agent_id": agent.agent_id,
        "agent_key_id": agent.key_id,
        "payload_kind": 0,
        "payload_plain_hash": "0x" + ves.plain_hash(payload).hex(),
        "payload_cipher_hash": "0x" + ves.ZERO.hex(),
        **members,
    }
    return _sign(agent, envelope, payload)


def encrypted(scope: Scope, agent: Agent, payload: str, recipients: dict, number: int = 0) -> Event:
    envelope = {
        **_common(scope, number),
        "ves_version": 1,
        "source_agent_id": agent.agent_id,
        "agent_key_id": agent.key_id,
    }
    ves.encrypt(envelope, payload, recipients)
    return _sign(agent, envelope, None)


def unsigned(scope: Scope, agent_id: str, payload: str, number: int = 0) -> Event:
    envelope = {
        **_common(scope, number),
        "source_agent": agent_id,
        "payload_hash": ves.legacy_payload_hash(payload).hex(),
    }
    return Event(envelope, payload, ves.unsigned_hash(envelope, ves.LEGACY_SORTED), None)


def mixed(scope: Scope, agent: Agent, count: int, first: int) -> list[Event]:
    """`count` signed events, of both versions, every third with a hard payload, some with execution controls."""
    made = []
    for number in range(first, first + count):
        payload = f'{{"order":{number},"total":"{number}.10"}}'
        if number % 3 == 0:
            payload = HARD_PAYLOADS[number // 3 % len(HARD_PAYLOADS)]
        members = {}
        if number % 5 == 0:
            members["command_id"] = str(uuid.uuid4())
        if number % 7 == 0:
            # An entity of its own, which is at version 0.
            members |= {"entity_id": f"order-{uuid.uuid4()}", "base_version": 0}
        made.append(signed(scope, agent, 1 + number % 2, payload, number, **members))
    return made


def _common(scope: Scope, number: int) -> dict:
    return {
        "event_id": str(uuid.uuid4()),
        "tenant_id": scope.tenant,
        "store_id": scope.store,
        "entity_type": "order",
        "entity_id": f"Bestellung-№{number % 40}-東京",
        "event_type": "order.updated",
        "created_at": TIMES[number % len(TIMES)],
    }


def _sign(agent: Agent, envelope: dict, payload: str | None) -> Event:
    content_hash = ves.signing_hash(envelope)
    signature = agent.secret.sign(content_hash)
    envelope["agent_signature"] = "0x" + signature.hex()
    return Event(envelope, payload, content_hash, signature)

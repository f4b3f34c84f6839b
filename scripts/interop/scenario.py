"""What is pushed: batches of many sizes, retries, a lost reply, clients at the same time, and events to be refused."""

import json
import threading
import uuid
from collections.abc import Callable
from dataclasses import replace

import events
from events import Event
from headlog import HeadLog
from push import VES_INGEST, Stream, flip
from rows import By, What
from ves import Agent
from wire import elements, members

UNSIGNED_PAYLOADS = ['{"b":2,"a":1}', '{ "ü" : "\\u00fc", "emoji" : "😀" }', '{"list":[true,null,-3]}', '"text"']
SERIAL = [
    (1, "?wait=logged"),
    (2, ""),
    (3, "?paths=each"),
    (50, "?wait=logged"),
    (7, "?receipts=flush"),
    (64, "?receipts=flush&paths=each"),
]

Maker = Callable[[int], list[Event]]


def push_everything(stream: Stream, agent: Agent, recipients: dict, log: HeadLog) -> dict[str, str]:
    """Pushes all batches, looking at the head log now and then; answers the encrypted events' payloads by event id."""
    scope = stream.scope
    number = 0

    def some(count: int) -> list[Event]:
        nonlocal number
        number += count
        return events.mixed(scope, agent, count, number - count)

    for count, options in SERIAL:
        stream.push(some(count), options)
        if "wait=logged" in options:
            log.look(scope)
    secrets = encrypted(stream, agent, recipients)
    at_the_same_time(stream, [some(15) for _ in range(8)])
    stream.push_unsigned([events.unsigned(scope, agent.agent_id, p, i) for i, p in enumerate(UNSIGNED_PAYLOADS)])
    stream.push_unsigned([events.unsigned(scope, agent.agent_id, '{"n":1}', 7)], "?receipts=flush")
    retries(stream, some(20))
    lost_reply(stream, some(33))
    refusals(stream, agent, some)
    stream.push(some(17), "?paths=each&wait=logged")
    log.look(scope)
    return secrets


def encrypted(stream: Stream, agent: Agent, recipients: dict) -> dict[str, str]:
    payloads = events.HARD_PAYLOADS[:4]
    batch = [events.encrypted(stream.scope, agent, payload, recipients, i) for i, payload in enumerate(payloads)]
    stream.push(batch)
    return {event.event_id: payload for event, payload in zip(batch, payloads, strict=True)}


def at_the_same_time(stream: Stream, batches: list[list[Event]]) -> None:
    """Requests at the same time share flushes: range proofs must stand in a tree that holds the others' events too."""
    faults: list[Exception] = []

    def run(batch: list[Event], options: str) -> None:
        try:
            stream.push(batch, options)
        except Exception as fault:
            faults.append(fault)

    options = ["", "?receipts=flush", "?paths=each"]
    threads = [threading.Thread(target=run, args=(b, options[i % len(options)])) for i, b in enumerate(batches)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if faults:
        raise faults[0]


def retries(stream: Stream, batch: list[Event]) -> None:
    """The same batch again gives the same receipts, to the byte; so does the same content in other JSON text."""
    _, first = stream.push(batch)
    expect_duplicates(stream, batch, first)
    respelt = [replace(event, payload=json.dumps(json.loads(event.payload), indent=1)) for event in batch]
    expect_duplicates(stream, respelt, first)
    # The same event twice in one batch has one place.
    _, once = stream.push([batch[0]])
    reply, text = stream.push([batch[0], batch[0]])
    stream.tally.equal(What.RETRY, By.CLIENT, reply["eventsDuplicate"], 2)
    stream.tally.equal(What.RETRY, By.CLIENT, receipts_of(text), receipts_of(once) * 2)


def lost_reply(stream: Stream, batch: list[Event]) -> None:
    """A client dies before it reads the reply, and pushes again: nothing is lost, nothing is there twice."""
    body = stream.body(VES_INGEST, batch[0].envelope["source_agent_id"], batch)
    stream.server.send_and_hang_up(VES_INGEST, body)
    _, first = stream.push(batch)
    expect_duplicates(stream, batch, first)


def expect_duplicates(stream: Stream, batch: list[Event], first: str) -> None:
    reply, again = stream.push(batch)
    counts = reply["eventsAccepted"], reply["eventsDuplicate"]
    stream.tally.equal(What.RETRY, By.CLIENT, counts, (0, len(batch)))
    stream.tally.equal(What.RETRY, By.CLIENT, receipts_of(again), receipts_of(first))


def receipts_of(text: str) -> list[dict[str, str]]:
    """The receipts of a reply in the text they came in, without the mark of a duplicate."""
    receipts = [members(receipt) for receipt in elements(members(text)["receipts"])]
    return [{name: value for name, value in receipt.items() if name != "duplicate"} for receipt in receipts]


def refusals(stream: Stream, agent: Agent, some: Maker) -> None:
    """Good and bad events in one batch: each bad one is refused by name, the good ones are sequenced without a gap."""
    scope = stream.scope
    good = some(8)
    stranger = Agent(agent.agent_id, 99)
    impostor = Agent(agent.agent_id, agent.key_id)
    stored = stream.placed[1].event
    hundred = events.signed(scope, agent, 2, '{"amount":100}', 1)
    wrong_base = events.signed(scope, agent, 2, "{}", 1, entity_id=f"order-{uuid.uuid4()}", base_version=5)
    foreign = events.signed(scope, agent, 1, "{}", 1, tenant_id=str(uuid.uuid4()))
    bad = [
        ("invalid_signature", "SIGNATURE_VERIFICATION_FAILED", tampered_signature(some(1)[0])),
        ("invalid_signature", "SIGNATURE_VERIFICATION_FAILED", some(1)[0].with_envelope(entity_id="another")),
        ("invalid_signature", "SIGNATURE_VERIFICATION_FAILED", events.signed(scope, impostor, 1, "{}")),
        ("invalid_payload_hash", "INVALID_PAYLOAD_HASH", Event(hundred.envelope, '{"amount":900}', b"", b"")),
        ("agent_key_invalid: not found", "AGENT_KEY_NOT_FOUND", events.signed(scope, stranger, 1, "{}")),
        ("duplicate_event_id", "EVENT_ID_CONFLICT", events.signed(scope, agent, 2, '"new"', event_id=stored.event_id)),
        ("version_conflict: expected 5, actual 0", "VERSION_CONFLICT", wrong_base),
        ("schema_validation: tenant_id/store_id", "SCOPE_MISMATCH", foreign),
        ("unsupported_version", "UNSUPPORTED_VERSION", events.signed(scope, agent, 3, "{}")),
    ]
    batch = [event for pair in zip(good, (event for _, _, event in bad), strict=False) for event in pair]
    batch += [event for _, _, event in bad[len(good) :]]
    before = len(stream.placed)
    reply, _ = stream.push(batch, rejected=len(bad))
    tally = stream.tally
    tally.equal(What.REFUSED, By.CLIENT, reply["sequenceStart"], before + 1, "place of the first good event")
    found = {rejection["index"]: rejection for rejection in reply.get("rejections", [])}
    for reason, code, event in bad:
        index = next(i for i, other in enumerate(batch) if other is event)
        rejection = found.get(index, {})
        answer = rejection.get("event_id"), rejection.get("reason"), rejection.get("code")
        tally.equal(What.REFUSED, By.CLIENT, answer, (event.event_id, reason, code), index)


def tampered_signature(event: Event) -> Event:
    return event.with_envelope(agent_signature="0x" + flip(event.signature).hex())

"""Reading everything back, and checking it as somebody would who has nothing but what is read."""

import json
from urllib.parse import quote

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

import ves
from push import Head, Stream
from rows import By, What
from trees import StreamTree
from ves import LEGACY_CANONICAL, LEGACY_SORTED, Agent, Scope, unhex
from wire import Server, Tally, elements, members

PAGE = 100
FORMS = {"legacy_sorted": LEGACY_SORTED, "legacy_canonical": LEGACY_CANONICAL}


def read_back(stream: Stream, agent: Agent, secrets: dict[str, str], recipients: dict[int, X25519PrivateKey]) -> None:
    """Every event as an envelope, under the names of the first API, alone, and as part of an entity's history."""
    tally, scope = stream.tally, stream.scope
    head = read_head(stream.server, tally, scope, stream.sequencer_keys)
    tally.equal(What.PAGES, By.CLIENT, (head.size, head.root), newest(stream))
    envelopes = pages(stream.server, tally, "/api/v1/ves/events", scope, head.size)
    check_stream(tally, scope, envelopes, head, {agent.agent_id: {agent.key_id: agent.public}})
    for text in envelopes:
        raw, envelope = members(text), json.loads(text)
        placed = stream.placed[envelope["sequence_number"]]
        sent = json.loads(placed.event.text())
        if placed.event.payload is not None:
            tally.equal(What.SAME, By.CLIENT, raw["payload"], placed.event.payload)
        else:
            opened = [ves.decrypt(envelope, envelope["payload_encrypted"], *key) for key in recipients.items()]
            expected = ves.canonical(secrets[envelope["event_id"]])
            tally.equal(What.DECRYPT, By.CRYPTO, opened, [expected] * len(recipients))
        names = [name for name in sent if name in envelope and name != "payload"]
        tally.equal(What.SAME, By.CLIENT, [envelope[n] for n in names], [sent[n] for n in names])
    read_flat(stream, head.size)
    read_single(stream)
    read_entities(stream, head.size)


def newest(stream: Stream) -> tuple[int, bytes]:
    size = max(stream.heads)
    return size, stream.heads[size].root


def read_head(server: Server, tally: Tally, scope: Scope, keys: dict[int, bytes]) -> Head:
    """A stream's signed head."""
    found = server.get("/api/v1/ves/head", tenant_id=scope.tenant, store_id=scope.store)
    root = unhex(found["root"])
    hashed = ves.flush_hash(scope.stream_id, found["size"], root, found["signed_at_us"], found["key_version"])
    head = Head(found["size"], root, hashed, unhex(found["signature"]), found["key_version"])
    holds = ves.verifies(keys[head.key_version], hashed, head.signature)
    tally.check(What.HEAD, By.CRYPTO, holds, head.size)
    return head


def pages(server: Server, tally: Tally, path: str, scope: Scope, size: int) -> list[str]:
    """All events of a stream, page by page, each in the text it came in."""
    found: list[str] = []
    following, more = 1, True
    while more:
        where = {"tenant_id": scope.tenant, "store_id": scope.store, "from": following, "limit": PAGE}
        text = server.get_text(path, **where)
        page = json.loads(text)
        found += elements(members(text)["events"])
        following, more = page["next_sequence"], page["has_more"]
        tally.equal(What.PAGES, By.CLIENT, (page["head_sequence"], page["total"]), (size, size), path)
    tally.equal(What.PAGES, By.CLIENT, (len(found), following), (size, size + 1), path)
    return found


def check_stream(
    tally: Tally, scope: Scope, envelopes: list[str], head: Head, keys: dict[str, dict[int, bytes]]
) -> None:
    """Hashes, signatures and the root, from nothing but the envelopes, the agents' keys and the signed head."""
    tree = StreamTree()
    for sequence, text in enumerate(envelopes, 1):
        envelope, raw = json.loads(text), members(text)
        tally.equal(What.ORDER, By.CLIENT, envelope["sequence_number"], sequence)
        if envelope["ves_version"] == 0:
            tree.append(unsigned_leaf(tally, scope, envelope, raw["payload"]))
            continue
        if envelope["payload_kind"] == 0:
            stated = unhex(envelope["payload_plain_hash"])
            tally.equal(What.PAYLOAD, By.JCS, stated, ves.plain_hash(raw["payload"]), sequence)
        else:
            computed = ves.cipher_hash(envelope["payload_encrypted"], ves.payload_aad(envelope))
            tally.equal(What.OTHER_PAYLOAD, By.OWN, unhex(envelope["payload_cipher_hash"]), computed)
        signed_hash, signature = ves.signing_hash(envelope), unhex(envelope["agent_signature"])
        key = keys[envelope["source_agent_id"]][envelope["agent_key_id"]]
        holds = ves.verifies(key, signed_hash, signature)
        tally.check(What.AGENT, By.CRYPTO, holds, sequence)
        tree.append(ves.leaf(scope, sequence, signed_hash, signature))
    tally.equal(What.STREAM_ROOT, By.PYMERKLE, (tree.size, tree.root(tree.size)), (head.size, head.root))


def unsigned_leaf(tally: Tally, scope: Scope, envelope: dict, payload: str) -> bytes:
    form = FORMS[envelope["payload_hash_form"]]
    fields = {
        **envelope,
        "source_agent": envelope["source_agent_id"],
        "payload_hash": envelope["payload_plain_hash"],
    }
    computed = ves.legacy_payload_hash(payload)
    tally.equal(What.OTHER_PAYLOAD, By.OWN, unhex(fields["payload_hash"]), computed)
    tally.equal(What.PAGES, By.CLIENT, envelope["signature"], "absent")
    salt = unhex(envelope["leaf_salt"])
    return ves.unsigned_leaf(scope, envelope["sequence_number"], salt, ves.unsigned_hash(fields, form))


def read_flat(stream: Stream, size: int) -> None:
    for sequence, text in enumerate(pages(stream.server, stream.tally, "/api/v1/events", stream.scope, size), 1):
        event, raw, placed = json.loads(text), members(text), stream.placed[sequence]
        stream.tally.equal(What.SAME, By.CLIENT, event["event_id"], placed.event.event_id, sequence)
        if placed.event.payload is not None:
            stream.tally.equal(What.SAME, By.CLIENT, raw["payload"], placed.event.payload)


def read_single(stream: Stream) -> None:
    """Single events: the receipt is the one of the reply, and the server's own verdict says so."""
    tally, scope = stream.tally, stream.scope
    for sequence in list(stream.placed)[::13]:
        placed = stream.placed[sequence]
        where = {"tenant_id": scope.tenant, "store_id": scope.store}
        found = stream.server.get(f"/api/v1/events/{placed.event.event_id}", **where)
        state = "absent" if placed.event.signature is None else "verified"
        verdict = found["signature"]["state"], unhex(found["signature"]["content_hash"])
        tally.equal(What.PAGES, By.CLIENT, verdict, (state, placed.event.content_hash), sequence)
        receipt = found["receipt"]
        place = receipt["sequence_number"], unhex(receipt["leaf_hash"])
        tally.equal(What.SAME, By.CLIENT, place, (sequence, placed.leaf))
        expected = ves.receipt_hash(scope, placed.event.event_id, sequence, placed.event.content_hash)
        key = stream.sequencer_keys[receipt["sequencer_key_version"]]
        holds = ves.verifies(key, expected, unhex(receipt["sequencer_signature"]))
        tally.check(What.RECEIPT, By.CRYPTO, holds, sequence)
        first = json.loads(placed.receipt)
        given = first.get("sequencerSignature") or first.get("sequencer_signature")
        if given:
            tally.equal(What.SAME, By.CLIENT, receipt["sequencer_signature"], given, sequence)


def read_entities(stream: Stream, size: int) -> None:
    """The history of an entity is what the whole stream says of it."""
    by_entity: dict[tuple[str, str], list[int]] = {}
    for sequence in range(1, size + 1):
        envelope = stream.placed[sequence].event.envelope
        by_entity.setdefault((envelope["entity_type"], envelope["entity_id"]), []).append(sequence)
    for (kind, name), expected in list(by_entity.items())[:10]:
        path = f"/api/v1/ves/entities/{quote(kind, safe='')}/{quote(name, safe='')}"
        where = {"tenant_id": stream.scope.tenant, "store_id": stream.scope.store}
        found = stream.server.get(path, **where, limit=1000)
        answer = [event["sequence_number"] for event in found["events"]], found["current_version"]
        stream.tally.equal(What.PAGES, By.CLIENT, answer, (expected, len(expected)), name)


def read_key_stream(server: Server, tally: Tally, agent: Agent, tenant: str, keys: dict[int, bytes]) -> None:
    """The tenant's key stream: signed by the sequencer, it registers the key this client signs with."""
    scope = Scope(tenant, "00000000-0000-0000-0000-000000000000")
    head = read_head(server, tally, scope, keys)
    envelopes = pages(server, tally, "/api/v1/ves/events", scope, head.size)
    check_stream(tally, scope, envelopes, head, {"00000000-0000-0000-0000-000000000000": keys})
    changes = [json.loads(text) for text in envelopes]
    payload = changes[0]["payload"]
    found = changes[0]["event_type"], payload["agent_id"], payload["key_id"], unhex(payload["public_key"])
    expected = "agent_key.registered", agent.agent_id, agent.key_id, agent.public
    tally.equal(What.SAME, By.CLIENT, found, expected)

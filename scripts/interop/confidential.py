#!/usr/bin/env python3
"""An order that the sequencer cannot read: one agent encrypts it for two readers, each reader opens it.

Usage: confidential.py BASE_URL API_KEY

The author encrypts the payload (VES-ENC-1: AES-256-GCM under a new key, which HPKE wraps for each reader), signs and
pushes. The server checks what it can: structure, cipher hash, signature. A reader fetches the event, checks the author's
signature, unwraps the key, decrypts, and checks the payload against the salted hash that was signed. Then everything is
spoilt once: what the server can see it must refuse, what only a reader can see the reader must refuse.

The bytes are in ves.py (`encrypt`, `decrypt`). Exit status 1 if anything does not hold.
"""

import copy
import json
import sys
import uuid

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

import events
import ves
from push import VES_INGEST
from ves import Agent, Scope, b64u, un_b64u, unhex
from wire import Server

PAYLOAD = '{"card":"4111 1111 1111 1111","total":"19.90"}'


class Failed(Exception):
    """Something that must hold does not."""


def must(holds: bool, what: str) -> None:
    if not holds:
        raise Failed(what)


def register(server: Server, scope: Scope, author: Agent) -> None:
    body = {
        "tenantId": scope.tenant,
        "agentId": author.agent_id,
        "keyId": author.key_id,
        "publicKey": author.public.hex(),
        "keyAlgorithm": "ed25519",
        "proofOfPossessionBundle": {"ed25519Pop": author.proof_of_possession().hex()},
    }
    server.post("/api/v1/agents/keys", body)


def push(server: Server, author: Agent, envelope: dict) -> dict:
    return json.loads(server.post(VES_INGEST, {"agentId": author.agent_id, "events": [envelope]}))


def read(server: Server, scope: Scope, event_id: str) -> dict:
    """The event as a reader gets it. The list of the tenant's events would do as well."""
    page = server.get("/api/v1/ves/events", tenant_id=scope.tenant, store_id=scope.store)
    return next(envelope for envelope in page["events"] if envelope["event_id"] == event_id)


def open_event(envelope: dict, author: bytes, kid: int, secret: X25519PrivateKey) -> bytes:
    """What a reader does, and in which order: first who says it, then what it says."""
    encrypted = envelope["payload_encrypted"]
    if ves.cipher_hash(encrypted, ves.payload_aad(envelope)) != unhex(envelope["payload_cipher_hash"]):
        raise ValueError("the ciphertext is not the one that was signed")
    if not ves.verifies(author, ves.signing_hash(envelope), unhex(envelope["agent_signature"])):
        raise ValueError("the author did not sign this")
    return ves.decrypt(envelope, encrypted, kid, secret)


def flipped(text: str) -> str:
    data = un_b64u(text)
    return b64u(bytes([data[0] ^ 1]) + data[1:])


def spoilt(encrypted: dict) -> dict[str, dict]:
    """The encrypted payload with one thing changed at a time."""
    variants = {}
    for member in ("ciphertext_b64u", "tag_b64u", "nonce_b64u"):
        variants[member] = {**encrypted, member: flipped(encrypted[member])}
    for member in ("enc_b64u", "ct_b64u"):
        other = copy.deepcopy(encrypted)
        other["recipients"][1][member] = flipped(other["recipients"][1][member])
        variants[f"recipients[1].{member}"] = other
    variants["a recipient left out"] = {**encrypted, "recipients": encrypted["recipients"][:1]}
    swapped = copy.deepcopy(encrypted)
    first, second = swapped["recipients"]
    first["recipient_kid"], second["recipient_kid"] = second["recipient_kid"], first["recipient_kid"]
    variants["recipients in another order"] = swapped
    return variants


def refuses(server: Server, scope: Scope, author: Agent, readers: dict[int, X25519PrivateKey]) -> int:
    """The server takes none of the spoilt ones, and no sequence is lost to them."""
    refused = 0
    fresh = events.encrypted(scope, author, PAYLOAD, readers).envelope
    for what, encrypted in spoilt(fresh["payload_encrypted"]).items():
        reply = push(server, author, {**fresh, "payload_encrypted": encrypted})
        codes = [rejection["code"] for rejection in reply["rejections"]]
        must(codes and codes[0] in ("INVALID_CIPHER_HASH", "INVALID_FIELD_VALUE"), f"{what} was answered by {reply}")
        refused += 1
    reply = push(server, author, {**fresh, "entity_id": "another order"})
    must(reply["eventsRejected"] == 1, "an envelope that was moved to another entity was taken")
    reply = push(server, author, fresh)
    must((reply["eventsAccepted"], reply["sequenceStart"]) == (1, 2), f"the good one was answered by {reply}")
    return refused + 1


def catches(envelope: dict, author: Agent, readers: dict[int, X25519PrivateKey]) -> int:
    """A reader takes nothing that a dishonest server, a stranger, or a dishonest author made of it."""

    def must_fail(what: str, kid: int, secret: X25519PrivateKey, found: dict) -> None:
        try:
            opened = open_event(found, author.public, kid, secret)
        except Exception:
            return
        raise Failed(f"{what} was opened as {opened!r}")

    kid, secret = next(iter(readers.items()))
    count = 0
    for what, encrypted in spoilt(envelope["payload_encrypted"]).items():
        must_fail(what, kid, secret, {**envelope, "payload_encrypted": encrypted})
        # The same by an author who signs it: what the reader's key opens must still be what was sealed.
        if what.startswith(("ciphertext", "tag", "nonce", "recipients in")):
            own = {**envelope, "payload_encrypted": encrypted}
            own["payload_cipher_hash"] = "0x" + ves.cipher_hash(encrypted, ves.payload_aad(own)).hex()
            own["agent_signature"] = "0x" + author.secret.sign(ves.signing_hash(own)).hex()
            must_fail(f"{what}, signed", kid, secret, own)
            count += 1
        count += 1
    must_fail("an event of another entity", kid, secret, {**envelope, "entity_id": "another order"})
    must_fail("a reader without a key", kid, X25519PrivateKey.generate(), envelope)
    lie = {name: value for name, value in envelope.items() if not name.startswith("payload")}
    ves.encrypt(lie, PAYLOAD, readers, claimed='{"total":"0.01"}')
    lie["agent_signature"] = "0x" + author.secret.sign(ves.signing_hash(lie)).hex()
    must_fail("a payload other than the hash that was signed", kid, secret, lie)
    return count + 3


def main() -> int:
    server = Server(sys.argv[1], sys.argv[2])
    scope, author = Scope(str(uuid.uuid4()), str(uuid.uuid4())), Agent(str(uuid.uuid4()), 1)
    readers = {1: X25519PrivateKey.generate(), 7: X25519PrivateKey.generate()}
    try:
        register(server, scope, author)
        sent = events.encrypted(scope, author, PAYLOAD, readers).envelope
        reply = push(server, author, sent)
        must(reply["eventsAccepted"] == 1, f"the event was answered by {reply}")
        received = read(server, scope, sent["event_id"])
        must("payload" not in received, "the server has a plain payload to show")
        for kid, secret in readers.items():
            must(open_event(received, author.public, kid, secret) == ves.canonical(PAYLOAD), "another payload came back")
        refused = refuses(server, scope, author, readers)
        caught = catches(received, author, readers)
    except Failed as failed:
        print(f"confidential: {failed}", file=sys.stderr)
        return 1
    print(f"confidential: opened by {len(readers)} readers; the server refused {refused} spoilt events, a reader {caught}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

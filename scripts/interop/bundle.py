#!/usr/bin/env python3
"""A second verifier of offline bundles (docs/spec/bundle.md), in Python, without any code of ours.

Usage: bundle.py check FILE                      the vector, and the same spoilt in a dozen ways
       bundle.py live BASE_URL API_KEY [FILE]    a bundle of a running server; writes it as the vector to FILE

SHA-256 is Python's, Ed25519 OpenSSL's (through `cryptography`), canonical JSON the `rfc8785` package. Exit status 1 if
anything does not hold, or anything spoilt holds.
"""

import copy
import json
import sys
import uuid
from base64 import b64decode
from datetime import datetime, timedelta, timezone
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

import events
import ves
from trees import Refused, leaf_hash, node_hash, split, verify_consistency
from ves import Agent, Scope, sha256, u64, unhex
from wire import Server

FORMAT = "stateset-bundle-v1"
NIL = str(uuid.UUID(int=0))


def must(holds: bool, what: str) -> None:
    if not holds:
        raise Refused(what)


# Trees and notes. ---------------------------------------------------------------------------------------------------


def root_of_path(leaf: bytes, index: int, size: int, path: list[bytes]) -> bytes:
    """RFC 9162 2.1.3: the definition of PATH read backwards."""
    must(0 <= index < size, "index outside of the tree")
    if size == 1:
        must(not path, "the path is too long")
        return leaf
    must(bool(path), "the path is too short")
    k = split(size)
    if index < k:
        return node_hash(root_of_path(leaf, index, k, path[:-1]), path[-1])
    return node_hash(path[-1], root_of_path(leaf, index - k, size - k, path[:-1]))


def root_of(leaves: list[bytes]) -> bytes:
    if len(leaves) == 1:
        return leaves[0]
    k = split(len(leaves))
    return node_hash(root_of(leaves[:k]), root_of(leaves[k:]))


class Log:
    """Whom the verifier trusts."""

    def __init__(self, verifier_key: str) -> None:
        self.name, self.key_id, encoded = verifier_key.split("+", 2)
        self.public = b64decode(encoded)[1:]

    def open(self, note: str) -> tuple[int, bytes]:
        """Size and root of a checkpoint that this log has signed."""
        text, _, signatures = note.rpartition("\n\n")
        text += "\n"
        signed = False
        for line in signatures.splitlines():
            dash, name, encoded = line.split(" ")
            must(dash == "—", "no signature line")
            bytes_ = b64decode(encoded, validate=True)
            if name == self.name and bytes_[:4].hex() == self.key_id:
                must(ves.verifies(self.public, text.encode(), bytes_[4:]), "the checkpoint's signature")
                signed = True
        must(signed, "the log did not sign this")
        origin, size, root = text.splitlines()[:3]
        must(origin == self.name, "another log")
        return int(size), b64decode(root, validate=True)


def opened_head(section: dict, scope: Scope, log: Log) -> tuple[int, bytes]:
    head, _, note = section["tlog_proof"].partition("\n\n")
    lines = head.split("\n")
    must(lines[0] == "c2sp.org/tlog-proof@v1", "no tlog-proof")
    must(lines[1].startswith("extra ") and lines[2].startswith("index "), "no tlog-proof of a head")
    extra = b64decode(lines[1][6:], validate=True)
    salt, record = extra[:16], extra[16:]
    expected = b"VES_HEAD_V1" + scope.stream_id + u64(section["size"]) + unhex(section["root"])
    must(len(record) == 91 and record.startswith(expected), "the record is not the head of this stream, size and root")
    size, root = log.open(note)
    entry = sha256(b"VES_HEADB_V1", salt, record)
    path = [b64decode(line, validate=True) for line in lines[3:]]
    must(root_of_path(leaf_hash(entry), int(lines[2][6:]), size, path) == root, "the record is not in the log")
    return size, root


# Events. ------------------------------------------------------------------------------------------------------------


def envelope(event: dict, scope: Scope) -> dict:
    """The event under the envelope's names, as far as hashes need them."""
    return {
        **event,
        "tenant_id": scope.tenant,
        "store_id": scope.store,
        "source_agent_id": event["agent_id"],
        "source_agent": event["agent_id"],
        "agent_key_id": event.get("key_id"),
        "payload_kind": int(event["payload_form"] == 1),
        "payload_plain_hash": event["payload_hash"],
        "payload_cipher_hash": event["cipher_hash"],
    }


def content_hash(event: dict, scope: Scope) -> bytes:
    known = envelope(event, scope)
    if event["ves_version"] == 0:
        must("salt" in event and "signature" not in event, "an unsigned event has a salt and no signature")
        return ves.unsigned_hash(known, event["payload_form"])
    must(event["ves_version"] in (1, 2) and "salt" not in event, "a signed event")
    return ves.signing_hash(known)


def leaf(event: dict, scope: Scope) -> bytes:
    content, sequence = content_hash(event, scope), event["sequence"]
    if event["ves_version"] == 0:
        return ves.unsigned_leaf(scope, sequence, unhex(event["salt"]), content)
    return ves.leaf(scope, sequence, content, unhex(event["signature"]))


def check_payload(event: dict, scope: Scope) -> None:
    text, stated = event["payload"], unhex(event["payload_hash"])
    if event["payload_form"] == 0:
        must(ves.plain_hash(text) == stated, "payload hash")
    elif event["payload_form"] == 1:
        known = envelope(event, scope)
        computed = ves.cipher_hash(json.loads(text), ves.payload_aad(known))
        must(computed == unhex(event["cipher_hash"]), "cipher hash")
    elif event["payload_form"] == 2:
        must(ves.legacy_payload_hash(text) == stated, "legacy payload hash")
    else:
        must(sha256(ves.canonical(text)) == stated, "canonical payload hash")


def micros(text: str) -> int:
    at = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return (at - datetime(1970, 1, 1, tzinfo=timezone.utc)) // timedelta(microseconds=1)


def key_history(section: dict, tenant: str, trusted: dict[int, bytes], log: Log) -> tuple[dict, tuple[int, bytes]]:
    """Every key of the tenant: public key, valid from, valid to, revoked at."""
    scope, keys = Scope(tenant, NIL), {}
    checkpoint = opened_head(section, scope, log)
    for expected, event in enumerate(section["events"], 1):
        must(event["sequence"] == expected, "a key event is missing")
        check_payload(event, scope)
        public = trusted.get(event["key_id"])
        if public is not None:
            must(ves.verifies(public, content_hash(event, scope), unhex(event["signature"])), "a key event's signature")
        change = json.loads(event["payload"])
        name = change["agent_id"], change["key_id"]
        if event["event_type"] == "agent_key.registered":
            bounds = [micros(change[member]) if change.get(member) else None for member in ("valid_from", "valid_to")]
            keys[name] = [unhex(change["public_key"]), *bounds, None]
        elif event["event_type"] == "agent_key.revoked":
            keys[name][3] = micros(change["revoked_at"])
    leaves = [leaf_hash(leaf(event, scope)) for event in section["events"]]
    must(len(leaves) == section["size"] and root_of(leaves) == unhex(section["root"]), "the key history is not whole")
    return keys, checkpoint


def check_signature(event: dict, scope: Scope, keys: dict) -> None:
    name = event["agent_id"], event["key_id"]
    must(name in keys, "the key is not in the history")
    public, valid_from, valid_to, revoked = keys[name]
    at = event["sequenced_at_us"]
    must(revoked is None or at < revoked, "the key was revoked")
    must(valid_from is None or at >= valid_from, "the key was not valid yet")
    must(valid_to is None or at <= valid_to, "the key was not valid any more")
    must(ves.verifies(public, content_hash(event, scope), unhex(event["signature"])), "the agent's signature")


def verify(bundle: dict, log: Log, earlier: str | None) -> dict:
    """Raises at the first thing that does not hold; answers what was checked."""
    must(bundle["format"] == FORMAT, "the format")
    scope, section = Scope(bundle["tenant_id"], bundle["store_id"]), bundle["stream"]
    trusted = {key["number"]: unhex(key["public_key"]) for key in bundle["sequencer_keys"]}
    trusted = {number: key for number, key in trusted.items() if key == log.public}
    checkpoints = [opened_head(section, scope, log)]
    keys: dict = {}
    if "keys" in bundle:
        keys, checkpoint = key_history(bundle["keys"], scope.tenant, trusted, log)
        checkpoints.append(checkpoint)
    found = {"events": 0, "payloads": 0, "signatures": 0, "unsigned": 0, "receipts": 0}
    selection, places = bundle["selection"], []
    for event in section["events"]:
        places.append(event["sequence"])
        found["events"] += 1
        if "payload" in event:
            check_payload(event, scope)
            found["payloads"] += 1
        if event["ves_version"]:
            check_signature(event, scope, keys)
            found["signatures"] += 1
        else:
            found["unsigned"] += 1
        path = [unhex(text) for text in event["path"]]
        place = event["sequence"] - 1
        own = root_of_path(leaf_hash(leaf(event, scope)), place, section["size"], path)
        must(own == unhex(section["root"]), f"event {event['sequence']} is not in the stream")
        receipt = event.get("receipt")
        if receipt and receipt["key"] in trusted:
            hashed = ves.receipt_hash(scope, event["event_id"], event["sequence"], content_hash(event, scope))
            must(ves.verifies(trusted[receipt["key"]], hashed, unhex(receipt["signature"])), "a receipt")
            found["receipts"] += 1
        if "entity" in selection:
            must(selection["entity"] == {"type": event["entity_type"], "id": event["entity_id"]}, "another entity")
    if "entity" not in selection:
        must(places == list(range(selection["from"], selection["to"] + 1)), "the range has gaps")
    size, root = max(checkpoints)
    if earlier is not None:
        old_size, old_root = log.open(earlier)
        must(bundle["log_consistency"]["from_size"] == old_size, "the bundle shows another consistency")
        path = [unhex(text) for text in bundle["log_consistency"]["path"]]
        verify_consistency(old_size, size, old_root, root, path)
    return found


# The vector, and the live server. -----------------------------------------------------------------------------------


def spoilt(bundle: dict) -> dict[str, dict]:
    """One thing changed at a time."""

    def change(*where: object, to: object = None) -> dict:
        other = copy.deepcopy(bundle)
        at = other
        for name in where[:-1]:
            at = at[name]
        if to is None:
            del at[where[-1]]
        else:
            at[where[-1]] = to
        return other

    first = bundle["stream"]["events"][0]
    digit = "1" if first["signature"][40] != "1" else "2"
    other_signature = first["signature"][:40] + digit + first["signature"][41:]
    return {
        "an event left out": change("stream", "events", 1),
        "a key event left out": change("keys", "events", len(bundle["keys"]["events"]) - 1),
        "the key history left out": change("keys"),
        "a payload": change("stream", "events", 0, "payload", to='{"n":9}'),
        "a signature": change("stream", "events", 0, "signature", to=other_signature),
        "an entity": change("stream", "events", 0, "entity_id", to="another"),
        "a place": change("stream", "events", 0, "sequence", to=first["sequence"] + 1),
        "the size": change("stream", "size", to=bundle["stream"]["size"] + 1),
        "the root": change("stream", "root", to="00" * 32),
        "another store": change("store_id", to=NIL),
        "a path": change("stream", "events", 0, "path", to=first["path"][1:]),
        "the consistency": change("log_consistency", "path", to=bundle["log_consistency"]["path"][1:]),
    }


def check(vector: dict) -> dict:
    log = Log(vector["log_key"])
    found = verify(vector["bundle"], log, vector["earlier"])
    must(found == vector["expected"], f"{found} instead of {vector['expected']}")
    for what, bundle in spoilt(vector["bundle"]).items():
        try:
            verify(bundle, log, vector["earlier"])
        except (Refused, KeyError, IndexError, ValueError):
            continue
        raise AssertionError(f"{what} was changed, and nothing was found")
    return found


def make(server: Server) -> dict:
    """A stream with something of everything, and its bundle."""
    scope, agent = Scope(str(uuid.uuid4()), str(uuid.uuid4())), Agent(str(uuid.uuid4()), 1)
    second = Agent(agent.agent_id, 2)

    def register(key: Agent, path: str) -> None:
        body = {
            "tenantId": scope.tenant,
            "agentId": key.agent_id,
            "keyId": key.key_id,
            "publicKey": key.public.hex(),
            "keyAlgorithm": "ed25519",
            "proofOfPossessionBundle": {"ed25519Pop": key.proof_of_possession().hex()},
        }
        server.post(path, body)

    def push(route: str, batch: list) -> None:
        body = f'{{"agentId":"{agent.agent_id}","events":[{",".join(event.text() for event in batch)}]}}'
        reply = json.loads(server.post(f"{route}?wait=logged", body.encode()))
        must(not reply.get("rejections"), f"{reply}")

    register(agent, "/api/v1/agents/keys")
    signed = "/api/v1/ves/events/ingest"
    push(signed, [events.signed(scope, agent, 1 + n % 2, f'{{"n":{n},"price":1.50}}', n) for n in range(5)])
    earlier = server.get_text("/checkpoint", public=True)
    register(second, f"/api/v1/agents/{agent.agent_id}/keys/1/rotate")
    readers = {3: X25519PrivateKey.generate()}
    push(signed, [events.signed(scope, second, 2, '{"text":"\\u00e9 \\ud83d\\ude00"}'), events.encrypted(scope, second, "{}", readers)])
    unsigned = events.unsigned(scope, agent.agent_id, '{"b":1,"a":[2]}')
    body = f'{{"agent_id":"{agent.agent_id}","events":[{unsigned.text()}]}}'
    server.post("/api/v1/events/ingest?wait=logged", body.encode())
    size = int(earlier.splitlines()[1])
    bundle = server.get("/api/v1/proofs/bundle", tenant_id=scope.tenant, store_id=scope.store, log_size=size)
    log_key = server.get("/.well-known/ves-keys", public=True)["logVerifierKey"]
    expected = {"events": 8, "payloads": 8, "signatures": 7, "unsigned": 1, "receipts": 8}
    return {"log_key": log_key, "earlier": earlier, "expected": expected, "bundle": bundle}


def main() -> int:
    if sys.argv[1] == "check":
        vector = json.loads(Path(sys.argv[2]).read_text())
    else:
        vector = make(Server(sys.argv[2], sys.argv[3]))
    found = check(vector)
    if sys.argv[1] == "live" and len(sys.argv) > 4:
        Path(sys.argv[4]).write_text(json.dumps(vector, indent=1, ensure_ascii=False) + "\n")
    print(f"bundle: {found['events']} events, {found['signatures']} signatures, {found['receipts']} receipts; "
          f"{len(spoilt(vector['bundle']))} spoilt ones were refused")
    return 0


if __name__ == "__main__":
    sys.exit(main())

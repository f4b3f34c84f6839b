#!/usr/bin/env python3
"""Vectors of the formats that are ours alone: docs/spec/{head-log,receipts,commitments}.md, written a second time.

Shares no code with the Rust crates. Needs `cryptography`, for Ed25519 only.

    python3 scripts/vectors/own_vectors.py           writes crates/ledger/tests/vectors/own.json
    python3 scripts/vectors/own_vectors.py --check   fails if that file is another one
"""

import base64
import hashlib
import hmac
import json
import pathlib
import sys
import uuid

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

FILE = pathlib.Path(__file__).parents[2] / "crates/ledger/tests/vectors/own.json"


def sha(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def u32(n):
    return n.to_bytes(4, "big")


def u64(n):
    return n.to_bytes(8, "big", signed=n < 0)


def text(s):
    data = s.encode()
    return u32(len(data)) + data


def option(value):
    return b"\0" if value is None else b"\1" + value


def noise(label, size=32):
    """Bytes that look random and are the same everywhere."""
    return hashlib.shake_128(label.encode()).digest(size)


def an_id(label):
    return uuid.UUID(bytes=noise(label, 16), version=4)


TENANT, STORE = an_id("tenant"), an_id("store")
SCOPE = TENANT.bytes + STORE.bytes
STREAM_ID = sha(b"VES_STREAM_V1", SCOPE)
SEED, BLINDING_KEY = noise("seed"), noise("blinding key")
KEY = Ed25519PrivateKey.from_private_bytes(SEED)
PUBLIC_KEY = KEY.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


# --- RFC 6962, by its recursion ---------------------------------------------------------------------------------------


def leaf_hash(entry):
    return sha(b"\0", entry)


def split(n):
    k = 1
    while 2 * k < n:
        k *= 2
    return k


def root(leaves):
    if not leaves:
        return sha()
    if len(leaves) == 1:
        return leaves[0]
    k = split(len(leaves))
    return sha(b"\1", root(leaves[:k]), root(leaves[k:]))


def inclusion(m, leaves):
    if len(leaves) == 1:
        return []
    k = split(len(leaves))
    if m < k:
        return inclusion(m, leaves[:k]) + [root(leaves[k:])]
    return inclusion(m - k, leaves[k:]) + [root(leaves[:k])]


def consistency(m, leaves, whole=True):
    if m == len(leaves):
        return [] if whole else [root(leaves)]
    k = split(len(leaves))
    if m <= k:
        return consistency(m, leaves[:k], whole) + [root(leaves[k:])]
    return consistency(m - k, leaves[k:], False) + [root(leaves[:k])]


def covering(begin, end):
    """The largest aligned perfect subtrees over leaves begin .. end, left to right."""
    while begin < end:
        size = begin & -begin or 1 << 62
        while begin + size > end:
            size //= 2
        yield begin, begin + size
        begin += size


# --- Records of the head log ------------------------------------------------------------------------------------------


def salt(number):
    return hmac.new(BLINDING_KEY, STREAM_ID + u64(number), hashlib.sha256).digest()[:16]


def entry_of(number, record):
    return sha(b"VES_HEADB_V1", salt(number), record)


def record(kind, number, data, **fields):
    entry = entry_of(number, data)
    shown = {name: value.hex() if isinstance(value, bytes) else value for name, value in fields.items()}
    return {
        "kind": kind,
        **shown,
        "record": data.hex(),
        "salt_number": number,
        "salt": salt(number).hex(),
        "entry": entry.hex(),
        "leaf_hash": leaf_hash(entry).hex(),
    }


def open_record(created_at):
    data = b"VES_OPEN_V1" + STREAM_ID + u64(1) + u64(created_at)
    return record("OPEN", 0, data, first_sequence=1, created_at_us=created_at)


def head_record(size, previous_plus_one):
    tree = noise(f"root {size}")
    data = b"VES_HEAD_V1" + STREAM_ID + u64(size) + tree + u64(previous_plus_one)
    return record("HEAD", size, data, size=size, root=tree, previous_plus_one=previous_plus_one)


def batch_record(start, end):
    roots = [noise(f"{name} {end}") for name in ("merkle", "previous", "new")]
    data = b"VES_VCMT_V1" + STREAM_ID + u64(start) + u64(end) + b"".join(roots)
    names = ("merkle_root", "previous_state_root", "new_state_root")
    return record("VCMT", end, data, start=start, end=end, **dict(zip(names, roots)))


def records():
    return [
        open_record(1_700_000_000_123_456),
        head_record(1, 0),
        head_record(300, 2),
        batch_record(1, 256),
        head_record(2**63 - 1, 3),
        batch_record(257, 2**63 - 1),
    ]


def checkpoints(found):
    origin = "log.example/vectors"
    leaves = [bytes.fromhex(one["leaf_hash"]) for one in found]
    key_id = sha(origin.encode(), b"\n\x01", PUBLIC_KEY)[:4]
    made = []
    for size in range(1, len(leaves) + 1):
        body = f"{origin}\n{size}\n{base64.b64encode(root(leaves[:size])).decode()}\n"
        signature = base64.b64encode(key_id + KEY.sign(body.encode())).decode()
        made.append({"size": size, "note": f"{body}\n\u2014 {origin} {signature}\n"})
    encoded_key = base64.b64encode(b"\x01" + PUBLIC_KEY).decode()
    verifier = f"{origin}+{key_id.hex()}+{encoded_key}"
    return {"origin": origin, "verifier_key": verifier, "checkpoints": made}


# --- Unsigned events --------------------------------------------------------------------------------------------------


def unsigned(label, form, encrypted, command, base_version, sequence):
    event_id, agent = an_id(label), an_id(f"agent of {label}")
    entity_type, entity_id, event_type = "order", f"{label} \u00e9", "order.created"
    created_at = "2026-01-02T03:04:05.678Z"
    payload_hash, cipher_hash = noise(f"payload {label}"), noise("cipher") if encrypted else bytes(32)
    command_id = an_id(f"command {label}") if command else None
    content = sha(
        b"VES_UNSIGNED_EVENT_V1",
        SCOPE,
        event_id.bytes,
        agent.bytes,
        text(entity_type),
        text(entity_id),
        text(event_type),
        text(created_at),
        bytes([form]),
        payload_hash,
        cipher_hash,
        option(command_id and command_id.bytes),
        option(None if base_version is None else u64(base_version)),
    )
    leaf_salt = noise(f"salt {label}", 16)
    return {
        "event_id": str(event_id),
        "agent_id": str(agent),
        "entity_type": entity_type,
        "entity_id": entity_id,
        "event_type": event_type,
        "created_at": created_at,
        "payload_form": form,
        "payload_hash": payload_hash.hex(),
        "cipher_hash": cipher_hash.hex(),
        "command_id": command_id and str(command_id),
        "base_version": base_version,
        "content_hash": content.hex(),
        "sequence": sequence,
        "salt": leaf_salt.hex(),
        "leaf": sha(b"VES_UNSIGNED_LEAF_V1", SCOPE, u64(sequence), leaf_salt, content).hex(),
    }


# --- Heads and proofs of the stream tree ------------------------------------------------------------------------------


def flush(size, at, key):
    tree = noise(f"root {size}")
    hashed = sha(b"VES_FLUSH_V1", STREAM_ID, u64(size), tree, u64(at), u32(key))
    signature = KEY.sign(hashed)
    return {"size": size, "root": tree.hex(), "signed_at_us": at, "key": key, "hash": hashed.hex(), "signature": signature.hex()}


def stream_tree():
    entries = [noise(f"leaf {n}") for n in range(21)]
    leaves = [leaf_hash(entry) for entry in entries]
    hexed = lambda hashes: [one.hex() for one in hashes]
    ranges = []
    for first, end, size in [(0, 1, 1), (0, 21, 21), (3, 4, 21), (5, 11, 13), (7, 20, 21), (16, 21, 21), (20, 21, 21)]:
        tree = leaves[:size]
        # To the left the subtrees of a tree of `first` leaves: largest first, and so aligned.
        left = [root(tree[a:b]) for a, b in covering(0, first)]
        right = [root(tree[a:b]) for a, b in covering(end, size)]
        ranges.append({"first": first, "end": end, "size": size, "left": hexed(left), "right": hexed(right)})
    return {
        "entries": hexed(entries),
        "roots": hexed(root(leaves[:size]) for size in range(len(leaves) + 1)),
        "inclusion": [
            {"index": index, "size": size, "path": hexed(inclusion(index, leaves[:size]))}
            for index, size in [(0, 1), (0, 21), (7, 8), (7, 9), (8, 9), (12, 21), (20, 21)]
        ],
        "consistency": [
            {"old": old, "new": new, "path": hexed(consistency(old, leaves[:new]))}
            for old, new in [(1, 2), (3, 7), (4, 7), (8, 21), (13, 21), (20, 21), (21, 21)]
        ],
        "ranges": ranges,
    }


def main():
    found = records()
    vectors = {
        "tenant_id": str(TENANT),
        "store_id": str(STORE),
        "stream_id": STREAM_ID.hex(),
        "signing_seed": SEED.hex(),
        "public_key": PUBLIC_KEY.hex(),
        "blinding_key": BLINDING_KEY.hex(),
        "records": found,
        "log": checkpoints(found),
        "unsigned_events": [
            unsigned("plain", 2, False, False, None, 1),
            unsigned("canonical", 3, False, True, 0, 256),
            unsigned("encrypted", 1, True, True, 2**63, 2**63 - 1),
            unsigned("versioned", 0, False, False, 17, 42),
        ],
        "flush_heads": [flush(1, 1_700_000_000_000_000, 1), flush(2**63 - 1, 1, 2**32 - 1)],
        "stream_tree": stream_tree(),
    }
    written = json.dumps(vectors, indent=1, ensure_ascii=True) + "\n"
    if "--check" in sys.argv[1:]:
        if FILE.read_text() != written:
            sys.exit(f"{FILE.name} is not what this script writes")
        return
    FILE.write_text(written)


if __name__ == "__main__":
    main()

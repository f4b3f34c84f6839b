"""The bytes of VES, written a second time from the published tables: hashes, signatures, encryption.

Nothing here is shared with the server. SHA-256 is Python's, Ed25519, AES-GCM and HPKE are OpenSSL's (through
`cryptography`), canonical JSON is the `rfc8785` package.
"""

import hashlib
import json
import os
import uuid
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field

import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

ZERO = bytes(32)
HPKE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)


def sha256(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


def u8(value: int) -> bytes:
    return value.to_bytes(1, "big")


def u32(value: int) -> bytes:
    return value.to_bytes(4, "big")


def u64(value: int) -> bytes:
    return value.to_bytes(8, "big")


def i64(value: int) -> bytes:
    return value.to_bytes(8, "big", signed=True)


def enc_str(text: str) -> bytes:
    data = text.encode()
    return u32(len(data)) + data


def raw_uuid(text: str) -> bytes:
    return uuid.UUID(text).bytes


def unhex(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))


def b64u(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def un_b64u(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def canonical(payload_text: str) -> bytes:
    """RFC 8785 of JSON text; every number is an IEEE double there, integers too."""
    return rfc8785.dumps(json.loads(payload_text, parse_int=float))


@dataclass(frozen=True)
class Scope:
    """A stream: one store of one tenant."""

    tenant: str
    store: str

    @property
    def raw(self) -> bytes:
        return raw_uuid(self.tenant) + raw_uuid(self.store)

    @property
    def stream_id(self) -> bytes:
        return sha256(b"VES_STREAM_V1", self.raw)


@dataclass
class Agent:
    """An agent with one Ed25519 key."""

    agent_id: str
    key_id: int
    secret: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)

    @property
    def public(self) -> bytes:
        return self.secret.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)

    def proof_of_possession(self) -> bytes:
        return self.secret.sign(sha256(b"VES_POP_V1", self.public))


def verifies(public: bytes, message: bytes, signature: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
        return True
    except InvalidSignature:
        return False


def plain_hash(payload_text: str, salt: bytes = b"") -> bytes:
    """Payload hash; an encrypted payload is salted."""
    return sha256(b"VES_PAYLOAD_PLAIN_V1", salt, canonical(payload_text))


def controls(command_id: str | None, base_version: int | None) -> bytes:
    """The execution controls that version 2 signs, each with a presence byte."""
    command = b"\x00" if command_id is None else b"\x01" + raw_uuid(command_id)
    base = b"\x00" if base_version is None else b"\x01" + u64(base_version)
    return command + base


def signing_hash(e: dict) -> bytes:
    """What the agent signs, from the members of an envelope."""
    inner = sha256(
        b"VES_EVENTSIG_V1",
        u32(e["ves_version"]),
        raw_uuid(e["tenant_id"]),
        raw_uuid(e["store_id"]),
        raw_uuid(e["event_id"]),
        raw_uuid(e["source_agent_id"]),
        u32(e["agent_key_id"]),
        enc_str(e["entity_type"]),
        enc_str(e["entity_id"]),
        enc_str(e["event_type"]),
        enc_str(e["created_at"]),
        u32(e["payload_kind"]),
        unhex(e["payload_plain_hash"]),
        unhex(e["payload_cipher_hash"]),
    )
    if e["ves_version"] == 1:
        return inner
    return sha256(b"VES_EVENTSIG_V2", inner, controls(e.get("command_id"), e.get("base_version")))


def leaf(scope: Scope, sequence: int, content_hash: bytes, signature: bytes) -> bytes:
    """Leaf of a signed event."""
    return sha256(b"VES_LEAF_V1", scope.raw, u64(sequence), content_hash, signature)


def receipt_hash(scope: Scope, event_id: str, sequence: int, content_hash: bytes) -> bytes:
    return sha256(b"VES_RECEIPT_V1", scope.raw, raw_uuid(event_id), u64(sequence), content_hash)


def flush_hash(stream_id: bytes, size: int, root: bytes, at_us: int, key_version: int) -> bytes:
    """What the sequencer signs once per flush: the stream's head."""
    return sha256(b"VES_FLUSH_V1", stream_id, u64(size), root, i64(at_us), u32(key_version))


def state_root(stream_id: bytes, previous: bytes, merkle_root: bytes, start: int, end: int, count: int) -> bytes:
    return sha256(b"VES_STATE_ROOT_V1", stream_id, previous, merkle_root, u64(start), u64(end), u32(count))


# Unsigned events of the first API. ----------------------------------------------------------------------------------

LEGACY_SORTED, LEGACY_CANONICAL = 2, 3


def legacy_payload_hash(payload_text: str) -> bytes:
    """SHA-256 of sorted compact JSON. Only for payloads without fractions, whose digits Python would not keep."""
    value = json.loads(payload_text)
    return sha256(json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode())


def unsigned_hash(e: dict, form: int) -> bytes:
    """Every member of an unsigned envelope by the same encoding rules."""
    return sha256(
        b"VES_UNSIGNED_EVENT_V1",
        raw_uuid(e["tenant_id"]),
        raw_uuid(e["store_id"]),
        raw_uuid(e["event_id"]),
        raw_uuid(e["source_agent"]),
        enc_str(e["entity_type"]),
        enc_str(e["entity_id"]),
        enc_str(e["event_type"]),
        enc_str(e["created_at"]),
        u8(form),
        unhex(e["payload_hash"]),
        ZERO,
        controls(e.get("command_id"), e.get("base_version")),
    )


def unsigned_leaf(scope: Scope, sequence: int, salt: bytes, content_hash: bytes) -> bytes:
    return sha256(b"VES_UNSIGNED_LEAF_V1", scope.raw, u64(sequence), salt, content_hash)


# Encrypted payloads (VES-ENC-1 as the published servers have it). ---------------------------------------------------


def payload_aad(e: dict) -> bytes:
    return sha256(
        b"VES_PAYLOAD_AAD_V1",
        raw_uuid(e["tenant_id"]),
        raw_uuid(e["store_id"]),
        raw_uuid(e["event_id"]),
        raw_uuid(e["source_agent_id"]),
        u32(e["agent_key_id"]),
        enc_str(e["entity_type"]),
        enc_str(e["entity_id"]),
        enc_str(e["event_type"]),
        enc_str(e["created_at"]),
        unhex(e["payload_plain_hash"]),
    )


def cipher_hash(encrypted: dict, aad: bytes) -> bytes:
    recipients = [b"VES_RECIPIENTS_V1"]
    for recipient in encrypted["recipients"]:
        enc, ct = un_b64u(recipient["enc_b64u"]), un_b64u(recipient["ct_b64u"])
        recipients += [u32(recipient["recipient_kid"]), u32(len(enc)), enc, u32(len(ct)), ct]
    ciphertext = un_b64u(encrypted["ciphertext_b64u"])
    return sha256(
        b"VES_PAYLOAD_CIPHER_V1",
        u32(1),
        un_b64u(encrypted["nonce_b64u"]),
        aad,
        u32(len(ciphertext)),
        ciphertext,
        un_b64u(encrypted["tag_b64u"]),
        sha256(*recipients),
    )


def encrypt(
    e: dict, payload_text: str, recipients: dict[int, X25519PrivateKey], claimed: str | None = None
) -> None:
    """Encrypts the payload for the recipients and sets the envelope's kind, hashes and `payload_encrypted`.

    `claimed`: another payload, for whose hash a liar's event stands."""
    salt, key, nonce = os.urandom(16), os.urandom(32), os.urandom(12)
    e["payload_kind"] = 1
    e["payload_plain_hash"] = "0x" + plain_hash(claimed or payload_text, salt).hex()
    aad = payload_aad(e)
    sealed = AESGCM(key).encrypt(nonce, salt + canonical(payload_text), aad)
    wraps = []
    for kid, secret in sorted(recipients.items()):
        wrapped = HPKE.encrypt(key, secret.public_key(), info=aad)
        wraps.append({"recipient_kid": kid, "enc_b64u": b64u(wrapped[:32]), "ct_b64u": b64u(wrapped[32:])})
    e["payload_encrypted"] = {
        "enc_version": 1,
        "aead": "AES-256-GCM",
        "nonce_b64u": b64u(nonce),
        "ciphertext_b64u": b64u(sealed[:-16]),
        "tag_b64u": b64u(sealed[-16:]),
        "hpke": {"mode": "base", "kem": "X25519-HKDF-SHA256", "kdf": "HKDF-SHA256", "aead": "AES-256-GCM"},
        "recipients": wraps,
    }
    e["payload_cipher_hash"] = "0x" + cipher_hash(e["payload_encrypted"], aad).hex()


def decrypt(e: dict, encrypted: dict, kid: int, secret: X25519PrivateKey) -> bytes:
    """The canonical payload of an encrypted event, after checking its salted hash; raises if anything was changed."""
    aad = payload_aad(e)
    wrap = next(wrap for wrap in encrypted["recipients"] if wrap["recipient_kid"] == kid)
    key = HPKE.decrypt(un_b64u(wrap["enc_b64u"]) + un_b64u(wrap["ct_b64u"]), secret, info=aad)
    sealed = un_b64u(encrypted["ciphertext_b64u"]) + un_b64u(encrypted["tag_b64u"])
    opened = AESGCM(key).decrypt(un_b64u(encrypted["nonce_b64u"]), sealed, aad)
    if sha256(b"VES_PAYLOAD_PLAIN_V1", opened) != unhex(e["payload_plain_hash"]):
        raise ValueError("the decrypted payload has another hash")
    return opened[16:]

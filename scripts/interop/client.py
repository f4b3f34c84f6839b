#!/usr/bin/env python3
"""A client of the sequencer that shares no code with it: registers an agent, pushes, and believes nothing it is told.

Usage: client.py BASE_URL API_KEY FOLDER

Writes what the Go program needs to FOLDER, and FOLDER/python.json, the tally of what was checked.
"""

import json
import sys
import uuid
from base64 import b64decode
from pathlib import Path

import rfc8785
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

import ves
from headlog import HeadLog
from proofs import Prover
from push import Stream, flip
from readback import read_back, read_key_stream
from rows import By, What
from scenario import push_everything
from ves import Agent, Scope, sha256, unhex
from wire import Server, Tally

# So many that the head log fills more than one tile: each adds at least two entries.
OTHER_STREAMS = 150


def main() -> int:
    base, key, folder = sys.argv[1], sys.argv[2], Path(sys.argv[3])
    server, tally = Server(base, key), Tally()
    sequencer = server.get("/.well-known/ves-keys", public=True)
    keys = {key["keyVersion"]: unhex(key["publicKey"]) for key in sequencer["keys"]}
    check_verifier_key(tally, sequencer, keys)

    scope = Scope(str(uuid.uuid4()), str(uuid.uuid4()))
    agent = Agent(str(uuid.uuid4()), 1)
    register(server, tally, scope, agent)
    check_directory(server, tally, scope, agent, keys)

    log = HeadLog(server, tally, sequencer["logVerifierKey"])
    stream = Stream(server, tally, scope, keys)
    recipients = {1: X25519PrivateKey.generate(), 7: X25519PrivateKey.generate()}
    secrets = push_everything(stream, agent, recipients, log)
    size = max(stream.heads)
    tally.check(What.SIZES, By.CLIENT, size > 256 and size & (size - 1) != 0, size)
    stream.finish(size)

    read_back(stream, agent, secrets, recipients)
    read_key_stream(server, tally, agent, scope.tenant, keys)
    prover = Prover(stream)
    prover.commit(size)
    prover.include(size)
    prover.continue_(size)
    log.many_streams(stream, agent.agent_id, OTHER_STREAMS)
    log.mirror(folder)

    signatures = stream.signatures + agent_signatures(stream, agent)
    evidence = {
        **log.evidence(),
        "streamId": scope.stream_id.hex(),
        "leaves": [stream.placed[sequence].leaf.hex() for sequence in range(1, size + 1)],
        "heads": [{"size": head.size, "root": head.root.hex()} for head in stream.heads.values()],
        "inclusions": prover.inclusions,
        "consistencies": prover.consistencies,
        "signatures": [
            {"what": what, "key": key.hex(), "message": message.hex(), "signature": signature.hex()}
            for what, key, message, signature in signatures
        ],
    }
    (folder / "evidence.json").write_text(json.dumps(evidence))
    tally.save(folder / "python.json")
    return 1 if tally.failures else 0


def agent_signatures(stream: Stream, agent: Agent) -> list[tuple[str, bytes, bytes, bytes]]:
    signed = [placed.event for placed in stream.placed.values() if placed.event.signature is not None]
    return [(What.AGENT, agent.public, event.content_hash, event.signature) for event in signed]


def register(server: Server, tally: Tally, scope: Scope, agent: Agent) -> None:
    """Registers the agent's key, which needs a proof that the registrant holds its secret."""
    body = {
        "tenantId": scope.tenant,
        "agentId": agent.agent_id,
        "keyId": agent.key_id,
        "publicKey": agent.public.hex(),
        "keyAlgorithm": "ed25519",
        "proofOfPossessionBundle": {"ed25519Pop": agent.proof_of_possession().hex()},
    }
    false_proof = {"ed25519Pop": Agent("", 0).proof_of_possession().hex()}
    for proof in (None, false_proof):
        refused = {**body, "proofOfPossessionBundle": proof}
        status, reply = server.request("POST", "/api/v1/agents/keys", json.dumps(refused).encode())
        code = json.loads(reply).get("code")
        tally.equal(What.REGISTER, By.CLIENT, (status, code), (400, "INVALID_PROOF_OF_POSSESSION"))
    for _ in range(2):
        reply = json.loads(server.post("/api/v1/agents/keys", body))
        tally.check(What.REGISTER, By.CLIENT, reply["success"], reply)
    other = Agent(agent.agent_id, agent.key_id)
    taken = {
        **body,
        "publicKey": other.public.hex(),
        "proofOfPossessionBundle": {"ed25519Pop": other.proof_of_possession().hex()},
    }
    status, reply = server.request("POST", "/api/v1/agents/keys", json.dumps(taken).encode())
    found = status, json.loads(reply).get("code")
    tally.equal(What.REGISTER, By.CLIENT, found, (409, "ALREADY_EXISTS"))


def check_directory(server: Server, tally: Tally, scope: Scope, agent: Agent, keys: dict[int, bytes]) -> None:
    """The agent's keys, signed by the sequencer over the RFC 8785 form of the directory."""
    directory = server.get(f"/api/v1/agents/{agent.agent_id}/signing-keys", tenant_id=scope.tenant)
    signature = unhex(directory.pop("directorySignature"))
    hashed = sha256(b"VES_KEYDIR_V1", rfc8785.dumps(directory))
    current = keys[max(keys)]
    tally.check(What.DIRECTORY, By.CRYPTO, ves.verifies(current, hashed, signature))
    tally.refused(What.DIRECTORY, By.CRYPTO, not ves.verifies(current, flip(hashed), signature))
    listed = [(key["keyId"], unhex(key["publicKey"]), key["status"]) for key in directory["keys"]]
    tally.equal(What.DIRECTORY, By.CRYPTO, listed, [(agent.key_id, agent.public, "active")])


def check_verifier_key(tally: Tally, sequencer: dict, keys: dict[int, bytes]) -> None:
    """`name+id+base64` of the head log, whose id follows from name and key, and whose key is the sequencer's."""
    name, key_id, encoded = sequencer["logVerifierKey"].split("+", 2)
    key = b64decode(encoded)
    current = next(unhex(k["publicKey"]) for k in sequencer["keys"] if k["current"])
    found = name, bytes.fromhex(key_id), key
    expected = sequencer["logOrigin"], sha256(name.encode(), b"\n", key)[:4], b"\x01" + current
    tally.equal(What.VERIFIER_KEY, By.OWN, found, expected)
    tally.equal(What.VERIFIER_KEY, By.OWN, keys[max(keys)], current)


if __name__ == "__main__":
    sys.exit(main())

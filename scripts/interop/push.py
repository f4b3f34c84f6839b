"""Pushing batches, and checking everything a reply claims."""

import json
import threading
from dataclasses import dataclass
from functools import partial

import ves
from events import Event
from rows import By, What
from trees import Refused, StreamTree, verify_range
from ves import Scope, unhex
from wire import Server, Tally, elements, members


VES_INGEST = "/api/v1/ves/events/ingest"
LEGACY_INGEST = "/api/v1/events/ingest"


@dataclass
class Placed:
    """An event with its place, and its receipt in the text it came in."""

    event: Event
    sequence: int
    leaf: bytes
    receipt: str


@dataclass
class Head:
    """A signed head of the stream."""

    size: int
    root: bytes
    signed_hash: bytes
    signature: bytes
    key_version: int


class Stream:
    """One stream as this client knows it, from the replies to what it pushed."""

    def __init__(self, server: Server, tally: Tally, scope: Scope, sequencer_keys: dict[int, bytes]) -> None:
        self.server, self.tally, self.scope, self.sequencer_keys = server, tally, scope, sequencer_keys
        self.placed: dict[int, Placed] = {}
        self.heads: dict[int, Head] = {}
        # Paths of single events: checked when all leaves are known.
        self.paths: list[tuple[Placed, int, bytes, list[bytes]]] = []
        # Public key, message and signature of everything that was verified, for another implementation to repeat.
        self.signatures: list[tuple[str, bytes, bytes, bytes]] = []
        self.tree = StreamTree()
        self.lock = threading.Lock()

    # Pushing. -------------------------------------------------------------------------------------------------------

    def push(self, batch: list[Event], options: str = "", rejected: int = 0) -> tuple[dict, str]:
        """Pushes signed events; checks receipts, head and range proof of the reply."""
        return self._push(VES_INGEST, batch[0].envelope["source_agent_id"], batch, options, rejected)

    def push_unsigned(self, batch: list[Event], options: str = "") -> tuple[dict, str]:
        return self._push(LEGACY_INGEST, batch[0].envelope["source_agent"], batch, options, 0)

    def body(self, path: str, agent_id: str, batch: list[Event]) -> bytes:
        name = "agentId" if path == VES_INGEST else "agent_id"
        return f'{{"{name}":"{agent_id}","events":[{",".join(event.text() for event in batch)}]}}'.encode()

    def _push(self, path: str, agent_id: str, batch: list[Event], options: str, rejected: int) -> tuple[dict, str]:
        text = self.server.post(path + options, self.body(path, agent_id, batch))
        with self.lock:
            reply = json.loads(text)
            self._check_reply(batch, reply, text, options, rejected, flat=path == LEGACY_INGEST)
        return reply, text

    # Checking a reply. ----------------------------------------------------------------------------------------------

    def _check_reply(self, batch: list[Event], reply: dict, text: str, options: str, rejected: int, flat: bool) -> None:
        counts = "eventsAccepted", "eventsDuplicate", "eventsRejected", "sequenceStart", "sequenceEnd"
        if flat:
            counts = "events_accepted", "events_duplicate", "events_rejected"
            counts += "assigned_sequence_start", "assigned_sequence_end"
        accepted, duplicate, refused, start, end = (reply[name] for name in counts)
        equal = self.tally.equal
        equal(What.REPLY, By.CLIENT, (accepted + duplicate, refused), (len(batch) - rejected, rejected))
        raw = members(text)
        receipts = elements(raw["receipts"]) if "receipts" in raw else []
        equal(What.REPLY, By.CLIENT, len(receipts), accepted + duplicate, "receipts")
        by_id = {event.event_id: event for event in batch}
        new = []
        for receipt in receipts:
            placed = self._check_receipt(by_id, receipt, "receipts=flush" in options, flat)
            fields = json.loads(receipt)
            if not fields.get("duplicate", False):
                new.append(placed)
            if "path" in fields:
                head, path = reply["stream"], [unhex(sibling) for sibling in fields["path"]]
                self.paths.append((placed, head["size"], unhex(head["root"]), path))
        equal(What.REPLY, By.CLIENT, len(new), accepted, "new events")
        sequences = [placed.sequence for placed in new]
        if new:
            equal(What.ORDER, By.CLIENT, sequences, list(range(start, end + 1)))
        if accepted + duplicate:
            self._check_head(reply["stream"], new)

    def _check_receipt(self, by_id: dict[str, Event], text: str, flush: bool, flat: bool) -> Placed:
        receipt = json.loads(text)
        name = (lambda camel: _snake(camel)) if flat else (lambda camel: camel)
        event = by_id[receipt[name("eventId")]]
        sequence = receipt[name("sequenceNumber")]
        tally, scope = self.tally, self.scope
        expected = ves.receipt_hash(scope, event.event_id, sequence, event.content_hash)
        tally.equal(What.RECEIPT_HASH, By.OWN, unhex(receipt[name("receiptHash")]), expected, event.event_id)
        found_leaf = unhex(receipt[name("leafHash")])
        if event.signature is not None:
            leaf = ves.leaf(scope, sequence, event.content_hash, event.signature)
            tally.equal(What.LEAF, By.OWN, found_leaf, leaf, event.event_id)
        algorithm, signature = receipt[name("signatureAlg")], unhex(receipt[name("sequencerSignature")])
        if flush:
            tally.equal(What.REPLY, By.CLIENT, (algorithm, signature), ("flush", b""))
        else:
            key = self.sequencer_keys[receipt[name("sequencerKeyVersion")]]
            holds = algorithm == "ed25519" and ves.verifies(key, expected, signature)
            tally.check(What.RECEIPT, By.CRYPTO, holds, event.event_id)
            self.signatures.append((What.RECEIPT, key, expected, signature))
            tally.refused(What.RECEIPT, By.CRYPTO, not ves.verifies(key, flip(expected), signature))
        known = self.placed.get(sequence)
        if known is None:
            # A duplicate that is new to us was sequenced by a request whose reply was lost.
            known = self.placed[sequence] = Placed(event, sequence, found_leaf, text)
        elif not tally.check(What.ORDER, By.CLIENT, known.event.event_id == event.event_id, sequence):
            raise RuntimeError(f"sequence {sequence} was given to two events")
        tally.equal(What.ORDER, By.CLIENT, found_leaf, known.leaf, sequence)
        return known

    def _check_head(self, stream: dict, new: list[Placed]) -> None:
        root, size = unhex(stream["root"]), stream["size"]
        stream_id = self.scope.stream_id
        tally = self.tally
        tally.equal(What.RECEIPT_HASH, By.OWN, unhex(stream["streamId"]), stream_id)
        hashed = ves.flush_hash(stream_id, size, root, stream["signedAtUs"], stream["keyVersion"])
        head = Head(size, root, hashed, unhex(stream["signature"]), stream["keyVersion"])
        key = self.sequencer_keys[head.key_version]
        holds = ves.verifies(key, hashed, head.signature)
        tally.check(What.HEAD, By.CRYPTO, holds, size)
        self.signatures.append((What.HEAD, key, hashed, head.signature))
        tally.refused(What.HEAD, By.CRYPTO, not ves.verifies(key, flip(hashed), head.signature), size)
        known = self.heads.setdefault(size, head)
        tally.equal(What.ORDER, By.CLIENT, root, known.root, size)
        if not new:
            return
        first, leaves = new[0].sequence - 1, [placed.leaf for placed in new]
        proof = stream["rangeProof"]
        tally.equal(What.RANGE, By.OWN, (proof["firstIndex"], proof["count"]), (first, len(leaves)))
        left, right = [unhex(h) for h in proof["left"]], [unhex(h) for h in proof["right"]]
        tally.proves(What.RANGE, By.OWN, partial(verify_range, first, leaves, size, left, right, root), size)
        forged = [
            (first, [flip(leaves[0]), *leaves[1:]], size, left, right, root),
            (first, leaves, size, left, right, flip(root)),
            (first, leaves, size, [*left, root], right, root),
        ]
        if left:
            forged.append((first, leaves, size, [flip(left[0]), *left[1:]], right, root))
        if right:
            forged.append((first, leaves, size, left, [*right[:-1], flip(right[-1])], root))
        for arguments in forged:
            tally.refuses(What.RANGE, By.OWN, partial(verify_range, *arguments), Refused, size)

    # When all is pushed. --------------------------------------------------------------------------------------------

    def finish(self, head_sequence: int) -> None:
        """Builds the whole tree from the leaves and holds every signed head and single path against it."""
        tally = self.tally
        tally.equal(What.ORDER, By.CLIENT, sorted(self.placed), list(range(1, head_sequence + 1)))
        for sequence in range(1, head_sequence + 1):
            self.tree.append(self.placed[sequence].leaf)
        for size, head in sorted(self.heads.items()):
            tally.equal(What.STREAM_ROOT, By.PYMERKLE, self.tree.root(size), head.root, size)
        for placed, size, root, path in self.paths:
            self.check_path(What.INCLUSION, placed, size, root, path)
        sizes = sorted(self.heads)
        for old, new in zip(sizes, sizes[1:], strict=False):
            verify = partial(self.tree.verify_consistency, old, new)
            old_root, new_root = self.heads[old].root, self.heads[new].root
            tally.proves(What.CONSISTENCY, By.PYMERKLE, partial(verify, old_root, new_root), (old, new))
            tally.refuses(What.CONSISTENCY, By.PYMERKLE, partial(verify, flip(old_root), new_root), Refused)

    def check_path(self, what: str, placed: Placed, size: int, root: bytes, path: list[bytes]) -> None:
        """Has pymerkle verify that an event is in the stream tree, and refuse another event and another root."""
        verify, tally, sequence = self.tree.verify_inclusion, self.tally, placed.sequence
        tally.proves(what, By.PYMERKLE, partial(verify, placed.leaf, sequence, size, path, root), (sequence, size))
        for leaf, false_root in [(flip(placed.leaf), root), (placed.leaf, flip(root))]:
            forged = partial(verify, leaf, sequence, size, path, false_root)
            tally.refuses(What.INCLUSION, By.PYMERKLE, forged, Refused, (sequence, size))


def flip(data: bytes) -> bytes:
    """The same bytes, one bit changed in the middle."""
    at = len(data) // 2
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def _snake(camel: str) -> str:
    return "".join("_" + letter.lower() if letter.isupper() else letter for letter in camel)

"""Commitments and proofs the server gives, checked with what this client computed itself."""

import json
from functools import partial

import ves
from push import Stream, flip
from rows import By, What
from trees import Refused, batch_root, verify_batch_path, verify_consistency
from ves import unhex

VES_COMMITMENTS = "/api/v1/ves/commitments"


class Prover:
    """Asks for proofs of one stream and keeps those of the stream tree for the Go program."""

    def __init__(self, stream: Stream) -> None:
        self.stream, self.server, self.tally = stream, stream.server, stream.tally
        self.where = {"tenant_id": stream.scope.tenant, "store_id": stream.scope.store}
        self.inclusions: list[dict] = []
        self.logged_heads: list[dict] = []
        self.consistencies: list[dict] = []

    # VES batches. ---------------------------------------------------------------------------------------------------

    def commit(self, size: int) -> None:
        """Commits the stream in batches of several shapes; checks every batch, the chain of state roots, and proofs."""
        early = self._status("GET", f"/api/v1/ves/proofs/5?{self._query()}")
        self.tally.equal(What.BATCHES, By.CLIENT, early, (404, "BATCH_NOT_FOUND"))
        # One leaf, padding, a full tree, padding again; then the rest, wherever it ends.
        ranges = [(1, 1), (2, 4), (5, 68), (69, 168), (169, None)]
        made = []
        for start, end in ranges:
            gap = self._commit_refused(start + 1, end)
            self.tally.equal(What.BATCHES, By.CLIENT, gap, (409, "SEQUENCE_GAP"), start)
            made.append(self._commit(start, end))
            self.tally.equal(What.BATCHES, By.CLIENT, self._commit(start, end), made[-1])
        inside = self._commit(70, 100)
        self.tally.equal(What.BATCHES, By.CLIENT, inside, made[3], "inside of a batch")
        across = self._commit_refused(60, 80)
        self.tally.equal(What.BATCHES, By.CLIENT, across, (409, "SEQUENCE_GAP"), "across two")
        listed = self.server.get(VES_COMMITMENTS, **self.where)["commitments"]
        self.tally.equal(What.BATCHES, By.CLIENT, listed, made)
        flat = self.server.get("/api/v1/commitments", **self.where)["commitments"]
        self.tally.equal(What.BATCHES, By.CLIENT, flat, [_flat(batch) for batch in made], "names of the first API")
        self._check_chain(made, size)
        for batch in made:
            found = self.server.get(f"{VES_COMMITMENTS}/{batch['batch_id']}")
            self.tally.equal(What.BATCHES, By.CLIENT, found, batch)
            self._check_batch_proofs(batch)

    def _query(self) -> str:
        return "&".join(f"{name}={value}" for name, value in self.where.items())

    def _status(self, method: str, path: str, body: dict | None = None) -> tuple[int, str]:
        status, reply = self.server.request(method, path, None if body is None else json.dumps(body).encode())
        return status, json.loads(reply).get("code")

    def _range(self, start: int, end: int | None) -> dict:
        named = {"sequence_start": start, "sequence_end": end}
        return {**self.where, **{name: value for name, value in named.items() if value is not None}}

    def _commit(self, start: int, end: int | None) -> dict:
        return json.loads(self.server.post(VES_COMMITMENTS, self._range(start, end)))

    def _commit_refused(self, start: int, end: int | None) -> tuple[int, str]:
        return self._status("POST", VES_COMMITMENTS, self._range(start, end and max(start, end)))

    def _check_chain(self, batches: list[dict], size: int) -> None:
        stream, previous, following = self.stream, ves.ZERO, 1
        for batch in batches:
            start, end = batch["sequence_start"], batch["sequence_end"]
            leaves = [stream.placed[sequence].leaf for sequence in range(start, end + 1)]
            root, depth, padded = batch_root(leaves)
            shape = start, batch["leaf_count"], batch["tree_depth"], batch["padded_leaf_count"]
            self.tally.equal(What.BATCH_ROOT, By.OWN, shape, (following, len(leaves), depth, padded))
            self.tally.equal(What.BATCH_ROOT, By.OWN, unhex(batch["merkle_root"]), root, start)
            state = ves.state_root(stream.scope.stream_id, previous, root, start, end, len(leaves))
            found = unhex(batch["prev_state_root"]), unhex(batch["new_state_root"])
            self.tally.equal(What.CHAIN, By.OWN, found, (previous, state), start)
            previous, following = state, end + 1
        self.tally.equal(What.CHAIN, By.OWN, following, size + 1, "reaches the head")

    def _check_batch_proofs(self, batch: dict) -> None:
        start, end, root = batch["sequence_start"], batch["sequence_end"], unhex(batch["merkle_root"])
        for sequence in sorted({start, end, *range(start, end + 1, 3)}):
            proof = self.server.get(f"/api/v1/ves/proofs/{sequence}", **self.where)
            placed = self.stream.placed[sequence]
            place = proof["batch_id"], proof["leaf_index"], proof["leaf_count"], unhex(proof["merkle_root"])
            expected = batch["batch_id"], sequence - start, batch["leaf_count"], root
            kind = "unsigned" if placed.event.signature is None else "ves"
            self.tally.equal(What.BATCHES, By.CLIENT, (*place, proof["leaf_kind"]), (*expected, kind), sequence)
            path = [unhex(sibling) for sibling in proof["proof_path"]]
            index = sequence - start
            honest = partial(verify_batch_path, placed.leaf, index, path, proof["directions"], root)
            self.tally.proves(What.BATCH_PROOF, By.OWN, honest, sequence)
            forged = [(flip(placed.leaf), index, path, root), (placed.leaf, index, path, flip(root))]
            if path:
                forged.append((placed.leaf, index, [flip(path[0]), *path[1:]], root))
                forged.append((placed.leaf, index ^ 1, path, root))
            for leaf, at, siblings, claimed in forged:
                false = partial(verify_batch_path, leaf, at, siblings, None, claimed)
                self.tally.refuses(What.BATCH_PROOF, By.OWN, false, Refused, sequence)
            self._ask_server(proof, sequence)

    def _ask_server(self, proof: dict, sequence: int) -> None:
        """The server's own check agrees with ours, with and without the leaf count."""
        request = {name: proof[name] for name in ("leaf_hash", "merkle_root", "proof_path", "leaf_index", "leaf_count")}
        published = {name: value for name, value in request.items() if name != "leaf_count"}
        tampered = {**request, "leaf_hash": flip(unhex(proof["leaf_hash"])).hex()}
        for body, valid in ((request, True), (published, True), (tampered, False)):
            verdict = json.loads(self.server.post("/api/v1/ves/proofs/verify", body))
            reason = verdict.pop("reason", None)
            echo = {name: body[name] for name in ("leaf_hash", "merkle_root")}
            expected = {"valid": valid, **echo, "strict": "leaf_count" in body}
            self.tally.equal(What.PAGES, By.CLIENT, (verdict, reason is None), (expected, valid), sequence)

    # Stream tree. ---------------------------------------------------------------------------------------------------

    def include(self, size: int) -> None:
        """Proofs that events are in the stream tree, at several of its sizes."""
        for sequence in sorted({1, 2, 3, 128, 255, 256, 257, size - 1, size, *range(1, size, 29)}):
            sizes = {sequence, min(sequence + 1, size), *(s for s in (255, 256, 257, size) if s >= sequence)}
            for tree_size in sorted(sizes):
                self._include(sequence, tree_size)
        newest = self._include(size, None)
        logged = newest["logged_head"]
        found = newest["tree_size"], newest["root"]
        self.tally.equal(What.PAGES, By.CLIENT, found, (logged["size"], logged["root"]))

    def _include(self, sequence: int, tree_size: int | None) -> dict:
        asked = {} if tree_size is None else {"tree_size": tree_size}
        proof = self.server.get("/api/v1/proofs/inclusion", **self.where, sequence=sequence, **asked)
        placed, stream, size = self.stream.placed[sequence], self.stream, proof["tree_size"]
        root, path = unhex(proof["root"]), [unhex(sibling) for sibling in proof["path"]]
        place = unhex(proof["stream_id"]), unhex(proof["leaf_hash"]), proof["leaf_index"]
        self.tally.equal(What.LEAF, By.OWN, place, (stream.scope.stream_id, placed.leaf, sequence - 1))
        stream.check_path(What.INCLUSION, placed, size, root, path)
        signed = proof.get("signed_head")
        if signed is not None:
            at, version = signed["signed_at_us"], signed["key_version"]
            hashed = ves.flush_hash(stream.scope.stream_id, size, root, at, version)
            holds = ves.verifies(stream.sequencer.keys[version], hashed, unhex(signed["signature"]))
            self.tally.check(What.HEAD, By.CRYPTO, holds, size)
        if proof["logged_head"] not in self.logged_heads:
            self.logged_heads.append(proof["logged_head"])
        kept = {"leaf": proof["leaf_hash"], "index": proof["leaf_index"], "size": size, "root": proof["root"]}
        self.inclusions.append({**kept, "path": proof["path"]})
        return proof

    def continue_(self, size: int) -> None:
        """Proofs that the stream tree at one size continues the tree at another."""
        pairs = [(1, 2), (1, size), (2, 3), (64, 65), (127, 128), (128, 256), (255, 256), (256, 257), (255, size)]
        pairs += [(256, size), (257, size), (size - 1, size), (size, size)]
        heads = sorted(self.stream.heads)
        pairs += list(zip(heads, heads[1:], strict=False))
        for old, new in pairs:
            asked = {"from_size": old, "to_size": new}
            proof = self.server.get("/api/v1/proofs/consistency", **self.where, **asked)
            named = unhex(proof["stream_id"]), proof["from_size"], proof["to_size"]
            self.tally.equal(What.CONSISTENCY, By.OWN, named, (self.stream.scope.stream_id, old, new))
            roots = unhex(proof["from_root"]), unhex(proof["to_root"])
            path = [unhex(node) for node in proof["path"]]
            tree = self.stream.tree
            expected = tree.root(old), tree.root(new)
            self.tally.equal(What.STREAM_ROOT, By.PYMERKLE, roots, expected, (old, new))
            honest = partial(verify_consistency, old, new, *roots, path)
            self.tally.proves(What.CONSISTENCY, By.OWN, honest, (old, new))
            forged = [(*roots, [*path, ves.ZERO]), (flip(roots[0]), roots[1], path), (roots[0], flip(roots[1]), path)]
            if path:
                forged += [(*roots, [*path[:-1], flip(path[-1])]), (*roots, path[:-1])]
            for arguments in forged:
                false = partial(verify_consistency, old, new, *arguments)
                self.tally.refuses(What.CONSISTENCY, By.OWN, false, Refused, (old, new))
            kept = {"from": old, "fromRoot": proof["from_root"], "to": new, "toRoot": proof["to_root"]}
            self.consistencies.append({**kept, "path": proof["path"]})
        empty = self.server.get("/api/v1/proofs/consistency", **self.where, from_size=0, to_size=size)
        found = unhex(empty["from_root"]), empty["path"]
        self.tally.equal(What.STREAM_ROOT, By.PYMERKLE, found, (self.stream.tree.root(0), []), "empty tree")


def _flat(batch: dict) -> dict:
    """A commitment under the names of the first API."""
    names = {"merkle_root": "events_root", "leaf_count": "event_count"}
    left_out = "ves_version", "tree_depth", "padded_leaf_count"
    return {names.get(name, name): value for name, value in batch.items() if name not in left_out}

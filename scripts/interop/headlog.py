"""The head log: checkpoints and openings kept while pushing, and in the end a mirror of all tiles and entries."""

import uuid
from base64 import b64decode
from pathlib import Path

import events
from push import Stream
from rows import By, What
from trees import StreamTree, leaf_hash
from ves import Scope, sha256, u64, unhex, verifies
from wire import Server, Tally

WIDTH = 256


class HeadLog:
    """What a tenant collects of the head log over time."""

    def __init__(self, server: Server, tally: Tally, verifier_key: str) -> None:
        self.server, self.tally, self.verifier_key = server, tally, verifier_key
        self.origin, _, encoded = verifier_key.split("+", 2)
        self.public = b64decode(encoded)[1:]
        self.checkpoints: list[str] = []
        self.openings: list[dict] = []

    def look(self, scope: Scope) -> None:
        """Keeps the newest checkpoint, and the stream's newest `HEAD` record with what opens it."""
        self.checkpoints.append(self.server.get_text("/checkpoint", public=True))
        where = {"tenant_id": scope.tenant, "store_id": scope.store}
        head = self.server.get("/api/v1/proofs/inclusion", **where, sequence=1)["logged_head"]
        self.openings.append({"streamId": scope.stream_id.hex(), **head})

    def many_streams(self, stream: Stream, agent_id: str, count: int) -> None:
        """Other streams of the tenant grow, so that the log does."""
        for number in range(count):
            scope = Scope(stream.scope.tenant, str(uuid.uuid4()))
            other = Stream(self.server, self.tally, scope, stream.sequencer_keys)
            event = events.unsigned(scope, agent_id, f'{{"n":{number}}}', number)
            looks = number % 40 == 0 or number == count - 1
            other.push_unsigned([event], "?wait=logged" if looks else "?receipts=flush")
            if looks:
                self.look(scope)

    # Mirror. --------------------------------------------------------------------------------------------------------

    def mirror(self, folder: Path) -> None:
        """Copies the log under the newest checkpoint into `folder`, under the names of C2SP tlog-tiles."""
        note = self.server.get_text("/checkpoint", public=True)
        self.checkpoints.append(note)
        size, root = self.parse(note)
        self.tally.check(What.SIZES, By.CLIENT, size > WIDTH and size % WIDTH != 0, size)
        entries: list[bytes] = []
        level, count = 0, size
        while count:
            for index in range(-(-count // WIDTH)):
                width = min(WIDTH, count - index * WIDTH)
                hashes = self._copy(folder, f"tile/{level}", index, width)
                self.tally.equal(What.TILES, By.OWN, len(hashes), 32 * width, (level, index))
                if level == 0:
                    bundle = self._bundle(self._copy(folder, "tile/entries", index, width))
                    expected = b"".join(leaf_hash(entry) for entry in bundle)
                    self.tally.equal(What.TILES, By.OWN, hashes, expected, index)
                    entries += bundle
            level, count = level + 1, count // WIDTH
        self._check_tree(entries, size, root)
        self._check_openings(entries)
        self._check_refusals(size)

    def parse(self, note: str) -> tuple[int, bytes]:
        """Size and root of a checkpoint, after checking its signature."""
        text, signatures = note.rsplit("\n\n", 1)
        origin, size, root = (text + "\n").splitlines()[:3]
        signature = next(
            b64decode(line.split(" ")[2]) for line in signatures.splitlines() if line.startswith(f"— {self.origin} ")
        )
        hashed = sha256(self.origin.encode(), b"\n\x01", self.public)
        holds = signature[:4] == hashed[:4] and verifies(self.public, (text + "\n").encode(), signature[4:])
        self.tally.check(What.CHECKPOINT, By.CRYPTO, holds and origin == self.origin, note)
        return int(size), b64decode(root)

    def _copy(self, folder: Path, prefix: str, index: int, width: int) -> bytes:
        path = tile_path(prefix, index, width)
        data = self.server.get_bytes(f"/{path}", public=True)
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
        return data

    @staticmethod
    def _bundle(data: bytes) -> list[bytes]:
        entries = []
        while data:
            length = int.from_bytes(data[:2], "big")
            entries.append(data[2 : 2 + length])
            data = data[2 + length :]
        return entries

    def _check_tree(self, entries: list[bytes], size: int, root: bytes) -> None:
        tree = StreamTree()
        for entry in entries:
            tree.append(entry)
        self.tally.equal(What.LOG_ROOT, By.PYMERKLE, (tree.size, tree.root(size)), (size, root))
        for note in self.checkpoints:
            old, old_root = self.parse(note)
            self.tally.equal(What.LOG_ROOT, By.PYMERKLE, tree.root(old), old_root, f"older checkpoint {old}")

    def _check_openings(self, entries: list[bytes]) -> None:
        """A record with its salt is what the log holds blinded, and the stream's records form one list."""
        at: dict[str, dict[int, int]] = {}
        for opening in self.openings:
            record, index = unhex(opening["record"]), opening["log_index"]
            blinded = sha256(b"VES_HEADB_V1", unhex(opening["salt"]), record)
            self.tally.equal(What.OPENED, By.OWN, entries[index], blinded, index)
            stream_id, root = unhex(opening["streamId"]), unhex(opening["root"])
            fields = b"VES_HEAD_V1" + stream_id + u64(opening["size"]) + root
            self.tally.equal(What.OPENED, By.OWN, record[:-8], fields, index)
            previous = int.from_bytes(record[-8:], "big") - 1
            self.tally.check(What.OPENED, By.OWN, previous < index, index)
            known = at.setdefault(opening["streamId"], {})
            older = max((size for size in known if size < opening["size"]), default=None)
            if older is not None:
                self.tally.check(What.OPENED, By.OWN, known[older] <= previous, (known[older], previous))
            known[opening["size"]] = index

    def _check_refusals(self, size: int) -> None:
        """Beyond the checkpoint there is nothing, and a tile has one name only."""
        beyond = size // WIDTH + 1
        for path in (f"tile/0/{beyond:03}", f"tile/0/{beyond:03}.p/1", "tile/0/0", "tile/00/000", "tile/0/000.p/256"):
            status, _ = self.server.request("GET", f"/{path}", public=True)
            self.tally.equal(What.BEYOND, By.CLIENT, status, 404, path)

    def evidence(self) -> dict:
        return {
            "verifierKey": self.verifier_key,
            "origin": self.origin,
            "checkpoints": self.checkpoints,
            "openings": self.openings,
        }


def tile_path(prefix: str, index: int, width: int) -> str:
    groups = []
    while index or not groups:
        groups.append(f"{index % 1000:03}")
        index //= 1000
    name = "/".join(["x" + group for group in reversed(groups[1:])] + groups[:1])
    return f"{prefix}/{name}" + (f".p/{width}" if width < WIDTH else "")

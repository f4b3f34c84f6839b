"""Merkle trees: `pymerkle` for RFC 9162 (whose proofs of inclusion it verifies), own code for what it does not have.

The own code follows the recursive definitions of the documents; the server's is iterative.
"""

from pymerkle import InmemoryTree, InvalidProof
from pymerkle import verify_consistency as pymerkle_verify_consistency
from pymerkle import verify_inclusion as pymerkle_verify_inclusion
from pymerkle.proof import InclusionProof

from ves import sha256

PAD = sha256(b"VES_PAD_LEAF_V1")


class Refused(Exception):
    """A proof that does not prove what it is said to prove."""


def leaf_hash(entry: bytes) -> bytes:
    return sha256(b"\x00", entry)


def node_hash(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01", left, right)


def split(size: int) -> int:
    """The largest power of two smaller than `size`."""
    return 1 << ((size - 1).bit_length() - 1)


# Stream trees. ------------------------------------------------------------------------------------------------------


class StreamTree:
    """The tree over a stream's leaves, kept by pymerkle."""

    def __init__(self) -> None:
        self.tree = InmemoryTree(algorithm="sha256")

    def append(self, leaf: bytes) -> None:
        self.tree.append_entry(leaf)

    @property
    def size(self) -> int:
        return self.tree.get_size()

    def root(self, size: int) -> bytes:
        return self.tree.get_root(size)

    def verify_inclusion(self, leaf: bytes, sequence: int, size: int, path: list[bytes], root: bytes) -> None:
        """Has pymerkle verify a path of the server's; the rule of left and right is pymerkle's own."""
        rule = self.tree.prove_inclusion(sequence, size).rule
        base = leaf_hash(leaf)
        proof = InclusionProof("sha256", True, size, sequence, rule, [base, *path])
        try:
            pymerkle_verify_inclusion(base, root, proof, index=sequence, size=size, algorithm="sha256")
        except InvalidProof as fault:
            raise Refused(str(fault)) from fault

    def verify_consistency(self, old: int, new: int, old_root: bytes, new_root: bytes) -> None:
        """Has pymerkle verify the server's two roots by a proof of its own, made from the leaves."""
        proof = self.tree.prove_consistency(old, new)
        try:
            pymerkle_verify_consistency(old_root, new_root, proof, prior_size=old, later_size=new, algorithm="sha256")
        except InvalidProof as fault:
            raise Refused(str(fault)) from fault


def verify_consistency(old: int, new: int, old_root: bytes, new_root: bytes, path: list[bytes]) -> None:
    """RFC 9162 2.1.4: SUBPROOF read backwards."""
    rest = iter(path)

    def subproof(m: int, n: int, whole: bool) -> tuple[bytes, bytes]:
        if m == n:
            same = old_root if whole else next(rest)
            return same, same
        k = split(n)
        if m <= k:
            before, after = subproof(m, k, whole)
            return before, node_hash(after, next(rest))
        before, after = subproof(m - k, n - k, False)
        left = next(rest)
        return node_hash(left, before), node_hash(left, after)

    if not 0 < old <= new:
        raise Refused("sizes")
    try:
        before, after = subproof(old, new, True)
    except StopIteration as fault:
        raise Refused("too few hashes") from fault
    if next(rest, None) is not None:
        raise Refused("too many hashes")
    if (before, after) != (old_root, new_root):
        raise Refused("another root")


def maximal_subtrees(start: int, end: int) -> list[tuple[int, int]]:
    """The ranges of the largest complete, aligned subtrees that make up `start .. end`, in order."""
    ranges = []
    while start < end:
        width = start & -start or 1 << end.bit_length()
        while start + width > end:
            width >>= 1
        ranges.append((start, start + width))
        start += width
    return ranges


def verify_range(
    first: int, leaves: list[bytes], size: int, left: list[bytes], right: list[bytes], root: bytes
) -> None:
    """That `leaves` are number `first ..` of the tree: the given subtrees must complete it to `root`."""
    end = first + len(leaves)
    if not leaves or end > size:
        raise Refused("range")
    # To the left the subtrees are those of the whole prefix, to the right those of what follows the range.
    known = {(first + i, first + i + 1): leaf_hash(leaf) for i, leaf in enumerate(leaves)}
    for ranges, hashes in ((maximal_subtrees(0, first), left), (maximal_subtrees(end, size), right)):
        if len(ranges) != len(hashes):
            raise Refused("number of hashes")
        known.update(zip(ranges, hashes, strict=True))

    def subtree(lo: int, hi: int) -> bytes:
        if (lo, hi) in known:
            return known[lo, hi]
        middle = lo + split(hi - lo)
        return node_hash(subtree(lo, middle), subtree(middle, hi))

    if subtree(0, size) != root:
        raise Refused("another root")


# VES batch trees. ---------------------------------------------------------------------------------------------------


def ves_node(left: bytes, right: bytes) -> bytes:
    return sha256(b"VES_NODE_V1", left, right)


def batch_root(leaves: list[bytes]) -> tuple[bytes, int, int]:
    """Root, depth and padded number of leaves."""
    depth = (len(leaves) - 1).bit_length()
    padded = 1 << depth
    row = leaves + [PAD] * (padded - len(leaves))
    while len(row) > 1:
        row = [ves_node(row[i], row[i + 1]) for i in range(0, len(row), 2)]
    return row[0], depth, padded


def verify_batch_path(leaf: bytes, index: int, path: list[bytes], directions: list[bool] | None, root: bytes) -> None:
    """That `leaf` is number `index` of the batch; `directions`, if given, must agree with the index."""
    if not 0 <= index < 1 << len(path):
        raise Refused("index")
    if directions is not None and directions != [index >> level & 1 == 0 for level in range(len(path))]:
        raise Refused("directions")
    node = leaf
    for level, sibling in enumerate(path):
        node = ves_node(sibling, node) if index >> level & 1 else ves_node(node, sibling)
    if node != root:
        raise Refused("another root")

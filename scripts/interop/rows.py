"""Names in the table of what was checked."""


class By:
    """Who checked."""

    CLIENT = "Python client"
    OWN = "own Python"
    JCS = "rfc8785 + hashlib"
    CRYPTO = "cryptography (OpenSSL)"
    PYMERKLE = "pymerkle"


class What:
    """What was checked."""

    # By comparing replies with what was sent and with each other.
    REPLY = "counts and form of a reply"
    ORDER = "one order: no gap, no fork"
    RETRY = "retry: the same receipts, to the byte"
    REFUSED = "bad events refused by name, good ones taken"
    REGISTER = "registering a key"
    SAME = "events read back are those first sent"
    PAGES = "pages, head, history, verdicts"
    BATCHES = "batches: contiguous, listed, repeatable"
    BEYOND = "no tile beyond the checkpoint"
    SIZES = "sizes are what this test needs"
    # Hashes.
    RECEIPT_HASH = "stream id, receipt hash"
    LEAF = "leaf of a signed event"
    PAYLOAD = "payload hash"
    OTHER_PAYLOAD = "payload hash, encrypted or unsigned"
    VERIFIER_KEY = "verifier key of the head log"
    OPENED = "opened entry of the head log"
    TILES = "tiles and entries of the head log"
    # Trees.
    RANGE = "range proof of a reply"
    STREAM_ROOT = "root of the stream tree"
    INCLUSION = "inclusion in the stream"
    CONSISTENCY = "consistency of the stream"
    LOG_ROOT = "root of the head log"
    BATCH_ROOT = "root of a batch (padded VES tree)"
    BATCH_PROOF = "proof in a batch"
    CHAIN = "chain of state roots"
    # Signatures and encryption.
    RECEIPT = "receipt (VES_RECEIPT_V1)"
    HEAD = "stream head (VES_FLUSH_V1)"
    AGENT = "agent's signature on an event"
    DIRECTORY = "signed key directory (VES_KEYDIR_V1)"
    CHECKPOINT = "checkpoint of the head log"
    DECRYPT = "encrypted payload opens for its recipients"

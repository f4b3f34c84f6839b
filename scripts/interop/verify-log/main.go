// Verify-log checks the sequencer's head log and stream proofs with the code that verifies Go's own checksum database:
// golang.org/x/mod/sumdb/tlog and note, as they come with the Go toolchain. Nothing of the sequencer's is used.
//
// Usage: verify-log FOLDER
//
// FOLDER holds evidence.json, written by the Python client, and the log's mirrored tiles under their C2SP names. Writes
// FOLDER/go.json, the tally of what was checked; the exit status tells whether all of it held.
package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type evidence struct {
	VerifierKey   string
	Origin        string
	Checkpoints   []string // the last one is the one the tiles were mirrored under
	Openings      []opening
	StreamID      hexBytes
	Leaves        []hexBytes
	Heads         []head
	Inclusions    []inclusion
	Consistencies []consistency
	Signatures    []signature
}

// An opening is a HEAD record of the log with the salt of its blinded entry and the way from there to a checkpoint.
type opening struct {
	StreamID   hexBytes
	Size       int64
	Root       hexHash
	LogIndex   int64 `json:"log_index"`
	Salt       hexBytes
	Record     hexBytes
	LogSize    int64     `json:"log_size"`
	LogPath    []hexHash `json:"log_path"`
	Checkpoint string
}

type head struct {
	Size int64
	Root hexHash
}

type inclusion struct {
	Leaf  hexBytes
	Index int64
	Size  int64
	Root  hexHash
	Path  []hexHash
}

type consistency struct {
	From     int64
	FromRoot hexHash
	To       int64
	ToRoot   hexHash
	Path     []hexHash
}

type signature struct {
	What      string
	Key       hexBytes
	Message   hexBytes
	Signature hexBytes
}

type hexBytes []byte

func (b *hexBytes) UnmarshalText(text []byte) error {
	decoded, err := hex.DecodeString(strings.TrimPrefix(string(text), "0x"))
	*b = decoded
	return err
}

type hexHash tlog.Hash

func (h *hexHash) UnmarshalText(text []byte) error {
	decoded, err := hex.DecodeString(strings.TrimPrefix(string(text), "0x"))
	if err == nil && len(decoded) != tlog.HashSize {
		err = errors.New("not a hash")
	}
	copy(h[:], decoded)
	return err
}

func hashes(path []hexHash) []tlog.Hash {
	converted := make([]tlog.Hash, len(path))
	for i, hash := range path {
		converted[i] = tlog.Hash(hash)
	}
	return converted
}

func main() {
	folder := os.Args[1]
	text, err := os.ReadFile(filepath.Join(folder, "evidence.json"))
	fatal(err)
	var found evidence
	fatal(json.Unmarshal(text, &found))
	verifier, err := note.NewVerifier(found.VerifierKey)
	fatal(err)

	var t tally
	log := &log{evidence: &found, verifier: verifier, tiles: folder, tally: &t}
	log.checkpoints()
	log.allTiles()
	log.openings()
	log.growth()
	checkStream(&found, &t)
	checkSignatures(&found, &t)
	fatal(t.save(filepath.Join(folder, "go.json")))
	if t.failures > 0 {
		os.Exit(1)
	}
}

func fatal(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "verify-log:", err)
		os.Exit(2)
	}
}

// The stream's tree, from the leaves alone.
func checkStream(found *evidence, t *tally) {
	var stored []tlog.Hash
	read := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		hashes := make([]tlog.Hash, len(indexes))
		for i, index := range indexes {
			hashes[i] = stored[index]
		}
		return hashes, nil
	})
	for i, leaf := range found.Leaves {
		added, err := tlog.StoredHashes(int64(i), leaf, read)
		fatal(err)
		stored = append(stored, added...)
	}
	for _, head := range found.Heads {
		root, err := tlog.TreeHash(head.Size, read)
		t.check(streamRoot, tlogName, same(err, root, head.Root), head.Size)
	}
	for _, opening := range found.Openings {
		if bytes.Equal(opening.StreamID, found.StreamID) {
			root, err := tlog.TreeHash(opening.Size, read)
			t.check(streamRoot, tlogName, same(err, root, opening.Root), opening.Size)
		}
	}
	for _, proof := range found.Inclusions {
		leaf, root := tlog.RecordHash(proof.Leaf), tlog.Hash(proof.Root)
		path := tlog.RecordProof(hashes(proof.Path))
		check := func(path tlog.RecordProof, root, leaf tlog.Hash) error {
			return tlog.CheckRecord(path, proof.Size, root, proof.Index, leaf)
		}
		t.check(inclusionInStream, tlogName, check(path, root, leaf), proof.Index)
		t.refused(inclusionInStream, tlogName, check(path, root, flip(leaf)))
		t.refused(inclusionInStream, tlogName, check(path, flip(root), leaf))
		for _, tampered := range tamperedPaths(path) {
			t.refused(inclusionInStream, tlogName, check(tampered, root, leaf))
		}
	}
	for _, proof := range found.Consistencies {
		from, to := tlog.Hash(proof.FromRoot), tlog.Hash(proof.ToRoot)
		path := tlog.TreeProof(hashes(proof.Path))
		check := func(path tlog.TreeProof, from, to tlog.Hash) error {
			return tlog.CheckTree(path, proof.To, to, proof.From, from)
		}
		t.check(streamConsistency, tlogName, check(path, from, to), proof.From, proof.To)
		t.refused(streamConsistency, tlogName, check(path, flip(from), to))
		t.refused(streamConsistency, tlogName, check(path, from, flip(to)))
		for _, tampered := range tamperedPaths(path) {
			t.refused(streamConsistency, tlogName, check(tampered, from, to))
		}
	}
}

// A flipped hash, one hash less and one more.
func tamperedPaths[P ~[]tlog.Hash](path P) []P {
	longer := append(append(P{}, path...), tlog.Hash{})
	if len(path) == 0 {
		return []P{longer}
	}
	flipped := append(P{}, path...)
	flipped[len(path)/2] = flip(flipped[len(path)/2])
	return []P{flipped, path[:len(path)-1], longer}
}

// Every signature the client has verified, once more with Go's Ed25519.
func checkSignatures(found *evidence, t *tally) {
	for _, s := range found.Signatures {
		verify := func(message []byte) error {
			if !ed25519.Verify(ed25519.PublicKey(s.Key), message, s.Signature) {
				return errors.New("the signature does not verify")
			}
			return nil
		}
		t.check(s.What, ed25519Name, verify(s.Message))
		tampered := append([]byte{}, s.Message...)
		tampered[len(tampered)/2] ^= 1
		t.refused(s.What, ed25519Name, verify(tampered))
	}
}

func same(err error, found tlog.Hash, expected hexHash) error {
	if err == nil && found != tlog.Hash(expected) {
		err = fmt.Errorf("found %v, expected %v", found, tlog.Hash(expected))
	}
	return err
}

func flip(hash tlog.Hash) tlog.Hash {
	hash[tlog.HashSize/2] ^= 1
	return hash
}

// The head log, from its mirrored tiles.
type log struct {
	evidence *evidence
	verifier note.Verifier
	tiles    string
	tally    *tally
	tree     tlog.Tree // as the newest checkpoint says
}

// open checks a checkpoint's signature and reads origin, size and root.
func (l *log) open(text string) (tlog.Tree, error) {
	opened, err := note.Open([]byte(text), note.VerifierList(l.verifier))
	if err != nil {
		return tlog.Tree{}, err
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) < 4 || lines[0] != l.evidence.Origin {
		return tlog.Tree{}, errors.New("not a checkpoint of this log")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return tlog.Tree{}, err
	}
	root, err := tlog.ParseHash(lines[2])
	return tlog.Tree{N: size, Hash: root}, err
}

func (l *log) checkpoints() {
	for _, text := range l.evidence.Checkpoints {
		tree, err := l.open(text)
		l.tally.check(checkpoint, noteName, err)
		l.tree = tree
		// A bit of the origin, of the size, of the root, and of the signature itself.
		lines := strings.SplitAfter(text, "\n")
		at := 0
		for _, line := range lines {
			if line = strings.TrimSuffix(line, "\n"); line != "" {
				tampered := []byte(text)
				tampered[at+len(line)-min(len(line), 5)] ^= 1
				_, err := l.open(string(tampered))
				l.tally.refused(checkpoint, noteName, err)
			}
			at += len(line) + 1
		}
	}
}

// reader reads tiles from the mirror; tlog authenticates them against the checkpoint.
type reader struct {
	folder string
	tamper *tlog.Tile // one bit of this tile is changed
	read   map[tlog.Tile]bool
}

func (r *reader) Height() int { return 8 }

// The path of a tile as C2SP names it: without the height, which is always 8.
func (r *reader) path(tile tlog.Tile) string {
	return filepath.Join(r.folder, filepath.FromSlash(strings.Replace(tile.Path(), "tile/8/", "tile/", 1)))
}

func (r *reader) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	all := make([][]byte, len(tiles))
	for i, tile := range tiles {
		data, err := os.ReadFile(r.path(tile))
		if err != nil {
			return nil, err
		}
		if r.tamper != nil && *r.tamper == tile {
			data[len(data)/2] ^= 1
		}
		all[i] = data
		r.read[tile] = true
	}
	return all, nil
}

func (r *reader) SaveTiles([]tlog.Tile, [][]byte) {}

func (l *log) reader(tamper *tlog.Tile) (*reader, tlog.HashReader) {
	r := &reader{folder: l.tiles, tamper: tamper, read: map[tlog.Tile]bool{}}
	return r, tlog.TileHashReader(l.tree, r)
}

// allTiles reads every entry's hash through tlog, which checks each tile on the way, and recomputes the tree from the
// entries of the bundles.
func (l *log) allTiles() {
	r, hashes := l.reader(nil)
	entries, err := l.entries()
	l.tally.check(logRoot, tlogName, err)
	var stored []tlog.Hash
	memory := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		found := make([]tlog.Hash, len(indexes))
		for i, index := range indexes {
			found[i] = stored[index]
		}
		return found, nil
	})
	for n := int64(0); n < l.tree.N; n++ {
		logged, err := hashes.ReadHashes([]int64{tlog.StoredHashIndex(0, n)})
		if err == nil && logged[0] != tlog.RecordHash(entries[n]) {
			err = errors.New("the tile holds another hash than the entry's")
		}
		l.tally.check(tiles, tlogName, err, n)
		added, err := tlog.StoredHashes(n, entries[n], memory)
		fatal(err)
		stored = append(stored, added...)
	}
	root, err := tlog.TreeHash(l.tree.N, memory)
	l.tally.check(logRoot, tlogName, same(err, root, hexHash(l.tree.Hash)), l.tree.N)
	for _, tile := range tlog.NewTiles(8, 0, l.tree.N) {
		var err error
		if !r.read[tile] {
			err = errors.New("was not needed by any entry")
		}
		l.tally.check(tiles, tlogName, err, tile.Path())
		_, tampered := l.reader(&tile)
		_, err = tampered.ReadHashes([]int64{tlog.StoredHashIndex(tile.L*8, tile.N<<8)})
		l.tally.refused(tiles, tlogName, err, tile.Path())
	}
}

// entries reads the bundles: each entry behind its length in two bytes.
func (l *log) entries() ([][]byte, error) {
	var entries [][]byte
	for _, tile := range tlog.NewTiles(8, 0, l.tree.N) {
		if tile.L != 0 {
			continue
		}
		path := strings.Replace(tile.Path(), "tile/8/0/", "tile/entries/", 1)
		data, err := os.ReadFile(filepath.Join(l.tiles, filepath.FromSlash(path)))
		if err != nil {
			return nil, err
		}
		for len(data) >= 2 {
			length := int(binary.BigEndian.Uint16(data))
			if length != sha256.Size || len(data) < 2+length {
				return nil, errors.New("a bundle is cut off or holds an entry that is not 32 bytes")
			}
			entries = append(entries, data[2:2+length])
			data = data[2+length:]
		}
	}
	if int64(len(entries)) != l.tree.N {
		return nil, fmt.Errorf("%d entries in the bundles, %d in the log", len(entries), l.tree.N)
	}
	return entries, nil
}

// openings checks that each opened record is the logged entry, and included in its checkpoint and in the newest.
func (l *log) openings() {
	_, hashes := l.reader(nil)
	newest := map[string]opening{}
	for _, o := range l.evidence.Openings {
		entry := blind(o.Salt, o.Record)
		logged, err := hashes.ReadHashes([]int64{tlog.StoredHashIndex(0, o.LogIndex)})
		if err == nil && logged[0] != tlog.RecordHash(entry) {
			err = errors.New("salt and record do not give the logged entry")
		}
		l.tally.check(opened, tlogName, err, o.LogIndex)
		l.tally.check(opened, tlogName, o.checkRecord(), o.LogIndex)
		l.inclusion(o, entry)
		if o.Size >= newest[string(o.StreamID)].Size {
			newest[string(o.StreamID)] = o
		}
	}
	for _, o := range newest {
		proof, err := tlog.ProveRecord(l.tree.N, o.LogIndex, hashes)
		if err == nil {
			err = tlog.CheckRecord(proof, l.tree.N, l.tree.Hash, o.LogIndex, tlog.RecordHash(blind(o.Salt, o.Record)))
		}
		l.tally.check(inclusionInLog, tlogName, err, o.LogIndex)
	}
}

// inclusion checks the server's own path from an opened record to the checkpoint it came with.
func (l *log) inclusion(o opening, entry []byte) {
	tree, err := l.open(o.Checkpoint)
	if err == nil && tree.N != o.LogSize {
		err = errors.New("the checkpoint has another size")
	}
	l.tally.check(checkpoint, noteName, err, o.LogSize)
	path := tlog.RecordProof(hashes(o.LogPath))
	check := func(path tlog.RecordProof, root tlog.Hash, entry []byte) error {
		return tlog.CheckRecord(path, tree.N, root, o.LogIndex, tlog.RecordHash(entry))
	}
	l.tally.check(inclusionInLog, tlogName, check(path, tree.Hash, entry), o.LogIndex)
	l.tally.refused(inclusionInLog, tlogName, check(path, flip(tree.Hash), entry))
	salt, record := append([]byte{}, o.Salt...), append([]byte{}, o.Record...)
	salt[0] ^= 1
	record[len(record)/2] ^= 1
	l.tally.refused(opened, tlogName, check(path, tree.Hash, blind(salt, o.Record)))
	l.tally.refused(opened, tlogName, check(path, tree.Hash, blind(o.Salt, record)))
	for _, tampered := range tamperedPaths(path) {
		l.tally.refused(inclusionInLog, tlogName, check(tampered, tree.Hash, entry))
	}
}

// checkRecord: "VES_HEAD_V1", stream id, size, root, index of the stream's previous head plus one.
func (o *opening) checkRecord() error {
	expected := append([]byte("VES_HEAD_V1"), o.StreamID...)
	expected = binary.BigEndian.AppendUint64(expected, uint64(o.Size))
	expected = append(expected, o.Root[:]...)
	if len(o.Record) != len(expected)+8 || !bytes.Equal(o.Record[:len(expected)], expected) {
		return errors.New("the record is about another head")
	}
	if previous := binary.BigEndian.Uint64(o.Record[len(expected):]); previous > uint64(o.LogIndex) {
		return errors.New("the previous head comes later")
	}
	return nil
}

func blind(salt, record []byte) []byte {
	hash := sha256.New()
	hash.Write([]byte("VES_HEADB_V1"))
	hash.Write(salt)
	hash.Write(record)
	return hash.Sum(nil)
}

// growth proves from the tiles that the newest log continues every older checkpoint.
func (l *log) growth() {
	_, hashes := l.reader(nil)
	for _, text := range l.evidence.Checkpoints {
		old, err := l.open(text)
		if err != nil {
			continue // counted already
		}
		proof, err := tlog.ProveTree(l.tree.N, old.N, hashes)
		if err == nil {
			err = tlog.CheckTree(proof, l.tree.N, l.tree.Hash, old.N, old.Hash)
		}
		l.tally.check(logConsistency, tlogName, err, old.N, l.tree.N)
		err = tlog.CheckTree(proof, l.tree.N, l.tree.Hash, old.N, flip(old.Hash))
		l.tally.refused(logConsistency, tlogName, err)
		err = tlog.CheckTree(proof, l.tree.N, flip(l.tree.Hash), old.N, old.Hash)
		l.tally.refused(logConsistency, tlogName, err)
	}
}

const (
	tlogName    = "Go x/mod/sumdb/tlog"
	noteName    = "Go x/mod/sumdb/note"
	ed25519Name = "Go crypto/ed25519"
)

// Names in the table; where the client checks the same, it says the same.
const (
	streamRoot        = "root of the stream tree"
	inclusionInStream = "inclusion in the stream"
	streamConsistency = "consistency of the stream"
	checkpoint        = "checkpoint of the head log"
	logRoot           = "root of the head log"
	tiles             = "tiles and entries of the head log"
	opened            = "opened entry of the head log"
	inclusionInLog    = "inclusion in the head log"
	logConsistency    = "consistency of the head log"
)

// A tally counts what was checked, by whom.
type tally struct {
	rows     []*row
	failures int
}

type row struct {
	what, by      string
	held, refused int
}

func (t *tally) row(what, by string) *row {
	for _, r := range t.rows {
		if r.what == what && r.by == by {
			return r
		}
	}
	t.rows = append(t.rows, &row{what: what, by: by})
	return t.rows[len(t.rows)-1]
}

func (t *tally) check(what, by string, err error, detail ...any) {
	t.row(what, by).held++
	t.failed(what, by, err, detail...)
}

func (t *tally) failed(what, by string, err error, detail ...any) {
	if err != nil {
		if t.failures++; t.failures <= 20 {
			fmt.Fprintf(os.Stderr, "MISMATCH %s [%s]: %v %v\n", what, by, err, detail)
		}
	}
}

// refused counts a tampered proof, which must have led to an error.
func (t *tally) refused(what, by string, err error, detail ...any) {
	t.row(what, by).refused++
	if err == nil {
		t.failed(what, by, errors.New("was tampered with and accepted"), detail...)
	}
}

func (t *tally) save(path string) error {
	rows := make([][]any, len(t.rows))
	for i, r := range t.rows {
		rows[i] = []any{r.what, r.by, r.held, r.refused}
	}
	text, err := json.Marshal(rows)
	if err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o644)
}

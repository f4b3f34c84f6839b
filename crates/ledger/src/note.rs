//! Signed notes and checkpoints (C2SP signed-note and tlog-checkpoint).
//!
//! A note is text with signature lines, a checkpoint a note that says origin, size and root of a log. Both are read strictly:
//! nobody else's tool may see another text, size or root in the same bytes.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::bytes::{Hash, PublicKeyBytes, Signature};
use crate::signature::{NotAKey, PublicKey, Signer};

/// Largest note read: 16 of the largest post-quantum signatures fit, and nothing a peer sends costs more to parse.
pub const NOTE_BYTES: usize = 64 * 1024;
/// Most signature lines read; the specification asks for at least this many.
pub const NOTE_SIGNATURES: usize = 16;

const KEY_ID_BYTES: usize = 4;
/// Signature type of Ed25519 over the note's text.
const ED25519: u8 = 0x01;
const SIGNATURE_LINE: &str = "\u{2014} ";

/// Text that is no note, or a note that the key did not sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// Larger than [`NOTE_BYTES`].
    #[error("a note has at most {NOTE_BYTES} bytes, not {0}")]
    TooLarge(usize),
    /// More lines than [`NOTE_SIGNATURES`].
    #[error("a note has at most {NOTE_SIGNATURES} signatures")]
    TooManySignatures,
    /// A character that could make a terminal show something else.
    #[error("a note holds no control characters but newlines")]
    ControlCharacter,
    /// Not text, blank line, signature lines, each ending in a newline.
    #[error("a note is text, a blank line and signature lines")]
    NotANote,
    /// A line after the blank line that is no signature line.
    #[error("signature line {0} is not of the form: em dash, key name, base64")]
    BadSignatureLine(usize),
    /// A name that cannot stand in a signature line.
    #[error("a key name is not empty and has neither spaces nor a plus sign")]
    BadKeyName,
    /// Nobody signed with this name and key.
    #[error("the note is not signed by this key")]
    Unsigned,
    /// A signature with this name and key id that does not verify.
    #[error("the key's signature does not verify")]
    BadSignature,
    /// Not the text of a checkpoint.
    #[error("a checkpoint is origin, size, base64 root and non-empty extension lines")]
    NotACheckpoint,
    /// A checkpoint of another log.
    #[error("the checkpoint is of another log")]
    OtherOrigin,
}

/// Text that is no verifier key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadVerifierKey {
    /// Not `name+id+base64`.
    #[error("a verifier key has the form name+id+base64, of an Ed25519 key")]
    Malformed,
    /// The id is not the one of name and key.
    #[error("the key id does not belong to this name and key")]
    WrongId,
    /// The bytes are no usable key.
    #[error(transparent)]
    NotAKey(#[from] NotAKey),
}

/// A public key and the name under which it signs: what an auditor configures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    key: PublicKey,
}

impl VerifierKey {
    /// Joins a name and a key.
    pub fn new(name: &str, key: PublicKey) -> Result<Self, NoteError> {
        if is_key_name(name) { Ok(Self { name: name.to_owned(), key }) } else { Err(NoteError::BadKeyName) }
    }

    /// Reads `name+<id, 8 lower-case hexadecimal digits>+<base64 of 0x01 and the key>`, which is what `Display` writes.
    pub fn parse(text: &str) -> Result<Self, BadVerifierKey> {
        let (name, rest) = text.split_once('+').ok_or(BadVerifierKey::Malformed)?;
        let (id, key) = rest.split_once('+').ok_or(BadVerifierKey::Malformed)?;
        let bytes = STANDARD.decode(key).ok().ok_or(BadVerifierKey::Malformed)?;
        let Some((&ED25519, key)) = bytes.split_first() else { return Err(BadVerifierKey::Malformed) };
        let key = PublicKeyBytes::try_from(key).ok().ok_or(BadVerifierKey::Malformed)?;
        if !is_key_name(name) {
            return Err(BadVerifierKey::Malformed);
        }
        if const_hex::encode(key_id(name, &key)) != id {
            return Err(BadVerifierKey::WrongId);
        }
        Ok(Self { name: name.to_owned(), key: PublicKey::new(&key)? })
    }

    /// The name in signature lines.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The key.
    pub fn key(&self) -> &PublicKey {
        &self.key
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = self.key.to_bytes();
        let id = const_hex::encode(key_id(&self.name, &key));
        write!(f, "{}+{id}+{}", self.name, STANDARD.encode([&[ED25519][..], &key.0].concat()))
    }
}

/// The first four bytes of SHA-256(name ‖ newline ‖ 0x01 ‖ key): which key signed, not proof that it did.
pub fn key_id(name: &str, key: &PublicKeyBytes) -> [u8; KEY_ID_BYTES] {
    let [a, b, c, d, ..] = Hash::of(&[name.as_bytes(), b"\n", &[ED25519], &key.0]).0;
    [a, b, c, d]
}

/// The note of `text`, which must end in a newline, signed under `name`.
pub fn sign(text: &str, name: &str, signer: &dyn Signer) -> Result<String, NoteError> {
    if !is_key_name(name) {
        return Err(NoteError::BadKeyName);
    }
    if !text.ends_with('\n') {
        return Err(NoteError::NotANote);
    }
    let id = key_id(name, &signer.public_key());
    let signature = STANDARD.encode([&id[..], &signer.sign(text.as_bytes()).0].concat());
    let note = format!("{text}\n{SIGNATURE_LINE}{name} {signature}\n");
    check_characters(&note)?;
    Ok(note)
}

/// The text of `note` if it is well-formed and `name` signed it with `key`. Signatures of other keys are ignored, whatever
/// they hold; every signature of this one must verify.
pub fn verify<'a>(note: &'a str, name: &str, key: &PublicKey) -> Result<&'a str, NoteError> {
    let (text, signatures) = split(note)?;
    let id = key_id(name, &key.to_bytes());
    let mut signed = Err(NoteError::Unsigned);
    for (number, line) in (1..).zip(signatures.split_terminator('\n')) {
        if number > NOTE_SIGNATURES {
            return Err(NoteError::TooManySignatures);
        }
        let (signer, bytes) = signature_line(line).ok_or(NoteError::BadSignatureLine(number))?;
        let (its_id, signature) = bytes.split_at(KEY_ID_BYTES);
        if signer != name || its_id != id {
            continue;
        }
        let signature = Signature::try_from(signature).ok().ok_or(NoteError::BadSignature)?;
        key.verify(text.as_bytes(), &signature).ok().ok_or(NoteError::BadSignature)?;
        signed = Ok(text);
    }
    signed
}

/// Splits at the last blank line into the text with its last newline, and the signature lines.
fn split(note: &str) -> Result<(&str, &str), NoteError> {
    check_characters(note)?;
    let (text, signatures) =
        note.rfind("\n\n").and_then(|at| note.split_at_checked(at + 1)).ok_or(NoteError::NotANote)?;
    let signatures = signatures.strip_prefix('\n').ok_or(NoteError::NotANote)?;
    if signatures.ends_with('\n') { Ok((text, signatures)) } else { Err(NoteError::NotANote) }
}

fn check_characters(note: &str) -> Result<(), NoteError> {
    if note.len() > NOTE_BYTES {
        return Err(NoteError::TooLarge(note.len()));
    }
    let control = note.bytes().any(|byte| byte < b' ' && byte != b'\n');
    if control { Err(NoteError::ControlCharacter) } else { Ok(()) }
}

/// Key name, and key id with signature.
fn signature_line(line: &str) -> Option<(&str, Vec<u8>)> {
    let (name, bytes) = line.strip_prefix(SIGNATURE_LINE)?.split_once(' ')?;
    let bytes = STANDARD.decode(bytes).ok().filter(|bytes| bytes.len() > KEY_ID_BYTES)?;
    is_key_name(name).then_some((name, bytes))
}

fn is_key_name(name: &str) -> bool {
    !name.is_empty() && !name.chars().any(|c| c.is_whitespace() || c.is_control() || c == '+')
}

/// What a log says of itself: the root it has at a size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Name of the log, never empty.
    pub origin: String,
    /// Entries in it.
    pub size: u64,
    /// Root of its tree.
    pub root: Hash,
    /// Further lines, which nobody checks; none of ours has any.
    pub extensions: Vec<String>,
}

impl Checkpoint {
    /// A checkpoint without extensions.
    pub fn new(origin: impl Into<String>, size: u64, root: Hash) -> Self {
        Self { origin: origin.into(), size, root, extensions: Vec::new() }
    }

    /// The text to be signed.
    pub fn text(&self) -> String {
        let mut text = format!("{}\n{}\n{}\n", self.origin, self.size, STANDARD.encode(self.root.0));
        for line in &self.extensions {
            text.push_str(line);
            text.push('\n');
        }
        text
    }

    /// Reads the text of a checkpoint. What it returns writes the same text.
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let mut lines = text.strip_suffix('\n').ok_or(NoteError::NotACheckpoint)?.split('\n');
        let mut line = || lines.next().filter(|line| !line.is_empty()).ok_or(NoteError::NotACheckpoint);
        let (origin, size, root) = (line()?, line()?, line()?);
        let size = size.parse().ok().ok_or(NoteError::NotACheckpoint)?;
        let root = STANDARD.decode(root).ok().ok_or(NoteError::NotACheckpoint)?;
        let root = Hash::try_from(root.as_slice()).ok().ok_or(NoteError::NotACheckpoint)?;
        let extensions: Vec<String> = lines.map(str::to_owned).collect();
        let checkpoint = Self { origin: origin.to_owned(), size, root, extensions };
        // Compared as text, which also refuses signs and leading zeros.
        if checkpoint.text() != text || checkpoint.extensions.iter().any(String::is_empty) {
            return Err(NoteError::NotACheckpoint);
        }
        Ok(checkpoint)
    }

    /// The note of this checkpoint, signed under the log's origin as the specification recommends.
    pub fn sign(&self, signer: &dyn Signer) -> Result<String, NoteError> {
        let text = self.text();
        Self::parse(&text)?;
        sign(&text, &self.origin, signer)
    }

    /// The checkpoint in `note` if the log named `origin` signed it with `key`.
    pub fn open(note: &str, origin: &str, key: &PublicKey) -> Result<Self, NoteError> {
        let checkpoint = Self::parse(verify(note, origin, key)?)?;
        if checkpoint.origin == origin { Ok(checkpoint) } else { Err(NoteError::OtherOrigin) }
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use proptest::prelude::*;

    use super::{Checkpoint, NOTE_BYTES, NoteError, VerifierKey, key_id, sign, verify};
    use crate::bytes::Hash;
    use crate::signature::{PublicKey, SeedSigner, Signer};

    /// The example of Go's `golang.org/x/mod/sumdb/note`.
    const GO_TEXT: &str =
        "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
    const GO_SIGNATURE: &str = "\u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
    const GO_VERIFIER: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    /// The part of its signer key that holds the algorithm and the seed.
    const GO_SEED: &str = "AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";

    fn go_note() -> String {
        format!("{GO_TEXT}\n{GO_SIGNATURE}")
    }

    fn signer(seed: u8) -> (SeedSigner, PublicKey) {
        let signer = SeedSigner::new(&[seed; 32]);
        let key = PublicKey::new(&signer.public_key()).unwrap();
        (signer, key)
    }

    #[test]
    fn notes_of_go_are_ours() {
        let seed = STANDARD.decode(GO_SEED).unwrap();
        let signer = SeedSigner::new(seed[1..].try_into().unwrap());
        let verifier = VerifierKey::parse(GO_VERIFIER).unwrap();
        assert_eq!(verifier.key().to_bytes(), signer.public_key());
        assert_eq!(verifier.to_string(), GO_VERIFIER);
        assert_eq!(VerifierKey::new(verifier.name(), verifier.key().clone()), Ok(verifier.clone()));
        assert_eq!(sign(GO_TEXT, "PeterNeumann", &signer).unwrap(), go_note());
        assert_eq!(verify(&go_note(), "PeterNeumann", verifier.key()), Ok(GO_TEXT));
    }

    /// As Go's own test: no part of the key, and no change of one character, is a key.
    #[test]
    fn mangled_verifier_keys_are_refused() {
        for begin in 0..GO_VERIFIER.len() {
            for end in begin..GO_VERIFIER.len() {
                let range = if begin == 0 { begin..end } else { begin..end + 1 };
                let part = GO_VERIFIER.get(range).unwrap();
                assert!(VerifierKey::parse(part).is_err(), "{part}");
            }
        }
        for place in 0..GO_VERIFIER.len() {
            let mut bytes = GO_VERIFIER.as_bytes().to_vec();
            bytes[place] += 1;
            let text = String::from_utf8(bytes).unwrap();
            assert!(VerifierKey::parse(&text).is_err(), "{text}");
        }
        // The identity point, under which anybody can sign, with the right id.
        let mut weak = [0; 32];
        weak[0] = 1;
        let id = const_hex::encode(key_id("a", &crate::bytes::PublicKeyBytes(weak)));
        let text = format!("a+{id}+{}", STANDARD.encode([&[1][..], &weak].concat()));
        assert!(VerifierKey::parse(&text).is_err());
    }

    #[test]
    fn only_the_known_key_counts_and_all_its_signatures_do() {
        let (signer, key) = signer(1);
        let (other, other_key) = self::signer(2);
        let note = sign("text\n\nmore\n", "log.example", &signer).unwrap();
        let with_other =
            note.clone() + sign("text\n\nmore\n", "witness.example", &other).unwrap().rsplit_once("\n\n").unwrap().1;
        assert_eq!(verify(&with_other, "log.example", &key), Ok("text\n\nmore\n"));
        assert_eq!(verify(&with_other, "witness.example", &other_key), Ok("text\n\nmore\n"));
        for (name, key) in [("log.example", &other_key), ("witness.example", &key), ("log", &key)] {
            assert_eq!(verify(&with_other, name, key), Err(NoteError::Unsigned));
        }
        let id = key_id("log.example", &signer.public_key());
        for wrong in [vec![0; 64], vec![0; 63], vec![0; 65]] {
            let line = format!("\u{2014} log.example {}\n", STANDARD.encode([&id[..], &wrong].concat()));
            assert_eq!(verify(&(note.clone() + &line), "log.example", &key), Err(NoteError::BadSignature));
        }
        let line = "\u{2014} other.example AAAAAAA=\n";
        assert!(verify(&(note.clone() + &line.repeat(15)), "log.example", &key).is_ok());
        assert_eq!(verify(&(note + &line.repeat(16)), "log.example", &key), Err(NoteError::TooManySignatures));
    }

    #[test]
    fn malformed_notes_are_refused() {
        let verifier = VerifierKey::parse(GO_VERIFIER).unwrap();
        let refused = |note: &str| verify(note, "PeterNeumann", verifier.key()).unwrap_err();
        let note = go_note();
        assert_eq!(refused(&note.replace("don't", "don\t")), NoteError::ControlCharacter);
        assert_eq!(refused(&note.replace('\n', "\r\n")), NoteError::ControlCharacter);
        assert_eq!(refused(&note.replace("\n\n", "\n")), NoteError::NotANote);
        assert_eq!(refused(note.trim_end()), NoteError::NotANote);
        assert_eq!(refused(GO_TEXT), NoteError::NotANote);
        assert_eq!(refused(&format!("{GO_TEXT}\n")), NoteError::NotANote);
        assert_eq!(refused(&format!("{note}\n{GO_SIGNATURE}")), NoteError::BadSignature, "the last blank line counts");
        assert_eq!(refused(&(" ".repeat(NOTE_BYTES) + &note)), NoteError::TooLarge(NOTE_BYTES + note.len()));
        for line in [
            "- a AAAAAAA=",
            "\u{2014} a",
            "\u{2014}  AAAAAAA=",
            "\u{2014} a AAAAAAA",
            "\u{2014} a AAAAAAB=",
            "\u{2014} a AAAAAA==",
            "\u{2014} a+b AAAAAAA=",
            "\u{2014} a\u{a0}b AAAAAAA=",
            "\u{2014} a b AAAAAAA=",
            "\u{2014} a AAAAAAA= ",
            "text",
        ] {
            assert_eq!(refused(&format!("{note}{line}\n")), NoteError::BadSignatureLine(2), "{line}");
        }
        let (signer, _) = signer(1);
        assert_eq!(sign("text", "a", &signer), Err(NoteError::NotANote));
        assert_eq!(sign("te\rxt\n", "a", &signer), Err(NoteError::ControlCharacter));
        assert_eq!(sign("text\n", "a b", &signer), Err(NoteError::BadKeyName));
    }

    #[test]
    fn the_checkpoint_of_the_specification() {
        let text = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
        let checkpoint = Checkpoint::parse(text).unwrap();
        assert_eq!((checkpoint.origin.as_str(), checkpoint.size), ("example.com/behind-the-sofa", 20_852_163));
        assert_eq!(checkpoint.text(), text);
        let extended = Checkpoint::parse(&format!("{text}one\ntwo\n")).unwrap();
        assert_eq!(extended.extensions, ["one", "two"]);
        assert_eq!(extended.text(), format!("{text}one\ntwo\n"));
    }

    #[test]
    fn other_texts_are_no_checkpoints() {
        let root = STANDARD.encode([7; 32]);
        let short = STANDARD.encode([7; 31]);
        assert!(Checkpoint::parse(&format!("o\n0\n{root}\n")).is_ok());
        for text in [
            String::new(),
            "\n".to_owned(),
            "o\n".to_owned(),
            "o\n1\n".to_owned(),
            format!("o\n1\n{root}"),
            format!("\n1\n{root}\n"),
            format!("o\n01\n{root}\n"),
            format!("o\n+1\n{root}\n"),
            format!("o\n-1\n{root}\n"),
            format!("o\n 1\n{root}\n"),
            format!("o\n\n{root}\n"),
            format!("o\n18446744073709551616\n{root}\n"),
            format!("o\n1\n{short}\n"),
            "o\n1\n\n".to_owned(),
            format!("o\n1\n{root}=\n"),
            format!("o\n1\n{root}\n\n"),
            format!("o\n1\n{root}\n\next\n"),
            format!("o\n1\n{root}\next\n\n"),
        ] {
            assert_eq!(Checkpoint::parse(&text), Err(NoteError::NotACheckpoint), "{text:?}");
        }
    }

    #[test]
    fn a_checkpoint_is_opened_by_its_own_log_only() {
        let (signer, key) = signer(1);
        let checkpoint = Checkpoint::new("log.example/g1", 5, Hash([9; 32]));
        let note = checkpoint.sign(&signer).unwrap();
        assert_eq!(Checkpoint::open(&note, "log.example/g1", &key), Ok(checkpoint.clone()));
        assert_eq!(Checkpoint::open(&note, "log.example/g2", &key), Err(NoteError::Unsigned));
        let foreign = sign(&checkpoint.text(), "log.example/g2", &signer).unwrap();
        assert_eq!(Checkpoint::open(&foreign, "log.example/g2", &key), Err(NoteError::OtherOrigin));
        for origin in ["", "a b", "a+b", "a\nb"] {
            assert!(Checkpoint::new(origin, 5, Hash::ZERO).sign(&signer).is_err(), "{origin:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn no_text_panics(text in "\\PC*|[a\u{2014} +=\\n\\x00]{0,40}", tail in "(\\n|\u{2014} | a|AAAA){0,12}") {
            let (_, key) = signer(1);
            let text = text + &tail;
            prop_assert!(verify(&text, "a", &key).is_err());
            prop_assert!(VerifierKey::parse(&text).is_err());
            prop_assert!(Checkpoint::parse(&text).is_err());
        }

        #[test]
        fn signed_text_comes_back_and_tampered_does_not(text in "(\\PC{0,20}\\n){1,5}", place in any::<prop::sample::Index>(), to in 0_u8..128) {
            let (signer, key) = signer(3);
            let note = sign(&text, "log.example", &signer).unwrap();
            prop_assert_eq!(verify(&note, "log.example", &key), Ok(text.as_str()));
            let mut bytes = note.clone().into_bytes();
            let place = place.index(bytes.len());
            bytes[place] = to;
            if let Ok(tampered) = String::from_utf8(bytes) && tampered != note {
                prop_assert!(verify(&tampered, "log.example", &key).is_err());
            }
            let mut dropped = note;
            dropped.truncate(dropped.floor_char_boundary(place));
            prop_assert!(verify(&dropped, "log.example", &key).is_err());
        }

        #[test]
        fn checkpoints_round_trip(origin in "[a-z./0-9]{1,20}", size in any::<u64>(), root in any::<[u8; 32]>()) {
            let checkpoint = Checkpoint::new(origin, size, Hash(root));
            prop_assert_eq!(Checkpoint::parse(&checkpoint.text()), Ok(checkpoint));
        }
    }
}

//! C2SP tlog-proof, version 1: that an entry is in a log, as text that any verifier of the format reads.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::bytes::Hash;

const FIRST_LINE: &str = "c2sp.org/tlog-proof@v1";
/// No tree is higher.
const MAX_PATH: usize = 64;

/// A proof that an entry is in the log of a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlogProof {
    /// What the log's user wants to say besides; not covered by anything. Here: salt and record that open the entry.
    pub extra: Vec<u8>,
    /// Index of the entry, from 0.
    pub index: u64,
    /// Siblings, leaf to root.
    pub path: Vec<Hash>,
    /// The checkpoint's signed note.
    pub checkpoint: String,
}

/// Text that is no such proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a C2SP tlog-proof of version 1")]
pub struct NotATlogProof;

impl TlogProof {
    /// The text.
    pub fn text(&self) -> String {
        let mut text = format!("{FIRST_LINE}\n");
        if !self.extra.is_empty() {
            text.push_str(&format!("extra {}\n", STANDARD.encode(&self.extra)));
        }
        text.push_str(&format!("index {}\n", self.index));
        for hash in &self.path {
            text.push_str(&format!("{}\n", STANDARD.encode(hash.0)));
        }
        text.push('\n');
        text.push_str(&self.checkpoint);
        text
    }

    /// Reads what [`Self::text`] writes, and nothing else.
    pub fn parse(text: &str) -> Result<Self, NotATlogProof> {
        let (head, checkpoint) = text.split_once("\n\n").ok_or(NotATlogProof)?;
        let mut lines = head.split('\n').peekable();
        if lines.next() != Some(FIRST_LINE) {
            return Err(NotATlogProof);
        }
        let extra = lines.next_if(|line| line.starts_with("extra ")).and_then(|line| line.strip_prefix("extra "));
        let extra = STANDARD.decode(extra.unwrap_or_default()).ok().ok_or(NotATlogProof)?;
        let index = lines.next().and_then(|line| line.strip_prefix("index ")?.parse().ok()).ok_or(NotATlogProof)?;
        let path = lines
            .map(|line| Hash::try_from(STANDARD.decode(line).ok()?.as_slice()).ok())
            .collect::<Option<Vec<_>>>()
            .filter(|path| path.len() <= MAX_PATH)
            .ok_or(NotATlogProof)?;
        let proof = Self { extra, index, path, checkpoint: checkpoint.to_owned() };
        // One spelling each: no sign, no leading zero, no empty line more.
        if proof.text() == text { Ok(proof) } else { Err(NotATlogProof) }
    }
}

#[cfg(test)]
mod tests {
    use super::TlogProof;
    use crate::bytes::Hash;

    /// The layout of the specification's own example.
    #[test]
    fn text_and_proof_are_one_another() {
        let note =
            "example.com/log\n17\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n\n\u{2014} example.com/log AAAA\n";
        for (extra, path) in [(vec![], vec![]), (vec![1, 2, 3], vec![Hash([7; 32]), Hash([8; 32])])] {
            let proof = TlogProof { extra, index: 73_894, path, checkpoint: note.to_owned() };
            let text = proof.text();
            assert!(text.starts_with("c2sp.org/tlog-proof@v1\n") && text.ends_with(note));
            assert_eq!(TlogProof::parse(&text), Ok(proof));
            for wrong in [
                text.replacen("@v1", "@v2", 1),
                text.replacen("index 7", "index 07", 1),
                text.replacen("index 7", "index +7", 1),
                text.replacen("index", "extra AAAA\nindex", 2),
                text.replacen("\n\n", "\n", 1),
                text.replacen("\n\n", "\nAAAA\n\n", 1),
            ] {
                assert_ne!(TlogProof::parse(&wrong).map(|proof| proof.text()), Ok(text.clone()), "{wrong}");
            }
        }
    }
}

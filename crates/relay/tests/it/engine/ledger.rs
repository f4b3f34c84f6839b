//! What arrived against what was written.

use std::collections::HashMap;
use std::fmt;

use uuid::Uuid;

/// Every event written, and every arrival.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// In the order of commit.
    pub(crate) written: Vec<(Uuid, String)>,
    pub(crate) arrived: Vec<Uuid>,
}

/// What an audit finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Audit {
    pub(crate) written: usize,
    pub(crate) lost: usize,
    pub(crate) duplicated: usize,
    /// Events of a key that arrived first before an earlier one of it.
    pub(crate) inverted: usize,
}

impl fmt::Display for Audit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { written, lost, duplicated, inverted } = self;
        write!(f, "written {written}, lost {lost}, duplicated {duplicated}, inverted {inverted}")
    }
}

impl Ledger {
    pub(crate) fn audit(&self) -> Audit {
        let mut first: HashMap<Uuid, usize> = HashMap::new();
        for (place, id) in self.arrived.iter().enumerate() {
            first.entry(*id).or_insert(place);
        }
        let (mut lost, mut inverted) = (0, 0);
        let mut last: HashMap<&str, usize> = HashMap::new();
        for (id, key) in &self.written {
            match first.get(id) {
                None => lost += 1,
                Some(place) => {
                    let before = last.entry(key).or_default();
                    if *place < *before {
                        inverted += 1;
                    }
                    *before = (*before).max(*place);
                },
            }
        }
        Audit { written: self.written.len(), lost, duplicated: self.arrived.len() - first.len(), inverted }
    }
}

/// An audit that cannot find anything would prove nothing.
#[test]
fn the_audit_finds_what_is_wrong() {
    let ids: Vec<Uuid> = (0..4).map(Uuid::from_u128).collect();
    let written = ids.iter().map(|id| (*id, "k".to_owned())).collect();
    let ledger = Ledger { written, arrived: vec![ids[1], ids[0], ids[0], ids[3]] };
    let found = ledger.audit();
    assert_eq!(found, Audit { written: 4, lost: 1, duplicated: 1, inverted: 1 });
}

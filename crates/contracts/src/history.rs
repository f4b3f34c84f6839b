//! Whether the catalogue still keeps what it has published.
//!
//! Every version of every schema is kept as a file (`docs/contracts/schemas`). The catalogue can write each of them anew,
//! since members know the version that added them; so a file that says something else than the catalogue means that a
//! published contract was changed.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::catalogue::Contract;
use crate::compatibility::{Compatibility, check, differences};
use crate::json_schema::schema;

/// Published schemas by canonical type and version.
pub type History = BTreeMap<String, BTreeMap<u32, Value>>;

/// Why the catalogue must not be published as it is. Words for people may change; what data may be, only by a new version.
pub fn breaches(contracts: &[&Contract], history: &History) -> Vec<String> {
    let mut breaches = Vec::new();
    for (name, versions) in history {
        match contracts.iter().find(|contract| contract.name == name) {
            Some(contract) => breaches.extend(of_contract(contract, versions)),
            None => breaches.push(format!("{name}: the type was removed or renamed; consumers rely on it")),
        }
    }
    breaches
}

fn of_contract(contract: &Contract, versions: &BTreeMap<u32, Value>) -> Vec<String> {
    let mut breaches = Vec::new();
    for (&version, published) in versions {
        if version > contract.schema_version {
            breaches.push(format!(
                "{}: version {version} was published, the catalogue is at {}",
                contract.name, contract.schema_version
            ));
            continue;
        }
        let changed = differences(published, &schema(contract, version));
        breaches.extend(changed.iter().map(|difference| {
            format!("{} version {version} changed and kept its version: {difference}", contract.name)
        }));
    }
    let older: Vec<Value> = versions.range(..contract.schema_version).map(|(_, schema)| schema.clone()).collect();
    let newest = schema(contract, contract.schema_version);
    breaches.extend(check(Compatibility::FullTransitive, &older, &newest).iter().map(|difference| {
        format!("{} version {} does not only add: {difference}", contract.name, contract.schema_version)
    }));
    breaches
}

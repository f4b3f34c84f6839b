//! Good inputs to begin with: the ledger's own vectors and a few of each kind.

use serde_json::Value;

/// Texts for all targets: a parser should survive what is meant for another.
pub fn all() -> Vec<Vec<u8>> {
    let mut seeds: Vec<Vec<u8>> = TEXTS.iter().map(|text| text.as_bytes().to_vec()).collect();
    for file in [
        include_str!("../../crates/ledger/tests/vectors/events.json"),
        include_str!("../../crates/ledger/tests/vectors/legacy.json"),
        include_str!("../../crates/ledger/tests/vectors/encryption.json"),
        include_str!("../../crates/ledger/tests/vectors/jcs.json"),
        include_str!("../../crates/ledger/tests/vectors/keys.json"),
        include_str!("../../crates/ledger/tests/vectors/merkle.json"),
        include_str!("../../crates/ledger/tests/vectors/own.json"),
    ] {
        let vectors: Value = serde_json::from_str(file).expect("vectors are JSON");
        gather(&vectors, 0, &mut seeds);
    }
    let bundle: Value =
        serde_json::from_str(include_str!("../../crates/ledger/tests/vectors/bundle.json")).expect("vectors are JSON");
    gather(&bundle, 0, &mut seeds);
    seeds.push(bundle["bundle"].to_string().into_bytes());
    seeds.sort_unstable();
    seeds.dedup();
    seeds
}

/// Every object and string of the vectors, and what is hexadecimal as bytes.
fn gather(value: &Value, depth: usize, seeds: &mut Vec<Vec<u8>>) {
    const LONGEST: usize = 8_192;
    match value {
        Value::Object(members) => {
            let text = value.to_string();
            if depth > 0 && text.len() <= LONGEST {
                seeds.push(text.into_bytes());
            }
            members.values().for_each(|member| gather(member, depth + 1, seeds));
        },
        Value::Array(items) => items.iter().for_each(|item| gather(item, depth + 1, seeds)),
        Value::String(text) if text.len() <= LONGEST => {
            seeds.push(text.clone().into_bytes());
            seeds.extend(bytes_of(text));
        },
        _ => {},
    }
}

fn bytes_of(text: &str) -> Option<Vec<u8>> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    let pairs = digits.as_bytes().chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok());
    if digits.is_empty() || digits.len() % 2 == 1 { None } else { pairs.collect() }
}

const TEXTS: [&str; 14] = [
    "tile/0/000",
    "tile/0/x001/x234/067.p/8",
    "tile/entries/x001/234.p/255",
    "tile/3/x001/234",
    "log.example\n17\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n",
    "log.example\n17\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n\n— log.example AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+P0BBQkM=\n",
    "log.example+3f1c0f6e+ASzSFQi9ymTGAFlgM0MzwEzTClyz6rTR4LKvVRqJi0Vz",
    "{\"a\":[1,1.10,-0,1e30,\"\\ud83d\\ude00\",null,true],\"\\u0000\":{}}",
    "{\"leaf_hash\":\"11\",\"merkle_root\":\"22\",\"proof_path\":[],\"leaf_index\":0,\"leaf_count\":1}",
    "{\"sequence_number\":1,\"stream_id\":\"00\",\"leaf_hash\":\"00\",\"leaf_kind\":\"ves\",\"leaf_index\":0,\"tree_size\":1,\"root\":\"00\",\"path\":[]}",
    "{\"stream_id\":\"00\",\"from_size\":1,\"from_root\":\"00\",\"to_size\":18446744073709551615,\"to_root\":\"00\",\"path\":[]}",
    "2026-01-02T03:04:05.123456Z",
    "2024-02-29T23:59:60+14:00",
    "0x4242424242424242424242424242424242424242424242424242424242424242",
];

//! Canonical JSON against its vectors and, on texts nobody wrote by hand, against `serde_json_canonicalizer`.

use std::borrow::Cow;

use proptest::prelude::*;
use serde_json::Value;
use stateset_ledger::bytes::{Hash, Salt};
use stateset_ledger::json::{JsonFault, MAX_DEPTH, canonical, is_canonical, legacy, payload_hash, salted_payload_hash};

#[derive(serde::Deserialize)]
struct Vectors {
    accept: Vec<Accept>,
    reject: Vec<String>,
}

#[derive(serde::Deserialize)]
struct Accept {
    json: String,
    canonical: String,
    canonical_utf8_hex: String,
    payload_plain_hash: Hash,
    salted_hash: Hash,
}

/// The one vector that this project refuses although published servers take it.
const TWO_MEMBERS_OF_ONE_NAME: &str = r#"{"a":1,"a":2}"#;

#[test]
fn published_vectors() {
    let vectors: Vectors = serde_json::from_str(include_str!("../vectors/jcs.json")).unwrap();
    let salt = Salt::from_hex("000102030405060708090a0b0c0d0e0f").unwrap();
    for vector in &vectors.accept {
        let text = vector.json.as_bytes();
        if vector.json == TWO_MEMBERS_OF_ONE_NAME {
            assert_eq!(canonical(text), Err(JsonFault::DuplicateMember { pointer: "/a".to_owned() }));
            continue;
        }
        let found = canonical(text).unwrap();
        assert_eq!(found, vector.canonical.as_bytes(), "{}", vector.json);
        assert_eq!(const_hex::encode(&found), vector.canonical_utf8_hex);
        assert_eq!(payload_hash(&found), vector.payload_plain_hash, "{}", vector.json);
        assert_eq!(salted_payload_hash(&salt, &found), vector.salted_hash, "{}", vector.json);
    }
    assert!(vectors.accept.iter().any(|vector| vector.json == TWO_MEMBERS_OF_ONE_NAME));
    for text in &vectors.reject {
        assert!(canonical(text.as_bytes()).is_err(), "{text}");
    }
}

#[test]
fn legacy_vector() {
    let vector: Value = serde_json::from_str(include_str!("../vectors/legacy.json")).unwrap();
    let hash = legacy::payload_hash(vector["payload"].as_str().unwrap().as_bytes()).unwrap();
    assert_eq!(hash.to_hex(), vector["payload_hash"]);
}

/// What a client is told, to the letter.
#[test]
fn faults_say_what_and_where() {
    let deep = "[".repeat(MAX_DEPTH + 1);
    let cases: [(&[u8], &str); 15] = [
        (b"{\"a\":\xff}", "not UTF-8 at byte 5"),
        (b"", "not JSON at byte 0: expected a value"),
        (b"[1 2]", "not JSON at byte 3: expected `,` or `]`"),
        (b"{\"a\" 1}", "not JSON at byte 5: expected `:`"),
        (b"{\"a\":1,}", "not JSON at byte 7: expected a member name in quotes"),
        (b"\"a", "not JSON at byte 2: expected the end of the string"),
        (b"\"\n\"", "not JSON at byte 1: expected an escape, as control characters must be escaped"),
        (br#""\x""#, "not JSON at byte 1: expected an escape such as `\\n` or `\\u0041`"),
        (br#""\u12g4""#, "not JSON at byte 5: expected four hexadecimal digits"),
        (b"1.", "not JSON at byte 2: expected a digit"),
        (b"01", "a JSON value ends at byte 1, but more follows"),
        (deep.as_bytes(), "nested deeper than 64 levels at byte 64"),
        (br#"["\ud800\u0041"]"#, "an escape at byte 2 is half of a surrogate pair"),
        (
            br#"{"lines":[{},{"sku/1":{"b":1,"a":2,"\u0062":3}}]}"#,
            "the member /lines/1/sku~11/b appears more than once; member names must be unique within an object",
        ),
        (b"[0,1E400]", "the number at /1 is too large for a 64-bit floating-point number"),
    ];
    for (text, message) in cases {
        assert_eq!(canonical(text).unwrap_err().to_string(), message);
        assert_eq!(legacy::sorted_compact(text).unwrap_err().to_string(), message);
        assert!(!is_canonical(text));
    }
    assert_eq!(
        canonical(b"-1e309").unwrap_err().to_string(),
        "the number at the top level is too large for a 64-bit floating-point number"
    );
}

#[test]
fn borrowed_when_canonical_already() {
    assert!(matches!(canonical(br#"{"a":[1,"x"],"b":null}"#), Ok(Cow::Borrowed(_))));
    assert!(matches!(canonical(br#"{"a": 1}"#), Ok(Cow::Owned(_))));
}

#[test]
fn the_deepest_text_allowed_has_a_canonical_form() {
    let text = " [".repeat(MAX_DEPTH) + &"]".repeat(MAX_DEPTH);
    assert_eq!(canonical(text.as_bytes()).unwrap().len(), 2 * MAX_DEPTH);
    let objects = "{\"a\" :".repeat(MAX_DEPTH) + "1" + &"}".repeat(MAX_DEPTH);
    assert_eq!(canonical(objects.as_bytes()).unwrap().len(), objects.len() - MAX_DEPTH);
}

#[test]
fn long_numbers_overflow_without_an_exponent() {
    for digits in [300, 308, 309, 310, 400] {
        let number = "9".repeat(digits);
        check_any_bytes(number.as_bytes());
        assert_eq!(canonical(number.as_bytes()).is_ok(), digits < 309, "{digits}");
        check_any_bytes(format!("0.{number}").as_bytes());
    }
}

fn reference(text: &[u8]) -> Option<Vec<u8>> {
    let value: Value = serde_json::from_slice(text).ok()?;
    Some(serde_json_canonicalizer::to_vec(&value).unwrap())
}

/// Everything that must hold for any bytes at all.
fn check_any_bytes(bytes: &[u8]) {
    let expected = reference(bytes);
    match (canonical(bytes), &expected) {
        (Ok(found), Some(expected)) => {
            assert_eq!(&*found, expected.as_slice());
            let again = canonical(&found).unwrap();
            assert_eq!(again, found, "a canonical form is its own");
        },
        (Ok(_), None) => panic!("serde_json refuses {:?}", String::from_utf8_lossy(bytes)),
        (Err(JsonFault::DuplicateMember { .. } | JsonFault::TooDeep { .. }), _) | (Err(_), None) => {},
        (Err(fault), Some(_)) => panic!("serde_json reads {:?}: {fault}", String::from_utf8_lossy(bytes)),
    }
    if is_canonical(bytes) {
        assert_eq!(expected.as_deref(), Some(bytes), "{:?}", String::from_utf8_lossy(bytes));
    }
    let sorted = legacy::sorted_compact(bytes);
    // Of two repeated names each form meets its own first, so only the kinds of fault are compared.
    let kind = |fault: &JsonFault| std::mem::discriminant(fault);
    assert_eq!(sorted.as_ref().err().map(kind), canonical(bytes).as_ref().err().map(kind));
    if let Ok(sorted) = sorted {
        assert_eq!(reference(&sorted), expected, "the legacy form is the same value");
        assert_eq!(legacy::sorted_compact(&sorted), Ok(sorted));
    }
}

fn escaped(character: char) -> String {
    character.encode_utf16(&mut [0; 2]).iter().fold(String::new(), |text, unit| text + &format!("\\u{unit:04x}"))
}

/// One character of a JSON string, raw or escaped in any way the grammar allows.
fn piece() -> impl Strategy<Value = String> {
    let characters = prop_oneof![
        4 => proptest::char::range('a', 'c'),
        1 => proptest::sample::select(vec!['"', '\\', '/', '\u{0}', '\u{8}', '\n', '\u{1f}', '\u{7f}', '\u{80}', '\u{2028}']),
        1 => proptest::sample::select(vec!['\u{d7ff}', '\u{e000}', '\u{feff}', '\u{ffff}', '\u{10000}', '\u{10ffff}', 'é']),
        1 => any::<char>(),
    ];
    (characters, 0_u8..4).prop_map(|(character, style)| match style {
        0 => escaped(character),
        1 => escaped(character).to_ascii_uppercase().replace("\\U", "\\u"),
        2 if character == '/' => "\\/".to_owned(),
        _ => {
            let quoted = serde_json::to_string(&character).unwrap();
            quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap().to_owned()
        },
    })
}

fn string() -> impl Strategy<Value = String> {
    proptest::collection::vec(piece(), 0..6).prop_map(|pieces| format!("\"{}\"", pieces.concat()))
}

fn number() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<i64>().prop_map(|n| n.to_string()),
        any::<u64>().prop_map(|n| n.to_string()),
        (-1_000_000_i64..1_000_000).prop_map(|n| n.to_string()),
        any::<f64>().prop_filter("JSON has no infinities", |n| n.is_finite()).prop_map(|n| format!("{n:e}")),
        (0_i64..100_000_000, 0_u32..100).prop_map(|(n, cents)| format!("{n}.{cents:02}")),
        any::<u64>().prop_map(f64::from_bits).prop_filter("as above", |n| n.is_finite()).prop_map(|n| format!("{n}")),
        "-?(0|[1-9][0-9]{0,25})(\\.[0-9]{1,25})?([eE][+-]?[0-9]{1,4})?",
        // Around the last integer that is exact, where the fast path must stop.
        (9_007_199_254_740_900_i64..9_007_199_254_741_100).prop_map(|n| n.to_string()),
        (999_999_999_999_900_i64..1_000_000_000_000_100).prop_map(|n| n.to_string()),
    ]
}

fn space() -> impl Strategy<Value = &'static str> {
    prop_oneof![9 => Just(""), 1 => proptest::sample::select(vec![" ", "\n", "\t\r", "  "])]
}

/// JSON texts in every spelling, with unordered and sometimes repeated member names.
fn text() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        proptest::sample::select(vec!["null", "true", "false"]).prop_map(str::to_owned),
        number(),
        string(),
    ];
    let spaced =
        |inner: BoxedStrategy<String>| (space(), inner, space()).prop_map(|(a, text, b)| format!("{a}{text}{b}"));
    leaf.prop_recursive(5, 48, 6, move |inner| {
        let inner = spaced(inner.boxed()).boxed();
        let member = (spaced(string().boxed()), inner.clone()).prop_map(|(name, value)| format!("{name}:{value}"));
        prop_oneof![
            proptest::collection::vec(inner, 0..6).prop_map(|elements| format!("[{}]", elements.join(","))),
            proptest::collection::vec(member, 0..6).prop_map(|members| format!("{{{}}}", members.join(","))),
        ]
    })
}

/// Values within the fast path's reach, so that mutations start from texts it accepts.
fn plain_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-999_999_999_999_999_i64..=999_999_999_999_999).prop_map(Value::from),
        "[a-c\"\\\\\n\u{1f}é\u{e000}\u{10000}]{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            proptest::collection::btree_map("[a-cé\u{e000}\u{10000}]{0,3}", inner, 0..5).prop_map(Value::from_iter),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1024) })]

    #[test]
    fn any_json_text_agrees_with_the_reference(text in text()) {
        check_any_bytes(text.as_bytes());
    }

    #[test]
    fn any_number_agrees_with_the_reference(text in number()) {
        check_any_bytes(text.as_bytes());
    }

    #[test]
    fn canonical_texts_of_plain_values_take_the_fast_path(value in plain_value()) {
        let text = serde_json_canonicalizer::to_vec(&value).unwrap();
        prop_assert!(is_canonical(&text), "{}", String::from_utf8_lossy(&text));
        prop_assert_eq!(canonical(&text), Ok(Cow::Borrowed(text.as_slice())));
    }

    #[test]
    fn one_changed_byte_never_deceives_the_fast_path(
        value in plain_value(),
        at in any::<prop::sample::Index>(),
        byte in prop_oneof![any::<u8>(), proptest::sample::select(b"\"\\{}[],:-+.eE0123456789abtrufn \x7f\xc3\xa9".to_vec())],
        edit in 0_u8..4,
    ) {
        let mut text = serde_json_canonicalizer::to_vec(&value).unwrap();
        let at = at.index(text.len());
        match edit {
            0 => text[at] = byte,
            1 => text.insert(at, byte),
            2 => { text.remove(at); },
            _ => text.truncate(at),
        }
        check_any_bytes(&text);
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        check_any_bytes(&bytes);
    }

    #[test]
    fn bytes_of_the_grammar_never_panic(
        bytes in proptest::collection::vec(proptest::sample::select(b"\"\"\\{}[],:-.eE01u9atrufnlse \xc3\xa9".to_vec()), 0..24),
    ) {
        check_any_bytes(&bytes);
    }
}

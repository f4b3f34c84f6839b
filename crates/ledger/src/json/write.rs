//! A tree as compact text.
//!
//! Only the printing of doubles is left to `serde_json_canonicalizer`: that crate writes every object into a buffer of its
//! own and parses each member name again, three times the cost of the walk below. The tests hold the two together.

use super::Form;
use super::check::EXACT_DIGITS;
use super::parse::Node;

const HEX: &[u8; 16] = b"0123456789abcdef";

/// Appends `node`, whose members are already in the order of `form`.
pub(super) fn write(node: &Node<'_>, form: Form, out: &mut Vec<u8>) {
    match node {
        Node::Null => out.extend_from_slice(b"null"),
        Node::Bool(true) => out.extend_from_slice(b"true"),
        Node::Bool(false) => out.extend_from_slice(b"false"),
        Node::Number(number) => write_number(number, form, out),
        Node::String(text) => write_string(text, out),
        Node::Array(elements) => {
            out.push(b'[');
            for (index, element) in elements.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write(element, form, out);
            }
            out.push(b']');
        },
        Node::Object(members) => {
            out.push(b'{');
            for (index, (name, value)) in members.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write_string(name, out);
                out.push(b':');
                write(value, form, out);
            }
            out.push(b'}');
        },
    }
}

fn write_number(number: &str, form: Form, out: &mut Vec<u8>) {
    if form == Form::Legacy || is_exact_integer(number) {
        out.extend_from_slice(number.as_bytes());
        return;
    }
    let double: f64 = number.parse().expect("the parser let only JSON numbers pass");
    serde_json_canonicalizer::to_writer(&double, out).expect("the parser refused numbers beyond the range of a double");
}

/// Whether the nearest double is printed as the number was written, told from its length.
fn is_exact_integer(number: &str) -> bool {
    number != "-0" && number.len() <= EXACT_DIGITS && number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-')
}

/// As RFC 8785 and `serde_json` write strings: only what must be escaped is, in its shortest form.
fn write_string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let mut rest = text.as_bytes();
    while let Some(run) = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | ..b' ')) {
        let (plain, from_special) = rest.split_at(run);
        out.extend_from_slice(plain);
        let [special, after @ ..] = from_special else { break };
        write_escape(*special, out);
        rest = after;
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

fn write_escape(byte: u8, out: &mut Vec<u8>) {
    let short = match byte {
        b'"' | b'\\' => byte,
        0x08 => b'b',
        b'\t' => b't',
        b'\n' => b'n',
        0x0c => b'f',
        b'\r' => b'r',
        control => {
            let [high, low] = [control >> 4, control & 0xf].map(|digit| HEX[usize::from(digit)]);
            out.extend_from_slice(&[b'\\', b'u', b'0', b'0', high, low]);
            return;
        },
    };
    out.extend_from_slice(&[b'\\', short]);
}

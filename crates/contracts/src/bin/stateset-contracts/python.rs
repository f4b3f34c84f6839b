//! The types of the catalogue for Python.

use stateset_contracts::catalogue::all;
use stateset_contracts::shape::{Object, Shape};

use crate::typescript::objects;

const HEAD: &str = r#""""The types of the event catalogue, for Python 3.11 and later.

Written by `cargo xtask codegen` from the event catalogue. Do not edit.
"""

from typing import Any, Final, Literal, NotRequired, TypedDict

"#;

const TAIL: &str = r#"

class Envelope(TypedDict):
    """A message of the topics. Members that are not listed may come, and versions that are higher."""

    type: str
    order_id: int | str
    user_email: NotRequired[str]
    timestamp: str
    data: dict[str, Any]
    version: int


def canonical_type(name: str) -> str | None:
    """The canonical name for a name or an alias; None if the catalogue has neither."""
    return name if name in SCHEMA_VERSIONS else ALIASES.get(name)
"#;

pub(super) fn module() -> String {
    let mut text = HEAD.to_owned();
    let objects = objects();
    for object in objects.values() {
        text.push_str(&class(object));
    }
    text.push_str("\nEventType = Literal[\n");
    for contract in all() {
        text.push_str(&format!("    \"{}\",\n", contract.name));
    }
    text.push_str("]\n\n#: What each type of event carries.\nPAYLOADS: Final[dict[str, type]] = {\n");
    for contract in all() {
        text.push_str(&format!("    \"{}\": {},\n", contract.name, contract.payload().name));
    }
    text.push_str("}\n\n#: The current version of each payload.\nSCHEMA_VERSIONS: Final[dict[str, int]] = {\n");
    for contract in all() {
        text.push_str(&format!("    \"{}\": {},\n", contract.name, contract.schema_version));
    }
    text.push_str("}\n\n#: Other names of the same facts.\nALIASES: Final[dict[str, str]] = {\n");
    for contract in all() {
        for alias in contract.aliases {
            text.push_str(&format!("    \"{alias}\": \"{}\",\n", contract.name));
        }
    }
    text.push_str("}\n");
    text + TAIL
}

fn class(object: &Object) -> String {
    let mut text = format!("\nclass {}(TypedDict):\n    \"\"\"{}\"\"\"\n\n", object.name, object.summary);
    for field in &object.fields {
        let of = type_of(&field.shape);
        let of = if field.required { of } else { format!("NotRequired[{of}]") };
        let personal = if field.personal { " Personal." } else { "" };
        text.push_str(&format!("    #: {}{personal}\n    {}: {of}\n", field.summary, field.name));
    }
    text + "\n"
}

fn type_of(shape: &Shape) -> String {
    match shape {
        Shape::Boolean => "bool".to_owned(),
        Shape::Integer { .. } => "int".to_owned(),
        Shape::Text { .. } => "str".to_owned(),
        Shape::List(of) => format!("list[{}]", type_of(of)),
        Shape::Object(object) => format!("\"{}\"", object.name),
        Shape::Free => "dict[str, Any]".to_owned(),
    }
}

//! The catalogue as a list, family by family.

use stateset_contracts::catalogue::{Contract, Topic, UserEmail, all};
use stateset_contracts::json_schema::order_key;
use stateset_contracts::shape::{Object, Shape};

const HEAD: &str = "# Event catalogue

Written by `cargo xtask codegen` from `crates/contracts`; do not edit. The same as a page to look through:
[index.html](index.html). For machines: [asyncapi.json](asyncapi.json), [schemas/](schemas), [events.ts](events.ts),
[stateset_events.py](stateset_events.py). What may follow what: [state-machines.md](state-machines.md). How to use all
this: [the guide](../guide/contracts.md).

*Order key*: `entity`: the order itself; `required`, `optional`: the order that the writer names; `none`: there is no order.
A member in *italics* may be missing; **†** marks personal data.
";

pub(super) fn list() -> String {
    let mut text = HEAD.to_owned();
    let mut title = "";
    for contract in all() {
        let family = contract.family;
        if family.title != title {
            title = family.title;
            let topic = family.topic.map_or_else(|| "no topic".to_owned(), |topic| format!("topic `{}`", topic.name()));
            text.push_str(&format!(
                "\n## {title}\n\nEntity `{}`, {topic}, order key {}.\n\n",
                family.entity,
                order_key(family.order_key)
            ));
            text.push_str("| type | schema | what happened | payload |\n|---|---|---|---|\n");
        }
        text.push_str(&row(contract));
    }
    let topics: Vec<String> = Topic::ALL.into_iter().map(|topic| format!("`{}`", topic.name())).collect();
    let count = all().count();
    text + &format!("\n{count} types; topics {}. ✉: the message carries `user_email`.\n", topics.join(", "))
}

fn row(contract: &Contract) -> String {
    let Contract { name, schema_version, .. } = contract;
    let payload = contract.payload();
    let aliases: Vec<String> = contract.aliases.iter().map(|alias| format!("<br>also `{alias}`")).collect();
    let aliases = aliases.concat();
    let mail = if contract.user_email == UserEmail::Included { " ✉" } else { "" };
    let members = members(&payload);
    let version = format!("[version {schema_version}](schemas/{name}/{schema_version}.json)");
    format!("| `{name}`{mail}{aliases} | {version} | {} | {members} |\n", payload.summary)
}

fn members(object: &Object) -> String {
    let members = object.fields.iter().map(|field| {
        let personal = if field.personal { "†" } else { "" };
        let within = match &field.shape {
            Shape::List(of) => match of.as_ref() {
                Shape::Object(of) => format!("[{}]", members(of)),
                _ => "[]".to_owned(),
            },
            Shape::Object(of) => format!("{{{}}}", members(of)),
            Shape::Boolean | Shape::Integer { .. } | Shape::Text { .. } | Shape::Free => String::new(),
        };
        let name = format!("{}{personal}{within}", field.name);
        if field.required { name } else { format!("*{name}*") }
    });
    members.collect::<Vec<_>>().join(", ")
}

//! The catalogue as one page that needs nothing else: no network, no build.

use stateset_contracts::catalogue::{Contract, UserEmail, all};
use stateset_contracts::json_schema::order_key;
use stateset_contracts::shape::{Field, Object, Shape};

use crate::diagram::{Machine, machines};
use crate::{asyncapi, drawing};

const TEMPLATE: &str = include_str!("page.html");

pub(super) fn catalogue() -> String {
    let mut families: Vec<&str> = Vec::new();
    let machines = machines();
    let (mut index, mut cards) = (String::new(), String::new());
    for contract in all() {
        let title = contract.family.title;
        if !families.contains(&title) {
            families.push(title);
            index.push_str(&format!("<h2>{title}</h2>\n"));
            cards.push_str(&format!("<h2 class=\"family\">{title}</h2>\n"));
        }
        let name = contract.name;
        index.push_str(&format!("<a href=\"#{name}\" data-for=\"{name}\">{name}</a>\n"));
        cards.push_str(&card(contract, &machines));
    }
    index.push_str("<h2>State machines</h2>\n");
    cards.push_str("<h2 class=\"family\">State machines</h2>\n");
    for machine in &machines {
        let anchor = drawing::anchor(machine);
        index.push_str(&format!("<a href=\"#{anchor}\" data-for=\"{anchor}\">{}</a>\n", machine.title));
        cards.push_str(&drawing::section(machine));
    }
    let count = all().count();
    TEMPLATE.replace("{{index}}", &index).replace("{{cards}}", &cards).replace("{{count}}", &count.to_string())
}

/// What an event of this type does to the state machines.
fn moves(name: &str, machines: &[Machine]) -> String {
    let mut lines = String::new();
    for machine in machines {
        let steps = machine.arrows.iter().filter(|(.., by)| *by == name);
        let steps = steps.map(|(from, to, _)| format!("{} → {}", from.replace('_', " "), to.replace('_', " ")));
        let begun = (machine.start.1 == name).then(|| format!("begins as {}", machine.start.0.replace('_', " ")));
        let all: Vec<String> = begun.into_iter().chain(steps).collect();
        if !all.is_empty() {
            let (anchor, title) = (drawing::anchor(machine), machine.title);
            lines.push_str(&format!("<li><a href=\"#{anchor}\">{title}</a>: {}</li>\n", all.join(", ")));
        }
    }
    if lines.is_empty() {
        lines
    } else {
        format!("<p class=\"label\">What it changes</p>\n<ul class=\"moves\">\n{lines}</ul>\n")
    }
}

fn card(contract: &Contract, machines: &[Machine]) -> String {
    let family = contract.family;
    let payload = contract.payload();
    let mut badges = format!("<span class=\"badge\">version {}</span>", contract.schema_version);
    badges.push_str(&format!("<span class=\"badge\">entity {}</span>", family.entity));
    if let Some(topic) = family.topic {
        badges.push_str(&format!("<span class=\"badge topic\">{}</span>", topic.name()));
    }
    badges.push_str(&format!("<span class=\"badge\">order key {}</span>", order_key(family.order_key)));
    if contract.user_email == UserEmail::Included {
        badges.push_str("<span class=\"badge mail\">user_email</span>");
    }
    let aliases: Vec<String> = contract.aliases.iter().map(|alias| format!("<code>{alias}</code>")).collect();
    let aliases = match aliases.as_slice() {
        [] => String::new(),
        all => format!("<p class=\"soft\">Also written {}</p>", all.join(", ")),
    };
    let (label, example) = match family.topic {
        Some(_) => ("Message", asyncapi::example(contract)),
        None => ("Payload", serde_json::from_str(contract.example).unwrap_or_default()),
    };
    let example = serde_json::to_string_pretty(&stateset_contracts::json_schema::sorted(example)).unwrap_or_default();
    let name = contract.name;
    let versions: Vec<String> = (1..=contract.schema_version)
        .map(|version| format!("<a href=\"schemas/{name}/{version}.json\">{version}</a>"))
        .collect();
    let moves = moves(name, machines);
    format!(
        "<article id=\"{name}\" data-words=\"{}\">\n<h3><a href=\"#{name}\">{name}</a></h3>\n<p>{}</p>\n{aliases}\
         <p class=\"badges\">{badges}</p>\n{moves}<table><caption>Payload</caption><thead><tr><th>Member</th><th>Type</th>\
         <th>Meaning</th></tr></thead><tbody>\n{}</tbody></table>\n\
         <details><summary>{label}: an example</summary><pre tabindex=\"0\" aria-label=\"example of {name}\">{}</pre></details>\n\
         <p class=\"schemas\">JSON Schema, version {}</p>\n</article>\n",
        escaped(&words(contract, &payload)),
        escaped(&payload.summary),
        rows("", &payload),
        escaped(&example),
        versions.join(", "),
    )
}

/// What the search looks at.
fn words(contract: &Contract, payload: &Object) -> String {
    let mut words = vec![contract.name, contract.family.title, contract.family.entity];
    words.extend(contract.aliases);
    words.extend(payload.fields.iter().map(|field| field.name));
    words.push(&payload.summary);
    words.join(" ").to_lowercase()
}

fn rows(prefix: &str, object: &Object) -> String {
    let mut rows = String::new();
    for field in &object.fields {
        rows.push_str(&row(prefix, field));
        match &field.shape {
            Shape::Object(of) => rows.push_str(&rows_of(prefix, field, of)),
            Shape::List(of) => {
                if let Shape::Object(of) = of.as_ref() {
                    rows.push_str(&rows_of(prefix, field, of));
                }
            },
            Shape::Boolean | Shape::Integer { .. } | Shape::Text { .. } | Shape::Free => {},
        }
    }
    rows
}

fn rows_of(prefix: &str, field: &Field, object: &Object) -> String {
    rows(&format!("{prefix}{}.", field.name), object)
}

fn row(prefix: &str, field: &Field) -> String {
    let prefix = if prefix.is_empty() { String::new() } else { format!("<span class=\"soft\">{prefix}</span>") };
    let optional = if field.required { "" } else { " <small>optional</small>" };
    let personal = if field.personal { " <small class=\"pii\">personal</small>" } else { "" };
    let since = if field.since > 1 { format!(" <small>since version {}</small>", field.since) } else { String::new() };
    format!(
        "<tr><td><code>{prefix}{}</code>{optional}{personal}{since}</td><td class=\"of\">{}</td><td>{}</td></tr>\n",
        field.name,
        escaped(&type_of(&field.shape)),
        escaped(&field.summary),
    )
}

fn type_of(shape: &Shape) -> String {
    match shape {
        Shape::Boolean => "boolean".to_owned(),
        Shape::Integer { least: None } => "integer".to_owned(),
        Shape::Integer { least: Some(least) } => format!("integer ≥ {least}"),
        Shape::Text { format: Some(format), .. } => (*format).to_owned(),
        Shape::Text { pattern: Some(pattern), .. } => format!("text {pattern}"),
        Shape::Text { .. } => "text".to_owned(),
        Shape::List(of) => format!("list of {}", type_of(of)),
        Shape::Object(_) => "object".to_owned(),
        Shape::Free => "any object".to_owned(),
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

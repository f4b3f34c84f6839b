//! The catalogue as one page that needs nothing else: no network, no build.

use stateset_contracts::catalogue::{Contract, UserEmail, all};
use stateset_contracts::json_schema::order_key;
use stateset_contracts::shape::{Field, Object, Shape};

use crate::asyncapi;

const TEMPLATE: &str = include_str!("page.html");

pub(super) fn catalogue() -> String {
    let mut families: Vec<&str> = Vec::new();
    let (mut index, mut cards) = (String::new(), String::new());
    for contract in all() {
        let title = contract.family.title;
        if !families.contains(&title) {
            families.push(title);
            index.push_str(&format!("<h2>{title}</h2>\n"));
        }
        let name = contract.name;
        index.push_str(&format!("<a href=\"#{name}\" data-for=\"{name}\">{name}</a>\n"));
        cards.push_str(&card(contract));
    }
    let count = all().count();
    TEMPLATE.replace("{{index}}", &index).replace("{{cards}}", &cards).replace("{{count}}", &count.to_string())
}

fn card(contract: &Contract) -> String {
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
    let aliases = if aliases.is_empty() { String::new() } else { format!("<p>Also {}</p>", aliases.join(", ")) };
    let (label, example) = match family.topic {
        Some(_) => ("Message", asyncapi::example(contract)),
        None => ("Payload", serde_json::from_str(contract.example).unwrap_or_default()),
    };
    let example = serde_json::to_string_pretty(&stateset_contracts::json_schema::sorted(example)).unwrap_or_default();
    let name = contract.name;
    let versions: Vec<String> = (1..=contract.schema_version)
        .map(|version| format!("<a href=\"schemas/{name}/{version}.json\">{version}</a>"))
        .collect();
    format!(
        "<article id=\"{name}\" data-words=\"{}\">\n<h3><a href=\"#{name}\">{name}</a></h3>\n<p>{}</p>\n{aliases}\
         <p class=\"badges\">{badges}</p>\n<table><thead><tr><th>member</th><th>type</th><th>meaning</th></tr></thead>\
         <tbody>\n{}</tbody></table>\n<details><summary>{label}</summary><pre>{}</pre></details>\n\
         <p class=\"schemas\">JSON Schema version {}</p>\n</article>\n",
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
    let optional = if field.required { "" } else { " <small>optional</small>" };
    let personal = if field.personal { " <small class=\"pii\">personal</small>" } else { "" };
    let since = if field.since > 1 { format!(" <small>since version {}</small>", field.since) } else { String::new() };
    format!(
        "<tr><td><code>{prefix}{}</code>{optional}{personal}{since}</td><td>{}</td><td>{}</td></tr>\n",
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

//! The OpenAPI 3.1 document, from one table of operations and the schemas of the `api` crate.
//!
//! To document a route: a line in its group under [`operations`], its parameters in `parameters`, and `cargo xtask codegen`.
//! A test calls every operation of the table, so a line without a route fails.

pub mod operations;
mod parameters;
mod schemas;

use axum::http::header;
use axum::response::{Html, IntoResponse, Response};
use serde_json::{Map, Value, json};

use operations::{Operation, Reply};

/// `GET /openapi.json`.
pub async fn json() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], text()).into_response()
}

/// `GET /docs`: the document as a page that needs nothing but itself.
pub async fn page() -> Html<String> {
    Html(render())
}

/// The document as committed under `docs/reference`.
pub fn text() -> String {
    let mut text = serde_json::to_string_pretty(&document()).expect("the document is plain JSON");
    text.push('\n');
    text
}

fn document() -> Value {
    let mut paths = Map::new();
    for operation in operations::all() {
        let item = paths.entry(operation.path).or_insert_with(|| json!({}));
        item[operation.method] = describe(operation);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "StateSet sequencer",
            "version": env!("CARGO_PKG_VERSION"),
            "license": {"name": "MIT", "identifier": "MIT"},
            "description": "Signed commerce events in, one gapless, provable order per store out.",
        },
        "servers": [{"url": "/"}],
        "security": [{"apiKey": []}, {"bearer": []}],
        "tags": operations::TAGS.iter().map(|(name, text)| json!({"name": name, "description": text})).collect::<Vec<_>>(),
        "paths": paths,
        "components": {
            "schemas": schemas::all(),
            "securitySchemes": {
                "apiKey": {
                    "type": "apiKey", "in": "header", "name": "Authorization", "description": "`ApiKey <key>`",
                },
                "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
            },
        },
    })
}

fn describe(operation: &Operation) -> Value {
    let mut description = json!({
        "operationId": operation.id,
        "summary": operation.summary,
        "tags": [operation.tag],
        "parameters": operation.parameters.iter().map(|name| parameters::describe(name)).collect::<Vec<_>>(),
        "responses": {
            operation.status: reply(operation.reply),
            "default": {
                "description": "Every error is a problem document with a stable code.",
                "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
            },
        },
    });
    if let Some(schema) = operation.body {
        description["requestBody"] =
            json!({"required": true, "content": {"application/json": {"schema": reference(schema)}}});
    }
    if operation.public {
        description["security"] = json!([]);
    }
    if let Some(permission) = operation.permission {
        description["x-permission"] = json!(permission.name());
    }
    description
}

fn reply(reply: Reply) -> Value {
    match reply {
        Reply::Json(schema) => {
            json!({"description": "OK", "content": {"application/json": {"schema": reference(schema)}}})
        },
        Reply::Other(kind) => json!({"description": "OK", "content": {kind: {}}}),
    }
}

fn reference(schema: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{schema}")})
}

/// Server-rendered and without a script: a reader, a text browser and a strict content policy are all served.
fn render() -> String {
    let mut page = String::from(include_str!("docs.html"));
    let mut body = String::new();
    for (tag, text) in operations::TAGS {
        body.push_str(&format!("<h2 id=\"{tag}\">{tag}</h2><p>{}</p>", escape(text)));
        for operation in operations::all().filter(|operation| operation.tag == *tag) {
            let access =
                operation.permission.map_or("no credential".to_owned(), |p| format!("permission {}", p.name()));
            body.push_str(&format!(
                "<details><summary><b class=\"{0}\">{1}</b> <code>{2}</code> <span>{3}</span></summary>",
                operation.method,
                operation.method.to_uppercase(),
                escape(operation.path),
                escape(operation.summary),
            ));
            body.push_str(&format!("<p>{access}"));
            if let Some(schema) = operation.body {
                body.push_str(&format!(" · body <code>{schema}</code>"));
            }
            if let Reply::Json(schema) = operation.reply {
                body.push_str(&format!(" · reply <code>{schema}</code>"));
            }
            body.push_str("</p>");
            if !operation.parameters.is_empty() {
                body.push_str("<table><tr><th>parameter</th><th>in</th><th>meaning</th></tr>");
                for name in operation.parameters {
                    let (place, meaning) = parameters::meaning(name);
                    body.push_str(&format!(
                        "<tr><td><code>{name}</code></td><td>{place}</td><td>{}</td></tr>",
                        escape(meaning)
                    ));
                }
                body.push_str("</table>");
            }
            body.push_str("</details>");
        }
    }
    body.push_str("<h2 id=\"errors\">Error codes</h2><table><tr><th>code</th><th>status</th><th>meaning</th><th>what to do</th></tr>");
    for code in stateset_api::code::Code::ALL {
        body.push_str(&format!(
            "<tr id=\"{0}\"><td><code>{0}</code></td><td>{1}</td><td>{2}</td><td>{3}</td></tr>",
            code.text(),
            code.status(),
            escape(code.title()),
            escape(code.fix())
        ));
    }
    body.push_str("</table>");
    page = page.replace("{{body}}", &body);
    page
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

//! The same request for a terminal.

use std::fmt::Write as _;

use maud::{Markup, html};

use super::block;
use crate::web::Visitor;

/// `curl` for an API path, and the tool's own command if there is one.
pub fn commands(visitor: &Visitor, api_path: &str, tool: Option<&str>) -> Markup {
    let url = shell(&format!("{}{api_path}", visitor.origin));
    let curl = if visitor.session.is_some() {
        format!("curl -H \"Authorization: ApiKey $STATESET_API_KEY\" {url}")
    } else {
        format!("curl {url}")
    };
    html! {
        details.commands {
            summary { "From a terminal" }
            div.command { (block("curl command", &curl)) button.copy type="button" data-copy=(curl) { "Copy" } }
            @if let Some(tool) = tool {
                div.command { (block("stateset-events command", tool)) button.copy type="button" data-copy=(tool) { "Copy" } }
            }
        }
    }
}

/// A command of `stateset-events` about the page's stream.
pub fn tool(visitor: &Visitor, words: &str) -> String {
    let scope = visitor.place.scope.map(|scope| format!(" --tenant {} --store {}", scope.tenant, scope.store));
    format!("stateset-events {words} --url {}{}", shell(&visitor.origin), scope.unwrap_or_default())
}

/// Text as one word of a shell, whatever is in it. Control characters are spelt: a terminal into which the word is pasted
/// would obey them before the shell sees a quote.
pub fn shell(text: &str) -> String {
    if !text.contains(char::is_control) {
        return format!("'{}'", text.replace('\'', r"'\''"));
    }
    let mut spelt = String::with_capacity(text.len() + 16);
    for letter in text.chars() {
        if letter.is_control() {
            let mut bytes = [0; 4];
            for byte in letter.encode_utf8(&mut bytes).bytes() {
                write!(spelt, "\\x{byte:02x}").expect("writing to a string does not fail");
            }
            continue;
        }
        if matches!(letter, '\'' | '\\') {
            spelt.push('\\');
        }
        spelt.push(letter);
    }
    format!("$'{spelt}'")
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_copied_command_is_one_command() {
        assert_eq!(super::shell("a'b; rm -rf $HOME `id`"), r"'a'\''b; rm -rf $HOME `id`'");
        // Ends a bracketed paste, gives up the line, and types another.
        let pasted = "x\u{1b}[201~\u{3}\nrm -rf ~ 'y\\";
        assert_eq!(super::shell(pasted), r"$'x\x1b[201~\x03\x0arm -rf ~ \'y\\'");
    }
}

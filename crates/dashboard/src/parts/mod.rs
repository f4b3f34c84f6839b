//! What pages are made of. Every function answers escaped markup.

pub mod chart;
pub mod commands;
pub mod event_list;
pub mod frame;
pub mod proof;

use maud::{Markup, html};
use time::OffsetDateTime;

use crate::text;

/// How a badge looks: what it says must be clear without its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Nothing special.
    Plain,
    /// As it should be.
    Good,
    /// Worth a look.
    Warn,
    /// Wrong.
    Bad,
}

impl Tone {
    /// The style's class.
    pub const fn class(self) -> &'static str {
        match self {
            Self::Plain => "badge",
            Self::Good => "badge good",
            Self::Warn => "badge warn",
            Self::Bad => "badge bad",
        }
    }
}

/// A word in a box.
pub fn badge(tone: Tone, label: &str) -> Markup {
    html! { span class=(tone.class()) { (label) } }
}

/// One figure with its name.
pub fn figure(name: &str, value: &str, note: &Markup) -> Markup {
    html! {
        div.figure {
            dt { (name) }
            dd { span.value { (value) } span.note { (note) } }
        }
    }
}

/// A hash or a key: its ends, and all of it on a click.
pub fn hash(hex: &str) -> Markup {
    html! { code.hash title=(hex) data-copy=(hex) { (text::short(hex)) } }
}

/// A time, and how long ago. The browser writes the second anew as it passes.
pub fn time(rfc3339: &str, now: OffsetDateTime) -> Markup {
    html! {
        @if let Some(at) = text::moment(rfc3339) {
            time datetime=(rfc3339) title=(rfc3339) { (text::clock(rfc3339)) }
            " " span.ago data-since=(at.unix_timestamp()) { (text::ago(at, now)) }
        } @else { span { (rfc3339) } }
    }
}

/// A box that says why there is nothing, and what to do.
pub fn empty(title: &str, why: &Markup) -> Markup {
    html! { div.empty { p.title { (title) } div { (why) } } }
}

/// Text as it was written.
pub fn block(label: &str, content: &str) -> Markup {
    html! { pre.block tabindex="0" aria-label=(label) { code { (content) } } }
}

/// Name and value, line by line.
pub fn facts(pairs: &[(&str, Markup)]) -> Markup {
    html! {
        dl.facts {
            @for (name, value) in pairs {
                div { dt { (name) } dd { (value) } }
            }
        }
    }
}

/// The time of a page: one for all its ages.
#[expect(clippy::disallowed_methods, reason = "ages on a page are for people; nothing is decided by them")]
pub fn now() -> OffsetDateTime {
    OffsetDateTime::from(std::time::SystemTime::now())
}

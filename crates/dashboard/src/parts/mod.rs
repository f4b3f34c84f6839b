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

/// JSON that somebody wrote, as much of it as a page holds, at most `most` characters; `rest` says where all of it is.
pub fn json(label: &str, written: &str, most: usize, rest: &str) -> Markup {
    let shown = match written.char_indices().nth(most) {
        Some((end, _)) => written.get(..end).unwrap_or_default(),
        None => written,
    };
    html! {
        (block(label, &text::pretty(shown)))
        @if shown.len() < written.len() {
            p.note { "The first " (text::grouped(u64::try_from(shown.len()).unwrap_or(u64::MAX))) " of "
                (text::grouped(u64::try_from(written.len()).unwrap_or(u64::MAX))) " bytes. " (rest) }
        }
    }
}

/// A name that others chose: it stands by itself, whatever its characters do to their neighbours.
pub fn name(written: &str) -> Markup {
    html! { bdi { (text::plain(written)) } }
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

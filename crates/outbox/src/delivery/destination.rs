//! Destinations and the versions of their routes.

use super::{LoggedEvent, Position};

/// Where a new destination's cursors start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Start {
    /// With the first event that is written after the registration.
    #[default]
    Now,
    /// With the first event of the log: a backfill.
    Beginning,
}

/// What should be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    /// Unique name, such as `kafka-main`.
    pub name: String,
    /// Kind of sink: `kafka`, `webhook`, `sequencer`, `handler`, `mail`.
    pub kind: String,
    /// Into how many parts its log is split for workers: a power of two up to 64, fixed for ever.
    pub shard_groups: u16,
    /// Every route of the destination.
    pub routes: Vec<NewRoute>,
    /// Used if the destination is new.
    pub start: Start,
}

/// One route of a [`Registration`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRoute {
    /// Unique within the destination.
    pub name: String,
    /// `order.created`, `product.*`, `*`.
    pub type_glob: String,
    /// A JSON object. It is compared as text: write it the same way every time.
    pub policy: String,
}

/// A destination as the database has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    /// Its number in every other table.
    pub id: i32,
    /// Unique name.
    pub name: String,
    /// Kind of sink.
    pub kind: String,
    /// Number of shard groups.
    pub shard_groups: u16,
    /// Every version of every route, by name and version.
    pub routes: Vec<RouteVersion>,
}

/// One version of a route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteVersion {
    /// Unique within the destination.
    pub name: String,
    /// 1, 2, 3.
    pub version: i32,
    /// Which types it takes.
    pub type_glob: String,
    /// An inactive version ends the route.
    pub active: bool,
    /// JSON object.
    pub policy: String,
    /// Events behind it are this version's, unless a newer version's start is before them too.
    pub start: Position,
}

impl Destination {
    /// The routes in force for an event: of each route its newest version that starts before the event, if that one is
    /// active and takes the type. No route means the event is not delivered here.
    pub fn routes_of<'a>(&'a self, event: &'a LoggedEvent) -> impl Iterator<Item = &'a RouteVersion> {
        let in_force = self.routes.iter().filter(|route| !route.start.covers(event));
        let newest = in_force.filter(|route| {
            !self
                .routes
                .iter()
                .any(|other| other.name == route.name && other.version > route.version && !other.start.covers(event))
        });
        newest.filter(|route| route.active && type_matches(&route.type_glob, &event.event_type))
    }
}

/// The fault of a registration, if it has one.
pub(crate) fn check_registration(wanted: &Registration) -> Result<(), String> {
    if wanted.name.is_empty() || wanted.name.len() > 100 || wanted.name.contains(char::is_control) {
        return Err(format!("a destination's name has 1 to 100 bytes and no control characters: {:?}", wanted.name));
    }
    if !matches!(wanted.shard_groups, 1 | 2 | 4 | 8 | 16 | 32 | 64) {
        return Err(format!("shard_groups is a power of two from 1 to 64, not {}", wanted.shard_groups));
    }
    for (at, route) in wanted.routes.iter().enumerate() {
        let glob = &route.type_glob;
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_.*".contains(&byte);
        if glob.is_empty() || glob.len() > 128 || !glob.bytes().all(plain) {
            return Err(format!("route {:?}: {glob:?} is no glob of a-z, 0-9, _, . and *", route.name));
        }
        if wanted.routes.iter().take(at).any(|other| other.name == route.name) {
            return Err(format!("two routes are named {:?}", route.name));
        }
    }
    Ok(())
}

/// Whether a type matches a glob in which `*` stands for any run of characters, dots included.
pub(crate) fn type_matches(glob: &str, event_type: &str) -> bool {
    let mut parts = glob.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = event_type.strip_prefix(first) else { return false };
    let Some(last) = glob.rfind('*').and_then(|at| glob.get(at + 1..)) else { return rest.is_empty() };
    let Some(middle_and_star) = glob.get(first.len() + 1..) else { return false };
    let middle = middle_and_star.strip_suffix(last).unwrap_or_default();
    for part in middle.split('*').filter(|part| !part.is_empty()) {
        let Some((_, behind)) = rest.split_once(part) else { return false };
        rest = behind;
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::type_matches;

    /// A04, F02
    #[test]
    fn globs_know_only_the_star() {
        for (glob, yes, no) in [
            ("*", "order.created", ""),
            ("order.created", "order.created", "order.created2"),
            ("product.*", "product.created", "products.created"),
            ("shopify.sync.*", "shopify.sync.product", "shopify.price"),
            ("*.created", "order.created", "order.created.x"),
            ("a*b*c", "a.b.c", "a.c"),
            ("a*b*c", "axxbbc", "ab"),
            ("a*a", "aa", "a"),
            ("**", "x", ""),
        ] {
            assert!(type_matches(glob, yes), "{glob} {yes}");
            assert!(no.is_empty() || !type_matches(glob, no), "{glob} {no}");
        }
        assert!(!type_matches("", "x") && type_matches("", ""));
    }
}

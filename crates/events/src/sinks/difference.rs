//! What a file of routes and the database say differently.

use stateset_outbox::delivery::{Destination, Registration, RouteVersion, Start};

/// One difference between a file and the database.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Difference {
    pub(crate) destination: String,
    pub(crate) route: Option<String>,
    /// `add`, `change`, `end`, `conflict`.
    pub(crate) change: &'static str,
    pub(crate) before: Option<String>,
    pub(crate) after: Option<String>,
}

/// What applying a registration would change: pure.
pub(crate) fn differences(known: Option<&Destination>, wanted: &Registration) -> Vec<Difference> {
    let difference = |route: Option<&str>, change, before: Option<String>, after: Option<String>| Difference {
        destination: wanted.name.clone(),
        route: route.map(str::to_owned),
        change,
        before,
        after,
    };
    let told = |glob: &str, policy: &str| format!("{glob} {policy}");
    let Some(known) = known else {
        let start = if wanted.start == Start::Beginning { "from the beginning of the log" } else { "from now on" };
        let after = format!("{}, {} shard groups, {start}", wanted.kind, wanted.shard_groups);
        let mut all = vec![difference(None, "add", None, Some(after))];
        all.extend(
            wanted
                .routes
                .iter()
                .map(|route| difference(Some(&route.name), "add", None, Some(told(&route.type_glob, &route.policy)))),
        );
        return all;
    };
    let mut all = Vec::new();
    if known.kind != wanted.kind || known.shard_groups != wanted.shard_groups {
        let text = |kind: &str, groups: u16| Some(format!("{kind}, {groups} shard groups"));
        let (before, after) = (text(&known.kind, known.shard_groups), text(&wanted.kind, wanted.shard_groups));
        all.push(difference(None, "conflict", before, after));
    }
    let newest = |name: &str| known.routes.iter().filter(|route| route.name == name).max_by_key(|route| route.version);
    let was = |route: &RouteVersion| Some(told(&route.type_glob, &route.policy));
    for route in &wanted.routes {
        let after = Some(told(&route.type_glob, &route.policy));
        match newest(&route.name).filter(|known| known.active) {
            Some(known) if known.type_glob == route.type_glob && known.policy == route.policy => {},
            Some(known) => all.push(difference(Some(&route.name), "change", was(known), after)),
            None => all.push(difference(Some(&route.name), "add", None, after)),
        }
    }
    for route in &known.routes {
        let last = newest(&route.name).is_some_and(|last| last.version == route.version);
        if last && route.active && wanted.routes.iter().all(|wanted| wanted.name != route.name) {
            all.push(difference(Some(&route.name), "end", was(route), None));
        }
    }
    all
}

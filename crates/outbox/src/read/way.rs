//! Which way a question takes through the log: along one index, in the order of the log, so that a page costs what a page
//! costs. Nothing here asks the database; how many events each way has is an argument.

use super::{COUNTED, Query};

/// So many types are read one by one, each in the order of its index, and merged.
pub(super) const MERGED: usize = 32;

/// A way through the log. Those further up are preferred where as many events lie on both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Way {
    /// Events whose places are known.
    Ids,
    Command,
    Correlation,
    OrderKey,
    /// Entity type and id.
    Entity,
    Agent,
    /// One type.
    Type,
    /// Several types at once; not in the order of the log.
    Types,
    /// The entities of a type; not in the order of the log.
    EntityType,
    /// All events of the scope, by type; not in the order of the log.
    Scope,
    /// All events of all scopes, by place.
    Log,
}

/// A way, and how many events lie on it: exact up to [`COUNTED`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sized {
    pub(crate) way: Way,
    pub(crate) events: i64,
}

impl Way {
    /// The name of its lines in `read_events.sql`.
    pub(super) fn line(self) -> &'static str {
        match self {
            Self::Ids => "by_ids",
            Self::Command => "by_command",
            Self::Correlation => "by_correlation",
            Self::OrderKey => "by_order_key",
            Self::Entity => "by_entity",
            Self::Agent => "by_agent",
            Self::Type => "by_type",
            Self::Types => "by_types",
            Self::EntityType => "by_entity_type",
            Self::Scope => "by_scope",
            Self::Log => "by_log",
        }
    }

    /// Whether its index has the order of the log.
    pub(super) fn is_ordered(self) -> bool {
        !matches!(self, Self::Types | Self::EntityType | Self::Scope)
    }

    /// Whether PostgreSQL is asked for it as a range of tuples, unless all of it is read.
    pub(super) fn is_scanned_by_tuple(self) -> bool {
        matches!(self, Self::Command | Self::Correlation | Self::OrderKey | Self::Agent | Self::Type)
    }

    /// The conditions that hold for everything on it.
    fn answers(self, condition: &str) -> bool {
        match self {
            Self::Ids => condition == "ids",
            Self::Command => condition == "command",
            Self::Correlation => condition == "correlation",
            Self::OrderKey => condition == "order_key",
            Self::Entity => condition == "entity_type" || condition == "entity_id",
            Self::Agent => condition == "agent",
            Self::Type => condition == "type",
            Self::Types => condition == "type" || condition == "types",
            Self::EntityType => condition == "entity_type",
            Self::Scope | Self::Log => false,
        }
    }
}

impl Query {
    /// The ways that lead to everything that can match, besides the log itself.
    pub(super) fn ways(&self) -> Vec<Way> {
        if self.ids.is_some() {
            return vec![Way::Ids];
        }
        let types = self.types.as_ref().map(Vec::len);
        // A way with another order passes over everything that is out of the range.
        let range = self.after >= 0 || self.before < i64::MAX;
        let all = [
            (Way::Command, self.command.is_some()),
            (Way::Correlation, self.correlation.is_some()),
            (Way::OrderKey, self.order_key.is_some()),
            (Way::Entity, self.entity_type.is_some() && self.entity_id.is_some()),
            (Way::Agent, self.agent.is_some()),
            (Way::Type, types == Some(1)),
            (Way::Types, types.is_some_and(|count| count != 1)),
            (Way::EntityType, self.entity_type.is_some() && self.entity_id.is_none() && !range),
        ];
        let mut ways: Vec<Way> = all.into_iter().filter(|(_, is)| *is).map(|(way, _)| way).collect();
        if range {
            ways.push(Way::Log);
        } else if ways.is_empty() {
            ways.push(Way::Scope);
        }
        ways
    }

    /// The way for a query that names one thing, of which there are few.
    pub(super) fn obvious_way(&self) -> Way {
        self.ways().into_iter().find(|way| way.is_ordered()).unwrap_or(Way::Log)
    }

    /// What the way leaves to be looked at in each row.
    pub(super) fn rest(&self, way: Way) -> Vec<&'static str> {
        self.conditions().into_iter().filter(|condition| !way.answers(condition)).collect()
    }

    /// Whether rows on the way are passed over, however many. Times are not among the reasons: places keep what does not
    /// match to few rows at either end. The log holds other scopes.
    pub(super) fn passes_over(&self, way: Way) -> bool {
        way == Way::Log || self.rest(way).iter().any(|condition| !matches!(*condition, "since" | "until"))
    }
}

/// The way to take: the one with the fewest events, in the order of the log if they are many.
pub(super) fn choose(mut sized: Vec<Sized>, types: usize) -> Sized {
    sized.sort_by_key(|one| (one.events, one.way));
    let best = sized.first().copied().unwrap_or(Sized { way: Way::Log, events: COUNTED + 1 });
    match best.way {
        Way::Types if (2..=MERGED).contains(&types) => Sized { way: Way::Type, ..best },
        way if way.is_ordered() || best.events <= COUNTED => best,
        _ => {
            let ordered = |one: &Sized| one.way.is_ordered();
            sized.into_iter().find(ordered).unwrap_or(Sized { way: Way::Log, events: COUNTED + 1 })
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANY: i64 = COUNTED + 1;

    fn chosen(sizes: &[(Way, i64)], types: usize) -> Way {
        choose(sizes.iter().map(|(way, events)| Sized { way: *way, events: *events }).collect(), types).way
    }

    #[test]
    fn the_way_with_the_fewest_events_is_taken() {
        assert_eq!(chosen(&[(Way::OrderKey, 900), (Way::Type, 3)], 1), Way::Type);
        assert_eq!(chosen(&[(Way::OrderKey, 3), (Way::Type, 3)], 1), Way::OrderKey, "the more particular of equals");
        assert_eq!(chosen(&[(Way::OrderKey, MANY), (Way::Type, MANY)], 1), Way::OrderKey);
        assert_eq!(chosen(&[(Way::Scope, MANY), (Way::Log, 90)], 0), Way::Log);
    }

    #[test]
    fn many_events_are_read_in_the_order_of_the_log() {
        assert_eq!(chosen(&[(Way::EntityType, COUNTED)], 0), Way::EntityType);
        assert_eq!(chosen(&[(Way::EntityType, MANY)], 0), Way::Log);
        assert_eq!(chosen(&[(Way::Scope, MANY)], 0), Way::Log);
        assert_eq!(chosen(&[(Way::Types, MANY)], MERGED), Way::Type, "merged");
        assert_eq!(chosen(&[(Way::Types, MANY)], MERGED + 1), Way::Log);
        assert_eq!(chosen(&[(Way::Types, 12)], MERGED + 1), Way::Types);
        assert_eq!(chosen(&[(Way::Types, MANY), (Way::Agent, MANY)], 99), Way::Agent);
    }

    #[test]
    fn what_a_way_leaves_is_looked_at_in_rows() {
        let query = Query {
            after: -1,
            before: i64::MAX,
            types: Some(vec!["a".to_owned()]),
            entity_type: Some("order".to_owned()),
            since: Some(1),
            ..Query::default()
        };
        assert_eq!(query.ways(), [Way::Type, Way::EntityType]);
        assert_eq!(query.rest(Way::Type), ["entity_type", "since"]);
        assert!(query.passes_over(Way::Type) && query.passes_over(Way::Log));
        let query = Query { entity_type: None, ..query };
        assert!(!query.passes_over(Way::Type), "places bound what is out of time");
        let query = Query { after: 7, types: None, ..query };
        assert_eq!(query.ways(), [Way::Log], "a range of places, not the whole index of types");
    }
}

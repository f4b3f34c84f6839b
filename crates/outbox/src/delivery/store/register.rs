//! Destinations and routes.

use super::{Deliveries, DeliveryError, Destination, Registration, args, sql, statement};
use crate::delivery::destination::check_registration;
use crate::delivery::{NewRoute, Position, RouteVersion, Start};
use crate::engine::Engine;
use crate::sql::Cells;

impl<DB: Engine> Deliveries<DB> {
    pub(super) async fn register_destination(&self, wanted: &Registration) -> Result<Destination, DeliveryError> {
        check_registration(wanted).map_err(DeliveryError::Mismatch)?;
        let mut tx = self.begin().await?;
        let added = self
            .row(&mut tx, statement!("destination_add"), args![&wanted.name, &wanted.kind, wanted.shard_groups])
            .await?;
        // Held until the end: two processes with different routes take turns.
        let found = self.row(&mut tx, statement!("destination_by_name"), args![&wanted.name]).await?;
        let mut found = found.ok_or(DeliveryError::Conflict)?;
        let (id, kind, shard_groups) = (found.int::<i32>()?, found.text()?, found.int::<u16>()?);
        if kind != wanted.kind || shard_groups != wanted.shard_groups {
            return Err(DeliveryError::Mismatch(format!(
                "destination {:?} is a {kind} with {shard_groups} shard groups; neither can change: register another name",
                wanted.name
            )));
        }
        let from_beginning = added.is_some() && wanted.start == Start::Beginning;
        if added.is_some() {
            for group in 0..shard_groups {
                self.change(&mut tx, statement!("cursor_add"), args![id, group, from_beginning]).await?;
            }
        }
        let rows = sql::fetch::<DB>(&mut tx, &self.outbox.schema, statement!("routes"), Vec::new()).await?;
        let versions =
            read_routes(rows)?.into_iter().filter(|(of, _)| *of == id).map(|(_, route)| route).collect::<Vec<_>>();
        for (route, version, active) in new_versions(&versions, &wanted.routes) {
            let args = args![id, &route.name, version, &route.type_glob, active, &route.policy, from_beginning];
            self.change(&mut tx, statement!("route_add"), args).await?;
        }
        tx.commit().await?;
        let all = self.read_destinations().await?;
        all.into_iter().find(|destination| destination.id == id).ok_or(DeliveryError::Conflict)
    }

    pub(super) async fn read_destinations(&self) -> Result<Vec<Destination>, DeliveryError> {
        let rows = self.fetch(statement!("destinations"), Vec::new()).await?;
        Ok(read_destinations(rows, self.fetch(statement!("routes"), Vec::new()).await?)?)
    }
}

/// The rows of `destinations.sql` and `routes.sql`.
pub(crate) fn read_destinations(rows: Vec<Cells>, routes: Vec<Cells>) -> Result<Vec<Destination>, sqlx::Error> {
    let routes = read_routes(routes)?;
    let mut all = Vec::with_capacity(rows.len());
    for mut row in rows {
        let id = row.int()?;
        let of_it = routes.iter().filter(|(of, _)| *of == id).map(|(_, route)| route.clone()).collect();
        all.push(Destination { id, name: row.text()?, kind: row.text()?, shard_groups: row.int()?, routes: of_it });
    }
    Ok(all)
}

/// What must be added so that the newest versions are the wanted routes: pure.
fn new_versions(versions: &[RouteVersion], wanted: &[NewRoute]) -> Vec<(NewRoute, i32, bool)> {
    let newest = |name: &str| versions.iter().filter(|route| route.name == name).max_by_key(|route| route.version);
    let mut added = Vec::new();
    for route in wanted {
        match newest(&route.name) {
            Some(known) if known.active && known.type_glob == route.type_glob && known.policy == route.policy => {},
            known => added.push((route.clone(), known.map_or(0, |known| known.version) + 1, true)),
        }
    }
    let gone = versions.iter().filter(|route| {
        let last = newest(&route.name).is_some_and(|last| last.version == route.version);
        last && route.active && wanted.iter().all(|wanted| wanted.name != route.name)
    });
    let ended = gone.map(|route| {
        let (name, type_glob, policy) = (route.name.clone(), route.type_glob.clone(), route.policy.clone());
        (NewRoute { name, type_glob, policy }, route.version + 1, false)
    });
    added.extend(ended);
    added
}

fn read_routes(rows: Vec<Cells>) -> Result<Vec<(i32, RouteVersion)>, sqlx::Error> {
    let read = |mut row: Cells| {
        let destination = row.int()?;
        let route = RouteVersion {
            name: row.text()?,
            version: row.int()?,
            type_glob: row.text()?,
            active: row.flag()?,
            policy: row.text()?,
            start: Position::read(row.int()?, &row.text()?)?,
        };
        Ok((destination, route))
    };
    rows.into_iter().map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_becomes_a_version() {
        let route =
            |name: &str, glob: &str| NewRoute { name: name.into(), type_glob: glob.into(), policy: "{}".into() };
        let version = |name: &str, version, glob: &str, active| RouteVersion {
            name: name.into(),
            version,
            type_glob: glob.into(),
            active,
            policy: "{}".into(),
            start: Position::Id(0),
        };
        let known = vec![
            version("a", 1, "a.*", true),
            version("b", 1, "b.*", true),
            version("b", 2, "b.*", false),
            version("c", 1, "c.*", true),
        ];
        let added = new_versions(&known, &[route("a", "a.*"), route("b", "b.*"), route("d", "*")]);
        let names: Vec<(&str, i32, bool)> =
            added.iter().map(|(route, v, active)| (route.name.as_str(), *v, *active)).collect();
        assert_eq!(names, [("b", 3, true), ("d", 1, true), ("c", 2, false)]);
    }
}

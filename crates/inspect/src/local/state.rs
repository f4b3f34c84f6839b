//! What an entity was, from an outbox.

use stateset_outbox::read::{self, ReadError};
use stateset_outbox::{Engine, Entity};

use super::{Local, of_read};
use crate::answer::EntityState;
use crate::fault::Fault;
use crate::surface::StateOf;

impl<DB: Engine> Local<DB> {
    pub(super) async fn state_of(&self, of: &StateOf) -> Result<EntityState, Fault> {
        let entity = Entity::new(&of.entity_type, &of.entity_id);
        let found = self.at(&entity, of.at).await?;
        let now = found.ok_or_else(|| Fault::no_entity(&of.entity_type, &of.entity_id))?;
        let before = match of.since {
            None => None,
            Some(since) => Some(self.at(&entity, Some(since)).await?.unwrap_or_default()),
        };
        Ok(EntityState::of((&of.entity_type, &of.entity_id), now, before.as_ref()))
    }

    /// `None`: it had no events.
    async fn at(&self, entity: &Entity, at: Option<i64>) -> Result<Option<read::EntityState>, Fault> {
        match self.reader.state_at(entity, at).await {
            Ok(state) => Ok(Some(state)),
            Err(ReadError::NotFound(_)) => Ok(None),
            Err(error) => Err(of_read(error)),
        }
    }
}

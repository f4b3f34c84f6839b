//! Personal data beside the log.
//!
//! The log is for ever; a person's data must not be. Fields marked with [`Draft::personal`](crate::Draft::personal) never
//! reach it: the event has `{"$personal":"<commitment>"}` in their place, and the values lie in `subject_data`, each sealed
//! under its person's own key, which a master key wraps. Hashes, signatures and proofs are over the commitments.
//!
//! [`Outbox::reveal`] puts the values back for whoever may see them. [`Outbox::erase_subject`] destroys a person's key:
//! from then on nobody can, nothing in the log changes, and everything still verifies.

mod json;
mod seal;

use std::collections::HashMap;

use serde::Serialize;
use serde_json::Value;
use sqlx::{Database, Transaction};
use uuid::Uuid;

use crate::audit::Entry;
use crate::delivery::LoggedEvent;
use crate::draft::Entity;
use crate::engine::Engine;
use crate::outbox::Outbox;
use crate::scope::Scope;
use crate::sql::{args, decode, execute, fetch, fetch_optional, statement};
use crate::write::{Facts, PersonalField, Row, WriteError, payload_hash};
use json::{Document, is_signed, split};
use seal::{KeyOf, Place, SubjectKey};

pub use seal::{MasterKeys, NotMasterKeys};

/// Most marked fields of an event.
const FIELDS: usize = 32;

/// Why personal data could not be moved out, or read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PersonalError {
    /// Fields are marked, and the outbox has no master keys.
    #[error("the event has personal fields, and the outbox no master keys: see `Outbox::with_master_keys`")]
    NoMasterKeys,
    /// A subject's key is wrapped by a key that was not given.
    #[error("the master key {0:?} is not configured")]
    UnknownMasterKey(String),
    /// The marks are not admissible.
    #[error("{0}")]
    Marks(String),
    /// What is stored does not open: another key, or it was changed.
    #[error("what is stored of a subject cannot be read with these keys")]
    Unreadable,
    /// The library of ciphers failed.
    #[error("the cipher failed")]
    Cryptography,
}

/// Why events could not be revealed.
#[derive(Debug, thiserror::Error)]
pub enum RevealError {
    /// The keys or the data.
    #[error(transparent)]
    Personal(#[from] PersonalError),
    /// The database.
    #[error("the database")]
    Database(#[from] sqlx::Error),
}

/// What a scope has of a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct SubjectStanding {
    /// Events that have fields of the person.
    pub events: i64,
    /// Such fields.
    pub fields: i64,
    /// Those of them whose values can still be read, with the master key.
    pub readable: i64,
}

/// What was done to erase a person, and what it could not reach. To be kept, and given to whoever asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ErasureCertificate {
    /// Whom.
    pub subject: String,
    /// Of which tenant.
    pub tenant: Uuid,
    /// Of which store.
    pub store: Uuid,
    /// When, microseconds since 1970 UTC.
    pub erased_at: i64,
    /// Keys that were destroyed now; none if the person was erased before, or never known.
    pub keys_destroyed: usize,
    /// Events that have fields of the person.
    pub events: i64,
    /// Such fields. Their values cannot be read any more, in this database and in every copy of it made from now on.
    pub fields: i64,
    /// What stays as it is, because it never had the values: the log, its archive, hashes, signatures and proofs.
    pub unaffected: Vec<&'static str>,
    /// Destinations that were given events of this store, perhaps with the values: to be told.
    pub destinations: Vec<String>,
    /// What else this cannot reach.
    pub not_reached: Vec<&'static str>,
}

const UNAFFECTED: [&str; 3] =
    ["event_log and event_identity: commitments only", "archive segments", "hashes, signatures, receipts and proofs"];
const NOT_REACHED: [&str; 4] = [
    "backups of this database made before now, together with the master key: they expire by your own rules",
    "topics, mailboxes and systems of the destinations listed here",
    "databases of consumers, their held events and their quarantine",
    "fields that were never marked, log files, and what people have copied",
];

impl<DB: Engine> Outbox<DB> {
    /// What this scope has of a person. Changes nothing, and needs no master key.
    pub async fn subject(&self, subject: &str) -> Result<SubjectStanding, sqlx::Error> {
        let Scope { tenant, store } = self.scope;
        let mut tx = self.begin_read().await?;
        let whose = args![tenant, store, subject];
        let row = fetch_optional::<DB>(&mut tx, &self.schema, statement!("subject_standing"), whose).await?;
        let mut row = row.ok_or(sqlx::Error::RowNotFound)?;
        Ok(SubjectStanding { events: row.int()?, fields: row.int()?, readable: row.int()? })
    }

    /// Destroys every key of a person in this scope, in the caller's transaction, and records it in the audit. Repeating
    /// it is safe. If the person comes again there is a new key, and what was erased stays so.
    pub async fn erase_subject(
        &self,
        tx: &mut Transaction<'_, DB>,
        subject: &str,
        reason: &str,
        actor: &str,
    ) -> Result<ErasureCertificate, sqlx::Error> {
        let Scope { tenant, store } = self.scope;
        let erase = args![tenant, store, subject, actor, reason];
        let destroyed = fetch::<DB>(tx, &self.schema, statement!("subject_erase"), erase).await?.len();
        if destroyed > 0 {
            let entry = Entry {
                actor: actor.to_owned(),
                action: "subject.erased",
                subject: format!("subject:{subject}"),
                reason: Some(reason.to_owned()),
                ..Entry::default()
            };
            entry.add::<DB>(&mut *tx, &self.schema, self.scope).await?;
        }
        let counts = args![tenant, store, subject];
        let row = fetch_optional::<DB>(tx, &self.schema, statement!("subject_counts"), counts).await?;
        let mut row = row.ok_or(sqlx::Error::RowNotFound)?;
        let (events, fields, erased_at) = (row.int()?, row.int()?, row.int()?);
        let rows = fetch::<DB>(tx, &self.schema, statement!("destinations"), Vec::new()).await?;
        let name = |mut row: crate::sql::Cells| {
            row.int::<i64>()?;
            Ok(format!("{} ({})", row.text()?, row.text()?))
        };
        Ok(ErasureCertificate {
            subject: subject.to_owned(),
            tenant,
            store,
            erased_at,
            keys_destroyed: destroyed,
            events,
            fields,
            unaffected: UNAFFECTED.into(),
            destinations: rows.into_iter().map(name).collect::<Result<_, sqlx::Error>>()?,
            not_reached: NOT_REACHED.into(),
        })
    }

    /// Puts the values back into payload and metadata, of any scope. Those of erased persons stay commitments.
    pub async fn reveal(&self, events: &mut [LoggedEvent]) -> Result<(), RevealError> {
        let marked = |event: &&LoggedEvent| {
            event.payload.contains(json::MEMBER) || event.metadata.as_ref().is_some_and(|it| it.contains(json::MEMBER))
        };
        let ids: Vec<String> = events.iter().filter(marked).map(|event| event.event_id.to_string()).collect();
        if ids.is_empty() {
            return Ok(());
        }
        let keys = self.master_keys.as_deref().ok_or(PersonalError::NoMasterKeys)?;
        let list = serde_json::to_string(&ids).expect("texts have a JSON form");
        let mut tx = self.begin().await?;
        let rows = fetch::<DB>(&mut tx, &self.schema, statement!("subject_data"), args![list]).await?;
        drop(tx);
        let mut values: HashMap<(Scope, Uuid), Vec<Revealed>> = HashMap::new();
        for mut row in rows {
            let scope = Scope { tenant: row.id()?, store: row.id()? };
            let event_id = row.id()?;
            let (field, subject, generation) = (row.text()?, row.text()?, row.int()?);
            let sealed = row.opt_bytes()?.ok_or_else(|| decode("a sealed field is NULL"))?;
            let (Some(id), Some(wrapped)) = (row.opt_text()?, row.opt_bytes()?) else { continue };
            let key = keys.unwrap(&id, &KeyOf { scope, subject: &subject, generation }, &wrapped)?;
            let (value, commitment) = key.open(&Place { scope, event_id, field: &field }, &sealed)?;
            values.entry((scope, event_id)).or_default().push(Revealed { field, value, commitment });
        }
        for event in events {
            let scope = Scope { tenant: event.tenant, store: event.store };
            let Some(values) = values.remove(&(scope, event.event_id)) else { continue };
            let mut document = Document::read(&event.payload, event.metadata.as_deref());
            for Revealed { field, value, commitment } in values {
                document.put_back(&field, &value, &crate::hex(&commitment));
            }
            (event.payload, event.metadata) = document.write();
        }
        Ok(())
    }

    /// Wraps up to `most` subjects' keys anew under the current master key; gives how many. When it gives 0, older master
    /// keys are not needed any more.
    pub async fn rewrap_subjects(&self, most: u16) -> Result<u64, RevealError> {
        let keys = self.master_keys.as_deref().ok_or(PersonalError::NoMasterKeys)?;
        let mut tx = self.begin().await?;
        let old = args![keys.current(), most];
        let rows = fetch::<DB>(&mut tx, &self.schema, statement!("subject_keys_of"), old).await?;
        let mut done = 0;
        for mut row in rows {
            let scope = Scope { tenant: row.id()?, store: row.id()? };
            let (subject, generation, id) = (row.text()?, row.int::<i32>()?, row.text()?);
            let wrapped = row.opt_bytes()?.ok_or_else(|| decode("a key is NULL"))?;
            let of = KeyOf { scope, subject: &subject, generation };
            let anew = keys.wrap(&of, &keys.unwrap(&id, &of, &wrapped)?)?;
            let mut args = args![scope.tenant, scope.store, &subject, generation, keys.current()];
            args.extend(args![anew.as_slice(), wrapped.as_slice()]);
            done += execute::<DB>(&mut tx, &self.schema, statement!("subject_rewrap"), args).await?;
        }
        tx.commit().await?;
        Ok(done)
    }

    /// Takes marked fields out of rows that are about to be written.
    pub(crate) async fn move_personal(
        &self,
        connection: &mut <DB as Database>::Connection,
        mut rows: Vec<Row>,
    ) -> Result<Vec<Row>, WriteError> {
        for row in &mut rows {
            let Some(marked) = row.marked.take() else { continue };
            check(&marked.subject, &marked.fields)?;
            if self.master_keys.is_none() && marked.by_contract && marked.fields.iter().all(|field| !is_signed(field)) {
                // Nothing of it is in what is signed: the address lies beside the payload, as the writer gave it.
                self.name(row)?;
                continue;
            }
            let (generation, key) = self.key_of(connection, &marked.subject).await?;
            let mut document = Document::read(&row.payload, row.metadata.as_deref());
            for field in &marked.fields {
                let Some(value) = document.take_out(field) else { continue };
                let place = Place { scope: self.scope, event_id: row.event_id, field };
                let (commitment, sealed) = key.commit(&place, &value)?;
                document.commit(field, &crate::hex(&commitment));
                let (field, subject) = (field.clone(), marked.subject.clone());
                row.personal.push(PersonalField { field, subject, generation, sealed });
            }
            (row.payload, row.metadata) = document.write();
            row.payload_hash = payload_hash(&row.payload).to_vec();
            self.name(row)?;
        }
        Ok(rows)
    }

    /// The key of a row that was made without one, now that nothing personal is in it.
    fn name(&self, row: &mut Row) -> Result<(), WriteError> {
        if row.event_key.is_none() {
            let entity = Entity::new(&row.entity_type, &row.entity_id);
            let facts = Facts {
                event_type: &row.event_type,
                entity: &entity,
                order_key: row.order_key.as_deref(),
                payload: &row.payload,
            };
            row.event_key = self.strategy.token(facts).map_err(WriteError::Strategy)?;
        }
        Ok(())
    }

    /// Writes what was taken out of the events that were added.
    pub(crate) async fn keep_personal(
        &self,
        connection: &mut <DB as Database>::Connection,
        rows: &[Row],
        fresh: &[Option<i64>],
    ) -> Result<(), WriteError> {
        for (row, _) in rows.iter().zip(fresh).filter(|(_, place)| place.is_some()) {
            for PersonalField { field, subject, generation, sealed } in &row.personal {
                let mut args = args![self.scope.tenant, self.scope.store, row.event_id, field, subject, *generation];
                args.extend(args![sealed.as_slice()]);
                execute::<DB>(connection, &self.schema, statement!("subject_data_add"), args).await?;
            }
        }
        Ok(())
    }

    /// The key of a subject and its generation, a new one if there is none.
    async fn key_of(
        &self,
        connection: &mut <DB as Database>::Connection,
        subject: &str,
    ) -> Result<(i32, SubjectKey), WriteError> {
        let keys = self.master_keys.as_deref().ok_or(PersonalError::NoMasterKeys)?;
        let Scope { tenant, store } = self.scope;
        let whose = || args![tenant, store, subject];
        loop {
            let known = fetch_optional::<DB>(connection, &self.schema, statement!("subject_key"), whose()).await?;
            if let Some(mut row) = known {
                let (generation, id) = (row.int()?, row.text()?);
                let wrapped = row.opt_bytes()?.ok_or_else(|| decode("a key is NULL"))?;
                let key = keys.unwrap(&id, &KeyOf { scope: self.scope, subject, generation }, &wrapped)?;
                return Ok((generation, key));
            }
            let row = fetch_optional::<DB>(connection, &self.schema, statement!("subject_next"), whose()).await?;
            let generation: i32 = row.ok_or(sqlx::Error::RowNotFound)?.int()?;
            let key = SubjectKey::random()?;
            let wrapped = keys.wrap(&KeyOf { scope: self.scope, subject, generation }, &key)?;
            let mut args = whose();
            args.extend(args![generation, keys.current(), wrapped.as_slice()]);
            if execute::<DB>(connection, &self.schema, statement!("subject_key_add"), args).await? == 1 {
                return Ok((generation, key));
            }
        }
    }
}

fn check(subject: &str, fields: &[String]) -> Result<(), PersonalError> {
    let bad = |why: String| Err(PersonalError::Marks(why));
    if subject.is_empty() || subject.chars().count() > 256 || subject.contains(char::is_control) {
        return bad("a subject has 1 to 256 characters and no control characters".to_owned());
    }
    if fields.len() > FIELDS {
        return bad(format!("{} fields are marked, more than {FIELDS}", fields.len()));
    }
    match fields.iter().find(|field| field.len() > 256 || split(field).is_none()) {
        Some(field) => {
            let shown: String = field.chars().take(80).collect();
            bad(format!("{shown:?} is no field: a JSON pointer, such as /email or metadata:/user_email"))
        },
        None => Ok(()),
    }
}

/// A field that was opened.
struct Revealed {
    field: String,
    value: String,
    commitment: [u8; 32],
}

/// A value as JSON.
fn text(value: &Value) -> String {
    value.to_string()
}

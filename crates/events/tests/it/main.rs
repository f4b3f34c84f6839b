//! The real program against real outboxes, SQLite and PostgreSQL.

#[cfg(test)]
mod agent;
#[cfg(test)]
mod connector;
#[cfg(test)]
mod demo;
#[cfg(test)]
mod exits;
#[cfg(test)]
mod forms;
#[cfg(test)]
mod harness;
#[cfg(test)]
mod help;
#[cfg(test)]
#[cfg(feature = "kafka")]
mod kafka;
#[cfg(test)]
mod preview;
#[cfg(test)]
mod reconcile;
#[cfg(test)]
mod sequencer;
#[cfg(test)]
mod source_000;
#[cfg(test)]
mod story;
#[cfg(test)]
mod tail;
#[cfg(test)]
mod terminal;
#[cfg(test)]
mod walk;

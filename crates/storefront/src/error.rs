//! Why a storefront did not start, or ended.

use std::net::SocketAddr;
use std::path::PathBuf;

use stateset_relay::engine;

/// Why a storefront did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Settings that contradict each other; the text says what to do.
    #[error("{0}")]
    Settings(String),
    /// The database cannot be reached, or holds something else.
    #[error("the database cannot be used: is --database right, and does it answer?")]
    Database(#[source] sqlx::Error),
    /// The folder of the SQLite files.
    #[error("the folder {path} cannot be made")]
    Folder {
        /// Which one.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The address.
    #[error("{address} cannot be listened on: another program may have it; see --listen")]
    Listen {
        /// Which one.
        address: SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A relay.
    #[error("the relay of the {service} service did not start")]
    Relay {
        /// Of which service.
        service: &'static str,
        /// Why.
        #[source]
        source: engine::StartError,
    },
    /// A sink, or a consumer, that cannot be had as configured.
    #[error("{what} cannot be used as configured")]
    Peer {
        /// Such as `the mail server`.
        what: &'static str,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl StartError {
    pub(crate) fn database(source: sqlx::Error) -> Self {
        Self::Database(source)
    }

    pub(crate) fn peer(what: &'static str, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Peer { what, source: Box::new(source) }
    }
}

/// Why a storefront ended by itself.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// It did not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The listener failed.
    #[error("the listener failed")]
    Listener(#[source] std::io::Error),
    /// A relay or a consumer cannot go on.
    #[error("{0} has ended; its log says why")]
    Ended(String),
}

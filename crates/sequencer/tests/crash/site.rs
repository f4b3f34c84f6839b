//! How the servers of these tests are set up.

use stateset_testkit::http::Client;
use stateset_testkit::server::{Launch, SequencerProcess};

pub(crate) const API_KEY: &str = "key-of-the-crash-tests";
const SECRET: &str = "4242424242424242424242424242424242424242424242424242424242424242";

/// A server on the embedded database, which makes its own keys: they, too, must survive.
pub(crate) fn embedded() -> anyhow::Result<Launch> {
    let launch = Launch::new(env!("CARGO_BIN_EXE_stateset-sequencer"))?;
    let port = launch.address().port().to_string();
    // Short intervals, so that kills meet commitments and checkpoints too.
    Ok(launch
        .variable("HOST", "127.0.0.1")
        .variable("PORT", port)
        .variable("BOOTSTRAP_ADMIN_API_KEY", API_KEY)
        .variable("COMMIT_INTERVAL_MS", "50")
        .variable("PUBLISH_INTERVAL_MS", "10")
        .variable("RUST_LOG", "warn"))
}

/// A server on this PostgreSQL database.
pub(crate) fn on_postgres(url: &str) -> anyhow::Result<Launch> {
    Ok(embedded()?
        .variable("DATABASE_URL", url)
        .variable("VES_SEQUENCER_SIGNING_KEY", SECRET)
        .variable("PAYLOAD_ENCRYPTION_KEYS", SECRET))
}

/// A client that may do everything.
pub(crate) fn client(server: &SequencerProcess) -> Client {
    server.client().with_header("authorization", &format!("ApiKey {API_KEY}"))
}

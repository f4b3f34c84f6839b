//! The sequencer for tests of other crates: its program, built if need be, and a launch with fixed keys.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use crate::http::Client;
use crate::server::{Launch, SequencerProcess};

/// The bootstrap key of every server that [`launch`] starts; it may do everything.
pub const API_KEY: &str = "tests-key-of-a-throw-away-server";
/// Signs its receipts and heads.
pub const SIGNING_KEY: &str = "5b9d1c3e7f2a4860b1c2d3e4f5061728394a5b6c7d8e9fa0b1c2d3e4f5061728";
/// Encrypts its payloads.
pub const PAYLOAD_KEY: &str = "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0";

/// What the program is made of.
const SOURCES: [&str; 8] = ["api", "contracts", "dashboard", "inspect", "ledger", "outbox", "sequencer", "store"];

/// The program beside the running test's own, built first if it is missing or older than its sources.
///
/// # Panics
/// If it cannot be built: a test without its server has failed.
pub fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let test = std::env::current_exe().expect("a test knows where it is");
        let folder = test.parent().and_then(Path::parent).expect("tests lie in a folder of the target's");
        let program = folder.join("stateset-sequencer");
        let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let newest = SOURCES.iter().map(|name| newest(&crates.join(name))).max();
        let built = program.metadata().and_then(|file| file.modified()).ok();
        if built < newest {
            let cargo =
                Command::new(env!("CARGO")).args(["build", "-p", "stateset-sequencer"]).current_dir(&crates).status();
            assert!(cargo.is_ok_and(|status| status.success()), "the sequencer cannot be built");
        }
        program
    })
}

fn newest(folder: &Path) -> SystemTime {
    let entries = folder.read_dir().into_iter().flatten().flatten().map(|entry| entry.path());
    let times = entries.filter(|path| !path.ends_with("tests")).map(|path| {
        if path.is_dir() {
            newest(&path)
        } else {
            path.metadata().and_then(|file| file.modified()).unwrap_or(SystemTime::UNIX_EPOCH)
        }
    });
    times.max().unwrap_or(SystemTime::UNIX_EPOCH)
}

/// A server on an embedded database in a folder of its own; a variable that is set again takes the place of ours.
pub fn launch() -> anyhow::Result<Launch> {
    let launch = Launch::new(program())?.ready_within(Duration::from_mins(2));
    let port = launch.address().port().to_string();
    Ok(launch
        .variable("HOST", "127.0.0.1")
        .variable("PORT", port)
        .variable("STATESET_DATA_DIR", "data")
        .variable("BOOTSTRAP_ADMIN_API_KEY", API_KEY)
        .variable("VES_SEQUENCER_SIGNING_KEY", SIGNING_KEY)
        .variable("PAYLOAD_ENCRYPTION_KEYS", PAYLOAD_KEY))
}

/// A client with the bootstrap key.
pub fn client(process: &SequencerProcess) -> Client {
    process.client().with_header("authorization", &format!("ApiKey {API_KEY}"))
}

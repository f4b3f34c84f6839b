//! `stateset-sequencer-admin`: the operator's tools. The work is in `stateset_sequencer::admin`; here are the words.

mod commands;
mod keys;
mod show;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use uuid::Uuid;

const ABOUT: &str = "\
The operator's tools of the StateSet sequencer.

Reads the same environment variables as the server (docs/reference/config.md), of which most commands need only
DATABASE_URL or STATESET_DATA_DIR, and PAYLOAD_ENCRYPTION_KEYS where payloads are opened. Every command may run beside a
server. What rewrites anything shows first what it would do; --apply does it.

Tables go to standard output for people, one JSON document with --json for programs; progress and complaints go to
standard error.";

/// How it ends, and examples.
fn after_help() -> String {
    format!("{}\n\n{EXAMPLES}", stateset_api::exit::table())
}

const EXAMPLES: &str = "\
Examples:
  stateset-sequencer-admin doctor
  stateset-sequencer-admin fsck --all
  stateset-sequencer-admin reencrypt-events --apply
  stateset-sequencer-admin export-events --tenant 0199… > events.ndjson
  curl -s \"$URL/api/v1/proofs/inclusion?…\" | stateset-sequencer-admin verify-proof - --log-key \"$KEY\"";

#[derive(Parser)]
#[command(version, about = "The operator's tools of the StateSet sequencer", long_about = ABOUT, after_long_help = after_help())]
struct Arguments {
    /// Print one JSON document instead of a table
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Bring the database to this program's schema
    ///
    /// Doing it again changes nothing, and several may do it at once. Prints which migrations the database had and has. A
    /// database that a newer program has migrated is refused.
    Migrate,
    /// Look at everything a server needs, and report all that is wrong at once
    ///
    /// Configuration, data directory, database with version, durability and clock, migrations, keys, head log, port; each
    /// fault with what to do about it. Changes nothing. Exit status 3 if the server would not start or not work.
    Doctor,
    /// Derive everything again from the bytes of the events, and report the first difference
    ///
    /// Payload hashes, content hashes, signatures of agents and of the sequencer, stream trees with tiles and heads,
    /// batches with state roots, agent keys against their key stream, the head log with entries, tiles and checkpoints.
    /// Reads only. About ten to twenty thousand signed events a second and core.
    Fsck {
        /// Go on after the first difference: report the first of each stream and of the log
        #[arg(long)]
        all: bool,
    },
    /// Write all events as lines of JSON, in order, with their payloads opened
    ///
    /// Each line is an envelope as GET /api/v1/ves/events shows it. Payloads leave the database in the clear: mind where
    /// the output goes.
    ExportEvents {
        /// Only this tenant's events
        #[arg(long)]
        tenant: Option<Uuid>,
        /// Only this store's events
        #[arg(long)]
        store: Option<Uuid>,
        /// From this sequence on, in each stream
        #[arg(long, default_value_t = 1)]
        from: u64,
        /// Write to this file instead of standard output; it is made for its owner only and must not exist
        #[arg(long)]
        output: Option<PathBuf>,
    },
    /// Seal old payloads anew under the current key of their tenant
    ///
    /// To rotate: put the new key in front (`PAYLOAD_ENCRYPTION_KEYS=<new>,<old>`), restart the servers, run this with
    /// --apply, and drop the old key when a last run finds nothing to do. May be stopped and started again at any time.
    /// Hashes and proofs do not change.
    ReencryptEvents {
        /// Do it; without, only say how much there is to do
        #[arg(long)]
        apply: bool,
    },
    /// Derive the state roots of all VES batches again
    ///
    /// The command of the first sequencer, whose older versions left state roots out. Here none is ever missing, so there
    /// is never anything to fill in; a state root that does not follow from its batches is reported, exit status 3.
    BackfillVesStateRoots {
        /// Accepted for compatibility: nothing is written either way
        #[arg(long)]
        dry_run: bool,
    },
    /// Check a proof without a server
    ///
    /// Takes what /api/v1/proofs/inclusion, /api/v1/proofs/consistency, /api/v1/ves/proofs and /api/v1/proofs serve. Says
    /// what was checked, and what could not be for want of a key.
    VerifyProof(VerifyArguments),
    /// Keys
    #[command(subcommand)]
    Keys(KeyCommand),
}

#[derive(Args)]
struct VerifyArguments {
    /// File with the proof; - for standard input
    file: PathBuf,
    /// Verifier key of the log (`logVerifierKey` of /.well-known/ves-keys), known from elsewhere
    #[arg(long)]
    log_key: Option<String>,
    /// Public key of the sequencer, hexadecimal, known from elsewhere
    #[arg(long)]
    sequencer_key: Option<String>,
    /// Root that the proof must lead to, hexadecimal
    #[arg(long)]
    root: Option<String>,
}

#[derive(Subcommand)]
enum KeyCommand {
    /// Payload keys
    #[command(subcommand)]
    Payload(PayloadKeyCommand),
    /// API keys: who may call the server
    #[command(subcommand)]
    Api(ApiKeyCommand),
    /// Agent keys: who may sign events
    #[command(subcommand)]
    Agent(AgentKeyCommand),
}

#[derive(Subcommand)]
enum ApiKeyCommand {
    /// A tenant's keys, revoked ones too; never their secrets, which nobody has
    List {
        /// The tenant
        #[arg(long)]
        tenant: Uuid,
        /// Only keys bound to this agent
        #[arg(long)]
        agent: Option<Uuid>,
    },
    /// Make a key and print it, which happens only now
    ///
    /// Works without a server and without a bootstrap key: the way in for a new installation that has none.
    Mint(MintArguments),
    /// Revoke a key, for ever
    ///
    /// Running servers refuse it within two seconds.
    Revoke {
        /// The tenant
        #[arg(long)]
        tenant: Uuid,
        /// What stands between the key's underscores
        prefix: String,
    },
}

#[derive(Args)]
struct MintArguments {
    /// The tenant
    #[arg(long)]
    tenant: Uuid,
    /// What people call it
    #[arg(long, default_value = "")]
    name: String,
    /// Only this store; may be given again. Default: all of the tenant's
    #[arg(long = "store")]
    stores: Vec<Uuid>,
    /// `read`, `write` or `admin`; may be given again. Default: read and write
    #[arg(long = "permission")]
    permissions: Vec<String>,
    /// The one agent it may act for
    #[arg(long)]
    agent: Option<Uuid>,
    /// Requests per minute
    #[arg(long)]
    rate_limit: Option<u32>,
    /// From when on it is refused, RFC 3339
    #[arg(long)]
    expires_at: Option<String>,
}

#[derive(Subcommand)]
enum AgentKeyCommand {
    /// Keys of a tenant's agents, revoked ones too
    ///
    /// Keys change only through the server (POST /api/v1/agents/keys), because every change is an event of the tenant's key
    /// stream with a place, a receipt and a proof.
    List {
        /// The tenant
        #[arg(long)]
        tenant: Uuid,
        /// Only this agent's
        #[arg(long)]
        agent: Option<Uuid>,
    },
}

#[derive(Subcommand)]
enum PayloadKeyCommand {
    /// Which keys are configured, and how many payloads are sealed under each
    ///
    /// Keys are shown by their ids, which are hashes and no secret. Exit status 3 if payloads are sealed under a key that
    /// is not configured.
    List,
    /// Make a new key and print it
    ///
    /// 32 bytes from the operating system as hexadecimal digits. It is stored nowhere.
    Generate,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match commands::run(arguments) {
        Ok(done) => done.into(),
        Err(stopped) => stopped.report(),
    }
}

use std::path::PathBuf;

use stateset_inspect::{Fault, Kind};
use stateset_ledger::bundle::{Bundle, Report, Trust, verify_bundle};
use stateset_ledger::bytes::PublicKeyBytes;
use stateset_ledger::note::VerifierKey;

use crate::exit::{Done, Ended};
use crate::output::{Format, Output, Sheet};

/// Longest file that is read: the limit of bundles, and some more so that the fault names it.
const FILE_BYTES: u64 = 256 * 1024 * 1024;

/// Check a bundle of evidence. No network, no configuration, no word of a server: only the key that you were given.
/// Exit code 3 if something does not hold.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// A file that `export` wrote
    bundle: PathBuf,
    /// The log's verifier key, `name+id+base64`, or a file that holds it
    #[arg(long, value_name = "KEY")]
    trusted_key: String,
    /// Earlier keys of the sequencer in hexadecimal, after a rotation; may be repeated
    #[arg(long, value_name = "HEX")]
    sequencer_key: Vec<String>,
    /// A checkpoint that was seen before: the log must continue it
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,
}

impl Args {
    pub(crate) fn run(&self, format: Format, quiet: bool) -> Ended {
        let size = std::fs::metadata(&self.bundle).map_err(|error| unreadable(&self.bundle, error))?.len();
        if size > FILE_BYTES {
            return Err(Fault::usage(format!("{} is too large for a bundle", self.bundle.display()), "").into());
        }
        let bytes = std::fs::read(&self.bundle).map_err(|error| unreadable(&self.bundle, error))?;
        let bundle = Bundle::parse(&bytes)
            .map_err(|error| Fault::usage(error.to_string(), "give a file that `export` wrote"))?;
        let report = verify_bundle(&bundle, &self.trust()?);
        let output = Output { format, quiet, color: false };
        output.print(&report, sheet)?;
        Ok(if report.is_valid() { Done::Well } else { Done::FoundErrors })
    }

    fn trust(&self) -> Result<Trust, Fault> {
        let text = if std::path::Path::new(&self.trusted_key).is_file() {
            std::fs::read_to_string(&self.trusted_key).map_err(|error| unreadable(self.trusted_key.as_ref(), error))?
        } else {
            self.trusted_key.clone()
        };
        let fix = "name+id+base64, as the operator of the log publishes it; get it from elsewhere than the bundle";
        let log_key =
            VerifierKey::parse(text.trim()).map_err(|_| Fault::usage("--trusted-key is no verifier key", fix))?;
        let keys = self.sequencer_key.iter().map(|text| {
            PublicKeyBytes::from_hex(text)
                .map_err(|_| Fault::usage("--sequencer-key is no public key in hexadecimal", ""))
        });
        let earlier = match &self.checkpoint {
            Some(path) => Some(std::fs::read_to_string(path).map_err(|error| unreadable(path, error))?),
            None => None,
        };
        Ok(Trust { log_key, sequencer_keys: keys.collect::<Result<_, _>>()?, earlier })
    }
}

fn unreadable(path: &std::path::Path, error: std::io::Error) -> Fault {
    let message = format!("{} cannot be read", path.display());
    Fault::new(Kind::NotFound, "FILE_NOT_FOUND", message, "check the path").because(error)
}

fn sheet(report: &Report) -> Sheet {
    let mut sheet = Sheet::default()
        .head(format!(
            "{} events: {} payloads fit, {} signatures verify, {} unsigned",
            report.events, report.payloads, report.signatures, report.unsigned
        ))
        .head(format!(
            "{} receipts, {} included in a stream of {} events, {} events of key history, log of {} entries",
            report.receipts, report.included, report.stream_size, report.key_events, report.log_size
        ));
    if let Some(size) = report.continues {
        sheet = sheet.head(format!("the log continues the earlier checkpoint of size {size}"));
    }
    sheet = sheet.head(if report.complete {
        "complete: no event of the range is missing"
    } else {
        "not shown to be complete: only a range of sequences can be"
    });
    for what in &report.unchecked {
        sheet = sheet.foot(format!("not checked: {what}"));
    }
    for fault in &report.faults {
        let event = fault.sequence.map(|sequence| format!(" event {sequence}")).unwrap_or_default();
        sheet = sheet.foot(format!("WRONG: {}{event}: {}: {}", fault.section, fault.field, fault.message));
    }
    sheet.foot(if report.is_valid() { "valid" } else { "NOT VALID" })
}

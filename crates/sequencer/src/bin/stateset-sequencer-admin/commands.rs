//! From arguments to work, and from work to words.

use std::fs::OpenOptions;
use std::io::{BufWriter, Read as _};
use std::path::Path;

use anyhow::{Context as _, anyhow};
use serde_json::json;
use stateset_ledger::bytes::{Hash, PublicKeyBytes};
use stateset_ledger::id::Sequence;
use stateset_ledger::note::VerifierKey;
use stateset_sequencer::admin::export::Selection;
use stateset_sequencer::admin::site::{Site, database_file};
use stateset_sequencer::admin::verify::{Known, MAX_BYTES};
use stateset_sequencer::admin::{backfill, doctor, export, fsck, reencrypt, verify};
use stateset_sequencer::clock::random;
use stateset_sequencer::config::{Config, Database};

use crate::keys;
use crate::show::{Done, Stopped, complain, json, line, progress, table};
use crate::{Arguments, Command, KeyCommand, PayloadKeyCommand, VerifyArguments};

pub(crate) type Outcome = Result<Done, Stopped>;

pub(crate) fn run(arguments: Arguments) -> Outcome {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let Arguments { json, command } = arguments;
    runtime.block_on(async {
        match command {
            Command::Migrate => migrate(json).await,
            Command::Doctor => examine(json).await,
            Command::Fsck { all } => check(json, all).await,
            Command::ExportEvents { tenant, store, from, output } => {
                let from = Sequence::new(from).map_err(|fault| Stopped::Usage(anyhow!("--from: {fault}")))?;
                export_events(json, &Selection { tenant, store, from: Some(from) }, output.as_deref()).await
            },
            Command::ReencryptEvents { apply } => reencrypt_events(json, apply).await,
            Command::BackfillVesStateRoots { dry_run: _ } => backfill_state_roots(json).await,
            Command::VerifyProof(arguments) => verify_proof(json, &arguments),
            Command::Keys(KeyCommand::Payload(PayloadKeyCommand::List)) => payload_keys(json).await,
            Command::Keys(KeyCommand::Payload(PayloadKeyCommand::Generate)) => generate(json),
            Command::Keys(KeyCommand::Api(command)) => keys::api(json, command).await,
            Command::Keys(KeyCommand::Agent(command)) => keys::agent(json, command).await,
        }
    })
}

#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn config() -> Result<Config, Stopped> {
    Config::read_for_tools(variable).map_err(|faults| Stopped::Usage(faults.into()))
}

pub(crate) async fn site() -> Result<Site, Stopped> {
    let config = config()?;
    let missing = config.database == Database::Embedded && !database_file(&config).exists();
    Site::open(&config).await.map_err(|error| if missing { Stopped::Missing(error) } else { error.into() })
}

async fn migrate(as_json: bool) -> Outcome {
    let done = Site::open_or_create(&config()?).await?.migrate().await?;
    if as_json {
        json(&done)?;
    } else if done.before == done.after {
        line(&format!("nothing to do: the database has migrations {:?}", done.after))?;
    } else {
        line(&format!("the database had migrations {:?} and has {:?} now", done.before, done.after))?;
    }
    Ok(Done::Well)
}

async fn examine(as_json: bool) -> Outcome {
    let (config, faults) = Config::examine(variable);
    let findings = doctor::examine(&config, &faults).await;
    let bad = findings.iter().filter(|finding| finding.state == doctor::State::Fault).count();
    if as_json {
        json(&json!({ "faults": bad, "findings": findings }))?;
    } else {
        let word = |state| match state {
            doctor::State::Ok => "ok",
            doctor::State::Warning => "warning",
            doctor::State::Fault => "FAULT",
        };
        let rows = findings.iter().map(|finding| {
            vec![
                finding.subject.to_owned(),
                word(finding.state).to_owned(),
                finding.detail.clone(),
                finding.fix.clone(),
            ]
        });
        table(&["", "", "seen", "do"], rows.collect())?;
        line(&match bad {
            0 => "nothing keeps a server from starting".to_owned(),
            1 => "one fault keeps a server from starting or working".to_owned(),
            _ => format!("{bad} faults keep a server from starting or working"),
        })?;
    }
    Ok(if bad == 0 { Done::Well } else { Done::Wrong })
}

async fn check(as_json: bool, all: bool) -> Outcome {
    let site = site().await?;
    let store = site.store();
    let bar = progress(store.sizes().await?.events, "events");
    let report = fsck::run(store, site.keyring, !all, |events| bar.set_position(events)).await?;
    bar.finish_and_clear();
    if as_json {
        json(&report)?;
    } else {
        let count = |name: &str, number: u64| vec![name.to_owned(), number.to_string()];
        table(
            &["derived again", ""],
            vec![
                count("streams", report.streams),
                count("events", report.events),
                count("signatures", report.signatures),
                count("tiles", report.tiles),
                count("batches", report.batches),
                count("log records", report.records),
                count("checkpoints", report.checkpoints),
            ],
        )?;
        for finding in &report.findings {
            line(&format!("DIFFERENCE in {finding}"))?;
        }
        if report.findings.is_empty() {
            line("everything follows from the events")?;
        }
    }
    Ok(if report.findings.is_empty() { Done::Well } else { Done::Wrong })
}

async fn export_events(as_json: bool, selection: &Selection, output: Option<&Path>) -> Outcome {
    let site = site().await?;
    let count = match output {
        Some(path) => {
            let mut options = OpenOptions::new();
            options.write(true).create_new(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let file = options.open(path).with_context(|| format!("cannot make {}", path.display()))?;
            export::run(site.store(), &site.keyring, selection, &mut BufWriter::new(file)).await?
        },
        None => export::run(site.store(), &site.keyring, selection, &mut BufWriter::new(std::io::stdout())).await?,
    };
    match output {
        Some(_) if as_json => json(&json!({ "events": count }))?,
        _ => complain(&format!("{count} events exported")),
    }
    Ok(Done::Well)
}

async fn reencrypt_events(as_json: bool, apply: bool) -> Outcome {
    let site = site().await?;
    let store = site.store();
    let total = store.key_uses().await?.iter().map(|usage| usage.segments).sum();
    let bar = progress(total, "segments");
    let done = reencrypt::run(store, site.keyring, apply, |segments| bar.set_position(segments)).await?;
    bar.finish_and_clear();
    if as_json {
        json(&json!({ "applied": apply, "outcome": done }))?;
    } else {
        let reencrypt::Outcome { segments, resealed, events, overtaken, .. } = done;
        line(&match (apply, resealed) {
            (_, 0) => format!("nothing to do: all {segments} segments are sealed under their tenant's current key"),
            (true, _) => format!("{events} payloads in {resealed} of {segments} segments are sealed anew"),
            (false, _) => format!(
                "{events} payloads in {resealed} of {segments} segments would be sealed anew; run again with --apply"
            ),
        })?;
        if overtaken > 0 {
            line(&format!("{overtaken} segments were sealed anew by somebody else meanwhile"))?;
        }
    }
    Ok(Done::Well)
}

async fn backfill_state_roots(as_json: bool) -> Outcome {
    let done = backfill::run(site().await?.store()).await?;
    if as_json {
        json(&done)?;
    } else {
        let backfill::Outcome { streams, right, missing, wrong } = &done;
        line(&format!("{right} batches of {streams} streams have the state root that follows; {missing} have none"))?;
        for batch in wrong {
            line(&format!("DIFFERENCE: batch {batch} has another; run `stateset-sequencer-admin fsck`"))?;
        }
    }
    Ok(if done.wrong.is_empty() { Done::Well } else { Done::Wrong })
}

fn verify_proof(as_json: bool, arguments: &VerifyArguments) -> Outcome {
    let usage = |name: &str, fault: String| Stopped::Usage(anyhow!("--{name}: {fault}"));
    let hex = |name: &'static str, text: &Option<String>| {
        text.as_deref().map(|text| Hash::from_hex(text).map_err(|fault| usage(name, fault.to_string()))).transpose()
    };
    let log_key = arguments.log_key.as_deref().map(VerifierKey::parse).transpose();
    let known = Known {
        log_key: log_key.map_err(|fault| usage("log-key", fault.to_string()))?,
        sequencer_key: hex("sequencer-key", &arguments.sequencer_key)?.map(|hash| PublicKeyBytes(hash.0)),
        root: hex("root", &arguments.root)?,
    };
    let name = arguments.file.display();
    let verdict =
        verify::verify(&read(&arguments.file)?, &known).map_err(|fault| Stopped::Usage(anyhow!("{name} {fault}")))?;
    if as_json {
        json(&verdict)?;
    } else {
        let part = |word: &'static str, texts: &[String]| -> Vec<Vec<String>> {
            texts.iter().map(|text| vec![word.to_owned(), text.clone()]).collect()
        };
        let rows =
            [part("holds", &verdict.checked), part("FAILS", &verdict.faults), part("not checked", &verdict.unchecked)];
        table(&["", verdict.kind], rows.concat())?;
    }
    Ok(if verdict.valid { Done::Well } else { Done::Wrong })
}

fn read(path: &Path) -> Result<Vec<u8>, Stopped> {
    let limit = u64::try_from(MAX_BYTES + 1).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    if path == Path::new("-") {
        std::io::stdin().lock().take(limit).read_to_end(&mut bytes)?;
    } else {
        let file = std::fs::File::open(path)
            .map_err(|error| Stopped::Missing(anyhow!("cannot open {}: {error}", path.display())))?;
        file.take(limit).read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}

async fn payload_keys(as_json: bool) -> Outcome {
    let site = site().await?;
    let uses = site.store().key_uses().await?;
    let mut missing = false;
    let mut rows = Vec::new();
    for (tenant, id, seals) in site.keyring.ids() {
        let own = uses.iter().filter(|usage| usage.key_id == Some(id) && tenant.is_none_or(|own| own == usage.tenant));
        let events: u64 = own.map(|usage| usage.events).sum();
        let ring = tenant.map_or_else(|| "common".to_owned(), |tenant| tenant.to_string());
        rows.push((ring, const_hex::encode(id), if seals { "seals and opens" } else { "opens" }, events));
    }
    for usage in uses {
        let state = match usage.key_id {
            None => "in the clear",
            Some(id) if !site.keyring.holds(usage.tenant, id) => {
                missing = true;
                "NOT CONFIGURED"
            },
            Some(_) => continue,
        };
        let id = usage.key_id.map(const_hex::encode).unwrap_or_default();
        rows.push((usage.tenant.to_string(), id, state, usage.events));
    }
    if as_json {
        let keys: Vec<_> = rows
            .iter()
            .map(|(ring, id, state, events)| json!({ "ring": ring, "key_id": id, "state": state, "payloads": events }))
            .collect();
        json(&json!({ "keys": keys }))?;
    } else {
        let rows =
            rows.into_iter().map(|(ring, id, state, events)| vec![ring, id, state.to_owned(), events.to_string()]);
        table(&["ring", "key id", "", "payloads"], rows.collect())?;
    }
    Ok(if missing { Done::Wrong } else { Done::Well })
}

fn generate(as_json: bool) -> Outcome {
    let key = const_hex::encode(random::<32>());
    if as_json {
        json(&json!({ "key": key }))?;
    } else {
        line(&key)?;
    }
    Ok(Done::Well)
}

//! What a command works with.

use std::io::IsTerminal as _;
use std::sync::Arc;

use stateset_inspect::answer::{Change, counted};
use stateset_inspect::{Apply, Database, Fault, Http, Inspect, Intent, OpenMode, Remote};

use crate::exit::{Done, Ended, Stop};
use crate::output::{Output, Sheet};
use crate::plans::Plans;
use crate::settings::{Global, Place, Settings};

pub(crate) struct Context {
    pub(crate) settings: Settings,
    pub(crate) output: Output,
    /// When the command began, microseconds since 1970 UTC.
    pub(crate) now: i64,
}

impl Context {
    pub(crate) fn new(global: &Global) -> Result<Self, Fault> {
        let settings = Settings::read(global)?;
        let color = !settings.no_color && std::io::stdout().is_terminal();
        let output = Output { format: global.format(), quiet: global.quiet, color };
        Ok(Self { settings, output, now: now() })
    }

    /// What answers, unable to change anything.
    pub(crate) async fn inspect(&self) -> Result<Arc<dyn Inspect>, Fault> {
        self.asked(OpenMode::Read).await
    }

    async fn asked(&self, mode: OpenMode) -> Result<Arc<dyn Inspect>, Fault> {
        match self.settings.place()? {
            Place::Database(_) => Ok(self.database(mode, 2).await?.inspect()),
            Place::Sequencer { .. } => Ok(Arc::new(self.remote()?)),
        }
    }

    pub(crate) async fn database(&self, mode: OpenMode, connections: u32) -> Result<Database, Fault> {
        Database::open(&self.settings.open(mode, connections)?).await
    }

    pub(crate) fn remote(&self) -> Result<Remote, Fault> {
        let Place::Sequencer { url, credential } = self.settings.place()? else {
            return Err(Fault::unsupported(
                "proofs",
                "an outbox",
                "ask the sequencer: --url, or a profile that has one",
            ));
        };
        let http = Http::new(url, credential.clone(), self.settings.timeout)
            .map_err(|error| Fault::usage(error.to_string(), "see --url").because(error))?;
        Ok(Remote::new(Arc::new(http), self.settings.scope))
    }

    /// Previews a change, or makes it. Without `--apply` the source is opened so that it cannot be changed.
    pub(crate) async fn change(&self, intent: &Intent, apply: bool) -> Ended {
        let change = self.changed(intent, apply).await?;
        self.print_change(&change)
    }

    pub(crate) async fn changed(&self, intent: &Intent, apply: bool) -> Result<Change, Stop> {
        let actor = self.settings.actor.clone();
        let (mode, how) = if apply {
            (OpenMode::Write, Apply::Execute { actor })
        } else {
            (OpenMode::Read, Apply::Preview { actor })
        };
        let mut change = self.asked(mode).await?.change(intent, &how).await?;
        let nothing = change.plan.as_ref().is_some_and(|plan| plan.count == 0);
        if nothing && !change.applied {
            // A plan of nothing is for nobody.
            change.plan_id = None;
        } else if !change.applied && change.apply_with.is_none() {
            change.apply_with = Some(format!("{} --apply", typed()));
        }
        if let Some(plan) = change.plan_id.take() {
            let now = time::OffsetDateTime::now_utc().into();
            change.plan_id = Some(self.plans().and_then(|plans| plans.keep(&plan, now)).unwrap_or(plan));
        }
        Ok(change)
    }

    /// Carries out what was previewed: by the short name that was printed, or by the whole id.
    pub(crate) fn plan(&self, name: &str, kind: &'static str, rate: Option<u32>) -> Result<Intent, Fault> {
        let plan = Plans::find(self.plans().as_ref(), name)?;
        Ok(Intent::Plan { plan, kind: Some(kind), rate })
    }

    fn plans(&self) -> Option<Plans> {
        self.settings.state_folder.as_deref().map(Plans::below)
    }

    pub(crate) fn print_change(&self, change: &Change) -> Ended {
        self.output.print(change, sheet)?;
        Ok(Done::Well)
    }
}

/// What a preview says, or what was done.
fn sheet(change: &Change) -> Sheet {
    let mut sheet = Sheet::new(&["event_id", "event_type", "lane", "destination"])
        .head(format!("applied: {}", change.applied))
        .head(change.message.clone());
    if let Some(plan) = &change.plan {
        let mut line = format!("{} in all", plan.count);
        for (count, noun) in [(plan.lanes, "lane"), (plan.followers, "follower")] {
            if let Some(count) = count.filter(|count| *count > 0) {
                line.push_str(&format!(", {}", counted(count, noun)));
            }
        }
        for (name, count) in &plan.destinations {
            line.push_str(&format!(", {count} to {name}"));
        }
        for (why, count) in &plan.skipped {
            line.push_str(&format!("; {count} left alone: {why}"));
        }
        sheet = sheet.head(line);
        for one in &plan.sample {
            let row = [&one.event_id, &one.event_type, &one.lane, &one.destination];
            sheet = sheet.row(row.map(String::as_str));
        }
        let shown = u64::try_from(plan.sample.len()).unwrap_or(u64::MAX);
        if plan.count > shown && shown > 0 {
            sheet = sheet.foot(format!("and {} more", plan.count - shown));
        }
    }
    if let Some(plan) = &change.plan_id {
        sheet = sheet.foot(format!("plan: {plan}"));
    }
    if let Some(job) = &change.job_id {
        sheet = sheet.foot(format!("job: {job}")).note(format!("watch it with: stateset-events jobs watch {job}"));
    }
    match &change.apply_with {
        Some(command) if !change.applied => sheet.foot(format!("to do it: {command}")),
        _ => sheet,
    }
}

/// The command line as a shell would read it again.
pub(crate) fn typed() -> String {
    let words = std::env::args()
        .enumerate()
        .map(|(at, word)| if at == 0 { "stateset-events".to_owned() } else { quoted(&word) });
    words.collect::<Vec<_>>().join(" ")
}

fn quoted(word: &str) -> String {
    let plain =
        !word.is_empty() && word.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_./:=,@%+".contains(letter));
    // A URL may hold a password.
    let word = without_password(word);
    if plain { word } else { format!("'{}'", word.replace('\'', "'\\''")) }
}

fn without_password(word: &str) -> String {
    let (flag, address) = word.split_once('=').filter(|(flag, _)| flag.starts_with("--")).unwrap_or(("", word));
    match url::Url::parse(address) {
        Ok(mut url) if url.password().is_some() => {
            if url.set_password(Some("…")).is_err() {
                return "…".to_owned();
            }
            if flag.is_empty() { url.to_string() } else { format!("{flag}={url}") }
        },
        _ => word.to_owned(),
    }
}

fn now() -> i64 {
    let nanos = time::OffsetDateTime::now_utc().unix_timestamp_nanos();
    i64::try_from(nanos / 1_000).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn a_command_can_be_typed_again() {
        assert_eq!(quoted("type:order.*"), "'type:order.*'");
        assert_eq!(quoted("it's"), "'it'\\''s'");
        assert_eq!(quoted("--since=3h"), "--since=3h");
        assert!(!quoted("postgres://shop:hunter2@db/shop").contains("hunter2"));
    }
}

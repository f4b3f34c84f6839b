use std::path::PathBuf;
use std::time::Duration;

use futures_util::StreamExt as _;
use stateset_inspect::answer::EventRow;
use stateset_inspect::{Fault, From, Kind};
use url::Url;

use super::sheets;
use super::worker::stop_signal;
use crate::context::Context;
use crate::exit::{Done, Ended, Stop};
use crate::filter::FilterArgs;
use crate::output::{self, Format};

/// Events that are dealt with between two notes of the place.
const PAGE: u16 = 500;
/// Longest pause between two tries to forward.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// Follow the log. With --cursor it goes on where it was, also after days: what was missed comes first. Events come at
/// least once. Data is one JSON document per line, unless a table is asked for.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(flatten)]
    filter: FilterArgs,
    /// Keep the place under this name, and go on from it
    #[arg(long, value_name = "NAME")]
    cursor: Option<String>,
    /// Begin with the first event of the log, if there is no place yet
    #[arg(long)]
    from_beginning: bool,
    /// POST each event to this address as well; the place moves on when it answers 2xx
    #[arg(long, value_name = "URL")]
    forward_to: Option<Url>,
    /// End after so many events
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    limit: Option<u64>,
    /// Only events that nobody has seen: without replays
    #[arg(long)]
    no_replays: bool,
}

impl Args {
    pub(crate) async fn run(self, context: &Context) -> Ended {
        let mut filter = self.filter.read(context.now)?;
        let kept = match &self.cursor {
            Some(name) => Some(place_file(context, name)?),
            None => None,
        };
        let known = kept.as_ref().and_then(|path| std::fs::read_to_string(path).ok());
        let from = match (known, filter.since.take(), self.from_beginning) {
            (Some(text), ..) => From::Cursor(text.trim().to_owned()),
            (None, Some(since), _) => From::Time(since),
            (None, None, true) => From::Beginning,
            (None, None, false) => From::Now,
        };
        let forward = self.forward_to.clone().map(Forward::new).transpose()?;
        let inspect = context.inspect().await?;
        context.output.note(&format!("following {}; stop with Ctrl-C", inspect.source().place));
        let mut events = inspect.follow(&filter, from, PAGE);
        let stopped = stop_signal();
        tokio::pin!(stopped);
        let mut seen = 0;
        loop {
            let followed = tokio::select! {
                () = &mut stopped => return Ok(Done::Well),
                followed = events.next() => match followed {
                    Some(followed) => followed?,
                    None => return Ok(Done::Well),
                },
            };
            for event in followed.events.iter().filter(|event| !self.no_replays || event.replay_job.is_none()) {
                if let Some(forward) = &forward {
                    tokio::select! {
                        () = &mut stopped => return Ok(Done::Well),
                        sent = forward.send(event) => sent?,
                    }
                }
                show(context, event)?;
                seen += 1;
                if self.limit == Some(seen) {
                    // The rest of the page comes again: its place is not kept.
                    return Ok(Done::Well);
                }
            }
            if let Some(path) = &kept {
                keep(path, &followed.cursor)?;
            }
        }
    }
}

/// Where the place of this name is kept: one file per source and name.
fn place_file(context: &Context, name: &str) -> Result<PathBuf, Fault> {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || letter == '-' || letter == '_';
    if name.is_empty() || name.len() > 64 || !name.chars().all(plain) {
        return Err(Fault::usage("a cursor's name is 1 to 64 of a-z, 0-9, - and _", "such as --cursor mailer"));
    }
    let folder = context.settings.state_folder.as_ref();
    let folder =
        folder.ok_or_else(|| Fault::usage("there is no folder to keep a cursor in", "set HOME or XDG_STATE_HOME"))?;
    Ok(folder.join("cursors").join(name))
}

/// Replaces the file in one step: it is whole, whatever happens.
fn keep(path: &PathBuf, place: &str) -> Result<(), Fault> {
    let written = |error: std::io::Error| {
        Fault::new(
            Kind::Unavailable,
            "CURSOR_NOT_KEPT",
            format!("the cursor cannot be kept in {}", path.display()),
            "see the folder's rights",
        )
        .because(error)
    };
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(written)?;
    }
    let beside = path.with_extension("new");
    std::fs::write(&beside, place).map_err(written)?;
    std::fs::rename(&beside, path).map_err(written)
}

fn show(context: &Context, event: &EventRow) -> Result<(), Stop> {
    if context.output.format == Format::Table && context.output.color {
        let [id, kind, entity, at, ..] = sheets::event_cells(event);
        let replay = if event.replay_job.is_some() { "  replay" } else { "" };
        return output::Output::line(&format!("{at}  {kind}  {entity}  {id}{replay}"));
    }
    let line = output::json(event)?;
    output::Output::line(&line)
}

/// Where events are sent as well.
struct Forward {
    url: Url,
    client: reqwest::Client,
}

impl Forward {
    fn new(url: Url) -> Result<Self, Fault> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Fault::usage(
                "--forward-to is no http:// or https:// address",
                "such as http://localhost:4000/hook",
            ));
        }
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_secs(30))
            .build()
            .map_err(|error| Fault::unavailable("the HTTP client", error))?;
        Ok(Self { url, client })
    }

    /// Until it is taken. What the other side does not take for good stops the tail: going on would lose it.
    async fn send(&self, event: &EventRow) -> Result<(), Fault> {
        let body = output::json(event)?;
        let mut pause = FIRST_PAUSE;
        loop {
            let request = self.client.post(self.url.clone()).header("content-type", "application/json");
            let sent = request.header("webhook-id", &event.event_uuid).body(body.clone()).send().await;
            let why = match sent {
                Ok(response) if response.status().is_success() => return Ok(()),
                Ok(response) if passes(response.status().as_u16()) => format!("it answers {}", response.status()),
                Ok(response) => {
                    let message = format!(
                        "{} refuses {} with {}",
                        self.url.origin().ascii_serialization(),
                        event.event_id,
                        response.status()
                    );
                    let fix = "mend the receiver and start again with the same --cursor: the event comes again";
                    return Err(Fault::new(Kind::Conflict, "FORWARD_REFUSED", message, fix));
                },
                Err(error) => error.without_url().to_string(),
            };
            output::talk(&format!("waiting for {}: {why}", self.url.origin().ascii_serialization()));
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

/// Whether the same request may succeed later.
fn passes(status: u16) -> bool {
    status >= 500 || matches!(status, 408 | 425 | 429)
}

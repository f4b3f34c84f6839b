use stateset_inspect::answer::Explanation;
use stateset_inspect::{EventRef, Fault, Subject};

use crate::context::Context;
use crate::exit::{Done, Ended};
use crate::output::Sheet;

#[derive(clap::Args, Debug)]
#[group(required = true, multiple = false)]
struct Which {
    /// An event id, or an order key, or TYPE/ID
    subject: Option<String>,
    /// Why this event is where it is
    #[arg(long, value_name = "ID")]
    event: Option<String>,
    /// Why this order does not go on: order key, or TYPE/ID
    #[arg(long, value_name = "KEY")]
    order: Option<String>,
    /// Why this destination gets nothing
    #[arg(long, value_name = "NAME")]
    destination: Option<String>,
    /// Why a command with this idempotency key answers as it does
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
}

#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(flatten)]
    which: Which,
    /// Operation of the key
    #[arg(long, requires = "key")]
    operation: Option<String>,
}

impl Args {
    fn subject(self) -> Result<Subject, Fault> {
        let which = self.which;
        if let Some(name) = which.destination {
            return Ok(Subject::Destination(name));
        }
        if let Some(key) = which.key {
            return Ok(Subject::Key { key, operation: self.operation });
        }
        if let Some(order) = which.order {
            return Ok(Subject::Order(order));
        }
        if let Some(event) = which.event {
            return event.parse().map(Subject::Event).map_err(|_| Fault::no_event(&event));
        }
        let subject = which.subject.unwrap_or_default();
        // An order number may look like the beginning of an id: only whole ids are taken for one.
        match subject.parse() {
            Ok(EventRef::Id(id)) => Ok(Subject::Event(EventRef::Id(id))),
            _ => Ok(Subject::Order(subject)),
        }
    }

    pub(crate) async fn run(self, context: &Context) -> Ended {
        let subject = self.subject()?;
        let explanation = context.inspect().await?.explain(&subject).await?;
        context.output.print(&explanation, sheet)?;
        Ok(Done::Well)
    }
}

fn sheet(explanation: &Explanation) -> Sheet {
    let mut sheet = Sheet::default().head(format!("{}: {}", explanation.subject, explanation.summary));
    for reason in &explanation.reasons {
        sheet = sheet.head(format!("  - {reason}"));
    }
    if let Some(next) = &explanation.next {
        sheet = sheet.head(format!("next: {next}"));
    }
    for command in &explanation.commands {
        sheet = sheet.head(format!("try: {command}"));
    }
    sheet
}

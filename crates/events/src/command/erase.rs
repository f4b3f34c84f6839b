use serde_json::json;
use sqlx::Transaction;
use stateset_inspect::answer::Change;
use stateset_inspect::{Database, Fault, OpenMode};
use stateset_outbox::subject::{ErasureCertificate, SubjectStanding};
use stateset_outbox::{Engine, Outbox};

use crate::context::{Context, typed};
use crate::exit::{Done, Ended};
use crate::output::Sheet;

/// Destroy the key of a person's data: nobody can read it any more, and no event, hash, signature or proof changes. Prints a
/// certificate that names what it could not reach. Needs no key itself.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Whom: what the writer named, such as customer/17; by default order/ORDER or customer/ID
    subject: String,
    /// Why, for the audit: a ticket, not a name
    #[arg(long)]
    reason: String,
    /// Do it; without this, only what would be done is said. There is no way back
    #[arg(long)]
    apply: bool,
}

impl Args {
    pub(crate) async fn run(self, context: &Context) -> Ended {
        let mode = if self.apply { OpenMode::Write } else { OpenMode::Read };
        match context.database(mode, 1).await? {
            Database::Sqlite(outbox, _) => self.on(context, &outbox).await,
            Database::Postgres(outbox, _) => self.on(context, &outbox).await,
        }
    }

    async fn on<DB: Engine>(&self, context: &Context, outbox: &Outbox<DB>) -> Ended {
        let before = outbox.subject(&self.subject).await.map_err(unanswered)?;
        let certificate = if self.apply { Some(self.erase(context, outbox).await.map_err(unanswered)?) } else { None };
        let change = self.change(before, certificate.as_ref());
        context.output.print(&change, |change| sheet(change, certificate.as_ref()))?;
        Ok(Done::Well)
    }

    async fn erase<DB: Engine>(
        &self,
        context: &Context,
        outbox: &Outbox<DB>,
    ) -> Result<ErasureCertificate, sqlx::Error> {
        let mut tx: Transaction<'_, DB> = outbox.begin().await?;
        let done = outbox.erase_subject(&mut tx, &self.subject, &self.reason, &context.settings.actor).await?;
        outbox.commit(tx).await?;
        Ok(done)
    }

    fn change(&self, before: SubjectStanding, certificate: Option<&ErasureCertificate>) -> Change {
        let SubjectStanding { events, fields, readable } = before;
        let subject = &self.subject;
        let message = match (certificate, readable) {
            (Some(done), _) if done.keys_destroyed > 0 => {
                format!("{subject} is erased: {readable} fields in {events} events cannot be read any more")
            },
            (None, 1..) => format!(
                "NOT EXECUTED: {readable} of {fields} fields in {events} events of {subject} could not be read any more; \
                 there is no way back"
            ),
            _ if fields == 0 => format!("nothing is kept of {subject}; nothing is changed"),
            _ => format!("{subject} was erased before; nothing is changed"),
        };
        Change {
            applied: certificate.is_some(),
            action: "subject.erase".to_owned(),
            message,
            plan_id: None,
            job_id: None,
            plan: None,
            result: json!({ "before": before, "certificate": certificate }),
            apply_with: (certificate.is_none() && readable > 0).then(|| format!("{} --apply", typed())),
        }
    }
}

fn unanswered(error: sqlx::Error) -> Fault {
    Fault::unavailable("the outbox database", error)
}

fn sheet(change: &Change, certificate: Option<&ErasureCertificate>) -> Sheet {
    let mut sheet = Sheet::new(&["certificate", "what"]);
    sheet = sheet.head(format!("applied: {}", change.applied)).head(change.message.clone());
    if let Some(done) = certificate {
        let told = done.destinations.iter().map(|name| ("to be told", name.as_str()));
        let fixed = |word, list: &[&'static str]| list.iter().map(|what| (word, *what)).collect::<Vec<_>>();
        for (word, what) in
            fixed("unaffected", &done.unaffected).into_iter().chain(told).chain(fixed("not reached", &done.not_reached))
        {
            sheet = sheet.row([word, what]);
        }
    }
    match &change.apply_with {
        Some(command) => sheet.foot(format!("to do it: {command}")),
        None => sheet,
    }
}

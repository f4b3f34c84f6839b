//! Carries a planned job out, or goes on with one that broke off: `run-job <database url> <schema> <job id> [<steps>]`.
//!
//! With a number of steps it ends itself there, as a crash would: before and after the commits of chunks, in turn. That
//! is how the tests show that nothing is done twice.

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{PgPool, SqlitePool};
use stateset_outbox::job::{JobError, Step};
use stateset_outbox::{Engine, Outbox, Schema};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(url), Some(schema), Some(job)) = (arguments.next(), arguments.next(), arguments.next()) else {
        return Err("run-job <database url> <schema> <job id> [<steps>]".into());
    };
    let schema = Schema::new(&schema)?;
    let steps = arguments.next().map(|text| text.parse()).transpose()?;
    if url.starts_with("sqlite:") {
        let options = url.parse::<SqliteConnectOptions>()?.busy_timeout(std::time::Duration::from_secs(20));
        run(&Outbox::in_schema(SqlitePool::connect_with(options).await?, schema), &job, steps).await
    } else {
        run(&Outbox::in_schema(PgPool::connect(&url).await?, schema), &job, steps).await
    }
}

async fn run<DB: Engine>(outbox: &Outbox<DB>, job: &str, steps: Option<u32>) -> Result<(), Box<dyn std::error::Error>> {
    let operator = outbox.operator("run-job")?;
    let job = operator.apply(job.parse()?, None).await?;
    let mut left = steps;
    let mut watch = |step| {
        if let Some(left) = &mut left
            && step != Step::Waiting
        {
            *left = left.saturating_sub(1);
            if *left == 0 {
                std::process::abort();
            }
        }
    };
    match operator.run(&job, &mut watch).await {
        Ok(_) | Err(JobError::TakenOver(_)) => Ok(()),
        Err(fault) => Err(fault.into()),
    }
}

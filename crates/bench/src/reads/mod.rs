//! The `reads` command: what looking at a log of many events costs, on both databases.
//!
//! [`questions`] is the table of what is asked and how long it may take, [`ground`] makes the log, [`ask`] asks and
//! measures. The bound is a page of 50 rows by primary key through the same driver: no page can cost less.

mod ask;
mod ground;
mod questions;
mod tail;

use anyhow::ensure;
use clap::Args;

use crate::cells::Engine;
use crate::conditions;
use crate::report::{self, Style};
use crate::stage::Postgres;
use ask::Table;

#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Events in the log, in thousands.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=20_000))]
    thousands: u32,
    /// How often each question is asked.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    repeat: u32,
    /// Only these databases, separated by commas: sqlite, postgres.
    #[arg(long, value_enum, value_delimiter = ',')]
    engines: Vec<Engine>,
    /// Only these parts, separated by commas: lists, pages, jobs, tail.
    #[arg(long, value_delimiter = ',')]
    parts: Vec<String>,
    /// Only questions whose text contains this.
    #[arg(long)]
    only: Option<String>,
    /// How the program was built, to be printed with the conditions.
    #[arg(long, default_value = "release")]
    label: String,
    /// Write tables for a Markdown document.
    #[arg(long)]
    markdown: bool,
}

impl Options {
    fn wants(&self, part: &str) -> bool {
        self.parts.is_empty() || self.parts.iter().any(|wanted| wanted == part)
    }

    fn asks(&self, question: &str) -> bool {
        self.only.as_ref().is_none_or(|wanted| question.contains(wanted.as_str()))
    }

    fn measures(&self, engine: Engine) -> bool {
        self.engines.is_empty() || self.engines.contains(&engine)
    }
}

const PARTS: [&str; 4] = ["lists", "pages", "jobs", "tail"];

pub(crate) async fn run(options: Options) -> anyhow::Result<()> {
    for part in &options.parts {
        ensure!(PARTS.contains(&part.as_str()), "there is no part {part:?}; there are {}", PARTS.join(", "));
    }
    let style = if options.markdown { Style::Markdown } else { Style::Plain };
    let mut conditions = conditions::of_any(&options.label);
    conditions.push(("events".to_owned(), format!("{} 000, payload about 200 B", options.thousands)));
    let mut tables = Vec::new();
    if options.measures(Engine::Sqlite) {
        conditions.push(conditions::of_sqlite());
        let ground = ground::sqlite(options.thousands).await?;
        tables.push(("SQLite", measure((&ground.outbox, &ground.others), &ground, &options).await?));
    }
    if options.measures(Engine::Postgres) {
        let postgres = Postgres::start().await?;
        conditions.push(conditions::of_postgres(&postgres).await?);
        let ground = ground::postgres(&postgres, options.thousands).await?;
        tables.push(("PostgreSQL", measure((&ground.outbox, &ground.others), &ground, &options).await?));
        ground.close().await;
    }
    report::print_conditions(&conditions, style);
    for (name, table) in tables {
        println!("{name}\n");
        table.print(style);
    }
    Ok(())
}

async fn measure<DB: stateset_outbox::Engine>(
    (outbox, others): (&stateset_outbox::Outbox<DB>, &stateset_outbox::Outbox<DB>),
    ground: &impl ground::Raw,
    options: &Options,
) -> anyhow::Result<Table> {
    let mut table = Table::new(options.repeat, ask::bound(ground, options.repeat).await?);
    if options.wants("lists") {
        questions::lists(outbox, ground, options, &mut table).await?;
    }
    if options.wants("pages") {
        questions::pages(outbox, ground, options, &mut table).await?;
    }
    if options.wants("jobs") {
        questions::jobs(outbox, ground, options, &mut table).await?;
    }
    if options.wants("tail") {
        tail::measure(others, &mut table).await?;
    }
    Ok(table)
}

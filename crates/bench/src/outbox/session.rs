//! The order of the measurements, and what must hold.

use std::time::Duration;

use sqlx::{PgPool, Postgres};
use stateset_outbox::Outbox;
use stateset_testkit::kafka::Broker;
use stateset_testkit::postgres::TestDatabase;

use super::Options;
use super::arena::{Arena, Cost};
use super::drain::{self, Drained, Workers};
use super::incumbent::Incumbent;
use super::latency::{self, Wake};
use super::table::Table;
use super::writes::{Next, TABLE, Writer};
use crate::judge::{Verdict, at_least, at_most, at_most_time};

pub(super) struct Session<'a> {
    pub(super) options: &'a Options,
    pub(super) arena: &'a Arena,
    pub(super) incumbent: Option<Incumbent>,
    pub(super) table: Table,
}

/// Databases of the writers; each has its own.
struct Writers {
    plain: (TestDatabase, PgPool),
    ours: (TestDatabase, PgPool),
    theirs: (TestDatabase, PgPool),
    next: Next,
}

/// What the same transactions cost each.
#[derive(Default)]
struct Costs {
    plain: Cost,
    ours: Cost,
    theirs: Cost,
}

fn times(value: f64, to: &str) -> String {
    format!("{value:.2} × {to}")
}

impl Session<'_> {
    pub(super) async fn all(&mut self) -> anyhow::Result<()> {
        if self.options.wants("commits") || self.options.wants("batches") {
            let writers = self.writers().await?;
            let single = self.commits(&writers).await?;
            if self.options.wants("batches") {
                self.batches(&writers, &single).await?;
            }
        }
        if self.options.parts.iter().any(|part| part == "copy") {
            self.copies().await?;
        }
        if self.options.parts.iter().any(|part| part == "agents") {
            self.agents().await?;
        }
        if self.options.wants("latency") {
            self.latencies().await?;
        }
        if self.options.wants("drain") || self.options.wants("snapshot") {
            self.drains().await?;
        }
        if self.options.wants("kafka") {
            self.kafka().await?;
        }
        Ok(())
    }

    async fn writers(&self) -> anyhow::Result<Writers> {
        let (plain, ours, theirs) = (
            self.arena.database("plain").await?,
            self.arena.database("ours").await?,
            self.arena.database("theirs").await?,
        );
        sqlx::raw_sql(TABLE).execute(&plain.1).await?;
        Outbox::<Postgres>::new(ours.1.clone()).migrate().await?;
        if let Some(incumbent) = &self.incumbent {
            incumbent.set_up(&theirs.0).await?;
        }
        Ok(Writers { plain, ours, theirs, next: Next::default() })
    }

    /// Everybody in turns, several times.
    async fn turns(&self, writers: &Writers, clients: usize, batch: u64) -> anyhow::Result<Costs> {
        let time = Duration::from_secs(self.options.seconds);
        let ours = Writer::Ours(Outbox::new(writers.ours.1.clone()));
        let plain = Writer::Plain(writers.plain.1.clone());
        // Connections and statements are there when the clock starts.
        for writer in [&ours, &plain] {
            writer.run(&writers.next, clients, batch, Duration::from_millis(300)).await?;
        }
        self.arena.settle().await?;
        let mut costs = Costs::default();
        for _ in 0..self.options.rounds {
            for (writer, cost) in [(&plain, &mut costs.plain), (&ours, &mut costs.ours)] {
                let meter = self.arena.meter()?;
                let events = writer.run(&writers.next, clients, batch, time).await?;
                *cost += self.arena.read(&meter, events)?;
            }
            if let Some(incumbent) = &self.incumbent {
                costs.theirs += incumbent.write(self.arena, &writers.theirs.0, (clients, batch), time).await?;
            }
        }
        Ok(costs)
    }

    fn show_writes(&mut self, cell: &str, costs: &Costs) {
        let to_plain = |cost: &Cost| times(cost.rate() / costs.plain.rate(), "plain");
        self.table.rate(cell, "plain insert", &costs.plain, "", "");
        self.table.rate(cell, "ours", &costs.ours, &to_plain(&costs.ours), "");
        if self.incumbent.is_some() {
            self.table.rate(cell, "incumbent", &costs.theirs, &to_plain(&costs.theirs), "");
        }
    }

    /// Gives what one client did.
    async fn commits(&mut self, writers: &Writers) -> anyhow::Result<Costs> {
        let mut single = None;
        for clients in [1, 8] {
            let costs = self.turns(writers, clients, 1).await?;
            let cell = format!("single commits, {clients} clients");
            self.show_writes(&cell, &costs);
            let share = costs.ours.rate() / costs.plain.rate();
            self.table.judge(&cell, at_least(share, 0.9, |share| format!("{share:.2} of a plain insert")));
            single.get_or_insert(costs);
        }
        Ok(single.unwrap_or_default())
    }

    async fn batches(&mut self, writers: &Writers, single: &Costs) -> anyhow::Result<()> {
        for batch in [100, 1_000] {
            let costs = self.turns(writers, 1, batch).await?;
            let cell = format!("batches of {batch}, 1 client");
            self.show_writes(&cell, &costs);
            let gain = costs.ours.rate() / single.ours.rate();
            self.table.judge(&cell, at_least(gain, 6.0, |gain| format!("{gain:.1} × single commits")));
            if self.incumbent.is_some() {
                let gain = costs.ours.rate() / costs.theirs.rate();
                self.table.judge(&cell, at_least(gain, 6.0, |gain| format!("{gain:.1} × the incumbent's batches")));
            }
        }
        Ok(())
    }

    /// The two ways of a batch, in turns: one statement with arrays, and COPY.
    async fn copies(&mut self) -> anyhow::Result<()> {
        let (_database, pool) = self.arena.database("copy").await?;
        let outbox = Outbox::<Postgres>::new(pool);
        outbox.migrate().await?;
        let arrays = Writer::Ours(outbox.clone().with_copy_from(usize::MAX));
        let copy = Writer::Ours(outbox.with_copy_from(2));
        for batch in [100, 300, 500, 1_000, 5_000] {
            let [arrays, copy] = self.compare([&arrays, &copy], 1, batch).await?;
            let cell = format!("batches of {batch}, 1 client");
            self.table.rate(&cell, "arrays", &arrays, "", "");
            self.table.rate(&cell, "COPY", &copy, &times(copy.rate() / arrays.rate(), "arrays"), "");
        }
        Ok(())
    }

    /// Commits of events without and with an agent: the price of its index.
    async fn agents(&mut self) -> anyhow::Result<()> {
        let (_database, pool) = self.arena.database("agents").await?;
        let outbox = Outbox::<Postgres>::new(pool);
        outbox.migrate().await?;
        let (without, with) = (Writer::Ours(outbox.clone()), Writer::Agents(outbox));
        for clients in [1, 8] {
            let [without, with] = self.compare([&without, &with], clients, 1).await?;
            let cell = format!("single commits, {clients} clients");
            self.table.rate(&cell, "without an agent", &without, "", "");
            self.table.rate(&cell, "with an agent", &with, &times(with.rate() / without.rate(), "without"), "");
        }
        Ok(())
    }

    /// Two writers on one database, in turns.
    async fn compare(&self, writers: [&Writer; 2], clients: usize, batch: u64) -> anyhow::Result<[Cost; 2]> {
        let (next, time) =
            (Next::beyond_others(batch * 16 + clients as u64), Duration::from_secs(self.options.seconds));
        for writer in writers {
            writer.run(&next, clients, batch, Duration::from_millis(300)).await?;
        }
        self.arena.settle().await?;
        let mut costs = [Cost::default(), Cost::default()];
        for _ in 0..self.options.rounds {
            for (writer, cost) in writers.into_iter().zip(&mut costs) {
                let meter = self.arena.meter()?;
                let events = writer.run(&next, clients, batch, time).await?;
                *cost += self.arena.read(&meter, events)?;
            }
        }
        Ok(costs)
    }

    async fn latencies(&mut self) -> anyhow::Result<()> {
        let samples = self.options.samples;
        let hint = latency::ours(self.arena, Wake::Hint, samples).await?;
        self.table.latency("ours, hint", &hint);
        let notify = latency::ours(self.arena, Wake::Notify, samples).await?;
        self.table.latency("ours, NOTIFY", &notify);
        let poll = latency::ours(self.arena, Wake::Poll, samples.min(100)).await?;
        self.table.latency(&format!("ours, polling every {} ms", latency::POLL.as_millis()), &poll);
        if let Some(incumbent) = &self.incumbent {
            let theirs = incumbent.latency(self.arena, samples).await?;
            self.table.latency("incumbent, NOTIFY", &theirs);
        }
        self.table.judge("commit to sink, hint", at_most_time("p50", hint.p50, Duration::from_millis(1)));
        self.table.judge("commit to sink, NOTIFY", at_most_time("p50", notify.p50, Duration::from_millis(3)));
        Ok(())
    }

    async fn drains(&mut self) -> anyhow::Result<()> {
        let events = self.options.events;
        let workers = |relays, groups| Workers { relays, groups, old_snapshot: false };
        let page = drain::plain(self.arena, events).await?;
        self.table.rate("read once", "plain pages of 5000", &page, "", "nothing is remembered");
        let one = drain::ours(self.arena, events, workers(1, 1)).await?;
        self.show_drained("drain, 1 worker", &one, &page);
        let theirs = self.theirs("drain, 1 worker", 1, false, &page).await?;
        self.judge_drain("drain, 1 worker", &one, &theirs, 5.0);
        if self.options.wants("drain") {
            let spread = drain::ours(self.arena, events, workers(1, 4)).await?;
            self.show_drained("drain, 1 worker of 4 groups", &spread, &page);
            let four = drain::ours(self.arena, events, workers(4, 4)).await?;
            self.show_drained("drain, 4 workers", &four, &page);
            let their_four = self.theirs("drain, 4 workers", 4, false, &page).await?;
            self.judge_drain("drain, 4 workers", &four, &their_four, 15.0);
        }
        if self.options.wants("snapshot") {
            let old = drain::ours(self.arena, events, Workers { old_snapshot: true, ..workers(1, 1) }).await?;
            self.show_drained("drain under an old snapshot", &old, &page);
            let their_old = self.theirs("drain under an old snapshot", 1, true, &page).await?;
            self.judge_snapshot("ours", &old, &one, true);
            for (old, new) in their_old.iter().zip(&theirs) {
                self.judge_snapshot("incumbent", old, new, false);
            }
        }
        Ok(())
    }

    async fn kafka(&mut self) -> anyhow::Result<()> {
        let broker = Broker::start().await?;
        let (plain, drained) = drain::into_kafka(self.arena, self.options.events, broker.bootstrap()).await?;
        let cell = "commit to broker";
        self.table.rate(
            cell,
            "the client alone",
            &plain,
            "",
            "the same messages from memory; the broker runs beside it",
        );
        self.table.drained(cell, "ours", &drained, &times(drained.cost.rate() / plain.rate(), "the client alone"));
        let share = drained.cost.rate() / plain.rate();
        self.table.judge(cell, at_least(share, 0.6, |share| format!("{share:.2} of the client alone")));
        let broken = crate::numbers::float(drained.tally.lost + drained.tally.inverted + drained.tally.duplicated);
        self.table.judge(cell, at_most(broken, 0.0, |count| format!("{count:.0} lost, inverted or duplicated")));
        Ok(())
    }

    fn judge_snapshot(&mut self, who: &str, old: &Drained, new: &Drained, is_promised: bool) {
        let growth = old.cost.micros_of_both() / new.cost.micros_of_both();
        let verdict = at_most(growth, 1.1, |times| format!("{times:.2} × the processor time without it"));
        let met = verdict.met.filter(|_| is_promised);
        self.table.judge(&format!("old snapshot, {who}"), Verdict { met, ..verdict });
    }

    fn show_drained(&mut self, cell: &str, drained: &Drained, page: &Cost) {
        self.table.drained(cell, "ours", drained, &times(drained.cost.rate() / page.rate(), "plain pages"));
    }

    /// With each of its batch sizes.
    async fn theirs(&mut self, cell: &str, workers: u16, old: bool, page: &Cost) -> anyhow::Result<Vec<Drained>> {
        let Some(incumbent) = &self.incumbent else { return Ok(Vec::new()) };
        let mut all = Vec::new();
        for batch in &self.options.incumbent_batch {
            let drained = incumbent.drain(self.arena, self.options.events, (workers, *batch), old).await?;
            let ratio = times(drained.cost.rate() / page.rate(), "plain pages");
            self.table.drained(cell, &format!("incumbent, {batch} a round"), &drained, &ratio);
            all.push(drained);
        }
        Ok(all)
    }

    fn judge_drain(&mut self, cell: &str, ours: &Drained, theirs: &[Drained], least: f64) {
        for (theirs, batch) in theirs.iter().zip(&self.options.incumbent_batch) {
            let gain = ours.cost.rate() / theirs.cost.rate();
            let text = |gain| format!("{gain:.1} × the incumbent with {batch} a round");
            self.table.judge(cell, at_least(gain, least, text));
        }
        #[expect(clippy::cast_precision_loss, reason = "counts far below 2^53")]
        let changed = ours.changed as f64 / ours.cost.events.max(1) as f64;
        self.table.judge(cell, at_most(changed, 0.01, |changed| format!("{changed:.4} rows changed per event")));
        let broken = crate::numbers::float(ours.tally.lost + ours.tally.inverted + ours.tally.duplicated);
        self.table.judge(cell, at_most(broken, 0.0, |count| format!("{count:.0} lost, inverted or duplicated")));
    }
}

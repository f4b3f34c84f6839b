use stateset_inspect::Intent;

use super::inspect::named;
use crate::context::Context;
use crate::exit::Ended;
use crate::filter::FilterArgs;

#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(flatten)]
    filter: FilterArgs,
    /// Where to; the events themselves do not say
    #[arg(long, value_name = "NAME", required_unless_present = "plan")]
    to: Option<String>,
    /// Only what the destination has not got
    #[arg(long)]
    missing: bool,
    /// Carry out this plan of a preview
    #[arg(long, value_name = "ID", conflicts_with_all = ["to", "missing", "text"])]
    plan: Option<String>,
    /// Most per second: 50/s, or 50
    #[arg(long, value_name = "N/s", value_parser = rate)]
    rate: Option<u32>,
    /// Do it; without this, only what would be done is said
    #[arg(long)]
    apply: bool,
}

/// `50/s`, `50`, `600/min`.
pub(super) fn rate(text: &str) -> Result<u32, String> {
    let wrong = || "a rate is a whole number per second, at least 1: 50/s".to_owned();
    let (number, divisor) = match text.split_once('/') {
        None | Some((_, "s" | "sec" | "second")) => (text.split('/').next().unwrap_or_default(), 1),
        Some((number, "m" | "min" | "minute")) => (number, 60),
        Some(_) => return Err(wrong()),
    };
    let rate = number.parse::<u32>().map_err(|_| wrong())? / divisor;
    if rate >= 1 { Ok(rate) } else { Err(wrong()) }
}

impl Args {
    pub(crate) async fn run(self, context: &Context) -> Ended {
        let intent = match self.plan {
            Some(plan) => context.plan(&plan, "replay", self.rate)?,
            None => {
                let inspect = context.inspect().await?;
                let filter = self.filter.or_event(context.now, |text| async move { named(&*inspect, &text).await }).await?;
                let destination = self.to.unwrap_or_default();
                Intent::Replay { filter, destination, missing: self.missing, rate: self.rate }
            },
        };
        context.change(&intent, self.apply).await
    }
}

#[cfg(test)]
mod tests {
    use super::rate;

    #[test]
    fn rates() {
        for (text, found) in [("50/s", 50), ("50", 50), ("600/min", 10)] {
            assert_eq!(rate(text), Ok(found), "{text}");
        }
        for bad in ["", "0", "-1", "x/s", "5/h", "30/min"] {
            assert!(rate(bad).is_err(), "{bad}");
        }
    }
}

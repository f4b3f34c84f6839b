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
    rate: Option<f64>,
    /// Do it; without this, only what would be done is said
    #[arg(long)]
    apply: bool,
}

/// `50/s`, `50`, `600/min`.
pub(super) fn rate(text: &str) -> Result<f64, String> {
    let (number, divisor) = match text.split_once('/') {
        None => (text, 1.0),
        Some((number, "s" | "sec" | "second")) => (number, 1.0),
        Some((number, "m" | "min" | "minute")) => (number, 60.0),
        Some(_) => return Err("a rate is a number per second: 50/s".to_owned()),
    };
    let rate = number.parse::<f64>().map_err(|_| "a rate is a number per second: 50/s".to_owned())? / divisor;
    if rate.is_finite() && rate > 0.0 { Ok(rate) } else { Err("a rate is more than 0".to_owned()) }
}

impl Args {
    pub(crate) async fn run(self, context: &Context) -> Ended {
        let intent = match self.plan {
            Some(plan) => Intent::Plan { plan, rate: self.rate },
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
        for (text, found) in [("50/s", 50.0), ("50", 50.0), ("600/min", 10.0), ("0.5", 0.5)] {
            assert_eq!(rate(text).ok().map(f64::to_bits), Some(f64::to_bits(found)), "{text}");
        }
        for bad in ["", "0", "-1", "x/s", "5/h", "nan", "inf"] {
            assert!(rate(bad).is_err(), "{bad}");
        }
    }
}

//! What the process says of itself while it runs: the log, and, with the feature `otel`, traces.
//!
//! Spans are there in every build. Those inside of a request are on the level `debug`, so that by default only the request's
//! own costs anything; traces take them all.

#[cfg(feature = "otel")]
mod traces;

use tokio::runtime::Handle;
use tracing_subscriber::EnvFilter;

use crate::config::Config;

/// The log and the traces of this process.
#[derive(Default)]
pub struct Telemetry {
    #[cfg(feature = "otel")]
    traces: Option<traces::Traces>,
}

impl Telemetry {
    /// Starts both, for the whole process. Traces are sent by tasks of `runtime`.
    pub fn start(config: &Config, runtime: &Handle) -> anyhow::Result<Self> {
        let filter = EnvFilter::builder().parse_lossy(&config.log_filter);
        #[cfg(feature = "otel")]
        if let Some(settings) = &config.traces {
            return Ok(Self { traces: Some(traces::start(settings, config.json_logs, filter, runtime)?) });
        }
        #[cfg(not(feature = "otel"))]
        let _ = runtime;
        let builder = tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_writer(std::io::stderr)
            .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()));
        if config.json_logs {
            builder.json().init();
        } else {
            builder.with_target(false).init();
        }
        if config.traces.is_some() {
            tracing::warn!("OTEL_EXPORTER_OTLP_ENDPOINT is set, but this program was built without the feature `otel`");
        }
        Ok(Self::default())
    }

    /// Sends what is left. The runtime must still be there.
    pub fn stop(self) {
        #[cfg(feature = "otel")]
        if let Some(traces) = self.traces {
            traces.stop();
        }
    }
}

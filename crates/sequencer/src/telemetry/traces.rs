//! Traces by OTLP over HTTP, in protobuf.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use async_trait::async_trait;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use tokio::runtime::Handle;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer, Registry};

use crate::config::TraceSettings;

/// A collector that takes longer has lost the batch.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(10);
/// Spans of these crates are exported, down to this level.
const TRACED: [(&str, LevelFilter); 1] = [("stateset_sequencer", LevelFilter::DEBUG)];

/// The traces of this process.
pub(super) struct Traces(SdkTracerProvider);

impl Traces {
    pub(super) fn stop(self) {
        if let Err(error) = self.0.shutdown() {
            tracing::warn!(%error, "the last traces were not exported");
        }
    }
}

/// Starts log and traces.
pub(super) fn start(
    settings: &TraceSettings,
    json: bool,
    filter: EnvFilter,
    runtime: &Handle,
) -> anyhow::Result<Traces> {
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(Client::new(runtime.clone())?)
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(format!("{}/v1/traces", settings.endpoint))
        .with_timeout(EXPORT_TIMEOUT)
        .build()
        .context("OTEL_EXPORTER_OTLP_ENDPOINT")?;
    let provider = SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_sampler(Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(settings.share))))
        .with_resource(Resource::builder().with_service_name(settings.service.clone()).build())
        .build();
    let traces = tracing_opentelemetry::layer()
        .with_tracer(provider.tracer("stateset-sequencer"))
        .with_threads(false)
        .with_location(false)
        .with_filter(Targets::new().with_targets(TRACED));
    let log = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()));
    let log: Box<dyn Layer<Registry> + Send + Sync> =
        if json { log.json().with_filter(filter).boxed() } else { log.with_target(false).with_filter(filter).boxed() };
    tracing_subscriber::registry().with(vec![log, traces.boxed()]).init();
    Ok(Traces(provider))
}

/// Sends batches with the HTTP client that the server has anyway. The exporter calls it on a thread of its own, which has no
/// runtime.
#[derive(Debug)]
struct Client {
    runtime: Handle,
    inner: reqwest::Client,
    /// Whether the last batch was lost, so that an outage is told once.
    failing: AtomicBool,
}

impl Client {
    fn new(runtime: Handle) -> anyhow::Result<Self> {
        let inner = reqwest::Client::builder()
            .timeout(EXPORT_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .context("the HTTP client for traces")?;
        Ok(Self { runtime, inner, failing: AtomicBool::new(false) })
    }
}

async fn send(client: reqwest::Client, request: Request<Bytes>) -> Result<Response<Bytes>, reqwest::Error> {
    let mut response = client.execute(request.try_into()?).await?;
    let mut answer = Response::new(Bytes::new());
    *answer.status_mut() = response.status();
    *answer.headers_mut() = std::mem::take(response.headers_mut());
    *answer.body_mut() = response.bytes().await?;
    Ok(answer)
}

#[async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let answer: Result<_, HttpError> = match self.runtime.spawn(send(self.inner.clone(), request)).await {
            Ok(answer) => answer.map_err(Into::into),
            Err(cancelled) => Err(cancelled.into()),
        };
        let lost = match &answer {
            Ok(answer) if answer.status().is_success() => None,
            Ok(answer) => Some(format!("the collector answered {}", answer.status())),
            Err(error) => Some(error.to_string()),
        };
        let failed_before = self.failing.swap(lost.is_some(), Ordering::Relaxed);
        match lost {
            Some(cause) if !failed_before => tracing::warn!(cause, "traces are lost: they cannot be exported"),
            None if failed_before => tracing::info!("traces are exported again"),
            _ => {},
        }
        answer
    }
}

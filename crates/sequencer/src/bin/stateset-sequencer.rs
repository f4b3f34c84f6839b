//! `stateset-sequencer`: the server.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use stateset_sequencer::config::{Config, ConfigFaults, SETTINGS};
use stateset_sequencer::server;
use stateset_sequencer::telemetry::Telemetry;
use tokio_util::sync::CancellationToken;

/// Verifiable event sequencer: signed events in, one gapless, provable order out.
///
/// Without a command it serves. Everything is configured by environment variables; see `config-reference`.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Serve (the default).
    Serve,
    /// Ask the server of this configuration on this machine whether it is alive; exit status 0 if it is.
    ///
    /// For container health checks, where there is no curl.
    Healthcheck,
    /// Print every environment variable with its default and meaning, as Markdown.
    ConfigReference,
    /// Print the OpenAPI 3.1 document.
    Openapi,
    /// Print every error code with its status and remedy, as Markdown.
    ErrorCodes,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match arguments.command.unwrap_or(Command::Serve) {
        Command::Serve => serve(),
        Command::Healthcheck => healthcheck(),
        Command::ConfigReference => print(&config_reference()),
        Command::Openapi => print(&stateset_sequencer::http::openapi::text()),
        Command::ErrorCodes => print(&error_codes()),
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
fn read_config() -> Result<Config, ConfigFaults> {
    Config::read(|name| std::env::var(name).ok())
}

fn serve() -> ExitCode {
    let config = match read_config() {
        Ok(config) => config,
        Err(faults) => return fail(&faults.to_string()),
    };
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(config.worker_threads).enable_all().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return fail(&format!("cannot start the runtime: {error}")),
    };
    let telemetry = match Telemetry::start(&config, runtime.handle()) {
        Ok(telemetry) => telemetry,
        Err(error) => return fail(&format!("cannot export traces: {error:#}")),
    };
    let result = runtime.block_on(async {
        let stop = CancellationToken::new();
        let signals = stop_on_signal(stop.clone())?;
        let result = server::run(config, stop).await;
        signals.abort();
        result
    });
    telemetry.stop();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&format!("{error:#}")),
    }
}

fn healthcheck() -> ExitCode {
    match read_config()
        .map_err(|faults| faults.to_string())
        .and_then(|config| alive(&config).map_err(|e| e.to_string()))
    {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => fail("the server does not answer GET /health with 200"),
        Err(fault) => fail(&fault),
    }
}

/// With TLS a connection must do: whose certificate it is, is not this machine's to judge.
fn alive(config: &Config) -> std::io::Result<bool> {
    const PATIENCE: Duration = Duration::from_secs(2);
    let host = match config.host {
        IpAddr::V4(host) if host.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(host) if host.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        host => host,
    };
    let mut stream = TcpStream::connect_timeout(&SocketAddr::new(host, config.port), PATIENCE)?;
    if config.tls.is_some() {
        return Ok(true);
    }
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(b"GET /health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")?;
    let mut answer = [0; 12];
    stream.read_exact(&mut answer)?;
    Ok(&answer == b"HTTP/1.1 200")
}

#[cfg(unix)]
fn stop_on_signal(stop: CancellationToken) -> anyhow::Result<tokio::task::JoinHandle<()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    #[expect(clippy::disallowed_methods, reason = "the task that starts the shutdown cannot be waited for by it")]
    Ok(tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {},
            _ = tokio::signal::ctrl_c() => {},
        }
        tracing::info!("stopping: finishing what is in flight");
        stop.cancel();
    }))
}

#[cfg(not(unix))]
fn stop_on_signal(stop: CancellationToken) -> anyhow::Result<tokio::task::JoinHandle<()>> {
    #[expect(clippy::disallowed_methods, reason = "the task that starts the shutdown cannot be waited for by it")]
    Ok(tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            stop.cancel();
        }
    }))
}

#[expect(clippy::print_stderr, reason = "the program's own voice")]
fn fail(message: &str) -> ExitCode {
    eprintln!("stateset-sequencer: {message}");
    ExitCode::FAILURE
}

#[expect(clippy::print_stdout, reason = "the program's output")]
fn print(text: &str) -> ExitCode {
    print!("{text}");
    ExitCode::SUCCESS
}

fn config_reference() -> String {
    let mut page = "# Configuration of `stateset-sequencer`\n\nGenerated by `cargo xtask codegen`. Every variable is read once \
        at start; a value that does not parse refuses to start and is named.\n\n| variable | default | meaning |\n|---|---|---|\n"
        .to_owned();
    for setting in SETTINGS {
        let default = if setting.default.is_empty() { "(unset)".to_owned() } else { format!("`{}`", setting.default) };
        page.push_str(&format!("| `{}` | {default} | {} |\n", setting.name, setting.help));
    }
    page
}

fn error_codes() -> String {
    let mut page = "# Error codes\n\nGenerated by `cargo xtask codegen`. Every error body is `application/problem+json` and carries \
        one of these codes.\n\n| code | status | meaning | what to do |\n|---|---|---|---|\n"
        .to_owned();
    for code in stateset_api::code::Code::ALL {
        page.push_str(&format!(
            "| <a id=\"{0}\"></a>`{0}` | {1} | {2} | {3} |\n",
            code.text(),
            code.status(),
            code.title(),
            code.fix()
        ));
    }
    page
}

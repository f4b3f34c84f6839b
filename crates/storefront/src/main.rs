//! `stateset-storefront`: a small shop that lives by its events. `docs/guide/storefront.md` is its manual.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use stateset_storefront::cli::ServeArguments;
use stateset_storefront::serve;
use tracing_subscriber::EnvFilter;

/// A small shop that lives by its events: order, payment, shipping and notification services.
#[derive(Parser, Debug)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Serve the shop, or some of its services
    Serve(Box<ServeArguments>),
}

fn main() -> ExitCode {
    let Command::Serve(arguments) = Cli::parse().command;
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn,stateset_storefront=info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    match run(*arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            #[expect(clippy::print_stderr, reason = "the program's last words")]
            {
                eprintln!("stateset-storefront: {error:#}");
            }
            ExitCode::FAILURE
        },
    }
}

fn run(arguments: ServeArguments) -> anyhow::Result<()> {
    let settings = arguments.settings().map_err(anyhow::Error::msg)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    Ok(runtime.block_on(serve(settings, told_to_stop()))?)
}

/// Ctrl-C, or on Unix SIGTERM.
async fn told_to_stop() {
    let interrupt = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = interrupt => {},
                _ = terminate.recv() => {},
            }
            return;
        }
    }
    interrupt.await.ok();
}

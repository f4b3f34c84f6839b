//! Prometheus' own checker of alert rules.

use std::path::Path;

use anyhow::{Context, ensure};
use tokio::process::Command;

/// Runs `promtool test rules` on a file of the repository, given by its path from the root.
pub async fn test_rules(file: &str) -> anyhow::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize()?;
    let unpacked = root.join("target/prometheus/usr/bin/promtool");
    let program = if unpacked.exists() { unpacked.as_path() } else { Path::new("promtool") };
    let output = Command::new(program)
        .args(["test", "rules", file])
        .current_dir(&root)
        .output()
        .await
        .context("promtool does not run; scripts/setup.sh fetches it")?;
    let said = [output.stdout, output.stderr].concat();
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&said));
    Ok(())
}

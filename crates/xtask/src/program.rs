//! Running other programs.

use std::process::{Command, Output, Stdio};

use anyhow::{Context, ensure};

use crate::workspace::Workspace;

/// The one way the tests are run, so that their artefacts are built once.
pub(crate) const TEST: [&str; 4] = ["test", "--workspace", "--all-features", "--locked"];

/// A program about to run in the workspace's root.
pub(crate) struct Program {
    shown: String,
    command: Command,
}

/// The cargo that runs us.
pub(crate) fn cargo(workspace: &Workspace, arguments: &[&str]) -> Program {
    program(workspace, "cargo", arguments)
}

pub(crate) fn program(workspace: &Workspace, name: &str, arguments: &[&str]) -> Program {
    let mut command = Command::new(name);
    command.args(arguments).current_dir(workspace.root()).stdin(Stdio::null());
    Program { shown: format!("{name} {}", arguments.join(" ")), command }
}

impl Program {
    pub(crate) fn args(mut self, arguments: Vec<String>) -> Self {
        self.command.args(arguments);
        self
    }

    pub(crate) fn variable(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// Runs it with our output; fails if it fails.
    pub(crate) fn run(mut self) -> anyhow::Result<()> {
        let status = self.command.status().with_context(|| format!("running `{}`", self.shown))?;
        ensure!(status.success(), "`{}` failed ({status})", self.shown);
        Ok(())
    }

    /// Runs it and returns its standard output; fails if it fails.
    pub(crate) fn output(mut self) -> anyhow::Result<String> {
        let run = self.command.stderr(Stdio::inherit()).output();
        let Output { status, stdout, .. } = run.with_context(|| format!("running `{}`", self.shown))?;
        ensure!(status.success(), "`{}` failed ({status})", self.shown);
        String::from_utf8(stdout).with_context(|| format!("the output of `{}`", self.shown))
    }

    /// Whether it can be run at all, and says so by succeeding.
    pub(crate) fn succeeds(mut self) -> bool {
        let status = self.command.stdout(Stdio::null()).stderr(Stdio::null()).status();
        status.is_ok_and(|status| status.success())
    }
}

use clap_complete::Shell;

use crate::exit::{Done, Ended};
use crate::output::{Format, Output};

#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Of which shell
    shell: Shell,
}

impl Args {
    pub(crate) fn run(&self) -> Ended {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut crate::cli::tree(), "stateset-events", &mut script);
        let output = Output { format: Format::Table, quiet: true, color: false };
        output.text(&String::from_utf8_lossy(&script))?;
        Ok(Done::Well)
    }
}

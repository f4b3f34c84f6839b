use std::path::PathBuf;

use stateset_inspect::Fault;

use crate::exit::{Done, Ended, Stop};
use crate::output::{Format, Output};

#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Write one page per command into this folder; otherwise the main page is printed
    #[arg(long, value_name = "FOLDER")]
    dir: Option<PathBuf>,
}

impl Args {
    pub(crate) fn run(&self) -> Ended {
        let tree = crate::cli::tree();
        let written = |error: std::io::Error| Stop::from(Fault::usage("the pages cannot be written", "see --dir").because(error));
        match &self.dir {
            Some(folder) => {
                std::fs::create_dir_all(folder).map_err(written)?;
                clap_mangen::generate_to(tree, folder).map_err(written)?;
            },
            None => {
                let mut page = Vec::new();
                clap_mangen::Man::new(tree).render(&mut page).map_err(written)?;
                let output = Output { format: Format::Table, quiet: true, color: false };
                output.text(&String::from_utf8_lossy(&page))?;
            },
        }
        Ok(Done::Well)
    }
}

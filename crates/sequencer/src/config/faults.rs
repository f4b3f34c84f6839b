//! All faults of a configuration, to be shown once.

use std::fmt;

/// Every variable at fault with what is wrong and what would be right. Never holds a secret's value.
#[derive(Debug, Default)]
pub struct ConfigFaults(pub(super) Vec<(String, String)>);

impl ConfigFaults {
    /// Each variable with its fault.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, fault)| (name.as_str(), fault.as_str()))
    }
}

impl fmt::Display for ConfigFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let many = if self.0.len() == 1 { "one variable is" } else { "several variables are" };
        writeln!(f, "the server did not start because {many} not right:")?;
        for (name, fault) in &self.0 {
            writeln!(f, "  {name} {fault}")?;
        }
        f.write_str("see docs/reference/config.md for all variables")
    }
}

impl std::error::Error for ConfigFaults {}

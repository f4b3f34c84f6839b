//! The only place where the tests read the environment.

/// `None` when the variable is absent, empty or not UTF-8.
#[expect(clippy::disallowed_methods, reason = "tests have no command line; this is their one door to the environment")]
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

//! A throw-away cluster: made, started, stopped and removed by PostgreSQL's own commands.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, bail, ensure};

use crate::{environment, free_port};

/// Waits for the end of its input, which is the end of the process that made the cluster, whether it
/// returned, panicked or was killed; then stops the cluster and removes it. An orphaned server would
/// hold memory and disk until the next reboot.
const GUARD: &str = r#"
trap '' INT TERM HUP
read -r _
"$1" -D "$2/data" -m fast -t 30 stop || "$1" -D "$2/data" -m immediate -t 30 stop
rm -rf "$2"
"#;

/// A cluster in a folder of its own; gone when dropped.
#[derive(Debug)]
pub(super) struct Cluster {
    folder: PathBuf,
    programs: PathBuf,
    account: Option<Account>,
    port: u16,
    guard: Child,
}

/// Whom the server runs as when we are root, which PostgreSQL refuses to be.
#[derive(Clone, Copy, Debug)]
struct Account {
    user: u32,
    group: u32,
}

impl Cluster {
    pub(super) fn create(settings: &[(String, String)]) -> anyhow::Result<Self> {
        let programs = find_programs()?;
        let folder = tempfile::Builder::new().prefix("stateset-postgres-").tempdir()?.keep();
        let account = give_away_if_root(&folder)?;
        let guard = spawn_guard(&programs, &folder, account)?;
        let mut cluster = Self { folder, programs, account, port: 0, guard };
        cluster.initialize()?;
        cluster.start_on_free_port(settings)?;
        Ok(cluster)
    }

    pub(super) fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    pub(super) fn start(&self) -> anyhow::Result<()> {
        self.run("pg_ctl", &["-w", "-t", "60", "-l", "log", "start"]).with_context(|| {
            let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
            let skip = log.lines().count().saturating_sub(20);
            let end: Vec<&str> = log.lines().skip(skip).collect();
            format!("PostgreSQL did not start; its log ends with:\n{}", end.join("\n"))
        })
    }

    pub(super) fn stop(&self, mode: &str) -> anyhow::Result<()> {
        self.run("pg_ctl", &["-w", "-t", "60", "-m", mode, "stop"])
    }

    /// The files need not survive a power cut during `initdb`, hence `--no-sync`; everything later is synced.
    fn initialize(&self) -> anyhow::Result<()> {
        let arguments = ["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"];
        self.run("initdb", &arguments)
    }

    /// Another process may take the port between our look and the start: then another is tried.
    fn start_on_free_port(&mut self, settings: &[(String, String)]) -> anyhow::Result<()> {
        let config = self.folder.join("data/postgresql.conf");
        let original = fs::read_to_string(&config)?;
        let mut tries = 0;
        loop {
            tries += 1;
            self.port = free_port()?;
            fs::write(&config, format!("{original}\n{}", self.configuration(settings)))?;
            match self.start() {
                Ok(()) => return Ok(()),
                Err(error) if tries == 5 || !format!("{error:#}").contains("could not bind") => return Err(error),
                Err(_) => {},
            }
        }
    }

    fn configuration(&self, settings: &[(String, String)]) -> String {
        // The address of a Unix socket holds about a hundred bytes: in a deep folder there is TCP only.
        let sockets =
            if self.folder.as_os_str().len() < 80 { self.folder.display().to_string() } else { String::new() };
        let mut text = format!(
            "listen_addresses = '127.0.0.1'\nport = {}\nunix_socket_directories = '{sockets}'\n\
             max_connections = 200\ntimezone = 'UTC'\nlog_timezone = 'UTC'\n",
            self.port
        );
        for (name, value) in settings {
            let value = value.replace('\'', "''");
            writeln!(text, "{name} = '{value}'").expect("a String takes any text");
        }
        text
    }

    fn run(&self, program: &str, arguments: &[&str]) -> anyhow::Result<()> {
        let mut command = Command::new(self.programs.join(program));
        command.arg("-D").arg(self.folder.join("data")).args(arguments).current_dir(&self.folder);
        become_account(&mut command, self.account);
        let output = command.stdin(Stdio::null()).output().with_context(|| format!("running {program}"))?;
        ensure!(
            output.status.success(),
            "{program} failed ({}): {}{}",
            output.status,
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(())
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        // Nothing sensible can be done about a failure here, and the test's outcome does not depend on it.
        self.guard.wait().ok();
        fs::remove_dir_all(&self.folder).ok();
    }
}

/// The folder that holds `initdb` and `pg_ctl`: on the search path, else the newest where Debian puts them.
fn find_programs() -> anyhow::Result<PathBuf> {
    let path = environment::variable("PATH").unwrap_or_default();
    let mut candidates: Vec<PathBuf> = path.split(':').map(PathBuf::from).collect();
    candidates.extend(debian_folders());
    let found = candidates.into_iter().find(|folder| {
        folder.is_absolute() && ["initdb", "pg_ctl", "postgres"].iter().all(|program| folder.join(program).is_file())
    });
    found.context("no PostgreSQL found: run scripts/setup.sh, or set TEST_POSTGRES_URL to the URL of a superuser")
}

fn debian_folders() -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir("/usr/lib/postgresql") else { return Vec::new() };
    let mut versions: Vec<(u32, PathBuf)> = entries
        .flatten()
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .collect();
    versions.sort();
    versions.into_iter().rev().map(|(_, folder)| folder).collect()
}

fn give_away_if_root(folder: &Path) -> anyhow::Result<Option<Account>> {
    if fs::metadata(folder)?.uid() != 0 {
        return Ok(None);
    }
    let account = Account { user: id_of("-u")?, group: id_of("-g")? };
    chown(folder, Some(account.user), Some(account.group)).context("giving the cluster's folder away")?;
    Ok(Some(account))
}

/// The package's own account, else the one that every Unix has.
fn id_of(flag: &str) -> anyhow::Result<u32> {
    for name in ["postgres", "nobody"] {
        let output = Command::new("id").args([flag, name]).stdin(Stdio::null()).output()?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).trim().parse()?);
        }
    }
    bail!("PostgreSQL refuses to run as root, and there is neither an account `postgres` nor `nobody`")
}

fn become_account(command: &mut Command, account: Option<Account>) {
    if let Some(Account { user, group }) = account {
        command.uid(user).gid(group);
    }
}

fn spawn_guard(programs: &Path, folder: &Path, account: Option<Account>) -> anyhow::Result<Child> {
    let mut command = Command::new("sh");
    command.args(["-c", GUARD, "postgres-guard"]).arg(programs.join("pg_ctl")).arg(folder).current_dir("/");
    become_account(&mut command, account);
    // Its own process group: an interrupt typed at the terminal must not end it before its work is done.
    command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().context("starting the guard of the cluster")
}

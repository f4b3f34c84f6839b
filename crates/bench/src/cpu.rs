//! Processor time and memory of whole processes, from `/proc`.

use std::fs;
use std::ops::Sub;
use std::time::Duration;

use anyhow::Context;

/// Linux counts in hundredths of a second for programs, whatever its own clock does.
const TICK: Duration = Duration::from_millis(10);

/// Whose time is counted, besides this process's own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Meters {
    pub(crate) server: u32,
    /// Parent of all processes of the database cluster; `None` for a database inside the server.
    pub(crate) postmaster: Option<u32>,
}

/// User and system time so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct CpuTimes {
    pub(crate) server: Duration,
    pub(crate) database: Duration,
    pub(crate) generator: Duration,
    /// All that the machine's processors did, for anybody.
    pub(crate) machine: Duration,
}

impl CpuTimes {
    /// What neither the server, the database nor the generator used.
    pub(crate) fn elsewhere(&self) -> Duration {
        self.machine.saturating_sub(self.server + self.database + self.generator)
    }
}

impl Meters {
    pub(crate) fn read(&self) -> anyhow::Result<CpuTimes> {
        Ok(CpuTimes {
            server: Stat::of(self.server)?.own,
            database: self.postmaster.map(cluster_time).transpose()?.unwrap_or_default(),
            generator: Stat::of(std::process::id())?.own,
            machine: machine_time()?,
        })
    }
}

impl Sub for CpuTimes {
    type Output = Self;

    fn sub(self, earlier: Self) -> Self {
        Self {
            server: self.server.saturating_sub(earlier.server),
            database: self.database.saturating_sub(earlier.database),
            generator: self.generator.saturating_sub(earlier.generator),
            machine: self.machine.saturating_sub(earlier.machine),
        }
    }
}

/// The postmaster, its children, and those of its children that have ended: a process that ends moves its time
/// from one term to another and takes none away.
pub(crate) fn cluster_time(postmaster: u32) -> anyhow::Result<Duration> {
    let parent = Stat::of(postmaster)?;
    let mut total = parent.own + parent.ended_children;
    for entry in fs::read_dir("/proc")?.flatten() {
        let Some(id) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        // A process may end between the listing and the look.
        if let Ok(stat) = Stat::of(id)
            && stat.parent == postmaster
        {
            total += stat.own + stat.ended_children;
        }
    }
    Ok(total)
}

/// Time that all processors together have been busy, and time taken from a virtual machine by its host.
pub(crate) fn machine_time() -> anyhow::Result<Duration> {
    let text = fs::read_to_string("/proc/stat")?;
    busy_time(&text).context("unreadable /proc/stat")
}

/// The first line sums up all processors: user, nice, system, idle, waiting, interrupts, soft interrupts, stolen.
fn busy_time(text: &str) -> Option<Duration> {
    let ticks = text.lines().next()?.strip_prefix("cpu ")?.split_ascii_whitespace().take(8);
    let ticks: Vec<u64> = ticks.map(str::parse).collect::<Result<_, _>>().ok()?;
    let idle = ticks.get(3)? + ticks.get(4)?;
    let busy = ticks.iter().sum::<u64>() - idle;
    Some(TICK * u32::try_from(busy).ok()?)
}

/// Processor time of the calling thread, finer than ticks. `None` where the kernel does not tell.
pub(crate) fn thread_time() -> Option<Duration> {
    let text = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split_ascii_whitespace().next()?.parse().ok().map(Duration::from_nanos)
}

/// This process, and those it started and waited for.
pub(crate) fn own_time() -> anyhow::Result<Duration> {
    let stat = Stat::of(std::process::id())?;
    Ok(stat.own + stat.ended_children)
}

/// The parent of a process.
pub(crate) fn parent_of(process: u32) -> anyhow::Result<u32> {
    Ok(Stat::of(process)?.parent)
}

/// The most memory the process ever had resident, in bytes.
pub(crate) fn peak_resident_bytes(process: u32) -> anyhow::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let kib = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix("kB")?.trim().parse::<u64>().ok())
        .context("no VmHWM in /proc/<pid>/status")?;
    Ok(kib * 1024)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stat {
    parent: u32,
    own: Duration,
    ended_children: Duration,
}

impl Stat {
    fn of(process: u32) -> anyhow::Result<Self> {
        let text = fs::read_to_string(format!("/proc/{process}/stat"))
            .with_context(|| format!("process {process} has ended"))?;
        Self::parse(&text).with_context(|| format!("unreadable /proc/{process}/stat"))
    }

    /// The second field is the program's name in parentheses and may hold anything, so fields count from its end.
    fn parse(text: &str) -> Option<Self> {
        let (_, fields) = text.rsplit_once(')')?;
        let fields: Vec<&str> = fields.split_ascii_whitespace().collect();
        let ticks = |at: usize| fields.get(at)?.parse::<u32>().ok();
        let time = |at: usize| Some(TICK * ticks(at)?.checked_add(ticks(at + 1)?)?);
        Some(Self { parent: ticks(1)?, own: time(11)?, ended_children: time(13)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stat_line_is_read_whatever_the_name() {
        let text = "41 (a) b (c) S 7 41 41 0 -1 4194560 900 0 1 0 12 30 5 6 20 0 1 0 100 0 0";
        let stat = Stat::parse(text).unwrap();
        assert_eq!(stat.parent, 7);
        assert_eq!(stat.own, Duration::from_millis(420));
        assert_eq!(stat.ended_children, Duration::from_millis(110));
    }

    #[test]
    fn the_machine_is_busy_when_it_is_not_idle() {
        let text = "cpu  100 1 10 5000 300 2 3 4 50 0\ncpu0 1 1 1 1 1 1 1 1 1 1\n";
        assert_eq!(busy_time(text), Some(TICK * 120));
        assert!(machine_time().unwrap() > Duration::ZERO);
    }

    #[test]
    fn this_process_has_memory_and_a_parent() {
        let id = std::process::id();
        assert!(peak_resident_bytes(id).unwrap() > 100_000);
        assert!(parent_of(id).unwrap() > 0);
    }
}

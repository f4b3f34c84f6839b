//! What the operating system says of this process, read when somebody asks. Elsewhere than on Linux nothing is shown.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

/// Clock ticks per second in `/proc`: fixed by Linux's interface to programs, whatever the kernel uses itself.
const TICKS: f64 = 100.0;

/// Memory, processor time and open files, under the names that every dashboard knows.
#[derive(Debug)]
pub(super) struct Process;

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        if let Some(bytes) = resident_bytes() {
            let place = encoder.encode_descriptor(
                "process_resident_memory_bytes",
                "Memory of the process that is in use",
                None,
                MetricType::Gauge,
            )?;
            ConstGauge::new(bytes).encode(place)?;
        }
        if let Some(seconds) = cpu_seconds() {
            let place = encoder.encode_descriptor(
                "process_cpu_seconds",
                "Processor time used by the process and the kernel for it",
                None,
                MetricType::Counter,
            )?;
            ConstCounter::new(seconds).encode(place)?;
        }
        if let Some(files) = open_files() {
            let place = encoder.encode_descriptor(
                "process_open_fds",
                "Files and connections the process has open",
                None,
                MetricType::Gauge,
            )?;
            ConstGauge::new(files).encode(place)?;
        }
        Ok(())
    }
}

/// Resident memory.
pub fn resident_bytes() -> Option<i64> {
    const KIB: i64 = 1_024;
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse::<i64>().ok()?.checked_mul(KIB)
}

fn cpu_seconds() -> Option<f64> {
    const USER_AT: usize = 11;
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The second field is the program's name in parentheses and may hold anything.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(USER_AT);
    let ticks = |text: Option<&str>| text?.parse::<f64>().ok();
    Some((ticks(fields.next())? + ticks(fields.next())?) / TICKS)
}

fn open_files() -> Option<i64> {
    i64::try_from(std::fs::read_dir("/proc/self/fd").ok()?.count()).ok()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::{cpu_seconds, open_files, resident_bytes};

    #[test]
    fn linux_tells_what_the_process_uses() {
        assert!(resident_bytes().unwrap() > 1 << 20);
        assert!(cpu_seconds().unwrap() >= 0.0);
        assert!(open_files().unwrap() > 2);
    }
}

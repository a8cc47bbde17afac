//! The node's machine: processors, memory, room.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use nix::sys::statvfs::statvfs;

use crate::error::{Error, Result};
use crate::ports::{Around, Monitor, Observation};
use crate::time::SignedDuration;
use crate::trigger::{Field, Sample, Source};

/// How often the machine is looked at; also the time over which the use of processors is averaged.
const EVERY: SignedDuration = SignedDuration::from_secs(5);

/// Where the kernel tells of the machine.
const PROC: &str = "/proc";

/// What the machine of a node still has.
#[derive(Debug)]
pub struct NodeMonitor {
    proc: PathBuf,
    work_dir: PathBuf,
    last: Mutex<Option<Ticks>>,
}

/// The time that all processors together have had since the machine was started, in clock ticks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Ticks {
    all: u64,
    idle: u64,
}

impl NodeMonitor {
    /// A monitor of this machine, whose results are kept in `work_dir`.
    pub fn new(work_dir: impl Into<PathBuf>) -> Self {
        Self::with_proc(PROC, work_dir)
    }

    /// The same, where the kernel tells below `proc`.
    pub fn with_proc(proc: impl Into<PathBuf>, work_dir: impl Into<PathBuf>) -> Self {
        Self { proc: proc.into(), work_dir: work_dir.into(), last: Mutex::default() }
    }

    /// The use of all processors since the last look, in percent; `None` at the first.
    fn cpu(&self) -> Result<Option<f64>> {
        let ticks = parsed(&self.proc.join("stat"), Ticks::parse)?;
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner).replace(ticks);
        Ok(last.and_then(|last| ticks.used_since(last)))
    }

    fn memory_free(&self) -> Result<u64> {
        parsed(&self.proc.join("meminfo"), available_memory)
    }

    fn disk_free(&self) -> Result<u64> {
        let system = statvfs(&self.work_dir)
            .map_err(|e| Error::while_doing(format!("look for room in {}", self.work_dir.display()), e))?;
        Ok(system.blocks_available().saturating_mul(system.fragment_size()))
    }
}

#[async_trait]
impl Monitor for NodeMonitor {
    fn source(&self) -> Source {
        Source::Node
    }

    fn interval(&self) -> SignedDuration {
        EVERY
    }

    async fn read(&self, around: &Around) -> Result<Observation> {
        // The kernel answers from memory.
        let cpu = match self.cpu()? {
            Some(percent) => Sample::number(Field::NODE_CPU, percent, around.now),
            None => Sample::none(Field::NODE_CPU, around.now),
        };
        #[expect(
            clippy::cast_precision_loss,
            reason = "more than 2^53 bytes are enough, whatever the last ones"
        )]
        let bytes = |field, bytes: u64| Sample::number(field, bytes as f64, around.now);
        let memory = bytes(Field::NODE_MEMORY_FREE, self.memory_free()?);
        let disk = bytes(Field::NODE_DISK_FREE, self.disk_free()?);
        Ok(Observation { samples: vec![cpu, memory, disk], ..Observation::default() })
    }
}

impl Ticks {
    /// Reads the first line of `/proc/stat` (proc_stat(5)): user, nice, system, idle, iowait, irq,
    /// softirq, steal. The times of guests that follow are part of user and nice.
    fn parse(text: &str) -> Option<Self> {
        let line = text.lines().find_map(|line| line.strip_prefix("cpu "))?;
        let ticks = line.split_ascii_whitespace().take(8).map(str::parse::<u64>);
        let ticks = ticks.collect::<std::result::Result<Vec<_>, _>>().ok()?;
        let [_, _, _, idle, rest @ ..] = ticks.as_slice() else { return None };
        let waiting = rest.first().copied().unwrap_or_default();
        Some(Self {
            all: ticks.iter().copied().fold(0, u64::saturating_add),
            idle: idle.saturating_add(waiting),
        })
    }

    /// The part of the time since `earlier` that was not idle, in percent; `None` where none has passed.
    fn used_since(self, earlier: Self) -> Option<f64> {
        let all = self.all.checked_sub(earlier.all).filter(|all| *all > 0)?;
        // Waiting for input and output may be counted back a little, by proc_stat(5).
        let idle = self.idle.saturating_sub(earlier.idle).min(all);
        #[expect(clippy::cast_precision_loss, reason = "ticks of a few seconds")]
        let used = (all - idle) as f64 / all as f64;
        Some(used * 100.0)
    }
}

/// The line `MemAvailable` of `/proc/meminfo` (proc_meminfo(5)), in bytes.
fn available_memory(text: &str) -> Option<u64> {
    let value = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    // The kernel writes kB and means KiB.
    value.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

fn parsed<T>(path: &Path, parse: impl FnOnce(&str) -> Option<T>) -> Result<T> {
    let text = std::fs::read_to_string(path);
    let text = text.map_err(|e| Error::while_doing(format!("read {}", path.display()), e))?;
    parse(&text).ok_or_else(|| Error::internal(format!("{} is not as the kernel writes it", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_idle_or_waited_is_not_used_and_guests_count_once() {
        let ticks = |text: &str| Ticks::parse(text);
        let first = ticks("cpu  10 0 10 70 10 0 0 0 5 0\ncpu0 1 1 1 1\n").expect("line");
        assert_eq!(first, Ticks { all: 100, idle: 80 });
        let second = ticks("cpu  40 0 30 130 10 0 0 0 9 0\n").expect("line");
        assert_eq!(second.used_since(first), Some(50_f64 / 110.0 * 100.0));
        assert_eq!(first.used_since(first), None);
        assert_eq!(first.used_since(second), None);
        let back = ticks("cpu  22 0 10 70 9 0 0 0\n").expect("line");
        assert_eq!(back.used_since(first), Some(100.0));
        for bad in ["", "cpu0 1 2 3 4\n", "cpu  1 2 3\n", "cpu  1 2 x 4\n"] {
            assert_eq!(ticks(bad), None, "{bad}");
        }
    }

    #[test]
    fn available_memory_is_read_in_bytes() {
        let text = "MemTotal:  8000 kB\nMemFree:  10 kB\nMemAvailable:    2000 kB\n";
        assert_eq!(available_memory(text), Some(2_048_000));
        assert_eq!(available_memory("MemTotal: 1 kB\n"), None);
        assert_eq!(available_memory("MemAvailable: 2000\n"), None);
    }
}

//! Which processes of the machine belong to a run, read from `/proc`.

use std::fs;
use std::io;

use nix::errno::Errno;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use super::files::Birth;

/// A process, told apart from a later one that was given the same number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ProcessId {
    pid: i32,
    /// When it began, in clock ticks since the machine's start.
    began: u64,
}

/// A process as `/proc/<pid>/stat` shows it (proc(5)).
#[derive(Debug)]
struct Process {
    id: ProcessId,
    group: i32,
    dead: bool,
}

impl ProcessId {
    /// Reads the process from a line of its `stat` file.
    pub(super) fn from_stat(line: &str) -> Option<Self> {
        Process::parse(line).map(|process| process.id)
    }
}

impl Process {
    fn parse(line: &str) -> Option<Self> {
        // The name in the second field may hold anything, brackets and spaces included.
        let (pid, _) = line.split_once(' ')?;
        let (_, rest) = line.rsplit_once(") ")?;
        let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
        let field = |number: usize| fields.get(number - 3).copied();
        Some(Self {
            id: ProcessId { pid: pid.parse().ok()?, began: field(22)?.parse().ok()? },
            group: field(5)?.parse().ok()?,
            // Ended, and waiting for its parent to ask for the exit code.
            dead: matches!(field(3)?, "Z" | "X"),
        })
    }

    fn read(pid: i32) -> Option<Self> {
        Self::parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?).filter(|process| !process.dead)
    }

    /// Whether it was given the variable `marker` (`NAME=value`) when it began.
    fn carries(&self, marker: &str) -> bool {
        fs::read(format!("/proc/{}/environ", self.id.pid))
            .is_ok_and(|variables| variables.split(|byte| *byte == 0).any(|entry| entry == marker.as_bytes()))
    }
}

impl Birth {
    /// Whether the wrapper is still there.
    pub(super) fn leader_lives(&self) -> bool {
        self.is_of_this_boot()
            && Process::read(self.leader.pid).is_some_and(|process| process.id == self.leader)
    }

    /// Whether anything of the run's process group is still there.
    ///
    /// The number of a group is not given away while it has a member. Where only strangers to the
    /// wrapper are left, one of them must carry `marker`: otherwise the group may be another's
    /// that got the number after ours was gone.
    pub(super) fn group_lives(&self, marker: &str) -> io::Result<bool> {
        if !self.is_of_this_boot() {
            return Ok(false);
        }
        for entry in fs::read_dir("/proc")? {
            let pid = entry?.file_name().to_str().and_then(|name| name.parse().ok());
            let Some(process) = pid.and_then(Process::read) else { continue };
            if process.group == self.leader.pid && (process.id == self.leader || process.carries(marker)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Sends `signal` to everything in the run's process group, if there is anything.
    pub(super) fn signal(&self, signal: Signal, marker: &str) -> io::Result<()> {
        if !self.group_lives(marker)? {
            return Ok(());
        }
        match killpg(Pid::from_raw(self.leader.pid), signal) {
            Ok(()) | Err(Errno::ESRCH) => Ok(()),
            Err(e) => Err(e.into()),
        }
    }

    fn is_of_this_boot(&self) -> bool {
        fs::read_to_string("/proc/sys/kernel/random/boot_id").is_ok_and(|boot| boot.trim() == self.boot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_and_spaces_does_not_shift_the_fields() {
        let line = "4711 (a) b (c) S 1 4700 4700 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 987654 1000 200";
        let process = Process::parse(line).expect("stat line");
        assert_eq!(process.id, ProcessId { pid: 4711, began: 987_654 });
        assert_eq!((process.group, process.dead), (4700, false));
        assert!(Process::parse("4711 (x) Z 1 2").is_none());
    }

    #[test]
    fn this_very_process_is_found_alive_only_under_its_own_start() {
        let pid = i32::try_from(std::process::id()).expect("pid");
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").expect("boot id").trim().to_owned();
        let leader = Process::read(pid).expect("own process").id;
        let birth = |leader, boot: &str| Birth { started: jiff::Timestamp::now(), boot: boot.into(), leader };
        assert!(birth(leader, &boot).leader_lives());
        assert!(!birth(leader, "another-boot").leader_lives());
        assert!(!birth(ProcessId { began: leader.began + 1, ..leader }, &boot).leader_lives());
    }
}

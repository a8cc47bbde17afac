//! Which processes of the machine belong to a run, read from `/proc`.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::{Pid, Uid};

use super::files::Birth;

/// A process, told apart from a later one that was given the same number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ProcessId {
    pid: i32,
    /// When it began, in clock ticks since the machine's start.
    began: u64,
}

/// A process as `/proc/<pid>/stat` shows it (proc(5)).
#[derive(Debug, Clone)]
struct Process {
    id: ProcessId,
    parent: i32,
    group: i32,
    dead: bool,
}

impl ProcessId {
    /// Reads the process from a line of its `stat` file.
    pub(super) fn from_stat(line: &str) -> Option<Self> {
        Process::parse(line).map(|process| process.id)
    }

    fn lives(self) -> bool {
        Process::read(self.pid).is_some_and(|process| process.id == self)
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
            parent: field(4)?.parse().ok()?,
            group: field(5)?.parse().ok()?,
            // Ended, and waiting for its parent to ask for the exit code.
            dead: matches!(field(3)?, "Z" | "X"),
        })
    }

    fn read(pid: i32) -> Option<Self> {
        let stat = fs::read(format!("/proc/{pid}/stat")).ok()?;
        Self::parse(&String::from_utf8_lossy(&stat)).filter(|process| !process.dead)
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
        self.is_of_this_boot() && self.leader.lives()
    }

    fn is_of_this_boot(&self) -> bool {
        fs::read_to_string("/proc/sys/kernel/random/boot_id").is_ok_and(|boot| boot.trim() == self.boot)
    }
}

/// The processes of a run that were there at one look.
#[derive(Debug)]
pub(super) struct Members {
    /// The run's process group, if it has a member.
    group: Option<i32>,
    /// All of them, those in the group included.
    all: Vec<Process>,
}

impl Members {
    /// Looks for the processes of a run with its `birth` and with `marker`, the variable that they
    /// are given, as far as either is known.
    ///
    /// These are the wrapper, whoever carries the marker, whichever group or session it is in,
    /// all of the run's process group, and their children. Not found is what has given up all of
    /// these: its environment, its group and its parent.
    ///
    /// The number of a group is not given away while it has a member. Where only strangers to the
    /// wrapper are left in it, one of them must carry the marker: otherwise the group may be
    /// another's that got the number after ours was gone.
    pub(super) fn look(birth: Option<&Birth>, marker: Option<&str>) -> io::Result<Self> {
        let leader = birth.filter(|birth| birth.is_of_this_boot()).map(|birth| birth.leader);
        let processes: Vec<Process> = numbers()?.filter_map(Process::read).collect();
        let mut own: BTreeSet<i32> = processes
            .iter()
            .filter(|process| {
                Some(process.id) == leader || marker.is_some_and(|marker| process.carries(marker))
            })
            .map(|process| process.id.pid)
            .collect();
        let group = leader.map(|leader| leader.pid).filter(|group| {
            processes.iter().any(|process| process.group == *group && own.contains(&process.id.pid))
        });
        let is_own = |process: &Process, own: &BTreeSet<i32>| {
            Some(process.group) == group || own.contains(&process.parent)
        };
        loop {
            let before = own.len();
            for process in &processes {
                if is_own(process, &own) {
                    own.insert(process.id.pid);
                }
            }
            if own.len() == before {
                break;
            }
        }
        let all = processes.into_iter().filter(|process| own.contains(&process.id.pid)).collect();
        Ok(Self { group, all })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Whether one of them is still there.
    pub(super) fn live(&self) -> bool {
        self.all.iter().any(|process| process.id.lives())
    }

    /// Sends `signal` to all of them: to the group at once, so that it cannot grow meanwhile.
    pub(super) fn signal(&self, signal: Signal) -> io::Result<()> {
        let group = self.group.map(|group| killpg(Pid::from_raw(group), signal));
        let outside = self.all.iter().filter(|process| Some(process.group) != self.group);
        let sent = outside.map(|process| kill(Pid::from_raw(process.id.pid), signal));
        // Whoever has gone by itself needs no signal. All are sent before one failure is told.
        let failures: Vec<Errno> =
            group.into_iter().chain(sent).filter_map(Result::err).filter(|e| *e != Errno::ESRCH).collect();
        failures.first().map_or(Ok(()), |e| Err((*e).into()))
    }
}

/// How many threads a user has on this machine.
pub(super) fn threads_of(user: Uid) -> io::Result<u64> {
    let threads = numbers()?.filter_map(|pid| {
        let tasks = format!("/proc/{pid}/task");
        let data = fs::metadata(&tasks).ok().filter(|data| data.uid() == user.as_raw())?;
        // Every thread is a directory in it, and a directory has two links and one for each of these.
        Some(data.nlink().saturating_sub(2))
    });
    Ok(threads.sum())
}

/// The numbers of the machine's processes.
fn numbers() -> io::Result<impl Iterator<Item = i32>> {
    Ok(fs::read_dir("/proc")?.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_and_spaces_does_not_shift_the_fields() {
        let line = "4711 (a) b (c) S 1 4700 4700 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 987654 1000 200";
        let process = Process::parse(line).expect("stat line");
        assert_eq!(process.id, ProcessId { pid: 4711, began: 987_654 });
        assert_eq!((process.parent, process.group, process.dead), (1, 4700, false));
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

    #[test]
    fn nothing_belongs_to_a_run_of_which_nothing_is_known() {
        assert!(Members::look(None, None).expect("look").is_empty());
        let nobody = Members::look(None, Some("LEOTEST_RESULTS=/no/such/run")).expect("look");
        assert!(nobody.is_empty() && !nobody.live());
    }

    #[test]
    fn threads_are_counted() {
        let user = nix::unistd::geteuid();
        let own = fs::read_dir("/proc/self/task").expect("threads").count();
        assert!(threads_of(user).expect("count") >= u64::try_from(own).expect("few"));
    }
}

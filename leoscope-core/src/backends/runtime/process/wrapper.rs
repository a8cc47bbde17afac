//! The shell that runs an experiment, and the limits it sets.

use std::ffi::OsString;
use std::io;
use std::process::Stdio;

use nix::unistd::geteuid;
use serde::{Deserialize, Serialize};
use tokio::process::{Child, Command};

use super::files::{self, RunDirectory, Stored};
use super::group;
use crate::model::Limits;
use crate::time::Timestamp;

/// Runs the experiment and keeps what must be known of it by whoever comes later.
///
/// Its arguments are the run's directory, the instant of the start in microseconds, the limits of
/// [`Ceilings`], and the program with its arguments. It
/// - claims the run by making the file `birth`, which only one can (`set -C`): however often a
///   start is tried again after a crash, one wrapper gets to run the experiment. The file is
///   written at once, before anything of the experiment runs;
/// - limits what the experiment may use, in a shell of its own, which becomes the experiment. A
///   limit that cannot be set is one that is lower already;
/// - outlives the SIGTERM that asks the experiment to end, so that its exit code is known;
/// - ends everything that the experiment left behind in its process group, as a container would.
///
/// It calls no programs of its own, because the experiment may have set another PATH. What
/// `ulimit` calls the number of processes differs between shells.
const WRAPPER: &str = r#"
exec 3>&2 2>/dev/null
set -C
leotest_run=$1 leotest_at=$2 leotest_memory=$3 leotest_file=$4 leotest_processes=$5
shift 5
read -r leotest_boot </proc/sys/kernel/random/boot_id
read -r leotest_self </proc/$$/stat
printf '%s %s %s\n' "$leotest_at" "$leotest_boot" "$leotest_self" >"$leotest_run/birth" || exit 0
set +C
trap : HUP INT TERM
(
ulimit -v "$leotest_memory"
ulimit -f "$leotest_file"
ulimit -u "$leotest_processes" || ulimit -p "$leotest_processes"
exec "$@" 2>&3 3>&-
)
printf '%s\n' "$?" >"$leotest_run/exit"
kill -9 0
"#;

/// Limits of each process of a run in the units of `ulimit`; `None` for no limit.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(super) struct Ceilings {
    /// Address space, in KiB.
    memory: Option<u64>,
    /// The length of a file it writes, in blocks of 512 bytes.
    file: Option<u64>,
    /// Processes and threads of the node's user, those that it has anyway included.
    processes: Option<u64>,
}

impl Ceilings {
    /// What of `limits` can be kept without a container engine.
    ///
    /// The system counts processes per user, and not at all for root.
    pub(super) fn of(limits: &Limits) -> io::Result<Self> {
        let Limits { memory, cpus: _, pids, disk, rate: _ } = *limits;
        let processes = match geteuid() {
            root if root.is_root() => None,
            user => Some(group::threads_of(user)?.saturating_add(pids.into())),
        };
        Ok(Self { memory: Some(memory / 1024), file: Some(disk.div_ceil(512)), processes })
    }

    fn words(self) -> [String; 3] {
        let Self { memory, file, processes } = self;
        [memory, file, processes].map(|limit| limit.map_or("unlimited".into(), |limit| limit.to_string()))
    }
}

/// Starts a wrapper for a run that starts `at`.
pub(super) fn spawn(directory: &RunDirectory, stored: Stored, at: Timestamp) -> io::Result<Child> {
    let Stored { words, environment, results, ceilings } = stored;
    let [memory, file, processes] = ceilings.words();
    let own: [OsString; 5] = [
        directory.path().into(),
        at.as_microsecond().to_string().into(),
        memory.into(),
        file.into(),
        processes.into(),
    ];
    Command::new("/bin/sh")
        .args(["-c", WRAPPER, "leoscope-run"])
        .args(own)
        .args(words)
        .env_clear()
        .envs(environment)
        .current_dir(results)
        .stdin(Stdio::null())
        .stdout(directory.open_output(files::STDOUT)?)
        .stderr(directory.open_output(files::STDERR)?)
        .process_group(0)
        .spawn()
}

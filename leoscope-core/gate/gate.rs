//! The gate: the first program of a container that is started ahead of its instant.
//!
//! It waits for the word to go and becomes the experiment. It is built by `build.rs` as a program
//! of its own that needs nothing of the image it runs in, and is put into the container together
//! with two pipes: `hold`, in which the word comes, and `word`, in which the gate says why it could
//! not become the experiment.
//!
//! Arguments: the directory of the pipes, when to give up (microseconds since 1970, or `-`), and
//! the program of the experiment with its arguments.

use std::env;
use std::fs::OpenOptions;
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The longest sleep at a time: how long a clock set anew can go unnoticed.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);

/// The exit code of a container whose experiment was not started.
const NOT_STARTED: u8 = 127;

fn main() -> ExitCode {
    // It only returns where there is no experiment; the node has been told why.
    let _ = hold();
    ExitCode::from(NOT_STARTED)
}

fn hold() -> io::Result<()> {
    let missing = || io::Error::from(io::ErrorKind::InvalidInput);
    let mut arguments = env::args_os().skip(1);
    let directory = arguments.next().ok_or_else(missing)?;
    let until = arguments.next().ok_or_else(missing)?;
    let program = arguments.next().ok_or_else(missing)?;
    if let Some(until) = until.to_str().and_then(|text| text.parse().ok()) {
        // Where there may be no thread it is held until it is removed, as without a time to give up.
        let _ = thread::Builder::new().spawn(move || give_up_at(until));
    }
    // In this order: who finds somebody at `hold` may rely on `word`. Both are opened so that it
    // does not matter who is at the other end; a node that dies releases nothing.
    let both = || OpenOptions::new().read(true).write(true).to_owned();
    let mut word = both().open(Path::new(&directory).join("word"))?;
    let hold = both().open(Path::new(&directory).join("hold"))?;
    let mut hold = BufReader::new(hold);
    let mut line = String::new();
    while line.trim_end() != "go" {
        line.clear();
        hold.read_line(&mut line)?;
    }
    // Neither pipe is passed on: that they close tells the node that the experiment runs.
    let error = Command::new(&program).args(arguments).exec();
    word.write_all(format!("program {program:?}: {error}").as_bytes())
}

/// Ends this process at an instant, so that nothing is held for ever.
fn give_up_at(until: u64) {
    let until = UNIX_EPOCH + Duration::from_micros(until);
    while let Ok(left) = until.duration_since(SystemTime::now()) {
        thread::sleep(left.min(LONGEST_SLEEP) + Duration::from_millis(1));
    }
    std::process::exit(NOT_STARTED.into());
}

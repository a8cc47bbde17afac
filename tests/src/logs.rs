//! The logs of a whole test run, in which no secret may be found.
//!
//! `tests/run.sh` names a directory in `LEOSCOPE_TEST_LOGS`. Programs that tests start log there
//! in every detail, and tests note which secrets they use; at the end one is searched for the other.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// The directory, where there is one.
pub fn directory() -> Option<PathBuf> {
    let dir = PathBuf::from(std::env::var_os("LEOSCOPE_TEST_LOGS")?);
    fs::create_dir_all(&dir).expect("a directory for logs");
    Some(dir)
}

/// Notes a secret that no log may show.
///
/// # Panics
/// When the directory cannot be written to, and for a text so short that it is found by accident.
pub fn plant(secret: &str) {
    assert!(secret.len() >= 12 && !secret.contains('\n'), "too short to be looked for");
    let Some(dir) = directory() else { return };
    let mut file = OpenOptions::new().create(true).append(true).open(dir.join("planted")).expect("planted");
    // One write, so that tests that run side by side do not mix their lines.
    file.write_all(format!("{secret}\n").as_bytes()).expect("planted");
}

/// Keeps the log at `path` of a process that has ended.
///
/// # Panics
/// When the directory cannot be written to.
pub fn keep(path: &Path) {
    let Some(dir) = directory() else { return };
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let unique = tempfile::Builder::new().prefix(&format!("{name}-")).suffix(".log").tempfile_in(dir);
    let (_, kept) = unique.expect("log").keep().expect("log");
    if path.exists() {
        fs::copy(path, kept).expect("log");
    }
}

/// Has this process log in every detail that the programs allow.
///
/// # Panics
/// When the directory cannot be written to.
pub fn record() {
    use tracing_subscriber::EnvFilter;
    let Some(dir) = directory() else { return };
    let name = std::env::current_exe().expect("program");
    let name = name.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let file = tempfile::Builder::new().prefix(&format!("{name}-")).suffix(".log").tempfile_in(dir);
    let (file, _) = file.expect("log").keep().expect("log");
    let filter = EnvFilter::new(leoscope_settings::log_filter("trace").expect("filter"));
    // An error says that it does already.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(false)
        .with_writer(std::sync::Mutex::new(file))
        .try_init();
}

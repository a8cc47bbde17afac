//! What is on the machine itself.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use leoscope_core::agent::measure;
use leoscope_core::backends::runtime::DockerRuntime;
use leoscope_core::ids::NodeId;
use leoscope_core::model::{ClockReading, ClockSource, ExecutorConfig, clock_error, is_clock_off};
use leoscope_core::ports::{Clock, ClockMeter, ControlPlane, Runtime as _};
use leoscope_core::{Error, Result};

use super::{Check, Finding};
use crate::RuntimeChoice;

/// The node's id and its executor config.
pub(super) struct Settings {
    pub(super) node: Result<NodeId>,
    pub(super) executor: Result<ExecutorConfig>,
}

#[async_trait]
impl Check for Settings {
    fn name(&self) -> &'static str {
        "settings"
    }

    async fn look(&self) -> Finding {
        match (&self.node, &self.executor) {
            (Err(error), _) | (_, Err(error)) => Finding::error(error),
            (Ok(node), Ok(_)) => Finding::ok(format!("node {node}")),
        }
    }
}

/// Whether the state directory is there for the node, and for nobody else.
pub(super) struct Permissions {
    pub(super) state_dir: Result<PathBuf>,
}

#[async_trait]
impl Check for Permissions {
    fn name(&self) -> &'static str {
        "permissions"
    }

    async fn look(&self) -> Finding {
        match &self.state_dir {
            Ok(dir) => permissions(dir),
            Err(error) => Finding::error(error),
        }
    }
}

fn permissions(dir: &Path) -> Finding {
    let shown = dir.display();
    let place = existing(dir);
    let advice =
        "run this as the user who runs the node, choose another with --state-dir, or change its permissions";
    if let Err(e) = try_to_write(place) {
        return Finding::fail(format!("{} cannot be written: {e}", place.display()), advice);
    }
    if place != dir {
        return Finding::ok(format!("{shown} is not there yet and can be made"));
    }
    let is_other = |name: &str| {
        let file = dir.join(name);
        file.exists() && fs::OpenOptions::new().append(true).open(file).is_err()
    };
    if is_other("node.db") {
        return Finding::fail(format!("{shown} is writable, but node.db in it is not"), advice);
    }
    match fs::metadata(dir).map(|data| data.permissions().mode() & 0o077) {
        Ok(0) => Finding::ok(format!("{shown} is writable, and private")),
        Ok(_) => Finding::warn(
            format!("{shown} is open to other users of this machine"),
            format!("results of experiments lie there: chmod 700 {shown}"),
        ),
        Err(e) => Finding::fail(format!("{shown} cannot be looked at: {e}"), advice),
    }
}

/// The directory itself, or the nearest one above it that is there.
fn existing(dir: &Path) -> &Path {
    dir.ancestors().find(|place| place.exists()).unwrap_or(dir)
}

fn try_to_write(dir: &Path) -> io::Result<()> {
    let probe = dir.join(format!(".writable-{}", std::process::id()));
    fs::write(&probe, b"").and_then(|()| fs::remove_file(&probe))
}

/// The space that is left for results.
pub(super) struct Disk {
    pub(super) state_dir: Result<PathBuf>,
}

/// With less than this many bytes free a node cannot be trusted to keep results, and its journal.
const LEAST_FREE: u64 = 200_000_000;

/// With less than this many it is time to look after it.
const LITTLE_FREE: u64 = 2_000_000_000;

#[async_trait]
impl Check for Disk {
    fn name(&self) -> &'static str {
        "disk"
    }

    async fn look(&self) -> Finding {
        let dir = match &self.state_dir {
            Ok(dir) => existing(dir),
            Err(error) => return Finding::error(error),
        };
        match nix::sys::statvfs::statvfs(dir) {
            Ok(disk) => space(dir, bytes(disk.blocks_available(), disk.fragment_size())),
            Err(e) => Finding::fail(
                format!("the disk of {} cannot be looked at: {e}", dir.display()),
                "choose another place with --state-dir",
            ),
        }
    }
}

/// How many bytes some blocks have; machines differ in how wide they count.
fn bytes(blocks: impl Into<u64>, size: impl Into<u64>) -> u64 {
    blocks.into().saturating_mul(size.into())
}

fn space(dir: &Path, free: u64) -> Finding {
    let seen = format!("{:.1} GB free at {}", free as f64 / 1e9, dir.display());
    let advice =
        "make room: results wait here until the orchestrator has them; 'docker image prune' often helps";
    match free {
        ..LEAST_FREE => Finding::fail(seen, advice),
        LEAST_FREE..LITTLE_FREE => Finding::warn(seen, advice),
        LITTLE_FREE.. => Finding::ok(seen),
    }
}

/// What runs the experiments.
pub(super) struct Engine {
    pub(super) runtime: RuntimeChoice,
}

#[async_trait]
impl Check for Engine {
    fn name(&self) -> &'static str {
        "engine"
    }

    async fn look(&self) -> Finding {
        if self.runtime == RuntimeChoice::Process {
            return Finding::ok("experiments run as plain processes");
        }
        match (engine().await, self.runtime) {
            (Ok(seen), _) => Finding::ok(seen),
            (Err(error), RuntimeChoice::Docker | RuntimeChoice::Process) => Finding::error(&error),
            (Err(error), RuntimeChoice::Auto) => Finding::warn(
                format!("experiments run as plain processes: {error}"),
                error
                    .what_to_do()
                    .unwrap_or("install Docker Engine 20.10 or newer, or podman with its socket"),
            ),
        }
    }
}

async fn engine() -> Result<String> {
    // Asking an engine who it is has nothing to do with which node asks.
    let anybody = NodeId::parse("doctor")?;
    let info = DockerRuntime::connect(anybody, None).await?.info().await?;
    Ok(format!("{} {} answers", info.name, info.version))
}

/// How far the clock is off.
pub(super) struct OwnClock {
    pub(super) meter: Box<dyn ClockMeter>,
    pub(super) control: Option<Arc<dyn ControlPlane>>,
    pub(super) clock: Box<dyn Clock>,
}

#[async_trait]
impl Check for OwnClock {
    fn name(&self) -> &'static str {
        "clock"
    }

    async fn look(&self) -> Finding {
        let measured = match &self.control {
            Some(control) => measure(&*self.meter, &**control, &*self.clock).await,
            None => self.meter.measure().await,
        };
        clock(measured)
    }
}

const INSTALL: &str =
    "install chrony ('apt-get install chrony'), and let it reach time servers (UDP port 123)";

fn clock(measured: Result<ClockReading, Error>) -> Finding {
    let ClockReading { offset_us, uncertainty_us, source, at: _ } = match measured {
        Ok(reading) => reading,
        Err(error) => return Finding::warn(format!("how far it is off is not known: {error}"), INSTALL),
    };
    let way = format!("by {source}, ± {:.3} ms", uncertainty_us as f64 / 1e3);
    if is_clock_off(offset_us) {
        let seen = format!("{} ({way}): runs start at the wrong time", clock_error(offset_us));
        return Finding::fail(seen, format!("{INSTALL}; 'chronyc makestep' sets it at once"));
    }
    let seen = format!("{:+.3} ms ({way})", offset_us as f64 / 1e3);
    match source {
        ClockSource::Orchestrator => {
            Finding::warn(format!("{seen}, and no time service keeps it right"), INSTALL)
        }
        ClockSource::Chrony | ClockSource::Ntpd | ClockSource::Timesyncd => Finding::ok(seen),
    }
}

#[cfg(test)]
mod tests {
    use leoscope_core::time::Timestamp;

    use super::super::Verdict;
    use super::*;

    #[test]
    fn a_clock_is_judged_by_its_offset_and_by_who_keeps_it() {
        let judged = |offset_us, source| {
            let at = Timestamp::UNIX_EPOCH;
            clock(Ok(ClockReading { offset_us, uncertainty_us: 1_500, source, at }))
        };
        let fine = judged(-2, ClockSource::Chrony);
        assert_eq!(fine, Finding::ok("-0.002 ms (by CHRONY, ± 1.500 ms)"));
        let alone = judged(2_000, ClockSource::Orchestrator);
        assert_eq!(alone.verdict, Verdict::Warn);
        assert_eq!(alone.seen, "+2.000 ms (by ORCHESTRATOR, ± 1.500 ms), and no time service keeps it right");
        let off = judged(-1_000_001, ClockSource::Ntpd);
        assert_eq!(off.verdict, Verdict::Fail);
        assert!(off.seen.starts_with("1.000 s slow"), "{off:?}");
        assert_eq!(clock(Err(Error::unavailable("nobody tells"))).verdict, Verdict::Warn);
    }

    #[test]
    fn a_disk_is_judged_by_what_is_left() {
        let verdict = |free| space(Path::new("/d"), free).verdict;
        assert_eq!(
            [0, LEAST_FREE - 1, LEAST_FREE, LITTLE_FREE, u64::MAX].map(verdict),
            [Verdict::Fail, Verdict::Fail, Verdict::Warn, Verdict::Ok, Verdict::Ok]
        );
    }

    #[test]
    fn a_state_directory_must_be_writable_and_should_be_private() {
        let dir = tempfile::tempdir().expect("directory");
        let found = |path: &Path| permissions(path).verdict;
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o700)).expect("chmod");
        assert_eq!(found(dir.path()), Verdict::Ok);
        assert_eq!(found(&dir.path().join("a/b")), Verdict::Ok, "it can be made");
        assert_eq!(fs::read_dir(dir.path()).expect("read").count(), 0, "nothing stays");
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).expect("chmod");
        assert_eq!(found(dir.path()), Verdict::Warn);
        let file = dir.path().join("file");
        fs::write(&file, b"").expect("write");
        assert_eq!(found(&file), Verdict::Fail);
    }
}

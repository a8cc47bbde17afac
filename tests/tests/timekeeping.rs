//! A real chronyd on this machine, which is kept from touching the clock.

use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use leoscope_core::backends::timekeeping::LocalMeter;
use leoscope_core::model::ClockSource;
use leoscope_core::ports::ClockMeter as _;
use leoscope_tests::{free_port, skipped};

/// A daemon that ends with its owner.
struct Daemon(Child);

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have ended before.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts chronyd in `dir` with these lines of configuration beside those that keep it to itself.
fn chronyd(dir: &Path, lines: &str) -> Option<Daemon> {
    // It takes no directory that others may look into.
    std::fs::DirBuilder::new().mode(0o700).create(dir).expect("directory");
    let config = dir.join("chrony.conf");
    let place = dir.display();
    let own = format!("bindcmdaddress {place}/chronyd.sock\ncmdport 0\npidfile {place}/pid\n");
    std::fs::write(&config, own + lines).expect("write");
    // -x: it leaves the clock of this machine alone.
    let mut command = Command::new("chronyd");
    command.args(["-x", "-d", "-u", "root", "-f"]).arg(&config);
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    child.ok().map(Daemon)
}

fn meter(dir: &Path) -> LocalMeter {
    LocalMeter::with_chronyd_at(dir.join("chronyd.sock").display().to_string())
}

#[tokio::test]
async fn a_chronyd_that_follows_a_server_tells_the_offset_and_its_server_does_not() {
    let dir = tempfile::tempdir().expect("directory");
    let (server, client) = (dir.path().join("server"), dir.path().join("client"));
    let port = free_port();
    let serves = format!("local stratum 10\nallow 127.0.0.1\nbindaddress 127.0.0.1\nport {port}\n");
    let follows = format!("server 127.0.0.1 port {port} iburst minpoll 0 maxpoll 1\nport 0\n");
    let daemons = [chronyd(&server, &serves), chronyd(&client, &follows)];
    let [Some(mut first), Some(mut second)] = daemons else {
        return skipped("chrony", "chronyd cannot be started");
    };
    let mut rounds = 0;
    let reading = loop {
        match meter(&client).measure().await {
            Ok(reading) if reading.source == ClockSource::Chrony => break reading,
            other => {
                let ended = [&mut first, &mut second]
                    .into_iter()
                    .find_map(|Daemon(child)| child.try_wait().expect("wait"));
                if let Some(status) = ended {
                    return skipped("chrony", &format!("chronyd does not run here: {status}"));
                }
                rounds += 1;
                assert!(rounds < 600, "never synchronised: {other:?}");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    };
    assert!(reading.offset_us.abs() < 1_000_000, "both have the clock of this machine: {reading:?}");
    // The server takes its own clock for the true time, and that is not to be believed.
    let other = meter(&server).measure().await;
    assert!(!other.as_ref().is_ok_and(|reading| reading.source == ClockSource::Chrony), "{other:?}");
}

//! How fast a container may send.
//!
//! The engine has no such limit. The kernel has one, a queue (tbf, tc-tbf(8)) on the device that
//! the container sends through, which the programs `nsenter` and `tc` of the host set up.

use std::process::Stdio;

use tokio::process::Command;

use crate::model::{Outcome, Reason, Stage};

/// The device by which an engine connects a container that has one network.
const DEVICE: &str = "eth0";

/// How long a packet may wait in the queue before it is dropped.
const LATENCY: &str = "50ms";

/// The least that may be sent at once, in bytes: a few full packets.
const LEAST_BURST: u64 = 16 * 1024;

/// Lets the container whose process is `pid` send `rate` bits per second, no more. May be done
/// again.
///
/// # Errors
/// A run that fails because the rate cannot be kept: it is not to run without.
pub(super) async fn limit_rate(pid: i64, rate: u64) -> Result<(), Outcome> {
    // What is sent in ten milliseconds: the kernel's timers are no finer everywhere.
    let burst = (rate / 8 / 100).max(LEAST_BURST);
    let (pid, rate, burst) = (pid.to_string(), format!("{rate}bit"), format!("{burst}b"));
    let output = Command::new("nsenter")
        .args(["-t", &pid, "-n", "tc", "qdisc", "replace", "dev", DEVICE, "root", "tbf"])
        .args(["rate", &rate, "burst", &burst, "latency", LATENCY])
        .stdin(Stdio::null())
        .output()
        .await
        .map_err(|e| refused(&format!("cannot run nsenter (package util-linux): {e}")))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let said = said.lines().next().unwrap_or_default().trim();
    Err(refused(&explain(said)))
}

/// What a failure of the programs means, with their own words.
fn explain(said: &str) -> String {
    let lower = said.to_lowercase();
    if lower.contains("failed to execute tc") {
        return "the program tc is missing (package iproute2)".into();
    }
    if lower.contains("not permitted") || lower.contains("permission denied") {
        return format!("the node needs root, or CAP_SYS_ADMIN and CAP_NET_ADMIN: {said}");
    }
    said.to_owned()
}

fn refused(why: &str) -> Outcome {
    Outcome::failed(Stage::Container, Reason::StartFailed, format!("limits.rate cannot be kept: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_said() {
        let cases = [
            ("nsenter: failed to execute tc: No such file or directory", "iproute2"),
            ("nsenter: reassociate to namespace 'ns/net' failed: Operation not permitted", "CAP_NET_ADMIN"),
            ("nsenter: cannot open /proc/1/ns/net: Permission denied", "root"),
            ("Cannot find device \"eth0\"", "Cannot find device \"eth0\""),
        ];
        for (said, expected) in cases {
            assert!(explain(said).contains(expected), "{said}");
        }
    }

    #[tokio::test]
    async fn a_process_that_is_not_there_fails_the_run() {
        let outcome = limit_rate(i64::from(i32::MAX), 1_000_000).await.expect_err("no such process");
        assert_eq!((outcome.stage, outcome.reason), (Stage::Container, Reason::StartFailed));
        assert!(outcome.message.starts_with("limits.rate cannot be kept: "), "{}", outcome.message);
    }
}

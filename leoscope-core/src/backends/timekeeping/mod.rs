//! Implementations of the [`ClockMeter`] port: what this machine's own time service says.
//!
//! Each file asks one service with its own tool, and reads the answer with a pure function. All give
//! the offset as the clock minus true time; each says which way its tool counts.

mod chrony;
mod ntpd;
mod timesyncd;

use std::process::Stdio;
use std::time::Duration;

use async_trait::async_trait;
use tokio::process::Command;

use crate::error::{Error, Result};
use crate::model::{ClockReading, ClockSource};
use crate::ports::ClockMeter;
use crate::time::{Timestamp, to_micros};

/// How long a tool may take to answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// The time service of this machine: chronyd, ntpd or systemd-timesyncd, the first of them that is
/// synchronised.
#[derive(Debug, Clone, Default)]
pub struct LocalMeter {
    chronyd: Option<String>,
}

impl LocalMeter {
    /// One that asks the chronyd at `host` (a path of its command socket, or an address) instead of
    /// the one at the usual place.
    pub fn with_chronyd_at(host: impl Into<String>) -> Self {
        Self { chronyd: Some(host.into()) }
    }
}

#[async_trait]
impl ClockMeter for LocalMeter {
    async fn measure(&self) -> Result<ClockReading> {
        let mut faults = Vec::new();
        for source in [ClockSource::Chrony, ClockSource::Ntpd, ClockSource::Timesyncd] {
            match self.ask(source).await {
                Ok(Measured { offset_us, uncertainty_us, at }) => {
                    return Ok(ClockReading { offset_us, uncertainty_us, source, at });
                }
                Err(why) => faults.push(why),
            }
        }
        Err(Error::unavailable(format!(
            "no time service of this machine knows the true time: {}",
            faults.join("; ")
        ))
        .hint("install chrony, and see that it can reach time servers (UDP port 123)"))
    }
}

/// What a tool says of the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Measured {
    offset_us: i64,
    uncertainty_us: u64,
    at: Timestamp,
}

impl LocalMeter {
    /// What one service says, or why that is nothing.
    async fn ask(&self, source: ClockSource) -> Result<Measured, String> {
        match source {
            ClockSource::Chrony => {
                let host = self.chronyd.iter().flat_map(|host| ["-h", host.as_str()]);
                let answer = output(chrony::PROGRAM, host.chain(chrony::ARGUMENTS)).await?;
                chrony::read(&answer, to_micros(Timestamp::now()))
            }
            ClockSource::Ntpd => {
                let answer = output(ntpd::PROGRAM, ntpd::ARGUMENTS).await?;
                ntpd::read(&answer, to_micros(Timestamp::now()))
            }
            ClockSource::Timesyncd => {
                let answer = output(timesyncd::PROGRAM, timesyncd::ARGUMENTS).await?;
                timesyncd::read(&answer, to_micros(Timestamp::now()))
            }
            ClockSource::Orchestrator => Err("the orchestrator is asked elsewhere".to_owned()),
        }
        .map_err(|why| format!("{source}: {why}"))
    }
}

/// What a program prints.
async fn output<'a>(program: &str, arguments: impl IntoIterator<Item = &'a str>) -> Result<String, String> {
    let mut command = Command::new(program);
    // Numbers and words as programs read them.
    command.args(arguments).env("LC_ALL", "C").stdin(Stdio::null()).kill_on_drop(true);
    let output = match tokio::time::timeout(PATIENCE, command.output()).await {
        Err(_) => return Err(format!("{program} does not answer")),
        Ok(Err(e)) if e.kind() == std::io::ErrorKind::NotFound => {
            return Err(format!("{program} is not installed"));
        }
        Ok(Err(e)) => return Err(format!("{program} cannot be run: {e}")),
        Ok(Ok(output)) => output,
    };
    if !output.status.success() {
        return Err(format!("{program} fails"));
    }
    String::from_utf8(output.stdout).map_err(|_| format!("{program} does not answer in text"))
}

/// `value` in microseconds, of a unit of which `per_unit` make one.
fn micros(value: f64, per_unit: f64) -> Option<i64> {
    let micros = (value * per_unit).round();
    // Beyond this a number with a fraction is not exact to the microsecond; no clock is that far off.
    (micros.is_finite() && micros.abs() < 9e15).then_some(micros as i64)
}

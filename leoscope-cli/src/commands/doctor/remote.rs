//! What has to be reached.

use std::io;
use std::time::Duration;

use leoscope_core::agent::measure_against;
use leoscope_core::backends::clock::SystemClock;
use leoscope_core::client;
use leoscope_core::model::{ClockReading, clock_error, is_clock_off};
use leoscope_core::{ErrorKind, Result};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use crate::connect::Session;
use crate::exit::ExitStatus;
use crate::output::Finding;

/// How long a name or a connection may take.
const PATIENCE: Duration = Duration::from_secs(3);

/// Whether the host is one, and has an address.
pub(super) async fn resolve(host: &str, port: u16) -> Finding {
    let look = async |host: String, port: u16| {
        let addresses = lookup_host((host.as_str(), port)).await?;
        let shown: Vec<_> = addresses.map(|address| address.ip().to_string()).collect();
        Ok::<_, io::Error>(format!("{host} is {}", shown.join(", ")))
    };
    each(host, port, look).await.unwrap_or_else(|fault| {
        let what = format!("the name cannot be resolved: {fault}");
        Finding::failed(what, "check --grpc-host, and the name servers of this machine (/etc/resolv.conf)")
    })
}

/// Whether something listens there.
pub(super) async fn reach(host: &str, port: u16) -> Finding {
    let look = async |host: String, port: u16| {
        TcpStream::connect((host.as_str(), port)).await?;
        Ok::<_, io::Error>(format!("{host}:{port} accepts connections"))
    };
    each(host, port, look).await.unwrap_or_else(|fault| {
        let advice = "check --grpc-host and --grpc-port, that the orchestrator is running, and that no firewall is in between";
        Finding::failed(format!("it cannot be reached: {fault}"), advice)
    })
}

/// Looks at each of the places in `host`: one that is well will do, so that the faults of the others are
/// warnings.
async fn each(
    host: &str,
    port: u16,
    look: impl AsyncFn(String, u16) -> io::Result<String>,
) -> Result<Finding, String> {
    let places = match client::addresses(host, port) {
        Ok(places) => places,
        Err(error) => return Ok(Finding::error(&error)),
    };
    let (mut well, mut faults) = (Vec::new(), Vec::new());
    for (host, port) in places {
        let shown = format!("{host}:{port}");
        match timeout(PATIENCE, look(host, port)).await {
            Ok(Ok(found)) => well.push(found),
            Ok(Err(e)) => faults.push(format!("{shown}: {e}")),
            Err(_) => faults.push(format!("{shown}: no answer within {} s", PATIENCE.as_secs())),
        }
    }
    match (well.is_empty(), faults.is_empty()) {
        (true, _) => Err(faults.join("; ")),
        (false, true) => Ok(Finding::ok(well.join("; "))),
        (false, false) => {
            let found = format!("{}; but {}", well.join("; "), faults.join("; "));
            Ok(Finding::warning(found, "check --grpc-host; calls go to those that answer"))
        }
    }
}

/// Whether a call is answered, and whether the caller is refused.
pub(super) async fn log_in(session: &Session) -> (Finding, bool) {
    let call = async || session.connect()?.user(session.caller()?).await;
    match call().await {
        Ok(Some(user)) => (Finding::ok(format!("{} with role {}", user.id, user.role)), false),
        Ok(None) => (Finding::ok("the orchestrator answers"), false),
        Err(error) if ExitStatus::from(error.kind()) == ExitStatus::NotAuthorised => {
            let advice = "check the user id and the access token, and log in again with 'leoscope login'; an administrator can make another with 'leoscope user token rotate --id=…'";
            (Finding::failed(format!("refused: {error}"), advice), true)
        }
        // Something listens there: what is between us and an answer is the protection.
        Err(error) if error.kind() == ErrorKind::Unavailable => {
            let advice = "check that --tls-cert is the certs/server.crt of this orchestrator; without it, its certificate must be one of a public authority for its name";
            (Finding::failed(error.message(), advice), false)
        }
        Err(error) => (Finding::error(&error), false),
    }
}

/// How far the clock of this machine is off.
pub(super) async fn clock(session: &Session) -> Finding {
    let measure = async || measure_against(&*session.connect()?, &SystemClock).await;
    match measure().await {
        Ok(ClockReading { offset_us, .. }) if is_clock_off(offset_us) => Finding::failed(
            format!("{}, by the orchestrator's", clock_error(offset_us)),
            "set it right, for example with chrony: times that are computed here go wrong by as much",
        ),
        Ok(ClockReading { offset_us, uncertainty_us, .. }) => {
            let millis = |micros: f64| micros / 1e3;
            let (offset, uncertainty) = (millis(offset_us as f64), millis(uncertainty_us as f64));
            Finding::ok(format!("{offset:+.1} ms from the orchestrator's, ± {uncertainty:.1} ms"))
        }
        Err(error) if error.kind() == ErrorKind::Unsupported => Finding::skipped(error.message()),
        Err(error) => Finding::error(&error),
    }
}

//! How far the node's clock is off.

use jiff::SignedDuration;

use super::Inner;
use crate::error::{Error, Result};
use crate::model::{ClockReading, ClockSource, clock_error, is_clock_off};
use crate::ports::{Clock, ClockMeter, ControlPlane};

/// How often the clock is measured.
const INTERVAL: SignedDuration = SignedDuration::from_mins(5);

/// How often it is tried where it cannot be.
const AGAIN: SignedDuration = SignedDuration::from_mins(1);

/// How often the orchestrator is asked for its time in one measurement.
const QUESTIONS: usize = 4;

/// Measures the clock again and again. What is known is kept for those who look at the node.
pub(super) async fn run(node: &Inner) -> Result<()> {
    let mut told = Told::default();
    loop {
        let measured = measure(&*node.meter, &*node.control, &*node.clock).await;
        told.tell(measured.as_ref());
        let pause = match measured {
            Ok(reading) => {
                node.ledger.save_clock(&reading).await?;
                node.reading.send_replace(Some(reading));
                INTERVAL
            }
            Err(_) => AGAIN,
        };
        node.pause(pause).await;
    }
}

/// What has been logged, so that it is logged once and not at every measurement.
#[derive(Debug, Default)]
struct Told {
    is_off: bool,
    is_unknown: bool,
}

impl Told {
    fn tell(&mut self, measured: Result<&ClockReading, &Error>) {
        match measured {
            Ok(ClockReading { offset_us, uncertainty_us, source, at: _ }) => {
                let is_off = is_clock_off(*offset_us);
                if is_off && !self.is_off {
                    let error = clock_error(*offset_us);
                    tracing::warn!(%source, "this machine's clock is {error}: runs start at the wrong time");
                } else if self.is_off && !is_off {
                    tracing::info!(%source, "this machine's clock is right again");
                } else {
                    tracing::debug!(offset_us, uncertainty_us, %source, "clock measured");
                }
                *self = Self { is_off, is_unknown: false };
            }
            Err(error) => {
                if !self.is_unknown {
                    tracing::info!(%error, "it is not known how far this machine's clock is off");
                }
                self.is_unknown = true;
            }
        }
    }
}

/// Measures `clock` with `meter`, or where that knows nothing against the orchestrator.
///
/// # Errors
/// Those of the orchestrator: [`Unsupported`](crate::ErrorKind::Unsupported) from one that does not
/// tell its time.
pub async fn measure(
    meter: &dyn ClockMeter,
    control: &dyn ControlPlane,
    clock: &dyn Clock,
) -> Result<ClockReading> {
    match meter.measure().await {
        Ok(reading) => Ok(reading),
        Err(error) => {
            tracing::debug!(%error, "asking the orchestrator for the time");
            measure_against(control, clock).await
        }
    }
}

/// Compares `clock` with the orchestrator's: of several questions the one that was answered fastest
/// tells, because its answer is least disturbed on the way.
///
/// # Errors
/// Those of the orchestrator: [`Unsupported`](crate::ErrorKind::Unsupported) from one that does not
/// tell its time.
pub async fn measure_against(control: &dyn ControlPlane, clock: &dyn Clock) -> Result<ClockReading> {
    let mut best: Option<ClockReading> = None;
    let mut fault = None;
    for _ in 0..QUESTIONS {
        let sent = clock.now().as_microsecond();
        let answer = control.time().await;
        let at = clock.now();
        match answer {
            Ok(time) => {
                let (offset_us, uncertainty_us) = compared(sent, time.as_microsecond(), at.as_microsecond());
                let reading =
                    ClockReading { offset_us, uncertainty_us, source: ClockSource::Orchestrator, at };
                if best.is_none_or(|best| reading.uncertainty_us < best.uncertainty_us) {
                    best = Some(reading);
                }
            }
            Err(error) => {
                let is_lasting = !error.kind().is_transient();
                fault = Some(error);
                if is_lasting {
                    break;
                }
            }
        }
    }
    match (best, fault) {
        (Some(reading), _) => Ok(reading),
        (None, Some(error)) => Err(error),
        (None, None) => Err(Error::internal("the orchestrator was not asked for the time")),
    }
}

/// Offset and uncertainty of a clock that showed `sent` and `received` when a question left and its
/// answer came, which says `time` (all in microseconds).
///
/// The other side answers at once, so its time belongs to the middle of the way, give or take half of
/// the way.
fn compared(sent: i64, time: i64, received: i64) -> (i64, u64) {
    let round_trip = received.saturating_sub(sent).max(0);
    let middle = sent.saturating_add(round_trip / 2);
    (middle.saturating_sub(time), round_trip.unsigned_abs().div_ceil(2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_belongs_to_the_middle_of_the_way() {
        for (sent, time, received, expected) in [
            (1_000, 1_050, 1_100, (0, 50)),
            (1_000, 1_000, 1_101, (50, 51)),
            (5_000_000, 2_000_010, 5_000_020, (3_000_000, 10)),
            (1_000, 61_000_000, 1_000, (-60_999_000, 0)),
            // The clock was set back in between: the least that can be said.
            (2_000, 1_000, 1_500, (1_000, 0)),
        ] {
            assert_eq!(compared(sent, time, received), expected, "{sent} {time} {received}");
        }
    }
}

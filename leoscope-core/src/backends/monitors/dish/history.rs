//! The dish's ring of the last quarter of an hour, second by second.

use super::wire::DishGetHistoryResponse;
use crate::time::{SignedDuration, Timestamp};

/// How far the time of a second may be off before the seconds are timed anew. Answers come anywhere
/// within their second, and a little late; seconds in a row are a second apart all the same.
const SLACK: SignedDuration = SignedDuration::from_millis(1_500);

/// How far the history has been read.
#[derive(Debug, Default)]
pub(super) struct Ring {
    /// Which start of the dish it belongs to, where the dish tells.
    boot: Option<i32>,
    /// What was read of it.
    read: Option<Read>,
    /// Whether the dish was seen to be another since.
    is_another: bool,
}

#[derive(Debug, Clone, Copy)]
struct Read {
    /// The number of the last second that was read.
    until: u64,
    /// When second 0 was.
    origin: Timestamp,
}

/// What a second was like; each is `None` where the dish does not tell.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Row {
    pub(super) drop_rate: Option<f32>,
    pub(super) latency_ms: Option<f32>,
    pub(super) downlink_bps: Option<f32>,
    pub(super) uplink_bps: Option<f32>,
    pub(super) power_w: Option<f32>,
}

/// What has come since the history was read before.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Fresh {
    /// Each second and when it ended, the oldest first.
    pub(super) rows: Vec<(Timestamp, Row)>,
    /// How many seconds the ring has no more.
    pub(super) lost: u64,
    /// Whether the dish was started since.
    pub(super) rebooted: bool,
}

impl Ring {
    /// That the dish says it was started so many times; 0 where it does not say.
    pub(super) fn boot(&mut self, count: i32) {
        if count == 0 {
            return;
        }
        self.is_another |= self.boot.is_some_and(|before| before != count);
        self.boot = Some(count);
    }

    /// Takes what is new in the history, which was told at `now`. One without any ring tells nothing, not
    /// even that seconds have passed: those are still to be read.
    pub(super) fn take(&mut self, history: &DishGetHistoryResponse, now: Timestamp) -> Fresh {
        let DishGetHistoryResponse {
            current,
            pop_ping_drop_rate: drop_rate,
            pop_ping_latency_ms: latency,
            downlink_throughput_bps: downlink,
            uplink_throughput_bps: uplink,
            power_in: power,
        } = history;
        let current = *current;
        let length = [drop_rate, latency, downlink, uplink, power].map(Vec::len).into_iter().max();
        let length = length.unwrap_or_default();
        if length == 0 {
            return Fresh::default();
        }
        let before = self.read.take();
        let rebooted = before.is_some_and(|read| self.is_another || read.until > current);
        let before = before.filter(|_| !rebooted);
        self.is_another = false;

        let kept = current.min(u64::try_from(length).unwrap_or(u64::MAX));
        let new = before.map_or(current, |read| current - read.until);
        let lost = if before.is_some() { new.saturating_sub(kept) } else { 0 };
        let origin = origin(current, before, now);
        self.read = Some(Read { until: current, origin });

        let value = |ring: &[f32], number: u64| {
            // One of another length is not the ring of the same seconds.
            let ring = Some(ring).filter(|ring| ring.len() == length)?;
            let place = usize::try_from((number - 1) % u64::try_from(length).ok()?).ok()?;
            ring.get(place).copied().filter(|value| value.is_finite())
        };
        let row = |number: u64| {
            let drop_rate = value(drop_rate, number);
            Row {
                drop_rate,
                // Where nothing came back, and where nothing was sent, it is 0.
                latency_ms: value(latency, number)
                    .filter(|latency| *latency > 0.0 && drop_rate.is_none_or(|drop| drop < 1.0)),
                downlink_bps: value(downlink, number),
                uplink_bps: value(uplink, number),
                power_w: value(power, number),
            }
        };
        let numbers = (current - new.min(kept)..current).map(|before| before + 1);
        let rows = numbers.map(|number| (origin + seconds(number), row(number))).collect();
        Fresh { rows, lost, rebooted }
    }
}

/// When second 0 was, if `current` seconds have passed at `now`.
fn origin(current: u64, before: Option<Read>, now: Timestamp) -> Timestamp {
    let by_now = now.checked_sub(seconds(current)).unwrap_or(Timestamp::UNIX_EPOCH);
    let before = before.map(|read| read.origin);
    before.filter(|origin| by_now.duration_since(*origin).abs() <= SLACK).unwrap_or(by_now)
}

fn seconds(count: u64) -> SignedDuration {
    // Longer than any dish has been on, and short enough for any time.
    const MOST: i64 = 1 << 32;
    SignedDuration::from_secs(i64::try_from(count).unwrap_or(MOST).min(MOST))
}

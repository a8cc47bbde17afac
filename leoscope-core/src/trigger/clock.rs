//! The fields that follow from the time alone.

use jiff::tz::TimeZone;

use super::{Field, Sample};
use crate::time::{Slot, Timestamp};

/// The readings of the [clock](super::Source::Clock) at `now`; `zone` is that of the node.
pub fn of_clock(now: Timestamp, zone: &TimeZone) -> [Sample; 7] {
    let hours = |zone: &TimeZone| {
        let local = now.to_zoned_datetime(zone.clone());
        let day = local.weekday().to_monday_one_offset();
        let time = local.time();
        let nanoseconds = f64::from(time.subsec_nanosecond()) / 1e9;
        let seconds = f64::from(time.second()) + nanoseconds;
        let hour = f64::from(time.hour()) + f64::from(time.minute()) / 60.0 + seconds / 3600.0;
        (hour, f64::from(day))
    };
    let ((hour, weekday), (local_hour, local_weekday)) = (hours(&TimeZone::UTC), hours(zone));
    let slot = Slot::of(now);
    let since = |at: Timestamp| now.duration_since(at).as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "the index of a slot is far below 2^52")]
    let index = slot.index as f64;
    [
        Sample::number(Field::TIME_HOUR, hour, now),
        Sample::number(Field::TIME_WEEKDAY, weekday, now),
        Sample::number(Field::TIME_LOCAL_HOUR, local_hour, now),
        Sample::number(Field::TIME_LOCAL_WEEKDAY, local_weekday, now),
        Sample::number(Field::TIME_UTC, since(Timestamp::UNIX_EPOCH), now),
        Sample::number(Field::STARLINK_SLOT, index, now),
        Sample::number(Field::STARLINK_SLOT_PHASE, since(slot.start), now),
    ]
}

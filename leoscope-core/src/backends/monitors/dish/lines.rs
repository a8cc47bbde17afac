//! The dish's telemetry as lines of CSV (RFC 4180).
//!
//! The names of the columns, their order, and the form of times and flags are those of the tools that
//! people read dishes with (starlink-grpc-tools 1.2), so that what reads their files reads these. A column
//! of which the dish tells nothing is empty.

use super::history::Row;
use super::status::state;
use super::wire::{DeviceInfo, DishGetStatusResponse, DishGpsStats, DishObstructionStats};
use super::{alerts, status};
use crate::ports::TelemetryLine;
use crate::time::{Timestamp, wire_time};

/// The file of what each status told.
const STATUS: &str = "dish.csv";

/// The file of the dish's own seconds.
const HISTORY: &str = "dish-history.csv";

const STATUS_HEADER: &str = "datetimestamp_utc,id,hardware_version,software_version,state,uptime,snr,\
    seconds_to_first_nonempty_slot,pop_ping_drop_rate,downlink_throughput_bps,uplink_throughput_bps,\
    pop_ping_latency_ms,alerts,fraction_obstructed,currently_obstructed,seconds_obstructed,\
    obstruction_duration,obstruction_interval,direction_azimuth,direction_elevation,\
    is_snr_above_noise_floor,gps_ready,gps_enabled,gps_sats,valid_s";

const HISTORY_HEADER: &str = "datetimestamp_utc,pop_ping_drop_rate,pop_ping_latency_ms,\
    downlink_throughput_bps,uplink_throughput_bps,snr,scheduled,obstructed,power_w";

/// A column that is known or not.
type Column = Option<String>;

/// What dishes do not tell any more.
const GONE: Column = None;

/// The line of a status.
pub(super) fn of_status(
    told: &DishGetStatusResponse,
    device: Option<&DeviceInfo>,
    now: Timestamp,
) -> TelemetryLine {
    // What tells nothing at all does not tell zeros either.
    let is_told = *told != DishGetStatusResponse::default();
    let scalar = |value: f32| number(Some(value).filter(|_| is_told));
    let text = |part: fn(&DeviceInfo) -> &String| device.map(part).filter(|text| !text.is_empty()).cloned();
    let sight = told.obstruction_stats.as_ref();
    let prolonged = sight.filter(|sight| {
        sight.avg_prolonged_obstruction_duration_s > 0.0
            && !sight.avg_prolonged_obstruction_interval_s.is_nan()
    });
    let of_sight = |part: fn(&DishObstructionStats) -> f32| number(sight.map(part));
    let of_prolonged = |part: fn(&DishObstructionStats) -> f32| number(prolonged.map(part));
    let gps = told.gps_stats.as_ref();
    let of_gps = |part: fn(&DishGpsStats) -> bool| gps.map(part).and_then(flag);
    let (azimuth, elevation) = status::boresight(told).unzip();
    line(
        STATUS,
        STATUS_HEADER,
        now,
        [
            // Whose dish it is is nobody's business who reads the results.
            device.and_then(status::id_hash),
            text(|device| &device.hardware_version),
            text(|device| &device.software_version),
            state(told).map(Into::into),
            told.device_state.as_ref().map(|state| state.uptime_s.to_string()),
            GONE,
            scalar(told.seconds_to_first_nonempty_slot),
            scalar(told.pop_ping_drop_rate),
            scalar(told.downlink_throughput_bps),
            scalar(told.uplink_throughput_bps),
            number(status::latency(told)),
            told.alerts.as_ref().map(|alerts| alerts::bits(alerts).to_string()),
            of_sight(|sight| sight.fraction_obstructed),
            sight.and_then(|sight| flag(sight.currently_obstructed)),
            GONE,
            of_prolonged(|sight| sight.avg_prolonged_obstruction_duration_s),
            of_prolonged(|sight| sight.avg_prolonged_obstruction_interval_s),
            number(azimuth),
            number(elevation),
            Some(told.is_snr_above_noise_floor).filter(|_| is_told).and_then(flag),
            of_gps(|gps| gps.gps_valid),
            of_gps(|gps| !gps.inhibit_gps),
            gps.map(|gps| gps.gps_sats.to_string()),
            of_sight(|sight| sight.valid_s),
        ],
    )
}

/// The line of a second of the history.
pub(super) fn of_second(at: Timestamp, row: &Row) -> TelemetryLine {
    let Row { drop_rate, latency_ms, downlink_bps, uplink_bps, power_w } = *row;
    line(
        HISTORY,
        HISTORY_HEADER,
        at,
        [
            number(drop_rate),
            number(latency_ms),
            number(downlink_bps),
            number(uplink_bps),
            GONE,
            GONE,
            GONE,
            number(power_w),
        ],
    )
}

fn line<const N: usize>(
    file: &'static str,
    header: &'static str,
    at: Timestamp,
    columns: [Column; N],
) -> TelemetryLine {
    let mut line = wire_time(at);
    for column in columns {
        line.push(',');
        line.push_str(&quoted(&column.unwrap_or_default()));
    }
    TelemetryLine { file, header, at, line }
}

fn number(value: Option<f32>) -> Column {
    value.filter(|value| value.is_finite()).map(|value| value.to_string())
}

fn flag(value: bool) -> Column {
    Some(if value { "True" } else { "False" }.to_owned())
}

/// A field of CSV on one line: in quotes where it has quotes or commas in it. What would end the line
/// becomes a space, because files are made of lines.
pub(super) fn quoted(text: &str) -> String {
    let text = text.replace(['\r', '\n'], " ");
    if text.contains([',', '"']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

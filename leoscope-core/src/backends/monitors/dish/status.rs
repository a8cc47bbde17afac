//! What the dish's status says of each field.

use std::borrow::Cow;

use sha2::{Digest as _, Sha256};

use super::wire::{
    AlignmentStats, DeviceInfo, DishAlerts, DishGetStatusResponse, DishGpsStats, DishObstructionStats,
};
use super::{alerts, lines};
use crate::model::{Checksum, DishFacts};
use crate::ports::{Finding, Observation};
use crate::time::Timestamp;
use crate::trigger::{Field, Sample, Value};

/// How many hexadecimal digits of the hash of a dish's id are told: enough to tell dishes apart.
const HASH_DIGITS: usize = 16;

/// The causes of outages by their numbers; there is no 12.
const CAUSES: [&str; 15] = [
    "UNKNOWN",
    "BOOTING",
    "STOWED",
    "THERMAL_SHUTDOWN",
    "NO_SCHEDULE",
    "NO_SATS",
    "OBSTRUCTED",
    "NO_DOWNLINK",
    "NO_PINGS",
    "ACTUATOR_ACTIVITY",
    "CABLE_TEST",
    "SLEEPING",
    "",
    "SKY_SEARCH",
    "INHIBIT_RF",
];

/// The mobility classes by their numbers.
const CLASSES: [&str; 3] = ["STATIONARY", "NOMADIC", "MOBILE"];

/// The readings, the line and the facts of a status that was told at `now` by `device`.
pub(super) fn observe(
    status: &DishGetStatusResponse,
    device: Option<&DeviceInfo>,
    now: Timestamp,
) -> Observation {
    let mut told = Told { samples: Vec::new(), now };
    told.link(status);
    told.device(status, device);
    told.sight(status.obstruction_stats.as_ref());
    told.pose(status);
    told.gps(status.gps_stats.as_ref());
    told.alerts(status.alerts.as_ref());
    Observation {
        samples: told.samples,
        telemetry: vec![lines::of_status(status, device, now)],
        findings: vec![Finding::Dish(facts(status, device, now))],
    }
}

/// The readings of one status.
struct Told {
    samples: Vec<Sample>,
    now: Timestamp,
}

impl Told {
    /// A reading, or that there is none.
    fn reading(&mut self, field: Field, value: Option<Value>) {
        self.samples.push(Sample { key: field.into(), value, at: self.now });
    }

    fn number(&mut self, field: Field, value: Option<f64>) {
        self.reading(field, value.and_then(Value::number));
    }

    fn flag(&mut self, field: Field, value: Option<bool>) {
        self.reading(field, value.map(Value::Flag));
    }

    fn text(&mut self, field: Field, value: Option<&str>) {
        self.reading(field, value.map(Value::text));
    }

    fn link(&mut self, status: &DishGetStatusResponse) {
        // A status with nothing in it does not say that all is zero.
        let is_told = *status != DishGetStatusResponse::default();
        let number = |value: f32| Some(exact(value)).filter(|_| is_told);
        let flag = |value: bool| Some(value).filter(|_| is_told);
        self.number(Field::DISH_LATENCY, latency(status).map(exact));
        self.number(Field::DISH_DROP_RATE, number(status.pop_ping_drop_rate));
        self.number(Field::DISH_DOWNLINK, number(status.downlink_throughput_bps));
        self.number(Field::DISH_UPLINK, number(status.uplink_throughput_bps));
        // Below 0 where the dish does not know when there will be one.
        let wait = number(status.seconds_to_first_nonempty_slot).filter(|wait| *wait >= 0.0);
        self.number(Field::DISH_SLOT_WAIT, wait);
        self.flag(Field::DISH_SNR_OK, flag(status.is_snr_above_noise_floor));
        self.flag(Field::DISH_SNR_LOW, flag(status.is_snr_persistently_low));
        // It was told over a cable, so a speed of 0 is none.
        let speed = Some(f64::from(status.eth_speed_mbps)).filter(|speed| *speed > 0.0);
        self.number(Field::DISH_ETH_SPEED, speed);
        self.text(Field::DISH_STATE, state(status).as_deref());
        let cause = status.outage.as_ref().map_or(Cow::Borrowed(""), |outage| cause(outage.cause));
        self.text(Field::DISH_OUTAGE_CAUSE, Some(&*cause).filter(|_| is_told));
        let class = named(&CLASSES, "CLASS", status.mobility_class);
        self.text(Field::DISH_MOBILITY_CLASS, Some(&*class).filter(|_| is_told));
    }

    fn device(&mut self, status: &DishGetStatusResponse, device: Option<&DeviceInfo>) {
        // With the id itself the terminal, and so its owner, could be told from all others.
        self.text(Field::DISH_ID, device.and_then(id_hash).as_deref());
        self.text(Field::DISH_HARDWARE, device.and_then(|device| given(&device.hardware_version)));
        self.text(Field::DISH_SOFTWARE, device.and_then(|device| given(&device.software_version)));
        #[expect(clippy::cast_precision_loss, reason = "seconds since a start are few")]
        let uptime = status.device_state.as_ref().map(|state| state.uptime_s as f64);
        self.number(Field::DISH_UPTIME, uptime);
    }

    fn sight(&mut self, stats: Option<&DishObstructionStats>) {
        self.flag(Field::DISH_OBSTRUCTED, stats.map(|stats| stats.currently_obstructed));
        let fraction = stats.map(|stats| exact(stats.fraction_obstructed));
        self.number(Field::DISH_OBSTRUCTION_FRACTION, fraction);
    }

    fn pose(&mut self, status: &DishGetStatusResponse) {
        let (azimuth, elevation) = boresight(status).unzip();
        self.number(Field::DISH_AZIMUTH, azimuth.map(exact));
        self.number(Field::DISH_ELEVATION, elevation.map(exact));
        let stats = status.alignment_stats.as_ref();
        self.number(Field::DISH_TILT, stats.map(|stats| exact(stats.tilt_angle_deg)));
        self.number(Field::DISH_MISALIGNMENT, stats.and_then(misalignment));
        let uncertainty = stats.map(|stats| exact(stats.attitude_uncertainty_deg));
        self.number(Field::DISH_ATTITUDE_UNCERTAINTY, uncertainty);
    }

    fn gps(&mut self, stats: Option<&DishGpsStats>) {
        self.flag(Field::DISH_GPS_VALID, stats.map(|stats| stats.gps_valid));
        self.number(Field::DISH_GPS_SATS, stats.map(|stats| f64::from(stats.gps_sats)));
    }

    fn alerts(&mut self, told: Option<&DishAlerts>) {
        self.number(Field::DISH_ALERTS, told.map(|told| f64::from(alerts::bits(told))));
        for alert in alerts::all(&told.copied().unwrap_or_default()) {
            self.flag(alert.field, told.map(|_| alert.is_on));
        }
    }
}

/// `CONNECTED`, or why it is not; `None` for a status with nothing in it.
pub(super) fn state(status: &DishGetStatusResponse) -> Option<Cow<'static, str>> {
    match &status.outage {
        Some(outage) => Some(match cause(outage.cause) {
            Cow::Borrowed("NO_SCHEDULE") => "SEARCHING".into(),
            cause => cause,
        }),
        None => Some("CONNECTED".into()).filter(|_| *status != DishGetStatusResponse::default()),
    }
}

fn cause(number: i32) -> Cow<'static, str> {
    named(&CAUSES, "CAUSE", number)
}

/// The name of a number, or `KIND_<number>` for one that has none here.
fn named(names: &[&'static str], kind: &str, number: i32) -> Cow<'static, str> {
    let name = usize::try_from(number).ok().and_then(|number| names.get(number));
    match name.filter(|name| !name.is_empty()) {
        Some(name) => Cow::Borrowed(name),
        None => Cow::Owned(format!("{kind}_{number}")),
    }
}

/// The round trip in milliseconds; none where no ping came back, which the dish tells as 0.
pub(super) fn latency(status: &DishGetStatusResponse) -> Option<f32> {
    Some(status.pop_ping_latency_ms).filter(|latency| *latency > 0.0)
}

/// Azimuth and elevation in degrees; none where both are nothing, as no dish that measures them tells.
pub(super) fn boresight(status: &DishGetStatusResponse) -> Option<(f32, f32)> {
    let at = (status.boresight_azimuth_deg, status.boresight_elevation_deg);
    Some(at).filter(|at| *at != (0.0, 0.0))
}

/// The angle in degrees between where the dish points and where it should, along the great circle
/// (haversine formula, which is exact for small angles as well); none where the dish does not tell where
/// it should, which reads as north on the horizon.
pub(super) fn misalignment(stats: &AlignmentStats) -> Option<f64> {
    if (stats.desired_boresight_azimuth_deg, stats.desired_boresight_elevation_deg) == (0.0, 0.0) {
        return None;
    }
    let radians = |degrees: f32| f64::from(degrees).to_radians();
    let (azimuth, elevation) = (radians(stats.boresight_azimuth_deg), radians(stats.boresight_elevation_deg));
    let (desired_azimuth, desired_elevation) =
        (radians(stats.desired_boresight_azimuth_deg), radians(stats.desired_boresight_elevation_deg));
    let half = |from: f64, to: f64| ((to - from) / 2.0).sin().powi(2);
    let haversine = half(elevation, desired_elevation)
        + elevation.cos() * desired_elevation.cos() * half(azimuth, desired_azimuth);
    Some(2.0 * haversine.sqrt().min(1.0).asin().to_degrees())
}

/// The shortest decimal that the dish's single precision stands for: 0.05, not 0.05000000074505806.
pub(super) fn exact(value: f32) -> f64 {
    value.to_string().parse().unwrap_or(f64::from(value))
}

fn given(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}

/// What stands for a dish's id where others read it.
pub(super) fn id_hash(device: &DeviceInfo) -> Option<String> {
    let id = given(&device.id)?;
    let hash = Checksum::from_bytes(Sha256::digest(id).into()).to_string();
    Some(hash.chars().take(HASH_DIGITS).collect())
}

fn facts(status: &DishGetStatusResponse, device: Option<&DeviceInfo>, now: Timestamp) -> DishFacts {
    let text = |part: fn(&DeviceInfo) -> &String| device.and_then(|device| given(part(device)));
    let finite = |value: f32| Some(exact(value)).filter(|value| value.is_finite());
    let (azimuth, elevation) = boresight(status).unzip();
    let fraction = status.obstruction_stats.as_ref().map(|stats| stats.fraction_obstructed);
    let alerts = status.alerts.iter().flat_map(alerts::all).filter(|alert| alert.is_on);
    DishFacts {
        at: now,
        id_hash: device.and_then(id_hash),
        hardware: text(|device| &device.hardware_version).map(Into::into),
        software: text(|device| &device.software_version).map(Into::into),
        uptime_s: status.device_state.as_ref().map(|state| state.uptime_s),
        obstruction_fraction: fraction.and_then(finite),
        azimuth_deg: azimuth.and_then(finite),
        elevation_deg: elevation.and_then(finite),
        alerts: alerts.map(|alert| alert.name.to_owned()).collect(),
    }
}

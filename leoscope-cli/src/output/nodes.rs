use leoscope_core::ids::{NodeId, UserId};
use leoscope_core::model::{Node, Standby, StandbyBy, clock_error, is_clock_off};
use leoscope_core::schedule::Zone;
use leoscope_core::time::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::{Record, or_dash, text_or_dash, to_json, utc};

/// A node in JSON.
#[derive(Serialize)]
struct NodeView<'a> {
    id: &'a NodeId,
    name: &'a str,
    description: &'a str,
    location: &'a str,
    /// Degrees north.
    latitude: Option<f64>,
    /// Degrees east.
    longitude: Option<f64>,
    provider: &'a str,
    public_ip: &'a str,
    owner: Option<&'a UserId>,
    scheduling_enabled: bool,
    scavenger_mode_active: bool,
    /// What keeps it from experiments: what people said and what the node found.
    standby: Vec<StandbyView<'a>>,
    time_zone: Option<&'a str>,
    /// Positive when its clock is fast.
    clock_offset_ms: Option<f64>,
    registered: Timestamp,
    last_active: Option<Timestamp>,
    contact_since: Option<Timestamp>,
}

/// A standby in JSON.
#[derive(Serialize)]
struct StandbyView<'a> {
    kind: &'static str,
    /// Who said so.
    by: &'static str,
    reason: Option<&'a str>,
    until: Option<Timestamp>,
}

impl<'a> StandbyView<'a> {
    fn of((by, standby): (StandbyBy, &'a Standby)) -> Self {
        let Standby { kind, reason, until } = standby;
        Self { kind: kind.name(), by: by.name(), reason: reason.as_deref(), until: *until }
    }
}

impl Record for Node {
    const HEADER: &'static [&'static str] = &[
        "id",
        "name",
        "location",
        "coords",
        "provider",
        "public IP",
        "owner",
        "scheduling",
        "clock",
        "last active (UTC)",
    ];

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn row(&self) -> Vec<String> {
        vec![
            self.id.to_string(),
            text_or_dash(&self.name),
            text_or_dash(&self.location),
            or_dash(self.coords),
            text_or_dash(&self.provider),
            text_or_dash(&self.public_ip),
            or_dash(self.owner.as_ref()),
            match self.standby.iter().next() {
                Some((_, standby)) => standby.to_string(),
                None if self.scheduling_enabled => "yes".to_owned(),
                None => "no".to_owned(),
            },
            match self.clock_offset_us {
                Some(offset) if is_clock_off(offset) => clock_error(offset),
                Some(_) => "ok".to_owned(),
                None => or_dash(None::<&str>),
            },
            or_dash(self.last_active.map(utc)),
        ]
    }

    fn json(&self) -> Value {
        let Self {
            id,
            name,
            description,
            coords,
            location,
            provider,
            public_ip,
            owner,
            scheduling_enabled,
            standby,
            time_zone,
            clock_offset_us,
            // For the portal, whose JSON it is.
            portal: _,
            registered,
            last_active,
            contact_since,
        } = self;
        to_json(NodeView {
            id,
            name,
            description,
            location,
            latitude: coords.map(|coords| coords.latitude()),
            longitude: coords.map(|coords| coords.longitude()),
            provider,
            public_ip,
            owner: owner.as_ref(),
            scheduling_enabled: *scheduling_enabled,
            scavenger_mode_active: standby.is_scavenger(),
            standby: standby.iter().map(StandbyView::of).collect(),
            time_zone: time_zone.as_ref().map(Zone::name),
            clock_offset_ms: clock_offset_us.map(|offset| offset as f64 / 1e3),
            registered: *registered,
            last_active: *last_active,
            contact_since: *contact_since,
        })
    }
}

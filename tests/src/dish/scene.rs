//! What a dish that is none shows: a pure function of the time.

use leoscope_core::time::{Timestamp, Window};

use super::Message;

/// A time without a connection.
#[derive(Debug, Clone, Copy)]
pub struct Outage {
    /// When.
    pub during: Window,
    /// The number of its cause.
    pub cause: u64,
}

/// What the dish shows.
#[derive(Debug, Clone)]
pub struct Scene {
    /// When it was started.
    pub started: Timestamp,
    /// How often it was started; 0 is not told.
    pub bootcount: u64,
    /// How many seconds its history holds.
    pub ring: u64,
    /// The round trip in milliseconds; one that changes from slot to slot when `None`.
    pub round_trip: Option<f32>,
    /// When it has no connection.
    pub outages: Vec<Outage>,
    /// The numbers of the alerts that are on.
    pub alerts: Vec<u32>,
    /// The messages of the status that are not there, by their numbers.
    pub missing: Vec<u32>,
    /// Whether the history has the power in it.
    pub tells_power: bool,
    /// The cells of the map, row by row, and how many rows there are.
    pub map: (Vec<f32>, u64),
    /// What the map is aligned with.
    pub frame: u64,
}

impl Scene {
    /// A dish that is well, and was started then.
    pub fn started(started: Timestamp) -> Self {
        Self {
            started,
            bootcount: 7,
            ring: 900,
            round_trip: None,
            outages: Vec::new(),
            alerts: Vec::new(),
            missing: Vec::new(),
            tells_power: true,
            map: (vec![1.0, 0.25, -1.0, 0.0, -1.0, 1.0], 2),
            frame: 1,
        }
    }

    /// How many seconds it has been on.
    ///
    /// # Panics
    /// Before it was started.
    pub fn seconds(&self, now: Timestamp) -> u64 {
        u64::try_from(now.duration_since(self.started).as_secs()).expect("after the start")
    }

    fn outage(&self, at: Timestamp) -> Option<&Outage> {
        self.outages.iter().find(|outage| outage.during.contains(at))
    }

    /// The round trip in milliseconds: the same all through a slot of the network (15 s, the first of a
    /// minute at its 12th second), 0 without a connection.
    pub fn latency(&self, at: Timestamp) -> f32 {
        let slot = (at.as_second() - 12).div_euclid(15);
        let of_slot = u8::try_from(slot.rem_euclid(5)).expect("below 5");
        let usual = self.round_trip.unwrap_or(20.5 + f32::from(of_slot) * 4.0);
        if self.outage(at).is_some() { 0.0 } else { usual }
    }

    /// The part of pings that is lost.
    pub fn drop_rate(&self, at: Timestamp) -> f32 {
        if self.outage(at).is_some() { 1.0 } else { 0.0 }
    }

    /// The use of the downlink: one that tells which second it is.
    #[expect(clippy::cast_precision_loss, reason = "below a million")]
    pub fn downlink(&self, at: Timestamp) -> f32 {
        self.seconds(at) as f32
    }

    /// `DeviceInfo`.
    pub fn device_info(&self) -> Message {
        let told = Message::new().text(1, "ut01000000-00000000-00222222").text(2, "rev3_proto2");
        told.text(3, "2026.06.12.mr81164").text(4, "US").integer(8, self.bootcount)
    }

    /// `DishGetStatusResponse`.
    pub fn status(&self, now: Timestamp) -> Message {
        let sight = Message::new().float(1, 0.0125).float(4, 86_000.5).float(6, 2.5).float(7, 300.0);
        let sight = if self.alerts.is_empty() { sight } else { sight.integer(5, 1) };
        let alerts = self.alerts.iter().fold(Message::new(), |told, alert| told.integer(*alert, 1));
        let gps = Message::new().integer(1, 1).integer(2, 14);
        // Tilt, azimuth, elevation, uncertainty, and the azimuth and elevation it should have.
        let pose = Message::new().float(3, 24.5).float(4, -10.0).float(5, 65.0);
        let pose = pose.float(7, 0.5).float(8, -10.0).float(9, 66.5);
        let parts = [
            (1, self.device_info()),
            (2, Message::new().integer(1, self.seconds(now))),
            (1004, sight),
            (1005, alerts),
            (1015, gps),
            (1027, pose),
        ];
        let told = Message::new()
            .float(1003, self.drop_rate(now))
            .float(1007, self.downlink(now))
            .float(1008, 250_000.0)
            .float(1009, self.latency(now))
            .float(1011, -10.0)
            .float(1012, 65.0)
            .integer(1016, 1000)
            .integer(1017, 2)
            .integer(1018, 1);
        let parts = parts.into_iter().filter(|(number, _)| !self.missing.contains(number));
        let told = parts.fold(told, |told, (number, part)| told.message(number, part));
        match self.outage(now) {
            Some(outage) => told.message(1014, Message::new().integer(1, outage.cause)).float(1002, -1.0),
            None => told,
        }
    }

    /// `DishGetHistoryResponse`.
    ///
    /// # Panics
    /// For a ring of more seconds than memory.
    pub fn history(&self, now: Timestamp) -> Message {
        let current = self.seconds(now);
        let length = usize::try_from(self.ring).expect("length");
        let [mut drops, mut latencies, mut downlinks] = [(); 3].map(|()| vec![0.0; length]);
        for number in current.saturating_sub(self.ring)..current {
            let ends = i64::try_from(number + 1).expect("seconds");
            let at = self.started + leoscope_core::time::SignedDuration::from_secs(ends);
            let place = usize::try_from(number % self.ring).expect("place");
            drops[place] = self.drop_rate(at);
            latencies[place] = self.latency(at);
            downlinks[place] = self.downlink(at);
        }
        let told = Message::new().integer(1, current);
        let told = told.floats(1001, &drops).floats(1002, &latencies).floats(1003, &downlinks);
        let told = told.floats(1004, &vec![250_000.0; length]);
        if self.tells_power { told.floats(1010, &vec![61.5; length]) } else { told }
    }

    /// `DishGetObstructionMapResponse`.
    ///
    /// # Panics
    /// For a map without rows.
    pub fn map(&self) -> Message {
        let (cells, rows) = &self.map;
        let columns = u64::try_from(cells.len()).expect("cells") / rows;
        let told = Message::new().integer(1, *rows).integer(2, columns).floats(3, cells);
        told.float(4, 10.0).float(5, 80.0).integer(6, self.frame)
    }
}

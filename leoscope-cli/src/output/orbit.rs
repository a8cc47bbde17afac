//! Satellites in the sky.

use leoscope_core::orbit::{Look, Pass, Satellite};
use leoscope_core::time::Timestamp;
use serde_json::{Value, json};

use super::{Output, Record, utc};

/// The chart of the sky: rows and columns; a character is about twice as high as it is wide.
const ROWS: i32 = 21;
const COLUMNS: i32 = 43;

/// A satellite in the sky.
pub(crate) struct Seen {
    number: u32,
    name: String,
    look: Look,
    shell: (f64, f64),
    age_h: f64,
}

impl Seen {
    pub(crate) fn new(satellite: &Satellite, look: Look, now: Timestamp) -> Self {
        let shell = satellite.shell();
        Self {
            number: satellite.number(),
            name: satellite.name().to_string(),
            look,
            shell: (shell.altitude_km, shell.inclination_deg),
            age_h: satellite.age(now).as_secs_f64() / 3_600.0,
        }
    }

    pub(crate) fn elevation(&self) -> f64 {
        self.look.elevation_deg
    }
}

impl Record for Seen {
    const HEADER: &'static [&'static str] = &[
        "number",
        "name",
        "azimuth (°)",
        "elevation (°)",
        "range (km)",
        "range rate (km/s)",
        "shell",
        "elements (h)",
    ];

    fn id(&self) -> String {
        self.number.to_string()
    }

    fn row(&self) -> Vec<String> {
        let Look { azimuth_deg, elevation_deg, range_km, range_rate_km_s } = self.look;
        vec![
            self.id(),
            self.name.clone(),
            format!("{azimuth_deg:.2}"),
            format!("{elevation_deg:.2}"),
            format!("{range_km:.1}"),
            format!("{range_rate_km_s:.3}"),
            format!("{:.0} km {:.1}°", self.shell.0, self.shell.1),
            format!("{:.1}", self.age_h),
        ]
    }

    fn json(&self) -> Value {
        let Look { azimuth_deg, elevation_deg, range_km, range_rate_km_s } = self.look;
        json!({
            "number": self.number,
            "name": self.name,
            "azimuth_deg": azimuth_deg,
            "elevation_deg": elevation_deg,
            "range_km": range_km,
            "range_rate_km_s": range_rate_km_s,
            "altitude_km": self.shell.0,
            "inclination_deg": self.shell.1,
            "element_age_h": self.age_h,
        })
    }
}

/// A pass of a satellite.
pub(crate) struct Passing {
    number: u32,
    name: String,
    pass: Pass,
}

impl Passing {
    pub(crate) fn new(satellite: &Satellite, pass: Pass) -> Self {
        Self { number: satellite.number(), name: satellite.name().to_string(), pass }
    }

    pub(crate) fn rise(&self) -> Timestamp {
        self.pass.window.start()
    }
}

impl Record for Passing {
    const HEADER: &'static [&'static str] = &[
        "number",
        "name",
        "rise (UTC)",
        "azimuth (°)",
        "highest (UTC)",
        "elevation (°)",
        "set (UTC)",
        "azimuth (°)",
        "± (s)",
    ];

    fn id(&self) -> String {
        self.number.to_string()
    }

    fn row(&self) -> Vec<String> {
        let Pass { window, culmination, max_elevation_deg, rise_azimuth_deg, set_azimuth_deg, sigma_s } =
            self.pass;
        vec![
            self.id(),
            self.name.clone(),
            seconds(window.start()),
            format!("{rise_azimuth_deg:.1}"),
            seconds(culmination),
            format!("{max_elevation_deg:.1}"),
            seconds(window.end()),
            format!("{set_azimuth_deg:.1}"),
            format!("{sigma_s:.1}"),
        ]
    }

    fn json(&self) -> Value {
        let Pass { window, culmination, max_elevation_deg, rise_azimuth_deg, set_azimuth_deg, sigma_s } =
            self.pass;
        json!({
            "number": self.number,
            "name": self.name,
            "rise": window.start(),
            "rise_azimuth_deg": rise_azimuth_deg,
            "culmination": culmination,
            "max_elevation_deg": max_elevation_deg,
            "set": window.end(),
            "set_azimuth_deg": set_azimuth_deg,
            "sigma_s": sigma_s,
        })
    }
}

/// A time to the second: elements tell little more.
fn seconds(time: Timestamp) -> String {
    utc(Timestamp::from_second(time.as_second()).unwrap_or(time))
}

impl Output {
    /// A chart of the sky, for people who see it in a table.
    pub(crate) fn sky(&self, looks: &[Look]) {
        if !self.quiet && !self.is_for_programs() {
            self.print(&chart(looks));
        }
    }
}

/// The sky from below: north at the top, east to the left as it is seen by who lies on the back, the zenith
/// in the middle and the horizon at the edge.
fn chart(looks: &[Look]) -> String {
    let (middle_row, middle_column) = (ROWS / 2, COLUMNS / 2);
    let mut cells = vec![vec![' '; COLUMNS as usize]; ROWS as usize];
    let mut put = |azimuth: f64, elevation: f64, mark: char| {
        let away = (90.0 - elevation) / 90.0;
        let (sin, cos) = azimuth.to_radians().sin_cos();
        let row = f64::from(middle_row) - away * cos * f64::from(middle_row);
        let column = f64::from(middle_column) - away * sin * f64::from(middle_column);
        cells[row.round() as usize][column.round() as usize] = mark;
    };
    for azimuth in (0..360).step_by(3) {
        put(f64::from(azimuth), 0.0, '.');
        put(f64::from(azimuth), 45.0, '.');
    }
    for look in looks {
        put(look.azimuth_deg, look.elevation_deg.max(0.0), '*');
    }
    put(0.0, 90.0, '+');
    for (azimuth, mark) in [(0.0, 'N'), (90.0, 'E'), (180.0, 'S'), (270.0, 'W')] {
        put(azimuth, 0.0, mark);
    }
    let lines = cells.into_iter().map(|row| row.into_iter().collect::<String>().trim_end().to_owned() + "\n");
    format!("\n{}", lines.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chart_has_north_at_the_top_east_to_the_left_and_the_zenith_in_the_middle() {
        let look = |azimuth_deg: f64, elevation_deg: f64| Look {
            azimuth_deg,
            elevation_deg,
            range_km: 600.0,
            range_rate_km_s: 0.0,
        };
        let text = chart(&[look(10.0, 70.0), look(100.0, 20.0), look(359.9, 0.0)]);
        insta::assert_snapshot!(text);
    }
}

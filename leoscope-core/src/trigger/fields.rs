//! The fields that conditions may name: one table.

use std::fmt;

use super::Kind;

/// Where the values of a field come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Source {
    /// Orbital elements and the time.
    Orbit,
    /// The time alone.
    Clock,
    /// The terminal.
    Dish,
    /// A weather service.
    Weather,
    /// The containers of experiments.
    Containers,
    /// The node's own probes of the network.
    Probe,
    /// The node's machine.
    Node,
    /// What the operator of the node has added.
    Custom,
}

impl Source {
    /// Its name: that of the monitor that reads it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Orbit => "satellite",
            Self::Clock => "time",
            Self::Dish => "dish",
            Self::Weather => "weather",
            Self::Containers => "traffic",
            Self::Probe => "latency",
            Self::Node => "node",
            Self::Custom => "custom",
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Whether the values of a field can be told before their time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ahead {
    /// As well as the present one.
    Exact,
    /// As the weather service forecasts them, hour by hour.
    Hourly,
    /// Not at all.
    No,
}

/// What is known of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FieldInfo {
    /// Its name.
    pub name: &'static str,
    /// What its values are.
    pub kind: Kind,
    /// Their unit; empty for texts, flags, counts and ratios.
    pub unit: &'static str,
    /// Where they come from.
    pub source: Source,
    /// After how many seconds a value says nothing any more.
    pub stale_after_s: u32,
    /// Whether they can be told before their time.
    pub ahead: Ahead,
    /// What they are.
    pub meaning: &'static str,
}

/// A field of the table.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Field(u16);

macro_rules! fields {
    ($($constant:ident = $name:literal, $kind:ident, $unit:literal, $source:ident, $stale:literal, $ahead:ident, $meaning:literal;)*) => {
        /// The places of the fields in the table.
        #[expect(non_camel_case_types, reason = "they number the constants of the fields")]
        enum Place { $($constant,)* }

        impl Field {
            $(#[doc = $meaning] pub const $constant: Self = Self(Place::$constant as u16);)*
        }

        static FIELDS: &[FieldInfo] = &[$(FieldInfo {
            name: $name,
            kind: Kind::$kind,
            unit: $unit,
            source: Source::$source,
            stale_after_s: $stale,
            ahead: Ahead::$ahead,
            meaning: $meaning,
        },)*];
    };
}

fields! {
    SATELLITE_ELEVATION = "satellite.elevation", Number, "°", Orbit, 10, Exact, "Elevation of the highest satellite of the constellation.";
    SATELLITE_AZIMUTH = "satellite.azimuth", Number, "°", Orbit, 10, Exact, "Azimuth of that satellite, east of north.";
    SATELLITE_RANGE = "satellite.range", Number, "km", Orbit, 10, Exact, "Distance to that satellite.";
    SATELLITE_RANGE_RATE = "satellite.range_rate", Number, "km/s", Orbit, 10, Exact, "How fast that distance grows.";
    SATELLITE_ID = "satellite.id", Number, "", Orbit, 10, Exact, "Catalogue number of that satellite.";
    SATELLITE_NAME = "satellite.name", Text, "", Orbit, 10, Exact, "Name of that satellite.";
    SATELLITE_SHELL_ALTITUDE = "satellite.shell_altitude", Number, "km", Orbit, 10, Exact, "Altitude of that satellite's shell.";
    SATELLITE_INCLINATION = "satellite.inclination", Number, "°", Orbit, 10, Exact, "Inclination of that satellite's orbit.";
    SATELLITE_VISIBLE = "satellite.visible", Number, "", Orbit, 10, Exact, "Number of satellites above the mask of their altitude.";
    SATELLITE_USABLE = "satellite.usable", Number, "", Orbit, 10, Exact, "Number of those outside the exclusion of the geostationary arc and of what obstructs the dish.";
    SATELLITE_RANGE_MIN = "satellite.range_min", Number, "km", Orbit, 10, Exact, "Shortest distance to a visible satellite.";
    SATELLITE_RANGE_MAX = "satellite.range_max", Number, "km", Orbit, 10, Exact, "Longest distance to a visible satellite.";
    SATELLITE_RANGE_MEAN = "satellite.range_mean", Number, "km", Orbit, 10, Exact, "Mean distance to the visible satellites.";
    SATELLITE_NEXT_RISE = "satellite.next_rise", Number, "s", Orbit, 10, Exact, "Time until the next satellite rises above the mask.";
    SATELLITE_TIME_TO_SET = "satellite.time_to_set", Number, "s", Orbit, 10, Exact, "Time until the highest satellite sets below the mask.";
    SATELLITE_PASS_MAX_ELEVATION = "satellite.pass_max_elevation", Number, "°", Orbit, 10, Exact, "Highest elevation of the highest satellite's pass.";
    SATELLITE_SUNLIT = "satellite.sunlit", Flag, "", Orbit, 10, Exact, "Whether the sun shines on the highest satellite.";
    SATELLITE_ELEMENT_AGE = "satellite.element_age", Number, "h", Orbit, 300, Exact, "Median age of the visible satellites' orbital elements.";
    SUN_ELEVATION = "sun.elevation", Number, "°", Orbit, 10, Exact, "Elevation of the sun.";
    SAT_DIST_MIN = "sat_dist_min", Number, "m", Orbit, 10, Exact, "Shortest distance to the satellites within 1089.686 km.";
    SAT_DIST_MAX = "sat_dist_max", Number, "m", Orbit, 10, Exact, "Longest distance to the satellites within 1089.686 km.";
    SAT_DIST_MEAN = "sat_dist_mean", Number, "m", Orbit, 10, Exact, "Mean distance to the satellites within 1089.686 km.";
    STARLINK_SLOT = "starlink.slot", Number, "", Clock, 10, Exact, "Index of the 15-second slot, since 1970-01-01T00:00:12Z.";
    STARLINK_SLOT_PHASE = "starlink.slot_phase", Number, "s", Clock, 10, Exact, "Time since the slot's start.";
    STARLINK_CANDIDATE_ID = "starlink.candidate.id", Number, "", Orbit, 60, No, "Catalogue number of the satellite that probably serves.";
    STARLINK_CANDIDATE_ELEVATION = "starlink.candidate.elevation", Number, "°", Orbit, 60, No, "Its elevation.";
    STARLINK_CANDIDATE_RESIDUAL = "starlink.candidate.residual", Number, "°", Orbit, 60, No, "How far it is from what the obstruction map shows.";
    STARLINK_CANDIDATES = "starlink.candidates", Number, "", Orbit, 60, Exact, "Number of satellites usable through the whole next slot.";
    DISH_LATENCY = "dish.latency", Number, "ms", Dish, 10, No, "Round trip to the point of presence.";
    DISH_DROP_RATE = "dish.drop_rate", Number, "", Dish, 10, No, "Loss to the point of presence, 0 to 1.";
    DISH_DOWNLINK = "dish.downlink", Number, "bit/s", Dish, 10, No, "Current use of the downlink, not what it could carry.";
    DISH_UPLINK = "dish.uplink", Number, "bit/s", Dish, 10, No, "Current use of the uplink, not what it could carry.";
    DISH_OBSTRUCTED = "dish.obstructed", Flag, "", Dish, 10, No, "Whether the dish is obstructed at this moment.";
    DISH_OBSTRUCTION_FRACTION = "dish.obstruction_fraction", Number, "", Dish, 180, No, "Part of the sky that is obstructed, 0 to 1.";
    DISH_AZIMUTH = "dish.azimuth", Number, "°", Dish, 30, No, "Where the dish points, east of north.";
    DISH_ELEVATION = "dish.elevation", Number, "°", Dish, 30, No, "Where the dish points, above the horizon.";
    DISH_TILT = "dish.tilt", Number, "°", Dish, 30, No, "Tilt of the dish.";
    DISH_MISALIGNMENT = "dish.misalignment", Number, "°", Dish, 30, No, "Angle between where the dish points and where it should.";
    DISH_ATTITUDE_UNCERTAINTY = "dish.attitude_uncertainty", Number, "°", Dish, 30, No, "Uncertainty of the dish's own attitude.";
    DISH_STATE = "dish.state", Text, "", Dish, 10, No, "CONNECTED, or the cause of the outage; SEARCHING where nothing is scheduled.";
    DISH_OUTAGE_CAUSE = "dish.outage_cause", Text, "", Dish, 10, No, "The cause of the outage as the dish names it, empty without one.";
    DISH_UPTIME = "dish.uptime", Number, "s", Dish, 10, No, "Time since the dish was started.";
    DISH_ALERTS = "dish.alerts", Number, "", Dish, 30, No, "All alerts as bits: bit n-1 is alert n of the dish's interface.";
    DISH_ALERT_MOTORS_STUCK = "dish.alert.motors_stuck", Flag, "", Dish, 30, No, "Alert 1 of the dish.";
    DISH_ALERT_THERMAL_SHUTDOWN = "dish.alert.thermal_shutdown", Flag, "", Dish, 30, No, "Alert 2 of the dish.";
    DISH_ALERT_THERMAL_THROTTLE = "dish.alert.thermal_throttle", Flag, "", Dish, 30, No, "Alert 3 of the dish.";
    DISH_ALERT_UNEXPECTED_LOCATION = "dish.alert.unexpected_location", Flag, "", Dish, 30, No, "Alert 4 of the dish.";
    DISH_ALERT_MAST_NOT_NEAR_VERTICAL = "dish.alert.mast_not_near_vertical", Flag, "", Dish, 30, No, "Alert 5 of the dish.";
    DISH_ALERT_SLOW_ETHERNET_SPEEDS = "dish.alert.slow_ethernet_speeds", Flag, "", Dish, 30, No, "Alert 6 of the dish.";
    DISH_ALERT_ROAMING = "dish.alert.roaming", Flag, "", Dish, 30, No, "Alert 7 of the dish.";
    DISH_ALERT_INSTALL_PENDING = "dish.alert.install_pending", Flag, "", Dish, 30, No, "Alert 8 of the dish.";
    DISH_ALERT_IS_HEATING = "dish.alert.is_heating", Flag, "", Dish, 30, No, "Alert 9 of the dish.";
    DISH_ALERT_POWER_SUPPLY_THERMAL_THROTTLE = "dish.alert.power_supply_thermal_throttle", Flag, "", Dish, 30, No, "Alert 10 of the dish.";
    DISH_ALERT_IS_POWER_SAVE_IDLE = "dish.alert.is_power_save_idle", Flag, "", Dish, 30, No, "Alert 11 of the dish.";
    DISH_ALERT_DBF_TELEM_STALE = "dish.alert.dbf_telem_stale", Flag, "", Dish, 30, No, "Alert 14 of the dish.";
    DISH_ALERT_LOW_MOTOR_CURRENT = "dish.alert.low_motor_current", Flag, "", Dish, 30, No, "Alert 16 of the dish.";
    DISH_ALERT_LOWER_SIGNAL_THAN_PREDICTED = "dish.alert.lower_signal_than_predicted", Flag, "", Dish, 30, No, "Alert 17 of the dish.";
    DISH_ALERT_SLOW_ETHERNET_SPEEDS_100 = "dish.alert.slow_ethernet_speeds_100", Flag, "", Dish, 30, No, "Alert 18 of the dish.";
    DISH_ALERT_OBSTRUCTION_MAP_RESET = "dish.alert.obstruction_map_reset", Flag, "", Dish, 30, No, "Alert 19 of the dish.";
    DISH_ALERT_DISH_WATER_DETECTED = "dish.alert.dish_water_detected", Flag, "", Dish, 30, No, "Alert 20 of the dish.";
    DISH_ALERT_ROUTER_WATER_DETECTED = "dish.alert.router_water_detected", Flag, "", Dish, 30, No, "Alert 21 of the dish.";
    DISH_ALERT_UPSU_ROUTER_PORT_SLOW = "dish.alert.upsu_router_port_slow", Flag, "", Dish, 30, No, "Alert 22 of the dish.";
    DISH_ALERT_NO_ETHERNET_LINK = "dish.alert.no_ethernet_link", Flag, "", Dish, 30, No, "Alert 23 of the dish.";
    DISH_SNR_OK = "dish.snr_ok", Flag, "", Dish, 10, No, "Whether the signal is above the noise floor.";
    DISH_SNR_LOW = "dish.snr_low", Flag, "", Dish, 10, No, "Whether the signal is persistently low.";
    DISH_GPS_VALID = "dish.gps_valid", Flag, "", Dish, 30, No, "Whether the dish knows its position.";
    DISH_GPS_SATS = "dish.gps_sats", Number, "", Dish, 30, No, "Number of positioning satellites the dish receives.";
    DISH_POWER = "dish.power", Number, "W", Dish, 30, No, "Power the dish takes.";
    DISH_ETH_SPEED = "dish.eth_speed", Number, "Mbit/s", Dish, 30, No, "Speed of the dish's cable.";
    DISH_SLOT_WAIT = "dish.slot_wait", Number, "s", Dish, 10, No, "Time until the first slot that is not empty.";
    DISH_ID = "dish.id", Text, "", Dish, 180, No, "A hash of the dish's id.";
    DISH_SOFTWARE = "dish.software", Text, "", Dish, 180, No, "Version of the dish's software.";
    DISH_HARDWARE = "dish.hardware", Text, "", Dish, 180, No, "Version of the dish's hardware.";
    DISH_MOBILITY_CLASS = "dish.mobility_class", Text, "", Dish, 180, No, "Mobility class of the plan: STATIONARY, NOMADIC or MOBILE.";
    WEATHER_TEMPERATURE = "weather.temperature", Number, "°C", Weather, 5400, Hourly, "Temperature.";
    WEATHER_TEMPERATURE_MIN = "weather.temperature_min", Number, "°C", Weather, 5400, Hourly, "Lowest temperature around the place at the time.";
    WEATHER_TEMPERATURE_MAX = "weather.temperature_max", Number, "°C", Weather, 5400, Hourly, "Highest temperature around the place at the time.";
    WEATHER_PRESSURE = "weather.pressure", Number, "hPa", Weather, 5400, Hourly, "Pressure at sea level.";
    WEATHER_HUMIDITY = "weather.humidity", Number, "%", Weather, 5400, Hourly, "Relative humidity.";
    WEATHER_CLOUDS = "weather.clouds", Number, "%", Weather, 5400, Hourly, "Part of the sky that is covered.";
    WEATHER_VISIBILITY = "weather.visibility", Number, "m", Weather, 5400, Hourly, "Visibility, 10,000 at most.";
    WEATHER_RAIN_1H = "weather.rain_1h", Number, "mm", Weather, 5400, Hourly, "Rain of the last hour; 0 when dry.";
    WEATHER_RAIN_3H = "weather.rain_3h", Number, "mm", Weather, 5400, Hourly, "Rain of the last three hours; 0 when dry.";
    WEATHER_SNOW_1H = "weather.snow_1h", Number, "mm", Weather, 5400, Hourly, "Snow of the last hour; 0 when there is none.";
    WEATHER_SNOW_3H = "weather.snow_3h", Number, "mm", Weather, 5400, Hourly, "Snow of the last three hours; 0 when there is none.";
    WEATHER_WIND_SPEED = "weather.wind_speed", Number, "m/s", Weather, 5400, Hourly, "Speed of the wind.";
    WEATHER_WIND_GUST = "weather.wind_gust", Number, "m/s", Weather, 5400, Hourly, "Speed of gusts.";
    WEATHER_WIND_DIRECTION = "weather.wind_direction", Number, "°", Weather, 5400, Hourly, "Where the wind comes from, east of north.";
    WEATHER_CODE = "weather.code", Number, "", Weather, 5400, Hourly, "Code of the condition in the provider's numbering.";
    WEATHER_CONDITION = "weather.condition", Text, "", Weather, 5400, Hourly, "The condition in one word, for example Rain.";
    WEATHER_DESCRIPTION = "weather.description", Text, "", Weather, 5400, Hourly, "The condition in words.";
    WEATHER_AGE = "weather.age", Number, "s", Weather, 30, No, "Time since the observation.";
    NETWORK_TX_RATE = "network.tx_rate", Number, "bit/s", Containers, 15, No, "What all experiments send.";
    NETWORK_RX_RATE = "network.rx_rate", Number, "bit/s", Containers, 15, No, "What all experiments receive.";
    NETWORK_LATENCY = "network.latency", Number, "ms", Probe, 15, No, "Round trip to the operator's target, of the last probes.";
    NETWORK_JITTER = "network.jitter", Number, "ms", Probe, 15, No, "Mean difference between the round trips of successive probes.";
    NETWORK_LOSS = "network.loss", Number, "", Probe, 15, No, "Part of the last probes that was not answered, 0 to 1.";
    NETWORK_BACKGROUND_DOWN = "network.background_down", Number, "bit/s", Containers, 15, No, "What the host's own people receive: the dish's downlink less the experiments'.";
    NETWORK_BACKGROUND_UP = "network.background_up", Number, "bit/s", Containers, 15, No, "What the host's own people send: the dish's uplink less the experiments'.";
    TIME_HOUR = "time.hour", Number, "h", Clock, 10, Exact, "Hour of the day in UTC with its fraction, 0 to below 24.";
    TIME_WEEKDAY = "time.weekday", Number, "", Clock, 10, Exact, "Day of the week in UTC, 1 (Monday) to 7 (Sunday).";
    TIME_LOCAL_HOUR = "time.local_hour", Number, "h", Clock, 10, Exact, "Hour of the day in the node's zone with its fraction.";
    TIME_LOCAL_WEEKDAY = "time.local_weekday", Number, "", Clock, 10, Exact, "Day of the week in the node's zone, 1 (Monday) to 7 (Sunday).";
    TIME_UTC = "time.utc", Number, "s", Clock, 10, Exact, "Seconds since 1970-01-01T00:00:00Z.";
    NODE_CPU = "node.cpu", Number, "%", Node, 30, No, "Use of all processors, 0 to 100.";
    NODE_MEMORY_FREE = "node.memory_free", Number, "B", Node, 30, No, "Memory that programs can have.";
    NODE_DISK_FREE = "node.disk_free", Number, "B", Node, 30, No, "Room where results are kept.";
    NODE_CLOCK_OFFSET = "node.clock_offset", Number, "s", Node, 900, No, "The node's clock minus true time.";
    NODE_JOBS_RUNNING = "node.jobs_running", Number, "", Node, 30, No, "Number of runs whose experiment runs.";
    NODE_RX_RATE = "node.rx_rate", Number, "bit/s", Node, 15, No, "What the interfaces of the host receive that its operator names.";
    NODE_TX_RATE = "node.tx_rate", Number, "bit/s", Node, 15, No, "What they send.";
}

impl Field {
    /// All fields, in the order of the manual.
    pub fn all() -> impl ExactSizeIterator<Item = Self> {
        (0..FIELDS.len()).map(|place| Self(u16::try_from(place).unwrap_or(u16::MAX)))
    }

    /// The field of that name; aliases are not looked up, see [`Alias::find`].
    pub fn find(name: &str) -> Option<Self> {
        Self::all().find(|field| field.info().name == name)
    }

    /// What is known of it.
    pub fn info(self) -> &'static FieldInfo {
        &FIELDS[usize::from(self.0)]
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.info().name)
    }
}

impl fmt::Debug for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.info().name)
    }
}

/// How the value of an alias follows from that of its field: `value * factor + offset`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Conversion {
    /// What it is multiplied by.
    pub factor: f64,
    /// What is added then.
    pub offset: f64,
    /// The unit that it has then.
    pub unit: &'static str,
}

impl Conversion {
    const KELVIN: Self = Self { factor: 1.0, offset: 273.15, unit: "K" };
    const BYTES: Self = Self { factor: 0.125, offset: 0.0, unit: "B/s" };

    /// The converted value.
    pub fn apply(self, value: f64) -> f64 {
        value * self.factor + self.offset
    }

    /// The value whose converted form this is.
    pub fn undo(self, converted: f64) -> f64 {
        (converted - self.offset) / self.factor
    }
}

/// The name that a field has in conditions of the public testbed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Alias {
    /// The name.
    pub name: &'static str,
    /// The field.
    pub field: Field,
    /// How its value differs from the field's, where it does.
    pub conversion: Option<Conversion>,
}

const fn alias(name: &'static str, field: Field) -> Alias {
    Alias { name, field, conversion: None }
}

const fn converted(name: &'static str, field: Field, conversion: Conversion) -> Alias {
    Alias { name, field, conversion: Some(conversion) }
}

static ALIASES: &[Alias] = &[
    alias("satellite_elevation", Field::SATELLITE_ELEVATION),
    alias("pop_ping_latency_ms", Field::DISH_LATENCY),
    alias("pop_ping_drop_rate", Field::DISH_DROP_RATE),
    alias("downlink_throughput_bps", Field::DISH_DOWNLINK),
    alias("uplink_throughput_bps", Field::DISH_UPLINK),
    alias("currently_obstructed", Field::DISH_OBSTRUCTED),
    alias("fraction_obstructed", Field::DISH_OBSTRUCTION_FRACTION),
    alias("direction_azimuth", Field::DISH_AZIMUTH),
    alias("direction_elevation", Field::DISH_ELEVATION),
    alias("state", Field::DISH_STATE),
    alias("uptime", Field::DISH_UPTIME),
    alias("alerts", Field::DISH_ALERTS),
    alias("seconds_to_first_nonempty_slot", Field::DISH_SLOT_WAIT),
    alias("id", Field::DISH_ID),
    alias("hardware_version", Field::DISH_HARDWARE),
    alias("software_version", Field::DISH_SOFTWARE),
    alias("gps_ready", Field::DISH_GPS_VALID),
    alias("gps_sats", Field::DISH_GPS_SATS),
    alias("is_snr_above_noise_floor", Field::DISH_SNR_OK),
    converted("weather_temp", Field::WEATHER_TEMPERATURE, Conversion::KELVIN),
    converted("weather_temp_min", Field::WEATHER_TEMPERATURE_MIN, Conversion::KELVIN),
    converted("weather_temp_max", Field::WEATHER_TEMPERATURE_MAX, Conversion::KELVIN),
    alias("weather_pressure", Field::WEATHER_PRESSURE),
    alias("weather_humidity", Field::WEATHER_HUMIDITY),
    alias("weather_clouds", Field::WEATHER_CLOUDS),
    alias("weather_visibility", Field::WEATHER_VISIBILITY),
    alias("weather_rain1h", Field::WEATHER_RAIN_1H),
    alias("weather_rain3h", Field::WEATHER_RAIN_3H),
    alias("weather_snow1h", Field::WEATHER_SNOW_1H),
    alias("weather_snow3h", Field::WEATHER_SNOW_3H),
    alias("weather_speed", Field::WEATHER_WIND_SPEED),
    alias("weather_gust", Field::WEATHER_WIND_GUST),
    alias("weather_deg", Field::WEATHER_WIND_DIRECTION),
    alias("weather_id", Field::WEATHER_CODE),
    alias("weather_main", Field::WEATHER_CONDITION),
    alias("weather_desc", Field::WEATHER_DESCRIPTION),
    converted("exp_tx_rate_bytes", Field::NETWORK_TX_RATE, Conversion::BYTES),
    converted("exp_rx_rate_bytes", Field::NETWORK_RX_RATE, Conversion::BYTES),
];

impl Alias {
    /// All aliases, in the order of the manual.
    pub fn all() -> impl ExactSizeIterator<Item = &'static Self> {
        ALIASES.iter()
    }

    /// The alias of that name.
    pub fn find(name: &str) -> Option<&'static Self> {
        ALIASES.iter().find(|alias| alias.name == name)
    }
}

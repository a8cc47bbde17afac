//! Codes of the weather: those of table 4677 of the World Meteorological Organization (Manual on Codes,
//! WMO-No. 306, volume I.1) that the service uses, in words. Words for the condition are those that
//! OpenWeatherMap has, so that a trigger means the same with either.

/// The condition in one word, and in several.
pub(super) fn words(code: f64) -> Option<(&'static str, &'static str)> {
    CODES.iter().find(|(known, _, _)| f64::from(*known) == code).map(|(_, word, words)| (*word, *words))
}

const CODES: &[(u8, &str, &str)] = &[
    (0, "Clear", "clear sky"),
    (1, "Clear", "mainly clear"),
    (2, "Clouds", "partly cloudy"),
    (3, "Clouds", "overcast"),
    (45, "Fog", "fog"),
    (48, "Fog", "fog that leaves rime"),
    (51, "Drizzle", "light drizzle"),
    (53, "Drizzle", "moderate drizzle"),
    (55, "Drizzle", "dense drizzle"),
    (56, "Drizzle", "light freezing drizzle"),
    (57, "Drizzle", "dense freezing drizzle"),
    (61, "Rain", "slight rain"),
    (63, "Rain", "moderate rain"),
    (65, "Rain", "heavy rain"),
    (66, "Rain", "light freezing rain"),
    (67, "Rain", "heavy freezing rain"),
    (71, "Snow", "slight snowfall"),
    (73, "Snow", "moderate snowfall"),
    (75, "Snow", "heavy snowfall"),
    (77, "Snow", "snow grains"),
    (80, "Rain", "slight rain showers"),
    (81, "Rain", "moderate rain showers"),
    (82, "Rain", "violent rain showers"),
    (85, "Snow", "slight snow showers"),
    (86, "Snow", "heavy snow showers"),
    (95, "Thunderstorm", "thunderstorm"),
    (96, "Thunderstorm", "thunderstorm with slight hail"),
    (99, "Thunderstorm", "thunderstorm with heavy hail"),
];

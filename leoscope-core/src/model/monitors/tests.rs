use super::*;
use crate::error::Error;
use crate::model::ExecutorConfig;
use crate::orbit::Mask;

fn read(text: &str) -> Result<MonitorsConfig, Error> {
    ExecutorConfig::parse(&format!("monitors: {text}\n")).map(|config| config.monitors)
}

fn seconds(seconds: f64) -> SignedDuration {
    SignedDuration::from_secs_f64(seconds)
}

#[test]
fn nothing_is_watched_unless_the_operator_says_so() {
    assert_eq!(ExecutorConfig::parse("").expect("empty").monitors, MonitorsConfig::default());
    for text in ["{}", "", "{dish: , weather: , custom: [], interfaces: []}"] {
        assert_eq!(read(text).expect(text), MonitorsConfig::default(), "{text}");
    }
}

#[test]
fn a_mention_switches_a_monitor_on_with_its_defaults() {
    let config = read("{dish: {}, weather: {}, latency: {target: example.net}}").expect("config");
    let dish = DishConfig { address: "192.168.100.1:9200".into(), interval: seconds(1.0) };
    assert_eq!(config.dish, Some(dish));
    let weather = WeatherConfig { interval: seconds(600.0), openweathermap: None, open_meteo: None };
    assert_eq!(config.weather, Some(weather));
    let target = ProbeTarget::Echo { host: "example.net".into() };
    assert_eq!(config.latency, Some(LatencyConfig { target, interval: seconds(2.0) }));
}

#[test]
fn every_key_is_read() {
    let config = read(
        "
  dish: {address: '[2001:db8::1]:9200', interval: 0.5}
  weather: {interval: 60, openweathermap: 'http://127.0.0.1:8080/weather', open_meteo: 'https://[::1]/v1'}
  latency: {target: 'tcp://192.0.2.1:443', interval: 86400}
  interfaces: [eth0, wlan0.5]
  custom:
    - {name: fan_speed, file: /run/fan, interval: 5}
    - {name: rsrp, command: [modem, rsrp], interval: 30, timeout: 2.5}
    - {name: load, command: 'uptime | cut -c1'}
  satellite: {elements: /var/lib/elements.csv, mask: 15, gso_exclusion: 18, altitude: 120, dut1: -0.1}
  mqtt: mqtt://127.0.0.1:1884",
    )
    .expect("config");
    let dish = DishConfig { address: "[2001:db8::1]:9200".into(), interval: seconds(0.5) };
    let weather = WeatherConfig {
        interval: seconds(60.0),
        openweathermap: Some("http://127.0.0.1:8080/weather".into()),
        open_meteo: Some("https://[::1]/v1".into()),
    };
    let target = ProbeTarget::Tcp { host: "192.0.2.1".into(), port: 443 };
    let words = |words: &[&str]| CustomSource::Command(words.iter().map(ToString::to_string).collect());
    let custom = |name: &str, from, interval, patience| CustomConfig {
        name: name.into(),
        from,
        interval: seconds(interval),
        patience: seconds(patience),
    };
    let expected = MonitorsConfig {
        dish: Some(dish),
        weather: Some(weather),
        latency: Some(LatencyConfig { target, interval: seconds(86_400.0) }),
        interfaces: vec!["eth0".into(), "wlan0.5".into()],
        custom: vec![
            custom("fan_speed", CustomSource::File("/run/fan".into()), 5.0, 5.0),
            custom("rsrp", words(&["modem", "rsrp"]), 30.0, 2.5),
            custom("load", words(&["/bin/sh", "-c", "uptime | cut -c1"]), 10.0, 5.0),
        ],
        satellite: SatelliteConfig {
            elements: Some("/var/lib/elements.csv".into()),
            mask: Mask::Fixed(15.0),
            gso_exclusion_deg: Some(18.0),
            altitude_m: 120.0,
            dut1_s: Some(-0.1),
        },
        mqtt: Some(MqttConfig { host: "127.0.0.1".into(), port: 1884 }),
    };
    assert_eq!(config, expected);
}

#[test]
fn targets_are_hosts_or_ports_and_print_as_they_are_written() {
    for text in [
        "example.net",
        "192.0.2.1",
        "2001:db8::1",
        "tcp://example.net:443",
        "udp://[2001:db8::1]:7",
        "a_b-c.d.",
    ] {
        let config = read(&format!("{{latency: {{target: '{text}'}}}}")).expect(text);
        assert_eq!(config.latency.expect("on").target.to_string(), text);
    }
    let bracketed = read("{latency: {target: '[::1]'}}").expect("brackets").latency.expect("on");
    assert_eq!(bracketed.target, ProbeTarget::Echo { host: "::1".into() });
    for bad in [
        "",
        "tcp://example.net",
        "tcp://example.net:0",
        "tcp://example.net:65536",
        "tcp://example.net:+80",
        "tcp://example.net:80/x",
        "udp://::1:7",
        "http://example.net",
        "icmp://example.net",
        "example.net:80",
        "a b",
        "-a.net",
        "a..net",
        "10.0.0.256",
        "[::1",
        "[example.net]",
    ] {
        let error = read(&format!("{{latency: {{target: '{bad}'}}}}")).expect_err(bad);
        let expected =
            format!("executor config monitors.latency.target {bad:?} is nothing that can be probed");
        assert_eq!(error.message(), expected);
        assert!(error.what_to_do().expect("a hint").contains("udp://HOST:PORT"), "{error:?}");
    }
}

#[test]
fn brokers_are_hosts_with_or_without_a_port() {
    let broker = |text: &str| {
        let mqtt = read(&format!("{{mqtt: '{text}'}}"))?.mqtt.expect("on");
        Ok::<_, Error>((mqtt.host, mqtt.port))
    };
    assert_eq!(broker("mqtt://broker.example.net").expect("name"), ("broker.example.net".into(), 1883));
    assert_eq!(broker("mqtt://[::1]/").expect("address"), ("::1".into(), 1883));
    assert_eq!(broker("mqtt://[::1]:1999").expect("address and port"), ("::1".into(), 1999));
    for bad in
        ["mqtts://h", "mqtt://", "mqtt://::1", "mqtt://u:planted@h", "mqtt://h/topic", "mqtt://h:x", "h:1883"]
    {
        let error = broker(bad).expect_err(bad);
        assert_eq!(
            error.message(),
            "executor config monitors.mqtt is not an address like mqtt://127.0.0.1:1883",
            "{bad}"
        );
    }
}

#[test]
fn what_cannot_work_is_refused_by_name() {
    for (text, expected) in [
        ("{dish: {address: dish}}", "dish.address \"dish\" is not HOST:PORT"),
        ("{dish: {interval: 0.4}}", "dish.interval 0.4 is not possible"),
        ("{dish: {interval: -1}}", "dish.interval -1 is not possible"),
        ("{dish: {interval: .nan}}", "dish.interval NaN is not possible"),
        ("{dish: {interval: .inf}}", "dish.interval inf is not possible"),
        ("{weather: {interval: 59}}", "weather.interval 59 is not possible"),
        ("{weather: {interval: 86401}}", "weather.interval 86401 is not possible"),
        ("{latency: {target: a, interval: 0}}", "latency.interval 0 is not possible"),
        ("{interfaces: [eth0, eth0]}", "interfaces names \"eth0\" twice"),
        ("{interfaces: [../eth0]}", "interfaces: \"../eth0\" is no name of an interface"),
        ("{interfaces: ['']}", "interfaces: \"\" is no name of an interface"),
        ("{interfaces: [abcdefghijklmnop]}", "interfaces: \"abcdefghijklmnop\" is no name of an interface"),
        ("{custom: [{name: 1st, file: /a}]}", "custom: field name \"1st\" is not possible"),
        ("{custom: [{name: fan_1, file: /a}]}", "custom: field name \"fan_1\" is not possible"),
        ("{custom: [{name: a, file: a}]}", "custom a.file \"a\" is not an absolute path"),
        ("{custom: [{name: a}]}", "custom a has neither file nor command"),
        ("{custom: [{name: a, file: /a, command: b}]}", "custom a has both file and command"),
        ("{custom: [{name: a, command: []}]}", "custom a.command names no program"),
        ("{custom: [{name: a, command: ['']}]}", "custom a.command names no program"),
        ("{custom: [{name: a, command: ' '}]}", "custom a.command names no program"),
        ("{custom: [{name: a, file: /a, interval: 0.1}]}", "custom a.interval 0.1 is not possible"),
        ("{custom: [{name: a, file: /a, timeout: 0}]}", "custom a.timeout 0 is not possible"),
        ("{custom: [{name: a, file: /a}, {name: a, file: /b}]}", "custom names \"a\" twice"),
    ] {
        let error = read(text).expect_err(text);
        assert_eq!(error.message(), format!("executor config monitors.{expected}"));
        assert!(error.what_to_do().is_some(), "{error:?}");
    }
}

#[test]
fn unknown_keys_are_refused_everywhere() {
    for text in [
        "{satelite: {}}",
        "{dish: {adress: 'a:1'}}",
        "{weather: {key: planted}}",
        "{latency: {target: a, timeout: 1}}",
        "{custom: [{name: a, file: /a, unit: m}]}",
        "{latency: {}}",
        "{custom: [{file: /a}]}",
        "{dish: true}",
    ] {
        let error = read(text).expect_err(text);
        assert!(error.message().starts_with("executor config is not valid: "), "{error}");
        assert!(!error.message().contains("planted"), "{error}");
    }
}

#[test]
fn addresses_of_weather_services_are_plain_and_their_queries_are_never_repeated() {
    for name in ["openweathermap", "open_meteo"] {
        let address = |address: &str| read(&format!("{{weather: {{{name}: '{address}'}}}}"));
        for good in ["http://127.0.0.1:1/a/b", "https://weather.example.net", "https://[::1]:8443/"] {
            address(good).expect(good);
        }
        for bad in [
            "https://weather.example.net/?appid=planted",
            "https://planted@weather.example.net/",
            "https://weather.example.net/#planted",
            "ftp://planted.example.net/",
            "weather.example.net/planted",
            "https://",
            "https:///planted",
            "https://::1/planted",
            "https://weather.example.net/a planted",
        ] {
            let error = address(bad).expect_err(bad);
            assert!(error.message().starts_with(&format!("executor config monitors.weather.{name} is not")));
            assert!(!format!("{error:?}").contains("planted"), "{error:?}");
        }
    }
}

#[test]
fn settings_of_satellites_that_are_not_possible_are_refused_by_name() {
    for (text, named) in [
        ("{elements: here.csv}", "monitors.satellite.elements"),
        ("{mask: 90}", "monitors.satellite.mask"),
        ("{gso_exclusion: 91}", "monitors.satellite.gso_exclusion"),
        ("{altitude: 1e6}", "monitors.satellite.altitude"),
        ("{dut1: 1.5}", "monitors.satellite.dut1"),
    ] {
        let error = read(&format!("{{satellite: {text}}}")).expect_err(text);
        assert!(error.message().contains(named), "{error}");
    }
}

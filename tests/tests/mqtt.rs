//! Telling verdicts by MQTT, to a real broker.

use std::time::{Duration, Instant};

use leoscope_core::ErrorKind;
use leoscope_core::backends::publisher::MqttPublisher;
use leoscope_core::model::MqttConfig;
use leoscope_core::ports::Publisher as _;
use leoscope_tests::mosquitto::{Mosquitto, Told};
use tokio::net::TcpListener;

const TOPIC: &str = "leotest/triggers/exp-001";

fn publisher(host: &str, port: u16) -> MqttPublisher {
    MqttPublisher::new(&MqttConfig { host: host.into(), port }).expect("publisher")
}

fn told(payload: &str) -> Told {
    Told { topic: TOPIC.into(), payload: payload.into(), quality: 0, retained: false }
}

#[tokio::test]
async fn who_listens_is_told_once_and_who_comes_later_is_not() {
    let Some(broker) = Mosquitto::start() else { return };
    let publisher = publisher("127.0.0.1", broker.port());
    publisher.publish(TOPIC, "False").await.expect("told to nobody");
    let mut listener = broker.listen("leotest/triggers/#");
    for payload in ["True", "False", "True"] {
        publisher.publish(TOPIC, payload).await.expect("told");
    }
    for payload in ["True", "False", "True"] {
        assert_eq!(listener.hear(), told(payload));
    }
    let long = "x".repeat(10_000);
    publisher.publish(TOPIC, &long).await.expect("told");
    assert_eq!(listener.hear(), told(&long));
}

#[tokio::test]
async fn two_nodes_do_not_throw_each_other_out() {
    let Some(broker) = Mosquitto::start() else { return };
    let mut listener = broker.listen(TOPIC);
    let [one, other] = [(); 2].map(|()| publisher("localhost", broker.port()));
    for _ in 0..3 {
        one.publish(TOPIC, "True").await.expect("told");
        assert_eq!(listener.hear(), told("True"));
        other.publish(TOPIC, "False").await.expect("told");
        assert_eq!(listener.hear(), told("False"));
    }
}

#[tokio::test]
async fn a_broker_that_was_away_is_told_again() {
    let Some(broker) = Mosquitto::start() else { return };
    let port = broker.port();
    let publisher = publisher("127.0.0.1", port);
    publisher.publish(TOPIC, "True").await.expect("told");
    drop(broker);
    for _ in 0..2 {
        let error = publisher.publish(TOPIC, "True").await.expect_err("it is away");
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(
            error.message().starts_with(&format!("cannot tell the broker at 127.0.0.1:{port}: ")),
            "{error}"
        );
        assert!(error.what_to_do().is_some_and(|hint| hint.contains("monitors.mqtt")), "{error:?}");
    }
    let broker = Mosquitto::start_on(port).expect("it was there before");
    let mut listener = broker.listen(TOPIC);
    publisher.publish(TOPIC, "False").await.expect("told");
    assert_eq!(listener.hear(), told("False"));
    // It is started anew between two messages.
    drop((listener, broker));
    let broker = Mosquitto::start_on(port).expect("it was there before");
    let mut listener = broker.listen(TOPIC);
    publisher.publish(TOPIC, "True").await.expect("told");
    assert_eq!(listener.hear(), told("True"));
}

/// Something that accepts connections and says nothing.
#[tokio::test]
async fn a_broker_that_hangs_is_given_up_within_seconds() {
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("listen");
    let port = silent.local_addr().expect("address").port();
    let held = tokio::spawn(async move {
        let mut connections = Vec::new();
        while let Ok(connection) = silent.accept().await {
            connections.push(connection);
        }
    });
    let publisher = publisher("127.0.0.1", port);
    let begun = Instant::now();
    let error = publisher.publish(TOPIC, "True").await.expect_err("it says nothing");
    assert_eq!(error.message(), format!("the broker at 127.0.0.1:{port} does not answer within 3 s"));
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    held.abort();
}

#[test]
fn an_ipv6_address_stands_in_brackets_before_the_port() {
    assert!(format!("{:?}", publisher("::1", 1883)).contains("\"[::1]\""));
    assert!(format!("{:?}", publisher("127.0.0.1", 1883)).contains("\"127.0.0.1\""));
}

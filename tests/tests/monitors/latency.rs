//! Probes of the network, of real sockets on this machine.

use std::net::UdpSocket;
use std::time::Duration;

use leoscope_core::ErrorKind;
use leoscope_core::backends::monitors::LatencyMonitor;
use leoscope_core::model::ExecutorConfig;
use leoscope_core::ports::{Monitor as _, Observation};
use leoscope_core::trigger::{Field, Source};
use leoscope_tests::skipped;
use tokio::net::TcpListener;

use super::{around, number, value};

/// How long a probe of these tests may take that is to be answered.
const PATIENCE: Duration = Duration::from_secs(60);

fn monitor(target: &str) -> LatencyMonitor {
    let text = format!("monitors: {{latency: {{target: '{target}'}}}}");
    let config = ExecutorConfig::parse(&text).expect("config").monitors.latency.expect("on");
    LatencyMonitor::new(&config).with_deadline(PATIENCE)
}

/// Latency, loss and jitter.
fn says(observation: &Observation) -> (Option<f64>, Option<f64>, Option<f64>) {
    let number = |field| number(observation, field);
    (number(Field::NETWORK_LATENCY), number(Field::NETWORK_LOSS), number(Field::NETWORK_JITTER))
}

fn is_answered(observation: &Observation) -> bool {
    let (latency, loss, _) = says(observation);
    latency.is_some_and(|latency| latency > 0.0 && latency < 60_000.0) && loss == Some(0.0)
}

#[tokio::test]
async fn this_machine_answers_echo_requests() {
    for target in ["127.0.0.1", "localhost", "::1"] {
        let monitor = monitor(target);
        assert_eq!((monitor.source(), monitor.uses_link()), (Source::Probe, true));
        for second in 0..3 {
            let read = match monitor.read(&around(second)).await {
                Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                    assert!(error.what_to_do().expect("a hint").contains("ping_group_range"), "{error:?}");
                    return skipped("icmp", error.message());
                }
                read => read.expect("read"),
            };
            if target == "::1" && says(&read).0.is_none() {
                return skipped("ipv6", "the loopback has no address of IPv6");
            }
            assert!(is_answered(&read), "{target}: {read:?}");
            assert_eq!(says(&read).2.is_some(), second > 0, "jitter takes two");
        }
    }
}

#[tokio::test]
async fn probes_that_run_at_once_do_not_take_each_other_s_answers() {
    let (first, second) = (monitor("127.0.0.1"), monitor("127.0.0.1"));
    let around = around(0);
    for _ in 0..20 {
        let (first, second) = tokio::join!(first.read(&around), second.read(&around));
        if let Err(error) = first.as_ref() {
            assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
            return skipped("icmp", error.message());
        }
        assert!(is_answered(&first.expect("read")) && is_answered(&second.expect("read")));
    }
}

#[tokio::test]
async fn a_port_that_accepts_connections_answers_and_a_closed_one_does_not() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("listen");
    let monitor = monitor(&format!("tcp://{}", listener.local_addr().expect("address")));
    assert!(is_answered(&monitor.read(&around(0)).await.expect("read")));
    drop(listener);
    let read = monitor.read(&around(1)).await.expect("a probe that is lost is no fault");
    assert_eq!(value(&read, Field::NETWORK_LATENCY), None);
    assert_eq!(says(&read), (None, Some(0.5), None));
}

/// A service that answers every second packet, the first too, each time after something else. It ends
/// with a packet of one byte, and tells how many others it has had.
fn every_second(server: UdpSocket) -> std::thread::JoinHandle<usize> {
    std::thread::spawn(move || {
        let (mut packet, mut count) = ([0; 64], 0);
        loop {
            let (length, from) = server.recv_from(&mut packet).expect("receive");
            if length == 1 {
                return count;
            }
            if count % 2 == 0 {
                server.send_to(b"something else", from).expect("send");
                server.send_to(&packet[..length], from).expect("send");
            }
            count += 1;
        }
    })
}

#[tokio::test]
async fn what_is_not_answered_is_lost_and_the_last_twenty_count() {
    let server = UdpSocket::bind("127.0.0.1:0").expect("socket");
    let address = server.local_addr().expect("address");
    let server = every_second(server);
    let mut monitor = monitor(&format!("udp://{address}"));
    for number in 0..24_u32 {
        let answered = number % 2 == 0;
        monitor = monitor.with_deadline(if answered { PATIENCE } else { Duration::from_millis(50) });
        let read = monitor.read(&around(number.into())).await.expect("read");
        let (latency, loss, jitter) = says(&read);
        assert_eq!(latency.is_some(), answered, "{number}");
        let (lost, sent) = (number.div_ceil(2), number + 1);
        let expected = if sent <= 20 { f64::from(lost) / f64::from(sent) } else { 0.5 };
        assert_eq!(loss, Some(expected), "{number}");
        assert_eq!(jitter.is_some(), number >= 2, "{number}");
    }
    UdpSocket::bind("127.0.0.1:0").expect("socket").send_to(b".", address).expect("send");
    assert_eq!(server.join().expect("server"), 24, "one packet for each reading");
}

#[tokio::test]
async fn a_closed_port_answers_no_packet() {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("socket");
    let monitor = monitor(&format!("udp://{}", socket.local_addr().expect("address")));
    drop(socket);
    assert_eq!(says(&monitor.read(&around(0)).await.expect("read")), (None, Some(1.0), None));
}

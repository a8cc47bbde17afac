//! An MQTT broker for tests, and one who listens to it.
//!
//! What is listened with is written from the standard (MQTT 3.1.1) and not with the library that it
//! tests.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a broker may take to do anything.
const PATIENCE: Duration = Duration::from_secs(30);

/// A mosquitto on this machine that ends with its owner.
#[derive(Debug)]
pub struct Mosquitto {
    port: u16,
    child: Child,
    /// Holds its config.
    _dir: tempfile::TempDir,
}

impl Mosquitto {
    /// One that answers; `None` where the program is not installed, which is said.
    ///
    /// # Panics
    /// When it is required and not there, or does not answer.
    pub fn start() -> Option<Self> {
        Self::start_on(crate::free_port())
    }

    /// One on a port of its own choice, as after a restart.
    ///
    /// # Panics
    /// As [`start`](Self::start).
    pub fn start_on(port: u16) -> Option<Self> {
        let dir = tempfile::tempdir().expect("directory");
        let config = dir.path().join("mosquitto.conf");
        let text = format!("listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\n");
        std::fs::write(&config, text).expect("config");
        let mut command = Command::new("mosquitto");
        // Where it is for users who are not root as well.
        let path = std::env::var("PATH").unwrap_or_default();
        command.arg("-c").arg(&config).env("PATH", format!("{path}:/usr/sbin:/usr/local/sbin"));
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let child = match child {
            Err(e) if e.kind() == ErrorKind::NotFound => {
                crate::skipped("mosquitto", "the program mosquitto is not installed");
                return None;
            }
            child => child.expect("start mosquitto"),
        };
        let started = Self { port, child, _dir: dir };
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(begun.elapsed() < PATIENCE, "mosquitto does not answer");
            std::thread::park_timeout(Duration::from_millis(20));
        }
        Some(started)
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Listens to what is told under `topic`, in which `#` stands for any end.
    ///
    /// # Panics
    /// When the broker does not let anybody listen.
    pub fn listen(&self, topic: &str) -> Listener {
        Listener::new(self.port, topic)
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        // It may have ended before.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Under which topic.
    pub topic: String,
    /// What.
    pub payload: String,
    /// With which quality of service.
    pub quality: u8,
    /// Whether it was kept for who listens later.
    pub retained: bool,
}

/// One who listens.
#[derive(Debug)]
pub struct Listener {
    stream: TcpStream,
}

impl Listener {
    fn new(port: u16, topic: &str) -> Self {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("the broker");
        stream.set_read_timeout(Some(PATIENCE)).expect("timeout");
        // CONNECT, section 3.1: the protocol, a clean session, no keep-alive, no name.
        let connect = [&text("MQTT")[..], &[4, 2, 0, 0], &text("")].concat();
        stream.write_all(&packet(0x10, &connect)).expect("CONNECT");
        // SUBSCRIBE, section 3.8: its number, and the topic at quality of service 1.
        let subscribe = [&[0, 1][..], &text(topic), &[1]].concat();
        stream.write_all(&packet(0x82, &subscribe)).expect("SUBSCRIBE");
        let mut listener = Self { stream };
        assert_eq!(listener.packet(), (0x20, vec![0, 0]), "CONNACK: accepted");
        assert_eq!(listener.packet(), (0x90, vec![0, 1, 1]), "SUBACK: granted");
        listener
    }

    /// The next message.
    ///
    /// # Panics
    /// When none comes.
    pub fn hear(&mut self) -> Told {
        let (head, body) = self.packet();
        // PUBLISH, section 3.3.
        assert_eq!(head >> 4, 3, "not a message: {head:#x}");
        let length = usize::from(u16::from_be_bytes([body[0], body[1]]));
        let (topic, rest) = body[2..].split_at(length);
        let quality = head >> 1 & 3;
        // With a quality of service it has a number.
        let payload = if quality > 0 { &rest[2..] } else { rest };
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
        Told { topic: text(topic), payload: text(payload), quality, retained: head & 1 == 1 }
    }

    fn packet(&mut self) -> (u8, Vec<u8>) {
        let mut byte = [0];
        let mut next = |stream: &mut TcpStream| {
            stream.read_exact(&mut byte).expect("a packet in time");
            byte[0]
        };
        let head = next(&mut self.stream);
        // Seven bits of the length in each byte, section 2.2.3.
        let (mut length, mut shift) = (0, 0);
        loop {
            let more = next(&mut self.stream);
            length |= usize::from(more & 0x7F) << shift;
            shift += 7;
            if more & 0x80 == 0 {
                break;
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).expect("the whole packet");
        (head, body)
    }
}

/// A packet that is shorter than 128 bytes.
fn packet(head: u8, body: &[u8]) -> Vec<u8> {
    let length = u8::try_from(body.len()).expect("short");
    assert!(length < 0x80, "short");
    [&[head, length][..], body].concat()
}

/// A text with its length before it.
fn text(text: &str) -> Vec<u8> {
    let length = u16::try_from(text.len()).expect("short").to_be_bytes();
    [&length[..], text.as_bytes()].concat()
}

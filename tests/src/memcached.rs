//! A memcached for tests.

use std::io::ErrorKind;
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A memcached on this machine that ends with its owner.
#[derive(Debug)]
pub struct Memcached {
    port: u16,
    child: Child,
}

impl Memcached {
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
        let child = Command::new("memcached")
            .args(["-l", "127.0.0.1", "-U", "0", "-m", "8", "-u", "nobody", "-p", &port.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let child = match child {
            Err(e) if e.kind() == ErrorKind::NotFound => {
                crate::skipped("memcached", "the program memcached is not installed");
                return None;
            }
            child => child.expect("start memcached"),
        };
        let started = Self { port, child };
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(begun.elapsed() < Duration::from_secs(30), "memcached does not answer");
            std::thread::park_timeout(Duration::from_millis(20));
        }
        Some(started)
    }

    /// How it is named in options.
    pub fn location(&self) -> String {
        format!("memcached://127.0.0.1:{}", self.port)
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for Memcached {
    fn drop(&mut self) {
        // It may have ended before.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

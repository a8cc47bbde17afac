//! A real server that speaks MongoDB's protocol.

use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use leoscope_core::backends::store::MongoStore;
use leoscope_core::model::Secret;

/// What the server of the tests needs: it knows neither replica sets nor retried writes.
const OPTIONS: &str = "directConnection=true&retryWrites=false";

/// The URI of database `name` on the server at `port` of this machine.
pub fn uri(port: u16, name: &str) -> Secret {
    Secret::new(format!("mongodb://127.0.0.1:{port}/{name}?{OPTIONS}"))
}

/// A fresh, empty database on the server whose port is in `LEOSCOPE_TEST_MONGODB_PORT`; `None`
/// where there is none and none is required.
///
/// # Panics
/// When there is none and `LEOSCOPE_TEST_REQUIRE` names `mongodb`.
pub fn database() -> Option<Secret> {
    let Ok(port) = std::env::var("LEOSCOPE_TEST_MONGODB_PORT") else {
        crate::skipped("mongodb", "no MongoDB server: LEOSCOPE_TEST_MONGODB_PORT is not set");
        return None;
    };
    let port = port.parse().expect("a port in LEOSCOPE_TEST_MONGODB_PORT");
    let unique = tempfile::Builder::new().prefix("t").rand_bytes(12).tempdir().expect("directory");
    let name = unique.path().file_name().expect("name").to_string_lossy().into_owned();
    Some(uri(port, &name))
}

/// A store in a fresh database.
///
/// # Panics
/// When the server does not answer, and as [`database`].
pub async fn store() -> Option<MongoStore> {
    Some(MongoStore::connect(&database()?).await.expect("connect"))
}

/// A server of the test's own, which it may stop, kill and start again.
#[derive(Debug)]
pub struct Server {
    program: PathBuf,
    data: PathBuf,
    /// Where it listens.
    pub port: u16,
    options: &'static [&'static str],
    process: Option<Child>,
}

impl Server {
    /// Starts a server that keeps its files in `data`, from the program in
    /// `LEOSCOPE_TEST_MONGODB_SERVER`; `None` where there is none and none is required.
    ///
    /// # Panics
    /// When it cannot be started, and as [`database`].
    pub fn start(data: &Path) -> Option<Self> {
        Self::start_with(data, &[])
    }

    /// Starts one without change streams, as servers that are no replica set and some that only
    /// speak the protocol are.
    ///
    /// # Panics
    /// As [`start`](Self::start).
    pub fn start_without_change_streams(data: &Path) -> Option<Self> {
        Self::start_with(data, &["--standalone"])
    }

    fn start_with(data: &Path, options: &'static [&'static str]) -> Option<Self> {
        let Some(program) = std::env::var_os("LEOSCOPE_TEST_MONGODB_SERVER") else {
            crate::skipped("mongodb", "no MongoDB server: LEOSCOPE_TEST_MONGODB_SERVER is not set");
            return None;
        };
        let (program, port) = (PathBuf::from(program), crate::free_port());
        let mut server = Self { program, data: data.to_owned(), port, options, process: None };
        server.resume();
        Some(server)
    }

    /// Starts the server again over the same files, and waits until it answers.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn resume(&mut self) {
        let log = std::fs::File::create(self.data.with_extension("log")).expect("log");
        let process = Command::new(&self.program)
            .args(["--port", &self.port.to_string(), "--sync-on-commit", "--storage-path"])
            .arg(&self.data)
            .args(self.options)
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("log"))
            .stderr(log)
            .spawn()
            .expect("start the MongoDB server");
        self.process = Some(process);
        let deadline = Instant::now() + Duration::from_secs(60);
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(Instant::now() < deadline, "the MongoDB server does not answer");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Stops the server with `signal` (`TERM`, `KILL`) and waits until it has ended.
    ///
    /// # Panics
    /// When it cannot be stopped.
    pub fn stop(&mut self, signal: &str) {
        let Some(mut process) = self.process.take() else { return };
        self.signal_process(&process, signal);
        process.wait().expect("wait for the MongoDB server");
    }

    /// Sends `signal` (`STOP`, `CONT`) to the server.
    ///
    /// # Panics
    /// When it cannot be sent.
    pub fn signal(&self, signal: &str) {
        if let Some(process) = &self.process {
            self.signal_process(process, signal);
        }
    }

    fn signal_process(&self, process: &Child, signal: &str) {
        let status = Command::new("kill").args([&format!("-{signal}"), &process.id().to_string()]).status();
        assert!(status.is_ok_and(|status| status.success()), "cannot send {signal} to {self:?}");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            // Nothing of it is needed any more.
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

//! A real server that speaks the protocol of Azure Blob storage.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use leoscope_core::model::{BlobSettings, Secret};

/// The account that every such server has, and its key, which everybody knows.
const ACCOUNT: &str = "devstoreaccount1";
const KEY: &str = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

/// A signature for all of the account, as its owner gives it to a researcher, as the part of a connection
/// string: `rights` are letters of `rwdlc`.
///
/// # Panics
/// Never, as the key is one.
pub fn signature(rights: &str) -> String {
    use base64::Engine as _;
    use hmac::{Hmac, KeyInit as _, Mac as _};
    let base64 = base64::engine::general_purpose::STANDARD;
    let text = format!("{ACCOUNT}\n{rights}\nb\no\n\n2099-01-01T00:00:00Z\n\n\n2019-12-12\n");
    let key = base64.decode(KEY).expect("key");
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(&key).expect("key");
    mac.update(text.as_bytes());
    let signature = base64.encode(mac.finalize().into_bytes()).replace('+', "%2B").replace('/', "%2F");
    format!(
        "sv=2019-12-12&ss=b&srt=o&sp={rights}&se=2099-01-01T00:00:00Z&sig={}",
        signature.replace('=', "%3D")
    )
}

/// A request as any program makes it, and the status and body of its answer.
///
/// # Panics
/// When nobody answers.
pub fn request(method: &str, link: &str, headers: &str, body: &[u8]) -> (u16, Vec<u8>) {
    let rest = link.strip_prefix("http://").expect("an address");
    let (host, path) = rest.split_once('/').expect("an address with a path");
    let mut stream = TcpStream::connect(host).expect("connect");
    let length = body.len();
    let head = format!(
        "{method} /{path} HTTP/1.1\r\nhost: {host}\r\ncontent-length: {length}\r\nconnection: close\r\n{headers}\r\n"
    );
    stream.write_all(&[head.as_bytes(), body].concat()).expect("send");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("read");
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").expect("headers");
    let status = String::from_utf8_lossy(&answer[9..12]).parse().expect("status");
    (status, answer.split_off(end + 4))
}

/// A server of the test's own, which it may stop and start again.
#[derive(Debug)]
pub struct Azurite {
    program: PathBuf,
    data: PathBuf,
    port: u16,
    process: Option<Child>,
}

impl Azurite {
    /// Starts a server that keeps its files in `data`, from the program in `LEOSCOPE_TEST_AZURITE`;
    /// `None` where there is none and none is required.
    ///
    /// # Panics
    /// When it cannot be started, and when there is none and `LEOSCOPE_TEST_REQUIRE` names `azure`.
    pub fn start(data: &Path) -> Option<Self> {
        let Some(program) = std::env::var_os("LEOSCOPE_TEST_AZURITE") else {
            crate::skipped("azure", "no Azurite: LEOSCOPE_TEST_AZURITE is not set");
            return None;
        };
        std::fs::create_dir_all(data).expect("directory");
        crate::logs::plant(KEY);
        let (program, port) = (PathBuf::from(program), crate::free_port());
        let mut server = Self { program, data: data.to_owned(), port, process: None };
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
            .args(["--blobHost", "127.0.0.1", "--blobPort", &self.port.to_string(), "--location"])
            .arg(&self.data)
            .args(["--silent", "--disableTelemetry", "--skipApiVersionCheck"])
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("log"))
            .stderr(log)
            .spawn()
            .expect("start Azurite");
        self.process = Some(process);
        let deadline = Instant::now() + Duration::from_secs(60);
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(Instant::now() < deadline, "Azurite does not answer");
            std::thread::park_timeout(Duration::from_millis(20));
        }
    }

    /// Stops the server with `signal` (`TERM`, `KILL`) and waits until it has ended.
    ///
    /// # Panics
    /// When it cannot be stopped.
    pub fn stop(&mut self, signal: &str) {
        let Some(mut process) = self.process.take() else { return };
        let status = Command::new("kill").args([&format!("-{signal}"), &process.id().to_string()]).status();
        assert!(status.is_ok_and(|status| status.success()), "cannot send {signal} to {self:?}");
        process.wait().expect("wait for Azurite");
    }

    /// The address of the account's blobs.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}/{ACCOUNT}", self.port)
    }

    /// The connection string with the account's key.
    pub fn connection_string(&self) -> Secret {
        Secret::new(format!("BlobEndpoint={};AccountName={ACCOUNT};AccountKey={KEY}", self.endpoint()))
    }

    /// The folder `results/kept` in a container, with the account's key.
    pub fn settings(&self, container: &str) -> BlobSettings {
        BlobSettings {
            connection_string: self.connection_string(),
            container: container.to_owned(),
            artifact_path: "/results/kept/".to_owned(),
        }
    }
}

impl Drop for Azurite {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            // Nothing of it is needed any more.
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

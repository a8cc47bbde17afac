//! A weather service that answers as it is told, each question with the next answer.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What the service does with a question.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    /// It answers.
    Whole { status: u16, headers: Vec<(String, String)>, body: String },
    /// It announces this body, and closes the connection in the middle.
    Cut(String),
    /// It announces this body, and falls silent in the middle.
    Stops(String),
    /// It says nothing at all.
    Hangs,
    /// It closes the connection.
    Closed,
}

impl Answer {
    pub(crate) fn json(body: &Value) -> Self {
        Self::status(200, body)
    }

    pub(crate) fn text(body: &str) -> Self {
        Self::Whole { status: 200, headers: Vec::new(), body: body.to_owned() }
    }

    pub(crate) fn status(status: u16, body: &Value) -> Self {
        Self::Whole { status, headers: Vec::new(), body: body.to_string() }
    }

    pub(crate) fn header(self, name: &str, value: &str) -> Self {
        let Self::Whole { status, mut headers, body } = self else { panic!("{self:?} has no headers") };
        headers.push((name.to_owned(), value.to_owned()));
        Self::Whole { status, headers, body }
    }
}

/// The service.
pub(crate) struct Weather {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
    server: JoinHandle<()>,
}

impl Weather {
    pub(crate) async fn start(answers: impl IntoIterator<Item = Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("listen");
        let address = listener.local_addr().expect("address");
        let asked = Arc::new(Mutex::new(Vec::new()));
        let mut answers: VecDeque<_> = answers.into_iter().collect();
        let heard = Arc::clone(&asked);
        let server = tokio::spawn(async move {
            // Who hangs holds nobody else up.
            let mut open = Vec::new();
            loop {
                let (mut stream, _) = listener.accept().await.expect("accept");
                let question = question(&mut stream).await;
                heard.lock().expect("lock").push(question);
                let answer = answers.pop_front().expect("nobody expected another question");
                // A client that has given up is no fault.
                let _ = give(&mut stream, &answer).await;
                if matches!(answer, Answer::Hangs | Answer::Stops(_)) {
                    open.push(stream);
                }
            }
        });
        Self { address, asked, server }
    }

    /// The address of its interface at `path`.
    pub(crate) fn address(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The first line of each question.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("lock").clone()
    }

    /// Nobody is there any more.
    pub(crate) async fn stop(self) {
        self.server.abort();
        let _ = self.server.await;
    }
}

/// Reads a question and gives its first line.
async fn question(stream: &mut TcpStream) -> String {
    let mut question = Vec::new();
    while !question.ends_with(b"\r\n\r\n") {
        question.push(stream.read_u8().await.expect("a whole question"));
    }
    let text = String::from_utf8(question).expect("UTF-8");
    text.lines().next().unwrap_or_default().to_owned()
}

async fn give(stream: &mut TcpStream, answer: &Answer) -> std::io::Result<()> {
    let nothing = Vec::new();
    let (status, headers, body, sent) = match answer {
        Answer::Whole { status, headers, body } => (*status, headers, body, body.len()),
        Answer::Cut(body) | Answer::Stops(body) => (200, &nothing, body, body.len() / 2),
        Answer::Hangs | Answer::Closed => return Ok(()),
    };
    let mut head = format!("HTTP/1.1 {status} Scripted\r\ncontent-length: {}\r\n", body.len());
    for (name, value) in headers {
        write!(head, "{name}: {value}\r\n").expect("text");
    }
    stream.write_all(format!("{head}\r\n").as_bytes()).await?;
    stream.write_all(&body.as_bytes()[..sent]).await
}

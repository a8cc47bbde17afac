//! A dish that is none: a server on the loopback that answers as a Starlink dish does, as far as it is
//! told to, and notes everything it is asked.
//!
//! It has its messages from the description of the interface and not from the code that it tests, so a
//! wrong number in one of them shows.

mod scene;
mod wire;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::future::pending;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use leoscope_core::time::Timestamp;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinHandle};
use tonic::body::Body;
use tonic::server::{Grpc, NamedService, UnaryService};
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Code, Request, Response, Status};

pub use scene::{Outage, Scene};
pub use wire::Message;

use crate::raw::Raw;

/// The number of the request for the status.
pub const GET_STATUS: u32 = 1004;
/// The number of the request for the history.
pub const GET_HISTORY: u32 = 1007;
/// The number of the request for what device it is.
pub const GET_DEVICE_INFO: u32 = 1008;
/// The number of the request for the obstruction map.
pub const GET_MAP: u32 = 2008;

/// All that a node may ask of a dish.
pub const READING: [u32; 4] = [GET_STATUS, GET_HISTORY, GET_DEVICE_INFO, GET_MAP];

/// How a request is answered.
#[derive(Debug, Clone)]
pub enum Answer {
    /// With this.
    Message(Message),
    /// Not at all: a status of gRPC.
    Refuse(Code),
    /// Never.
    Hang,
    /// By closing the connection.
    Drop,
}

#[derive(Debug)]
struct State {
    scene: Scene,
    /// The time at the dish; that of the machine when `None`.
    now: Option<Timestamp>,
    answers: BTreeMap<u32, Answer>,
    requests: Vec<u32>,
    connections: Vec<AbortHandle>,
}

#[derive(Debug, Clone)]
struct Shared(Arc<Mutex<State>>);

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Closes all connections.
    fn cut(&self) {
        for connection in self.lock().connections.iter() {
            connection.abort();
        }
    }
}

/// The dish. It is gone when this is dropped.
#[derive(Debug)]
pub struct FakeDish {
    shared: Shared,
    address: SocketAddr,
    tasks: Vec<JoinHandle<()>>,
}

impl FakeDish {
    /// A dish that shows `scene` as it is at `now`, and answers everything.
    ///
    /// # Panics
    /// When it cannot listen on the loopback.
    pub async fn start(scene: Scene, now: Timestamp) -> Self {
        Self::begin(scene, Some(now)).await
    }

    /// The same with the time of this machine.
    ///
    /// # Panics
    /// When it cannot listen on the loopback.
    pub async fn live(scene: Scene) -> Self {
        Self::begin(scene, None).await
    }

    async fn begin(scene: Scene, now: Option<Timestamp>) -> Self {
        let shared = Shared(Arc::new(Mutex::new(State {
            scene,
            now,
            answers: BTreeMap::new(),
            requests: Vec::new(),
            connections: Vec::new(),
        })));
        let server = TcpListener::bind("127.0.0.1:0").await.expect("listen");
        let behind = server.local_addr().expect("address");
        let device = Device(shared.clone());
        let served = async move {
            let incoming = TcpIncoming::from(server).with_nodelay(Some(true));
            Server::builder().add_service(device).serve_with_incoming(incoming).await.expect("served");
        };
        // Connections are those to this door, so that they can be cut.
        let door = TcpListener::bind("127.0.0.1:0").await.expect("listen");
        let address = door.local_addr().expect("address");
        let opened = shared.clone();
        let admitted = async move {
            while let Ok((mut outside, _)) = door.accept().await {
                let passed = tokio::spawn(async move {
                    let mut inside = TcpStream::connect(behind).await.expect("the dish");
                    // Either side may close it.
                    let _ = tokio::io::copy_bidirectional(&mut outside, &mut inside).await;
                });
                opened.lock().connections.push(passed.abort_handle());
            }
        };
        Self { shared, address, tasks: vec![tokio::spawn(served), tokio::spawn(admitted)] }
    }

    /// Where it listens, `HOST:PORT`.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// Lets it be another time at the dish.
    pub fn set_time(&self, now: Timestamp) {
        self.shared.lock().now = Some(now);
    }

    /// Changes what it shows.
    pub fn change(&self, change: impl FnOnce(&mut Scene)) {
        change(&mut self.shared.lock().scene);
    }

    /// Lets it answer the requests of that number like this; with `None` as the scene is.
    pub fn answer(&self, request: u32, answer: Option<Answer>) {
        let answers = &mut self.shared.lock().answers;
        match answer {
            Some(answer) => drop(answers.insert(request, answer)),
            None => drop(answers.remove(&request)),
        }
    }

    /// Closes all connections.
    pub fn cut(&self) {
        self.shared.cut();
    }

    /// The numbers of all requests so far, in order; 0 for what is no request at all.
    pub fn requests(&self) -> Vec<u32> {
        self.shared.lock().requests.clone()
    }

    /// How many requests of that number there were.
    pub fn asked(&self, request: u32) -> usize {
        self.requests().iter().filter(|number| **number == request).count()
    }

    /// How many connections there were.
    pub fn connections(&self) -> usize {
        self.shared.lock().connections.len()
    }
}

impl Drop for FakeDish {
    fn drop(&mut self) {
        self.cut();
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

type Answered<T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send>>;

#[derive(Clone)]
struct Device(Shared);

impl Device {
    /// Notes the request and says how to answer.
    fn note(&self, request: &[u8]) -> Answer {
        // Small numbers are those of the envelope.
        let asked: Vec<u32> = wire::numbers(request).into_iter().filter(|number| *number >= 100).collect();
        let state = &mut *self.0.lock();
        let [number] = asked[..] else {
            state.requests.extend(if asked.is_empty() { vec![0] } else { asked });
            return Answer::Refuse(Code::InvalidArgument);
        };
        state.requests.push(number);
        let as_told = state.answers.get(&number).cloned();
        let now = state.now.unwrap_or_else(Timestamp::now);
        as_told.unwrap_or_else(|| match number {
            GET_STATUS => Answer::Message(Message::new().message(2004, state.scene.status(now))),
            GET_HISTORY => Answer::Message(Message::new().message(2006, state.scene.history(now))),
            GET_DEVICE_INFO => {
                let info = Message::new().message(1, state.scene.device_info());
                Answer::Message(Message::new().message(1004, info))
            }
            GET_MAP => Answer::Message(Message::new().message(2008, state.scene.map())),
            _ => Answer::Refuse(Code::Unimplemented),
        })
    }
}

impl UnaryService<Bytes> for Device {
    type Response = Bytes;
    type Future = Answered<Response<Bytes>, Status>;

    fn call(&mut self, request: Request<Bytes>) -> Self::Future {
        let (answer, shared) = (self.note(&request.into_inner()), self.0.clone());
        Box::pin(async move {
            match answer {
                Answer::Message(message) => Ok(Response::new(message.into_bytes())),
                Answer::Refuse(code) => Err(Status::new(code, "Disabled due to policy")),
                Answer::Hang => pending().await,
                Answer::Drop => {
                    shared.cut();
                    pending().await
                }
            }
        })
    }
}

impl NamedService for Device {
    const NAME: &'static str = "SpaceX.API.Device.Device";
}

impl tower::Service<http::Request<Body>> for Device {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Answered<Self::Response, Infallible>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let device = self.clone();
        Box::pin(async move {
            if request.uri().path() == "/SpaceX.API.Device.Device/Handle" {
                Ok(Grpc::new(Raw).unary(device, request).await)
            } else {
                Ok(Status::unimplemented("no such call").into_http())
            }
        })
    }
}

//! A server that does nothing: what the way there and back costs.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use tonic::body::Body;
use tonic::server::{Grpc, NamedService, UnaryService};
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Identity, Server, ServerTlsConfig};
use tonic::{Request, Response, Status};

use leoscope_tests::raw::Raw;

/// Answers every call with the same bytes.
#[derive(Clone)]
struct Echo(Bytes);

impl UnaryService<Bytes> for Echo {
    type Response = Bytes;
    type Future = Ready<Result<Response<Bytes>, Status>>;

    fn call(&mut self, _: Request<Bytes>) -> Self::Future {
        ready(Ok(Response::new(self.0.clone())))
    }
}

impl NamedService for Echo {
    const NAME: &'static str = "bench.Echo";
}

impl tower::Service<http::Request<Body>> for Echo {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let echo = self.clone();
        Box::pin(async move { Ok(Grpc::new(Raw).unary(echo, request).await) })
    }
}

/// Serves with the certificate of the orchestrator in `dir` until the process is killed, and tells
/// where on the first line of its output.
pub(crate) async fn serve(dir: &str, size: usize) {
    let read = |name: &str| std::fs::read(Path::new(dir).join("certs").join(name)).expect("certificate");
    let identity = Identity::from_pem(read("server.crt"), read("server.key"));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("listen");
    crate::say(&listener.local_addr().expect("address").port().to_string());
    Server::builder()
        .tls_config(ServerTlsConfig::new().identity(identity))
        .expect("tls")
        .add_service(Echo(vec![7; size].into()))
        .serve_with_incoming(TcpIncoming::from(listener).with_nodelay(Some(true)))
        .await
        .expect("served");
}

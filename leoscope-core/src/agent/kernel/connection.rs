//! The kernel service's side towards experiments: one connection, one request, one answer.

use std::net::SocketAddr;
use std::sync::Arc;

use jiff::SignedDuration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::super::{Inner, RETRY};
use super::answer;
use crate::error::Result;
use crate::kernel::MAX_REQUEST;

/// How many connections are served at once; those beyond are closed.
const MAX_CONNECTIONS: usize = 16;

/// How long an experiment may take to send its request, or to take the answer.
const PATIENCE: SignedDuration = SignedDuration::from_secs(5);

/// How long nothing may come in the middle of a request: requests have no end of their own, and the
/// network may deliver one in pieces.
const QUIET: SignedDuration = SignedDuration::from_millis(20);

/// Serves experiments where the executor config says so.
pub(in crate::agent) async fn serve(node: &Arc<Inner>) -> Result<()> {
    let (Some(service), Some(_)) = (node.config.executor.kernel, &node.kernel.kernel) else {
        // There is no such service on this node, which is nothing to end for.
        return std::future::pending().await;
    };
    let listener = bind(node, service.listen).await;
    tracing::info!(address = %service.listen, "experiments may ask for kernel settings");
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, address)) if connections.len() < MAX_CONNECTIONS => {
                    let node = Arc::clone(node);
                    connections.spawn(async move { converse(&node, stream, address).await });
                }
                Ok((stream, address)) => {
                    tracing::warn!(%address, "too many connections for kernel settings");
                    drop(stream);
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot take a connection for kernel settings");
                    node.pause(RETRY).await;
                }
            },
            Some(ended) = connections.join_next() => {
                if let Err(error) = ended {
                    tracing::error!(%error, "a connection for kernel settings broke");
                }
            }
        }
    }
}

/// Listens at `address`, as soon as it is there: the network of the experiments may come up later
/// than the node.
async fn bind(node: &Inner, address: SocketAddr) -> TcpListener {
    let mut told = false;
    loop {
        match TcpListener::bind(address).await {
            Ok(listener) => return listener,
            Err(error) if told => tracing::debug!(%address, %error, "still cannot listen"),
            Err(error) => {
                tracing::warn!(%address, %error, "cannot listen for kernel settings, trying again");
                told = true;
            }
        }
        node.pause(RETRY).await;
    }
}

async fn converse(node: &Inner, mut stream: TcpStream, address: SocketAddr) {
    let Some(kernel) = &node.kernel.kernel else { return };
    let request = tokio::select! {
        request = receive(node, &mut stream) => request,
        () = node.pause(PATIENCE) => return tracing::debug!(%address, "no request came"),
    };
    let Some(request) = request else { return };
    let text = answer(node, kernel.as_ref(), address.ip(), &request).await;
    let send = async {
        stream.write_all(text.as_bytes()).await?;
        stream.shutdown().await?;
        // Closing while something has not been read would take the answer back.
        let mut rest = [0; MAX_REQUEST];
        while stream.read(&mut rest).await? > 0 {}
        Ok::<(), std::io::Error>(())
    };
    tokio::select! {
        sent = send => if let Err(error) = sent {
            tracing::debug!(%address, %error, "the answer was not taken");
        },
        () = node.pause(PATIENCE) => {}
    }
}

/// Reads a request: up to a line end, the end of what is sent, or a silence. One byte more than is
/// allowed is enough to tell that it is too long. `None` when nothing was sent.
async fn receive(node: &Inner, stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut request = Vec::new();
    let mut piece = [0; MAX_REQUEST + 1];
    loop {
        let room = MAX_REQUEST + 1 - request.len();
        let silence = async {
            match request.is_empty() {
                true => std::future::pending().await,
                false => node.pause(QUIET).await,
            }
        };
        let read = tokio::select! {
            read = stream.read(&mut piece[..room]) => read.ok()?,
            () = silence => return Some(request),
        };
        request.extend_from_slice(&piece[..read]);
        let ended = read == 0 || request.ends_with(b"\n") || request.len() > MAX_REQUEST;
        if ended {
            return (!request.is_empty()).then_some(request);
        }
    }
}

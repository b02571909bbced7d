//! Connections: accepts them until the service stops, and drops those whose other side is inactive for too long.
//!
//! Every write on a connection, of an answer, events or a socket, waits here for the peer to read. A peer that does not
//! read, or sends no request, must not keep resources or a connection for ever.

use std::io::{
    self,
    ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset},
};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Router;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1::Builder;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::Sleep;
use tower::ServiceExt as _;

use throughline_gateway::{Remote, Stopping};

/// The most connections at once, unless `serve --connections` sets another limit.
pub const CONNECTIONS: usize = 4_096;
/// The most connections beyond the limit that get an answer at once. Further ones are closed without an answer.
const TURNED_AWAY: usize = 64;
/// The most time to send that answer.
const FAREWELL: Duration = Duration::from_secs(1);
/// The answer beyond the limit. The request was not processed.
const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/problem+json\r\n\
    retry-after: 1\r\nconnection: close\r\n\r\n{\"type\":\"about:blank\",\"title\":\"Service Unavailable\",\
    \"status\":503,\"detail\":\"the service has reached its limit of connections: try again after Retry-After\"}";
/// The most time that a write may wait for the peer.
const PATIENCE: Duration = Duration::from_secs(30);
/// The most time for the head of a request, including the wait for it. It is longer than proxies keep idle connections.
const IDLE: Duration = Duration::from_secs(75);
/// The wait when no connection can be accepted, such as for lack of file descriptors.
const OUT_OF_BREATH: Duration = Duration::from_millis(200);

/// Accepts connections until it is asked to stop, and serves each in its own task. Open connections then finish the
/// requests in progress. They hold their own signal to stop, and so does a connection that became a socket.
pub(super) async fn serve(listener: TcpListener, connections: usize, router: Router, mut stopping: Stopping) {
    let (places, farewells) = (Arc::new(Semaphore::new(connections)), Arc::new(Semaphore::new(TURNED_AWAY)));
    let mut builder = Builder::new();
    // The headers of a socket's handshake are answered in the letter case of the request, because some clients compare
    // them.
    builder.preserve_header_case(true).timer(TokioTimer::new()).header_read_timeout(IDLE);
    loop {
        let accepted = tokio::select! {
            () = stopping.requested() => return,
            accepted = listener.accept() => accepted,
        };
        let (stream, from) = match accepted {
            Ok((stream, address)) => (stream, Remote(address.ip())),
            // The other side has already gone.
            Err(error) if matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset) => continue,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(OUT_OF_BREATH).await;
                continue;
            }
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            if let Ok(farewell) = Arc::clone(&farewells).try_acquire_owned() {
                tokio::spawn(async move {
                    // A peer that does not read the answer is dropped.
                    let _ = tokio::time::timeout(FAREWELL, turn_away(stream)).await;
                    drop(farewell);
                });
            }
            continue;
        };
        // Events are small and must not wait for the next one. If this option cannot be set, they only arrive later.
        let _ = stream.set_nodelay(true);
        let connection = TokioIo::new(Connection::new(stream, PATIENCE));
        let known_from = router.clone().map_request(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(from);
            request
        });
        let served = builder.serve_connection(connection, TowerToHyperService::new(known_from)).with_upgrades();
        let mut stopping = stopping.clone();
        tokio::spawn(async move {
            let mut served = std::pin::pin!(served);
            let ended = tokio::select! {
                ended = served.as_mut() => ended,
                () = stopping.requested() => {
                    served.as_mut().graceful_shutdown();
                    served.await
                }
            };
            if let Err(error) = ended {
                tracing::debug!(%error, "a connection broke off");
            }
            drop(place);
        });
    }
}

/// Answers that there are too many connections, then reads until the peer closes. If we closed first, the peer might
/// lose the answer.
async fn turn_away(mut stream: TcpStream) -> io::Result<()> {
    stream.write_all(FULL).await?;
    stream.shutdown().await?;
    let mut read = [0; 1_024];
    while stream.read(&mut read).await? > 0 {}
    Ok(())
}

/// A connection on which a write fails once it has waited too long.
struct Connection<C> {
    inner: C,
    patience: Duration,
    /// While a write waits: the deadline.
    waiting: Option<Pin<Box<Sleep>>>,
}

impl<C> Connection<C> {
    const fn new(inner: C, patience: Duration) -> Self {
        Self { inner, patience, waiting: None }
    }

    /// The result of a write, or an error if the write has waited too long.
    fn watched<T>(&mut self, cx: &mut Context<'_>, outcome: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if outcome.is_ready() {
            self.waiting = None;
            return outcome;
        }
        let patience = self.patience;
        let waiting = self.waiting.get_or_insert_with(|| Box::pin(tokio::time::sleep(patience)));
        ready!(waiting.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<C: AsyncRead + Unpin> AsyncRead for Connection<C> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buffer)
    }
}

impl<C: AsyncWrite + Unpin> AsyncWrite for Connection<C> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.inner).poll_write(cx, bytes);
        self.watched(cx, outcome)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.inner).poll_write_vectored(cx, bytes);
        self.watched(cx, outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.inner).poll_flush(cx);
        self.watched(cx, outcome)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.inner).poll_shutdown(cx);
        self.watched(cx, outcome)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::*;

    #[tokio::test]
    async fn a_write_that_is_not_read_times_out() {
        let (ours, theirs) = duplex(16);
        let mut connection = Connection::new(ours, Duration::from_millis(20));
        let failed = connection.write_all(&[0; 17]).await.expect_err("nobody reads");
        assert_eq!(failed.kind(), io::ErrorKind::TimedOut);
        drop(theirs);
    }

    #[tokio::test]
    async fn a_slow_reader_does_not_time_out() {
        let (ours, mut theirs) = duplex(4);
        let mut connection = Connection::new(ours, Duration::from_secs(30));
        let written = tokio::spawn(async move { connection.write_all(b"every byte of it").await });
        let mut read = [0; 16];
        for byte in &mut read {
            tokio::task::yield_now().await;
            *byte = theirs.read_u8().await.expect("a byte");
        }
        written.await.expect("it ends").expect("it was all taken");
        assert_eq!(&read, b"every byte of it");
    }
}

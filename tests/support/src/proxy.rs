//! A network that a test may cut or freeze: connections to a server, led through this process.

use std::net::SocketAddr;

use parlor_platform::task;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Listens on a port of its own and leads what comes there to a server, until it is dropped.
pub struct Proxy {
    address: SocketAddr,
    events: watch::Sender<Events>,
}

/// How often each happened; a connection is met by what happens after its beginning.
#[derive(Clone, Copy, Default)]
struct Events {
    cuts: u64,
    freezes: u64,
}

impl Proxy {
    /// A way to the server at this address (`host:port`).
    pub async fn to(server: &str) -> Self {
        let (events, follow) = watch::channel(Events::default());
        let Ok(listener) = TcpListener::bind("127.0.0.1:0").await else { panic!("no port for a proxy") };
        let Ok(address) = listener.local_addr() else { panic!("no port for a proxy") };
        let server = server.to_owned();
        task::spawn("proxy", async move {
            let mut ended = follow.clone();
            loop {
                let inbound = tokio::select! {
                    _ = ended.wait_for(|_| false) => return,
                    inbound = listener.accept() => inbound,
                };
                if let (Ok((inbound, _)), Ok(outbound)) = (inbound, TcpStream::connect(&server).await) {
                    let (from_client, to_client) = inbound.into_split();
                    let (from_server, to_server) = outbound.into_split();
                    task::spawn("proxy, up", lead(from_client, to_server, follow.clone()));
                    task::spawn("proxy, down", lead(from_server, to_client, follow.clone()));
                }
            }
        });
        Self { address, events }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends all connections; new ones may be made at once.
    pub fn cut(&self) {
        self.events.send_modify(|events| events.cuts += 1);
    }

    /// All connections stay open and nothing passes any more; new ones may be made at once.
    pub fn freeze(&self) {
        self.events.send_modify(|events| events.freezes += 1);
    }
}

async fn lead(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, events: watch::Receiver<Events>) {
    let began = *events.borrow();
    let (mut cut, mut frozen) = (events.clone(), events);
    let passing = async {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(length) = from.read(&mut buffer).await {
            if length == 0 || to.write_all(&buffer[..length]).await.is_err() {
                return;
            }
        }
    };
    let passing_until_frozen = async {
        let is_frozen = tokio::select! {
            biased;
            _ = frozen.wait_for(|now| now.freezes != began.freezes) => true,
            () = passing => false,
        };
        if is_frozen {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        _ = cut.wait_for(|now| now.cuts != began.cuts) => {}
        () = passing_until_frozen => {}
    }
}

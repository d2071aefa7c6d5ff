//! Ports for servers that a test starts as processes.

use std::net::TcpListener;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU16, Ordering};

/// Below those that kernels give to outgoing connections (from 32,768 on Linux, 49,152 on macOS), and above those
/// that `script/services` takes: nobody sits on a port between its choice and the start of its server.
const PORTS: std::ops::Range<u16> = 21_500..32_500;

static NEXT: LazyLock<AtomicU16> = LazyLock::new(|| {
    let start = uuid::Uuid::new_v4().as_u128() % u128::from(PORTS.end - PORTS.start);
    AtomicU16::new(u16::try_from(start).unwrap_or_default())
});

/// A port of this machine that nobody uses, and that this process has not been given yet.
pub fn free_port() -> u16 {
    for _ in PORTS {
        let port = PORTS.start + NEXT.fetch_add(1, Ordering::Relaxed) % (PORTS.end - PORTS.start);
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    panic!("no port between {} and {} is free", PORTS.start, PORTS.end)
}

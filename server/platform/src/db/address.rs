//! Where PostgreSQL is, and how the way there is protected.
//!
//! `sslmode` in the address has libpq's meaning. tokio-postgres knows only whether to ask for TLS; what to believe of
//! the answer is decided here. A client certificate and channel binding are not offered.

use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use diesel::ConnectionError;
use diesel_async::AsyncPgConnection;
use futures_util::future::BoxFuture;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::config::{Host, SslMode as Asked};
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream};
use tokio_postgres::{NoTls, Socket};
use tokio_rustls::TlsConnector;

use crate::config;
use crate::error::{Error, Result};
use crate::tls::{self, Trust};

/// What of TLS: libpq's `sslmode` without `allow`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SslMode {
    /// None.
    Disable,
    /// If the server has it.
    Prefer,
    /// Encrypted, with whoever answers.
    Require,
    /// With a certificate of a known authority.
    VerifyCa,
    /// And for the name of the host.
    VerifyFull,
}

impl SslMode {
    /// Splits `sslmode` off an address; what is left is for tokio-postgres.
    fn split(url: &str) -> Result<(Self, String), String> {
        const KEY: &str = "sslmode=";
        let separates = |c: char| c == '?' || c == '&' || c.is_whitespace();
        let found = url.match_indices(KEY).find(|(at, _)| *at == 0 || url[..*at].ends_with(separates));
        let Some((at, _)) = found else { return Ok((Self::Prefer, url.to_owned())) };
        let rest = &url[at + KEY.len()..];
        let end = rest.find(|c: char| c == '&' || c.is_whitespace()).unwrap_or(rest.len());
        let mode = match &rest[..end] {
            "disable" => Self::Disable,
            "prefer" => Self::Prefer,
            "require" => Self::Require,
            "verify-ca" => Self::VerifyCa,
            "verify-full" => Self::VerifyFull,
            other => {
                return Err(format!(
                    "sslmode={other} is not one of disable, prefer, require, verify-ca, verify-full"
                ));
            }
        };
        let left = format!("{}{}", &url[..at], rest[end..].trim_start_matches('&'));
        Ok((mode, left.trim_end_matches(['?', '&']).to_owned()))
    }

    /// Another spelling, such as with blanks around `=`, is what tokio-postgres took it for.
    fn or_parsed(self, parsed: &tokio_postgres::Config) -> Self {
        match (self, parsed.get_ssl_mode()) {
            (Self::Prefer, Asked::Disable) => Self::Disable,
            (Self::Prefer, Asked::Require) => Self::Require,
            _ => self,
        }
    }

    fn trust(self, ca: Option<&Path>) -> Option<Trust<'_>> {
        match (self, ca) {
            (Self::Disable, _) => None,
            (Self::Prefer, _) | (Self::Require, None) => Some(Trust::Anyone),
            (Self::Require | Self::VerifyCa, _) => Some(Trust::Signed(ca)),
            (Self::VerifyFull, _) => Some(Trust::Named(ca)),
        }
    }
}

/// Whether an address asks for TLS, or stays on this machine. `None`: it is no address, which connecting will say.
pub(crate) fn is_protected(url: &str) -> Option<bool> {
    let (mode, url) = SslMode::split(url).ok()?;
    let parsed: tokio_postgres::Config = url.parse().ok()?;
    let is_local = |host: &Host| match host {
        Host::Tcp(name) => tls::is_local_host(name),
        Host::Unix(_) => true,
    };
    let stays = parsed.get_hosts().iter().all(is_local)
        && parsed.get_hostaddrs().iter().all(std::net::IpAddr::is_loopback);
    Some(stays || mode.or_parsed(&parsed) >= SslMode::Require)
}

/// Where to connect to. Clones are cheap.
#[derive(Clone)]
pub(super) struct Address(Arc<Inner>);

struct Inner {
    config: tokio_postgres::Config,
    tls: Option<Tls>,
}

impl Address {
    /// Reads the settings and the certificates; connects to nothing.
    pub fn new(config: &config::Database) -> Result<Self> {
        let wrong = |why: String| Error::internal(format!("database.url: {why}"));
        let (mode, url) = SslMode::split(config.url.expose()).map_err(wrong)?;
        let mut parsed: tokio_postgres::Config =
            url.parse().map_err(|error: tokio_postgres::Error| wrong(error.to_string()))?;
        let mode = mode.or_parsed(&parsed);
        parsed.ssl_mode(match mode {
            SslMode::Disable => Asked::Disable,
            SslMode::Prefer => Asked::Prefer,
            _ => Asked::Require,
        });
        let ca = Some(Path::new(&config.tls_ca_file)).filter(|path| !path.as_os_str().is_empty());
        if ca.is_some() && mode < SslMode::Require {
            return Err(Error::internal(
                "database.tls_ca_file is set, and without sslmode=require or more in database.url nothing is \
                 compared with it",
            ));
        }
        let tls = mode.trust(ca).map(tls::client).transpose()?;
        Ok(Self(Arc::new(Inner { config: parsed, tls: tls.map(|tls| Tls(Arc::new(tls).into())) })))
    }

    /// A connection as the role that logs in.
    pub async fn connect(&self) -> diesel::ConnectionResult<AsyncPgConnection> {
        let Inner { config, tls } = &*self.0;
        match tls {
            Some(tls) => {
                let (client, connection) = config.connect(tls.clone()).await.map_err(refused)?;
                AsyncPgConnection::try_from_client_and_connection(client, connection).await
            }
            None => {
                let (client, connection) = config.connect(NoTls).await.map_err(refused)?;
                AsyncPgConnection::try_from_client_and_connection(client, connection).await
            }
        }
    }
}

/// The library says in what it failed, and only its cause says why: which certificate, for which name.
fn refused(error: tokio_postgres::Error) -> ConnectionError {
    let why = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
    ConnectionError::BadConnection(format!("{error}{why}"))
}

#[derive(Clone)]
struct Tls(TlsConnector);

/// A handshake to come, with the name that was dialled.
struct Handshake {
    connector: TlsConnector,
    name: ServerName<'static>,
}

struct Stream(tokio_rustls::client::TlsStream<Socket>);

impl MakeTlsConnect<Socket> for Tls {
    type Stream = Stream;
    type TlsConnect = Handshake;
    type Error = rustls::pki_types::InvalidDnsNameError;

    fn make_tls_connect(&mut self, domain: &str) -> Result<Handshake, Self::Error> {
        // A socket in the file system has no name. PostgreSQL offers no TLS on it, so this one is never looked at.
        let domain = if domain.is_empty() { "localhost" } else { domain };
        Ok(Handshake { connector: self.0.clone(), name: ServerName::try_from(domain.to_owned())? })
    }
}

impl TlsConnect<Socket> for Handshake {
    type Stream = Stream;
    type Error = io::Error;
    type Future = BoxFuture<'static, io::Result<Stream>>;

    fn connect(self, stream: Socket) -> Self::Future {
        Box::pin(async move { self.connector.connect(self.name, stream).await.map(Stream) })
    }
}

impl TlsStream for Stream {
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sslmode_is_taken_out_of_the_address() {
        for (url, mode, left) in [
            ("postgres://h/d", SslMode::Prefer, "postgres://h/d"),
            ("postgres://h/d?sslmode=disable", SslMode::Disable, "postgres://h/d"),
            (
                "postgres://h/d?sslmode=verify-full&connect_timeout=3",
                SslMode::VerifyFull,
                "postgres://h/d?connect_timeout=3",
            ),
            (
                "postgres://h/d?connect_timeout=3&sslmode=verify-ca",
                SslMode::VerifyCa,
                "postgres://h/d?connect_timeout=3",
            ),
            ("postgres://u:sslmode=x@h/d?sslmode=require", SslMode::Require, "postgres://u:sslmode=x@h/d"),
            ("host=h sslmode=prefer user=u", SslMode::Prefer, "host=h  user=u"),
        ] {
            assert_eq!(SslMode::split(url), Ok((mode, left.to_owned())), "{url}");
        }
        assert!(SslMode::split("postgres://h/d?sslmode=allow").unwrap_err().contains("sslmode=allow"));
    }

    #[test]
    fn what_leaves_the_machine_unprotected_is_known() {
        for (url, protected) in [
            ("postgres://127.0.0.1/d", Some(true)),
            ("postgres://u@localhost:5433/d?sslmode=disable", Some(true)),
            ("postgres://u@[::1]/d", Some(true)),
            ("postgres://%2Fvar%2Frun/d", Some(true)),
            ("postgres://db.internal/d", Some(false)),
            ("postgres://db.internal/d?sslmode=prefer", Some(false)),
            ("postgres://localhost,db.internal/d", Some(false)),
            ("postgres://localhost/d?hostaddr=10.0.0.1", Some(false)),
            ("postgres://db.internal/d?sslmode=require", Some(true)),
            ("host=db.internal user=u sslmode = require", Some(true)),
            ("postgres://db.internal/d?sslmode=verify-full", Some(true)),
            ("postgres://db.internal/d?sslmode=of-course", None),
        ] {
            assert_eq!(is_protected(url), protected, "{url}");
        }
    }
}

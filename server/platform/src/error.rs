//! The server's error, and how it becomes an HTTP answer.
//!
//! [`Error`] carries a code of the one table ([`ErrorCode`]), what the caller may know, and, apart from
//! that, the cause for the log. A 5xx tells the caller nothing but its request id. `?` on a database error
//! gives `unavailable` when the database is away and `internal` otherwise; a unique violation that has a
//! meaning is turned into a 4xx by name with [`OnConstraint`].

use std::fmt;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use diesel::result::DatabaseErrorKind;
use parlor_protocol::ErrorCode;
use parlor_protocol::error::{ErrorBody, ErrorDetail};

/// What an operation answers with.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error with its code.
#[derive(Clone)]
pub struct Error {
    code: ErrorCode,
    message: Option<String>,
    retry_after: Option<u32>,
    cause: Option<std::sync::Arc<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// An error that says what the table says.
    pub fn new(code: ErrorCode) -> Self {
        let retry_after = matches!(code, ErrorCode::Unavailable).then_some(1);
        Self { code, message: None, retry_after, cause: None }
    }

    /// An error that says more than the table.
    pub fn with(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { message: Some(message.into()), ..Self::new(code) }
    }

    /// Something that should not have happened.
    pub fn internal(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self { cause: Some(cause.into().into()), ..Self::new(ErrorCode::Internal) }
    }

    /// A system that we need is away.
    pub fn unavailable(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self { cause: Some(cause.into().into()), ..Self::new(ErrorCode::Unavailable) }
    }

    /// Seconds after which a retry makes sense.
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// The code.
    pub fn code(&self) -> ErrorCode {
        self.code
    }

    /// What the caller may know.
    pub fn message(&self) -> &str {
        match &self.message {
            Some(message) if self.code.status() < 500 => message,
            _ => self.code.meaning(),
        }
    }

    /// Writes the cause of a 5xx to the log, once, where the error leaves us.
    pub fn log(&self) {
        let request_id = REQUEST_ID.try_with(Clone::clone).unwrap_or_default();
        match self.code {
            ErrorCode::Internal => tracing::error!(request_id, error = ?self, "internal error"),
            ErrorCode::Unavailable => tracing::warn!(request_id, error = ?self, "unavailable"),
            _ => {}
        }
    }

    /// The answer's body.
    pub fn body(&self, request_id: &str) -> ErrorBody {
        ErrorBody {
            error: ErrorDetail {
                code: self.code,
                message: self.message().to_owned(),
                retryable: self.code.retryable(),
                doc: format!("/docs/errors#{}", self.code.as_str()),
                request_id: request_id.to_owned(),
            },
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code.as_str())?;
        if let Some(message) = &self.message {
            write!(f, ": {message}")?;
        }
        if let Some(cause) = &self.cause {
            write!(f, " ({cause})")?;
        }
        Ok(())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.cause.as_deref().map(|cause| cause as _)
    }
}

impl From<ErrorCode> for Error {
    fn from(code: ErrorCode) -> Self {
        Self::new(code)
    }
}

impl From<diesel::result::Error> for Error {
    fn from(error: diesel::result::Error) -> Self {
        if is_away(&error) { Self::unavailable(error) } else { Self::internal(error) }
    }
}

/// Whether PostgreSQL is gone, going or starting, as opposed to refusing a statement.
fn is_away(error: &diesel::result::Error) -> bool {
    use diesel::result::Error as E;
    const SIGNS: [&str; 10] = [
        // The other side of it goes on, and so will a retry.
        "deadlock detected",
        "connection closed",
        "terminating connection",
        "shutting down",
        "starting up",
        "in recovery mode",
        "canceling statement due to",
        "too many clients",
        "remaining connection slots",
        "No space left on device",
    ];
    match error {
        E::BrokenTransactionManager => true,
        E::DatabaseError(DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::UnableToSendCommand, _) => {
            true
        }
        E::DatabaseError(DatabaseErrorKind::ReadOnlyTransaction, _) => true,
        E::DatabaseError(_, info) => SIGNS.iter().any(|sign| info.message().contains(sign)),
        _ => false,
    }
}

/// Turns the violation of a named constraint into an error with a meaning.
pub trait OnConstraint<T> {
    /// If `constraint` was violated, the error is `code`.
    fn on_constraint(self, constraint: &str, code: ErrorCode) -> Result<T>;
}

impl<T> OnConstraint<T> for Result<T, diesel::result::Error> {
    fn on_constraint(self, constraint: &str, code: ErrorCode) -> Result<T> {
        self.map_err(|error| match &error {
            diesel::result::Error::DatabaseError(_, info) if info.constraint_name() == Some(constraint) => {
                Error::new(code)
            }
            _ => error.into(),
        })
    }
}

tokio::task_local! {
    /// Puts the request's id into error bodies; set by the request-id middleware for the time of a request.
    pub static REQUEST_ID: String;
}

impl actix_web::ResponseError for Error {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        self.log();
        let request_id = REQUEST_ID.try_with(Clone::clone).unwrap_or_default();
        let mut response = HttpResponse::build(self.status_code()).json(self.body(&request_id));
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.code.status() == 401 {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_5xx_says_nothing_of_its_cause() {
        let error = Error::internal("password=hunter2");
        assert!(!error.body("r1").error.message.contains("hunter2"));
        assert!(format!("{error:?}").contains("hunter2"), "the log must say it");
    }
}

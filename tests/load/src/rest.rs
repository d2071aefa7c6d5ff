//! Parlor's REST API, for what is set up before anything is measured.

use anyhow::{Context, Result};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::http::{Http, request};

/// A connection that speaks for one caller.
pub struct Api {
    http: Http,
    host: String,
    authorization: String,
}

impl Api {
    /// Connects; `bearer` is a user's token or the server's secret.
    pub async fn connect(host: &str, bearer: &str) -> Result<Self> {
        let authorization = format!("Authorization: Bearer {bearer}");
        Ok(Self { http: Http::connect(host).await?, host: host.to_owned(), authorization })
    }

    /// Speaks for somebody else from now on.
    pub fn speak_for(&mut self, bearer: &str) {
        self.authorization = format!("Authorization: Bearer {bearer}");
    }

    /// Asks for something.
    pub async fn get<T: DeserializeOwned>(&mut self, path: &str) -> Result<T> {
        self.call("GET", path, None).await
    }

    /// Posts something; `null` is no body at all.
    pub async fn post<T: DeserializeOwned>(&mut self, path: &str, body: &Value) -> Result<T> {
        self.call("POST", path, Some(body)).await
    }

    /// Puts something.
    pub async fn put<T: DeserializeOwned>(&mut self, path: &str, body: &Value) -> Result<T> {
        self.call("PUT", path, Some(body)).await
    }

    /// Text that is outside of the versioned API.
    pub async fn text(&mut self, path: &str) -> Result<String> {
        let request = request("GET", &self.host, path, &[&self.authorization], b"");
        Ok(String::from_utf8_lossy(self.http.exchange(&request).await?.success()?).into_owned())
    }

    async fn call<T: DeserializeOwned>(
        &mut self,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> Result<T> {
        let body = body.filter(|body| !body.is_null()).map(ToString::to_string).unwrap_or_default();
        let path = format!("/api/v1{path}");
        let request = request(method, &self.host, &path, &[&self.authorization], body.as_bytes());
        let answer = self.http.exchange(&request).await.with_context(|| format!("{method} {path}"))?;
        let said = answer.success().with_context(|| format!("{method} {path}"))?;
        serde_json::from_slice(said).with_context(|| format!("{method} {path} answered something else"))
    }
}

//! Path and query, with errors from the table.

use std::str::FromStr;

use actix_web::{FromRequest, HttpRequest, dev::Payload, web};
use parlor_platform::{Error, Result};
use parlor_protocol::{AppId, ChannelId, ErrorCode};
use serde::de::DeserializeOwned;

use crate::Chat;

/// The query of a request.
pub struct Params<T>(pub T);

impl<T: DeserializeOwned> FromRequest for Params<T> {
    type Error = actix_web::Error;
    type Future = std::future::Ready<Result<Self, actix_web::Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let query = request.query_string();
        let read = if query.contains("%00") {
            Err(ErrorCode::NulByte.into())
        } else if percent_decode(query).is_none() {
            Err(Error::with(ErrorCode::InvalidParameter, "The query is not percent-encoded UTF-8."))
        } else {
            web::Query::<T>::from_query(query).map(|query| Self(query.into_inner())).map_err(|error| {
                Error::with(ErrorCode::InvalidParameter, format!("The query does not fit: {error}."))
            })
        };
        std::future::ready(read.map_err(Into::into))
    }
}

/// The path segment `{id}`, read as `T`.
pub struct Id<T>(pub T);

impl<T: FromStr> FromRequest for Id<T> {
    type Error = actix_web::Error;
    type Future = std::future::Ready<Result<Self, actix_web::Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        std::future::ready(segment(request, "id").map(Self).map_err(Into::into))
    }
}

/// A named path segment, percent-decoded, read as `T`.
pub fn segment<T: FromStr>(request: &HttpRequest, name: &str) -> Result<T> {
    // Routing replaces bytes that are no UTF-8, which would make one id of many.
    percent_decode(request.uri().path()).ok_or(ErrorCode::InvalidId)?;
    let text = request.match_info().query(name);
    let text = percent_decode(text).ok_or(ErrorCode::InvalidId)?;
    text.parse().map_err(|_| ErrorCode::InvalidId.into())
}

fn percent_decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next()?, rest.next()?];
            bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

/// A channel by its id, or by its `cid`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChannelRef {
    Id(ChannelId),
    Cid(String),
}

impl FromStr for ChannelRef {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(id) = text.parse() {
            return Ok(Self::Id(id));
        }
        let (kind, slug) = text.split_once(':').ok_or(())?;
        if parlor_protocol::ChannelType::parse(kind).is_none() || !crate::validate::is_slug(slug) {
            return Err(());
        }
        Ok(Self::Cid(text.to_owned()))
    }
}

impl ChannelRef {
    /// The channel's id. Cids never change, so they are remembered.
    pub async fn resolve(&self, chat: &Chat, app: AppId) -> Result<ChannelId> {
        let cid = match self {
            Self::Id(id) => return Ok(*id),
            Self::Cid(cid) => cid,
        };
        let key = (app, cid.clone());
        if let Some(id) = chat.cids.get(&key).await {
            return Ok(id);
        }
        let tx = chat.db.tenant(app).await?;
        let id = crate::channels::store::id_by_cid(&tx, cid).await?.ok_or(ErrorCode::ChannelNotFound)?;
        tx.commit().await?;
        chat.cids.insert(key, id).await;
        Ok(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_is_named_by_id_or_cid() {
        let id = ChannelId::new();
        assert_eq!(id.to_string().parse(), Ok(ChannelRef::Id(id)));
        assert_eq!("team:a-b_1".parse(), Ok(ChannelRef::Cid("team:a-b_1".into())));
        for bad in ["", "x", "nope:a", "team:", "team:a b", "team:ä"] {
            assert_eq!(bad.parse::<ChannelRef>(), Err(()), "{bad}");
        }
    }

    #[test]
    fn a_percent_encoded_segment_is_decoded() {
        assert_eq!(percent_decode("a%3Ab%20%C3%A9").as_deref(), Some("a:b é"));
        assert_eq!(percent_decode("%zz"), None);
        assert_eq!(percent_decode("%ff"), None);
        assert_eq!(percent_decode("%4"), None);
    }
}

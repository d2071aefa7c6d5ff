//! Users by what was typed of their name.

use std::collections::HashMap;

use parlor_platform::db::TenantTx;
use parlor_platform::{Error, Result};
use parlor_protocol::limits::{NAME_CHARS, SEARCH_DEFAULT};
use parlor_protocol::{ErrorCode, Page, User};
use serde::Deserialize;

use super::store;
use crate::users::store as users;
use crate::web::{decode, encode, limit, one_more};

/// Fewer characters than this are in too many names to look for in the middle of them.
const SHORT: usize = 3;

/// Whom to look for.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct PeopleQuery {
    /// A part of the name, or the beginning of the id, at most 100 characters; small mistakes are forgiven. Less than three
    /// characters are the beginning of the name or the id. Everybody, by id, if left out.
    q: Option<String>,
    /// 1 to 100, 10 unless given.
    limit: Option<u32>,
    /// From `next` of the page before.
    cursor: Option<String>,
}

/// One page, the likest first.
pub async fn page(tx: &TenantTx, request: PeopleQuery) -> Result<Page<User>> {
    let size = limit(request.limit.or(Some(SEARCH_DEFAULT)))?;
    let typed = request.q.as_deref().map(str::trim).filter(|typed| !typed.is_empty());
    let length = typed.map_or(0, |typed| typed.chars().count());
    if length > NAME_CHARS {
        let why = format!("`q` has at most {NAME_CHARS} characters.");
        return Err(Error::with(ErrorCode::InvalidParameter, why));
    }
    let Some(typed) = typed.filter(|_| length >= SHORT) else {
        let after = decode::<String>("users", request.cursor.as_deref())?;
        let rows = users::page(tx, users::Which::Active, typed, after.as_deref(), one_more(size)).await?;
        let page = Page::of(rows, size, |row| encode("users", &row.id))?;
        return page.try_map(User::try_from);
    };
    let after = decode::<(f32, String)>("people", request.cursor.as_deref())?;
    let after = after.unwrap_or((f32::MAX, String::new()));
    let found = store::users_like(tx, typed, (after.0, &after.1), one_more(size)).await?;
    let page = Page::of(found, size, |(id, likeness)| encode("people", &(likeness, id)))?;
    let ids: Vec<&str> = page.items.iter().map(|(id, _)| id.as_str()).collect();
    let mut rows: HashMap<String, users::UserRow> =
        users::of(tx, &ids).await?.into_iter().map(|row| (row.id.clone(), row)).collect();
    let items = ids.iter().filter_map(|id| rows.remove(*id)).map(User::try_from).collect::<Result<_>>()?;
    Ok(Page { items, next: page.next })
}

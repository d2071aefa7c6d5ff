//! Which users are found.

use std::collections::HashMap;

use parlor_platform::Result;
use parlor_platform::db::TenantTx;
use parlor_protocol::limits::{NAME_CHARS, QUERY_LIKEST};
use parlor_protocol::query::{Order, Query};
use parlor_protocol::{Page, User};

use super::compile::{Bind, Binds, keys};
use super::fields::USERS;
use super::filter::{Condition, Test};
use super::page::Asked;
use super::unservable;
use crate::users::store as users;
use crate::web::limit;

/// Fewer characters than this are in too many names.
const SHORT: usize = 3;

/// One page.
pub async fn page(tx: &TenantTx, query: &Query) -> Result<Page<User>> {
    let size = limit(query.limit)?;
    let usual = [("id", Order::Asc)];
    let asked = Asked::read(&USERS, &query.filter, &query.sort, &usual, size, query.cursor.as_deref())?;
    let mut binds = Binds::default();
    let from = found(tx, &asked, &mut binds)?;
    let page = asked.run(tx, "u.id", &from, binds).await?;
    let ids: Vec<&str> = page.items.iter().map(|found| found.id.as_str()).collect();
    let mut rows: HashMap<String, _> =
        users::of(tx, &ids).await?.into_iter().map(|row| (row.id.clone(), row)).collect();
    let items = ids.iter().filter_map(|id| rows.remove(*id)).map(User::try_from).collect::<Result<_>>()?;
    Ok(Page { items, next: page.next })
}

/// By ids, by what was typed of the name, or all by id.
fn found(tx: &TenantTx, asked: &Asked, binds: &mut Binds) -> Result<String> {
    let app = binds.push(Bind::Id(tx.app()));
    let (musts, conditions) = (asked.filter.musts(), asked.filter.conditions());
    let is_words = |is: &&Condition| matches!(is.test, Test::Words(_));
    let words = conditions.iter().copied().filter(is_words).count();
    if words > 1 || words > musts.iter().copied().filter(is_words).count() {
        return Err(unservable("`name` is searched by `$q` once, and outside of `$or` and `$nor`."));
    }
    let ids = musts.iter().find(|is| is.field.name == "id").and_then(|is| keys(is));
    if let Some(ids) = ids.filter(|_| words == 0) {
        let ids = binds.push(ids);
        return Ok(format!("users u WHERE u.app_id = {app} AND u.id = ANY({ids})"));
    }
    let typed = musts.iter().find_map(|is| match &is.test {
        Test::Words(typed) | Test::Autocomplete(typed) => Some(typed.clone()),
        _ => None,
    });
    if let Some(typed) = typed {
        if !(SHORT..=NAME_CHARS).contains(&typed.chars().count()) {
            return Err(unservable(format!("`name` is searched by {SHORT} to {NAME_CHARS} characters.")));
        }
        let folded = binds.push(Bind::Text(typed.to_lowercase()));
        let typed = binds.push(Bind::Text(typed));
        let most = binds.push(Bind::Int(QUERY_LIKEST));
        return Ok(format!(
            "parlor_search_users({typed}, {folded}, 2, '', {most}) f CROSS JOIN LATERAL (SELECT * FROM users \
                 WHERE app_id = {app} AND id = f.id OFFSET 0) u WHERE true"
        ));
    }
    let other = conditions.iter().find(|is| is.field.name != "id");
    match (other, asked.by_unique()) {
        (None, true) => Ok(format!("users u WHERE u.app_id = {app}")),
        (Some(is), _) => Err(unservable(format!(
            "No index finds users by `{}` alone: add `id` with `$eq` or `$in`, or `name` with `$autocomplete` or `$q`.",
            is.field.name
        ))),
        (None, false) => Err(unservable(
            "All users are sorted by `id` alone: add `id` with `$eq` or `$in`, or `name` with `$autocomplete` or `$q`.",
        )),
    }
}

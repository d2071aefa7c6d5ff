//! Hand-written SQL whose prepared statement is kept.
//!
//! diesel prepares `sql_query` anew every time, which costs a round trip and a plan. On the send path the
//! statements work on arrays (`UNNEST`) that the query builder can't express, so they are written as
//! text with `?` for each bind, cached by the connection under that text.

use std::marker::PhantomData;

use diesel::pg::Pg;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::result::QueryResult;
use diesel::serialize::ToSql;
use diesel::sql_types::{HasSqlType, Untyped};

/// A statement with its binds; `ST` is the tuple of SQL types that it returns.
pub struct Prepared<'a, ST = Untyped> {
    sql: &'static str,
    binds: Vec<Box<dyn Bind + Send + Sync + 'a>>,
    returns: PhantomData<fn() -> ST>,
}

trait Bind {
    fn push<'b>(&'b self, out: &mut AstPass<'_, 'b, Pg>) -> QueryResult<()>;
}

struct Typed<ST, T>(T, PhantomData<fn() -> ST>);

impl<ST, T> Bind for Typed<ST, T>
where
    Pg: HasSqlType<ST>,
    T: ToSql<ST, Pg>,
{
    fn push<'b>(&'b self, out: &mut AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_bind_param::<ST, T>(&self.0)
    }
}

/// Begins a statement; each `?` in the text is one bind.
pub fn prepared<'a, ST>(sql: &'static str) -> Prepared<'a, ST> {
    Prepared { sql, binds: Vec::new(), returns: PhantomData }
}

impl<'a, ST> Prepared<'a, ST> {
    /// The next bind, of SQL type `BT`.
    pub fn bind<BT, T>(mut self, value: T) -> Self
    where
        BT: 'a,
        Pg: HasSqlType<BT>,
        T: ToSql<BT, Pg> + Send + Sync + 'a,
    {
        self.binds.push(Box::new(Typed::<BT, T>(value, PhantomData)));
        self
    }
}

impl<ST> QueryFragment<Pg> for Prepared<'_, ST> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        // Another number would leave a condition out, or use another one's value.
        if self.sql.matches('?').count() != self.binds.len() {
            let why = format!("{} binds for: {}", self.binds.len(), self.sql);
            return Err(diesel::result::Error::QueryBuilderError(why.into()));
        }
        let mut parts = self.sql.split('?');
        out.push_sql(parts.next().unwrap_or_default());
        for (bind, part) in self.binds.iter().zip(parts) {
            bind.push(&mut out)?;
            out.push_sql(part);
        }
        Ok(())
    }
}

impl<ST> QueryId for Prepared<'_, ST> {
    type QueryId = ();
    // Cached under its text, which is constant.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<ST> Query for Prepared<'_, ST> {
    type SqlType = ST;
}

impl<ST, Conn> diesel::RunQueryDsl<Conn> for Prepared<'_, ST> {}

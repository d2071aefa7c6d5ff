//! The database as its administrator sees it: made for the bench, asked beside the server, dropped at the end.

use std::time::Duration;

use anyhow::{Context, Result};
use tokio_postgres::{Client, NoTls};

use crate::{clock, task};

/// A database that exists for one bench.
pub struct Database {
    admin_url: String,
    name: String,
    /// As the administrator, who is above row-level security.
    pub sql: Client,
}

impl Database {
    /// Makes a database on the cluster of `admin_url`.
    pub async fn create(admin_url: &str, purpose: &str) -> Result<Self> {
        let name = format!("bench_{purpose}_{}", uuid::Uuid::new_v4().simple());
        connect(admin_url).await?.batch_execute(&format!("CREATE DATABASE {name}")).await?;
        let sql = connect(&with_database(admin_url, &name)?).await?;
        Ok(Self { admin_url: admin_url.to_owned(), name, sql })
    }

    /// Its address.
    pub fn url(&self) -> Result<String> {
        with_database(&self.admin_url, &self.name)
    }

    /// Connects again, after the cluster was away.
    pub async fn reconnect(&mut self) -> Result<()> {
        self.sql = connect(&self.url()?).await?;
        Ok(())
    }

    /// Removes it, whoever is still connected.
    pub async fn drop(self) -> Result<()> {
        let admin = connect(&self.admin_url).await?;
        Ok(admin.batch_execute(&format!("DROP DATABASE {} WITH (FORCE)", self.name)).await?)
    }

    /// A number.
    pub async fn number(&self, query: &str) -> Result<i64> {
        let row = self.sql.query_one(query, &[]).await.with_context(|| query.to_owned())?;
        Ok(row.get(0))
    }

    /// Waits until a query counts nothing. Gives the time it took, or `None` if the limit passed.
    pub async fn until_none(&self, count: &str, limit: Duration) -> Result<Option<Duration>> {
        let start = clock::now();
        loop {
            let none = self.number(count).await? == 0;
            let passed = clock::now().duration_since(start);
            match none {
                true => return Ok(Some(passed)),
                false if passed > limit => return Ok(None),
                false => tokio::time::sleep(Duration::from_millis(25)).await,
            }
        }
    }
}

async fn connect(url: &str) -> Result<Client> {
    let (client, connection) =
        tokio_postgres::connect(url, NoTls).await.context("connecting to PostgreSQL")?;
    // It ends with its client; an error of it is the client's next error.
    task::spawn(connection);
    Ok(client)
}

fn with_database(url: &str, name: &str) -> Result<String> {
    let (base, _) = url
        .rsplit_once('/')
        .filter(|(base, _)| base.contains("//"))
        .context("a database URL without a name")?;
    Ok(format!("{base}/{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_database_of_the_same_cluster() {
        assert_eq!(with_database("postgres://u:p@h:1/postgres", "x").unwrap(), "postgres://u:p@h:1/x");
        assert!(with_database("postgres://u:p@h:1", "x").is_err());
    }
}

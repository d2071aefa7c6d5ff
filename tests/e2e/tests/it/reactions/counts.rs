//! Many who react at once: what is shown is what is stored.

use std::collections::BTreeMap;

use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Jsonb, Nullable, Text, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use futures_util::future::join_all;
use parlor_e2e::{Listener, Mode, Server};
use parlor_protocol::ReactionCount;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{path_of, react};

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    message_id: Uuid,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = BigInt)]
    count: i64,
    #[diesel(sql_type = BigInt)]
    score: i64,
}

#[derive(QueryableByName)]
struct Shown {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Nullable<Jsonb>)]
    reactions: Option<Value>,
}

type Counts = BTreeMap<(Uuid, String), (i64, i64)>;

/// What the rows say.
pub(super) async fn stored(server: &Server) -> Counts {
    let sql = "SELECT message_id, kind, count(*) AS count, sum(score) AS score FROM reactions GROUP BY 1, 2";
    let rows: Vec<Row> = diesel::sql_query(sql).load(&mut server.db.admin().await).await.unwrap();
    rows.into_iter().map(|row| ((row.message_id, row.kind), (row.count, row.score))).collect()
}

/// What the messages show.
async fn shown(server: &Server) -> Counts {
    let sql = "SELECT id, reactions FROM messages";
    let rows: Vec<Shown> = diesel::sql_query(sql).load(&mut server.db.admin().await).await.unwrap();
    let mut all = Counts::new();
    for row in rows {
        let counts: Vec<ReactionCount> =
            row.reactions.map(|stored| serde_json::from_value(stored).unwrap()).unwrap_or_default();
        for count in counts {
            all.insert((row.id, count.kind), (count.count, count.score));
        }
    }
    all
}

/// Ten people give, strengthen, replace and take back at once, some of it twice: what is shown is what is stored, and every
/// change had its number.
#[tokio::test(flavor = "multi_thread")]
async fn however_many_react_at_once_the_counts_are_those_of_the_rows() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let mut people = Vec::new();
    for n in 0..10 {
        people.push(app.user(&format!("u{n}")).await);
    }
    let channel = app.channel(&people.iter().collect::<Vec<_>>()).await;
    let listener = Listener::connect(&people[0]).await;
    listener.subscribe(&channel).await;
    let (one, two) = (people[0].say(&channel, "one").await, people[0].say(&channel, "two").await);
    let messages = [path_of(&one), path_of(&two)];
    let work = people.iter().enumerate().map(|(who, user)| {
        let messages = &messages;
        async move {
            for step in 0..12_usize {
                let at = &messages[(who + step) % 2];
                let kind = ["a", "b", "c"][(who * 7 + step * 5) % 3];
                let body =
                    json!({ "type": kind, "score": (who + step) % 4 + 1, "enforce_unique": step % 4 == 3 });
                // The same twice at once is once.
                let (first, second) = tokio::join!(react(user, at, body.clone()), react(user, at, body));
                first.gives(200);
                second.gives(200);
                if step % 3 == 2 {
                    let kind = ["a", "b", "c"][step % 3];
                    user.delete(&format!("{at}/reactions/{kind}")).await.gives(200);
                }
            }
        }
    });
    join_all(work).await;
    let stored = stored(&server).await;
    assert!(!stored.is_empty());
    assert_eq!(shown(&server).await, stored);

    let last = people[0].say(&channel, "enough").await["seq"].as_i64().unwrap();
    let topic = format!("chat:channel:{channel}");
    parlor_e2e::until("the last is heard", async || {
        listener.events(&topic).iter().any(|event| event.seq == Some(last))
    })
    .await;
    let heard: Vec<i64> = listener.events(&topic).iter().filter_map(|event| event.seq).collect();
    assert_eq!(heard, (2..=last).collect::<Vec<_>>(), "each change once, none without a number");
    server.settled().await;
}

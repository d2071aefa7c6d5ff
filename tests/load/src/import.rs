//! `parlor-load import`: another system's history, moved in by `parlor import`.
//!
//! The floor is what PostgreSQL takes to write the same rows, with the same indexes, by one statement.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::json;

use crate::clock;
use crate::parlor::Parlor;
use crate::plan::Plan;
use crate::report::{Figure, Report, Target};

const USERS: usize = 1_000;
/// Channels that the messages are spread over, each with as many members.
const CHANNELS: usize = 500;
const MEMBERS: usize = 50;
/// Words of the vocabulary, of which a message has twelve.
const WORDS: usize = 20_000;
/// Every so many messages one has a reaction.
const REACTED: usize = 10;
/// The rows that the import wrote once more.
const FLOOR: &str = "CREATE TABLE floor (LIKE messages INCLUDING ALL);
    INSERT INTO floor SELECT * FROM messages;
    DROP TABLE floor;";

/// Imports a small history and then a large one.
pub async fn run(plan: &Plan, directory: &Path, report: &mut Report) -> Result<()> {
    let admin_url = std::env::var("PARLOR_TEST_PG_ADMIN_URL")
        .context("PARLOR_TEST_PG_ADMIN_URL is not set; script/bench sets it")?;
    let parlor = Parlor::start(&admin_url, directory).await?;
    let messages = plan.imported_messages;
    let small = import(&parlor, directory, "small", messages / 10).await?;
    report.add(Figure::new("import.small_rate", small, "messages/s"));
    let rate = import(&parlor, directory, "large", messages).await?;
    report.add(Figure::new("import.messages", messages as f64, "messages"));
    let start = clock::now();
    parlor.database.sql.batch_execute(FLOOR).await.context("writing the rows once more")?;
    let floor = (messages + messages / 10) as f64 / clock::now().duration_since(start).as_secs_f64();
    report.add(Figure::new("import.floor_rate", floor, "messages/s"));
    report.add(
        Figure::new("import.rate", rate, "messages/s")
            .against("import.floor_rate", floor)
            .target(Target::AtLeast(20_000.0)),
    );
    parlor.server.panics().into_iter().for_each(|panic| report.note(format!("the server: {panic}")));
    drop(parlor.server);
    parlor.database.drop().await
}

/// Imports so many messages into channels of their own, and gives messages a second: of all that the command does,
/// the look for errors too.
async fn import(parlor: &Parlor, directory: &Path, name: &str, messages: usize) -> Result<f64> {
    let path = directory.join(format!("{name}.jsonl"));
    write(&path, name, messages).with_context(|| format!("writing {}", path.display()))?;
    let file = path.to_str().context("a path that is no text")?;
    let start = clock::now();
    parlor.run(&["import", "--app", &parlor.app, file]).await?;
    let seconds = clock::now().duration_since(start).as_secs_f64();
    let cid = format!("team:{name}-%");
    let found =
        "SELECT count(*) FROM messages m JOIN channels c ON (c.app_id, c.id) = (m.app_id, m.channel_id)
        WHERE c.cid LIKE $1";
    let found: i64 = parlor.database.sql.query_one(found, &[&cid]).await?.get(0);
    ensure!(usize::try_from(found).ok() == Some(messages), "{found} of {messages} messages were imported");
    std::fs::remove_file(&path)?;
    Ok(messages as f64 / seconds)
}

fn write(path: &Path, name: &str, messages: usize) -> std::io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    let mut line = |line: serde_json::Value| writeln!(file, "{line}");
    let mut random = Random(messages as u64);
    for user in 0..USERS {
        line(json!({ "user": { "id": format!("user-{user}"), "name": format!("User {user}") } }))?;
    }
    for channel in 0..CHANNELS {
        let cid = format!("team:{name}-{channel}");
        line(
            json!({ "channel": { "cid": cid, "name": cid, "created_by": format!("user-{}", channel % USERS) } }),
        )?;
        for member in 0..MEMBERS {
            let user = format!("user-{}", (channel + member) % USERS);
            line(json!({ "member": { "channel": cid, "user_id": user } }))?;
        }
    }
    for message in 0..messages {
        let channel = message % CHANNELS;
        let text: Vec<String> = (0..12).map(|_| format!("w{}", random.below(WORDS))).collect();
        let at = chrono::DateTime::from_timestamp(1_700_000_000 + message as i64, 0).unwrap_or_default();
        let id = format!("{name}-{message}");
        line(json!({ "message": {
            "id": id, "channel": format!("team:{name}-{channel}"), "text": text.join(" "), "created_at": at,
            "user_id": format!("user-{}", (channel + random.below(MEMBERS)) % USERS),
        } }))?;
        if message % REACTED == 0 {
            let user = format!("user-{}", (channel + random.below(MEMBERS)) % USERS);
            line(json!({ "reaction": { "message_id": id, "user_id": user, "type": "👍" } }))?;
        }
    }
    file.flush()
}

/// Numbers without a pattern, the same in every run (xorshift64*).
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % end
    }
}

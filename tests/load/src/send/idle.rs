//! What a connection costs that does nothing: memory of the embedded hub and of Centrifugo, both freshly started.

use std::path::Path;

use anyhow::{Result, ensure};

use crate::crowd::Crowd;
use crate::hub::Hub;
use crate::plan::Plan;
use crate::process::{file_limit, open_files, resident_kib};
use crate::report::{Figure, Report, Target};

/// Connections, one number after the other on the same server.
const CONNECTIONS: [usize; 2] = [1_000, 10_000];
/// Connections that come and go first, so that code and tables which are loaded once don't count.
const FIRST: usize = 20;
/// Files that this process has open beside.
const OTHER_FILES: usize = 200;

/// Measures both.
pub async fn run(plan: &Plan, directory: &Path, report: &mut Report) -> Result<()> {
    let hub = Hub::embedded(directory).await?;
    let ours = measure(plan, &hub, report).await?;
    let theirs = match Hub::centrifugo() {
        Ok(centrifugo) => measure(plan, &centrifugo, report).await?,
        Err(error) => {
            report.note(format!("{error:#}"));
            Vec::new()
        }
    };
    for (index, (count, kib)) in ours.into_iter().enumerate() {
        let figure = Figure::new(format!("hub.idle_{count}"), kib, "KiB/connection");
        let Some((_, theirs)) = theirs.get(index) else {
            report.add(figure);
            continue;
        };
        let id = format!("centrifugo.idle_{count}");
        report.add(Figure::new(&id, *theirs, "KiB/connection"));
        let figure = figure.against(id, *theirs);
        report.add(if count == CONNECTIONS[1] { figure.target(Target::RatioAtMost(1.0)) } else { figure });
    }
    Ok(())
}

/// KiB of each connection, at each number of connections.
async fn measure(plan: &Plan, hub: &Hub, report: &mut Report) -> Result<Vec<(usize, f64)>> {
    drop(hub.gather_idle(FIRST).await?);
    tokio::time::sleep(plan.settle).await;
    let base = resident_kib(hub.pid)?;
    let (mut crowds, mut connected, mut found) = (Vec::new(), 0, Vec::new());
    for count in CONNECTIONS {
        if count + OTHER_FILES > file_limit() {
            report.note(format!("left out: {count} connections are more than the limit of open files"));
            continue;
        }
        crowds.push(hub.gather_idle(count - connected).await?);
        connected = count;
        tokio::time::sleep(plan.settle).await;
        crowds.iter().try_for_each(Crowd::complete)?;
        ensure!(open_files(hub.pid)? > count, "{} does not hold its connections", hub.name);
        found.push((count, (resident_kib(hub.pid)? - base) / count as f64));
    }
    Ok(found)
}

//! How a report is shown and kept, with what it was measured of and on.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use serde::Serialize;

use crate::report::{Metric, Report, number};

#[derive(Serialize)]
struct Document<'a> {
    bench: &'a str,
    commit: String,
    machine: String,
    metrics: Vec<Metric>,
    notes: &'a [String],
}

/// Prints the table.
pub fn print(bench: &str, report: &Report) {
    println!("{bench} at {} on {}\n", commit(), machine());
    let header = ["metric", "value", "unit", "ratio", "against", "target", ""].map(str::to_owned);
    let rows = report.metrics().into_iter().map(|metric| {
        let holds = metric.holds.map_or("", |holds| if holds { "holds" } else { "MISSED" });
        let ratio = metric.ratio.map(|ratio| format!("{ratio:.2}×")).unwrap_or_default();
        [
            metric.id,
            number(metric.value),
            metric.unit.to_owned(),
            ratio,
            metric.against.unwrap_or_default(),
            metric.target.unwrap_or_default(),
            holds.to_owned(),
        ]
    });
    let rows: Vec<_> = std::iter::once(header).chain(rows).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<_> = (0..rows[0].len()).map(width).collect();
    for row in &rows {
        let mut line = String::new();
        for (column, (text, width)) in row.iter().zip(&widths).enumerate() {
            // Values stand under each other by their last digit.
            let cell = if column == 1 { format!("{text:>width$}  ") } else { format!("{text:<width$}  ") };
            line.push_str(&cell);
        }
        println!("{}", line.trim_end());
    }
    for note in &report.notes {
        println!("\nnote: {note}");
    }
}

/// Writes the JSON.
pub fn write(bench: &str, report: &Report, file: &Path) -> Result<()> {
    let document = Document {
        bench,
        commit: commit(),
        machine: machine(),
        metrics: report.metrics(),
        notes: &report.notes,
    };
    let text = serde_json::to_string_pretty(&document)? + "\n";
    fs::write(file, text).with_context(|| format!("writing {}", file.display()))
}

fn commit() -> String {
    let directory = std::env::current_exe().ok().and_then(|path| Some(path.parent()?.to_owned()));
    let mut git = Command::new("git");
    git.args(["describe", "--always", "--dirty"]).current_dir(directory.unwrap_or_default());
    let said = git.output().ok().filter(|output| output.status.success());
    said.map_or("unknown".to_owned(), |output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let (cpu, memory) = (read("/proc/cpuinfo"), read("/proc/meminfo"));
    let field = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    let model = field(&cpu, "model name").unwrap_or_else(|| std::env::consts::ARCH.to_owned());
    let kib = field(&memory, "MemTotal").and_then(|text| text.split(' ').next()?.parse::<f64>().ok());
    let memory = kib.map(|kib| format!(", {:.0} GiB", kib / 1024.0 / 1024.0)).unwrap_or_default();
    format!("{cores} cores ({model}){memory}, {}", std::env::consts::OS)
}

//! What was measured: a table for people, JSON for machines.
//!
//! A full run repeats everything and reports medians. A ratio is the median of the ratios of each round, whose two
//! sides were measured next to each other, so that a machine that is slower for a minute slows both.

use serde::Serialize;

use crate::stats::median;

/// What a figure must reach.
#[derive(Clone, Copy)]
pub enum Target {
    /// The ratio is at least this.
    RatioAtLeast(f64),
    /// The ratio is at most this.
    RatioAtMost(f64),
    /// The value is at least this.
    AtLeast(f64),
    /// The value is at most this.
    AtMost(f64),
    /// The value is at most this above what it is compared with.
    Above(f64),
}

/// One round's figure.
#[derive(Clone)]
pub struct Figure {
    id: String,
    unit: &'static str,
    value: f64,
    against: Option<(String, f64)>,
    target: Option<Target>,
}

impl Figure {
    /// A figure without comparison or target.
    pub fn new(id: impl Into<String>, value: f64, unit: &'static str) -> Self {
        Self { id: id.into(), unit, value, against: None, target: None }
    }

    /// Compares it with another figure.
    pub fn against(mut self, id: impl Into<String>, value: f64) -> Self {
        self.against = Some((id.into(), value));
        self
    }

    /// Says what it must reach.
    pub fn target(mut self, target: Target) -> Self {
        self.target = Some(target);
        self
    }
}

/// A figure of the whole bench.
#[derive(Debug, PartialEq, Serialize)]
pub struct Metric {
    pub id: String,
    pub value: f64,
    pub unit: &'static str,
    /// The metric that this one is compared with.
    pub against: Option<String>,
    /// `value` over that one's.
    pub ratio: Option<f64>,
    pub target: Option<String>,
    pub holds: Option<bool>,
}

/// Figures of all rounds, and what must be said about them.
#[derive(Default)]
pub struct Report {
    figures: Vec<Figure>,
    pub notes: Vec<String>,
}

impl Report {
    /// Adds a figure.
    pub fn add(&mut self, figure: Figure) {
        eprintln!("  {:<36} {} {}", figure.id, number(figure.value), figure.unit);
        self.figures.push(figure);
    }

    /// Adds a figure that may not exist, such as a quantile of nothing.
    pub fn add_some(&mut self, id: impl Into<String>, value: Option<f64>, unit: &'static str) {
        if let Some(value) = value {
            self.add(Figure::new(id, value, unit));
        }
    }

    /// Says something beside the figures.
    pub fn note(&mut self, note: impl Into<String>) {
        let note = note.into();
        eprintln!("  note: {note}");
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// The medians, in the order in which figures first came.
    pub fn metrics(&self) -> Vec<Metric> {
        let mut metrics: Vec<Metric> = Vec::new();
        for first in &self.figures {
            if metrics.iter().any(|metric| metric.id == first.id) {
                continue;
            }
            let same: Vec<&Figure> = self.figures.iter().filter(|figure| figure.id == first.id).collect();
            metrics.extend(combine(first, &same));
        }
        metrics
    }
}

fn combine(first: &Figure, rounds: &[&Figure]) -> Option<Metric> {
    let of = |value: fn(&Figure) -> Option<f64>| {
        median(&rounds.iter().filter_map(|figure| value(figure)).collect::<Vec<_>>())
    };
    let value = of(|figure| Some(figure.value))?;
    let ratio = of(|figure| figure.against.as_ref().map(|(_, other)| figure.value / other));
    let above = of(|figure| figure.against.as_ref().map(|(_, other)| figure.value - other));
    let target = first.target.map(|target| match target {
        Target::RatioAtLeast(bound) => {
            (format!("ratio ≥ {bound}"), ratio.is_some_and(|ratio| ratio >= bound))
        }
        Target::RatioAtMost(bound) => (format!("ratio ≤ {bound}"), ratio.is_some_and(|ratio| ratio <= bound)),
        Target::AtLeast(bound) => (format!("≥ {bound} {}", first.unit), value >= bound),
        Target::AtMost(bound) => (format!("≤ {bound} {}", first.unit), value <= bound),
        Target::Above(bound) => {
            let against = first.against.as_ref().map_or("", |(id, _)| id);
            (format!("≤ {against} + {bound} {}", first.unit), above.is_some_and(|above| above <= bound))
        }
    });
    let (target, holds) = target.unzip();
    let against = first.against.as_ref().map(|(id, _)| id.clone());
    Some(Metric { id: first.id.clone(), value, unit: first.unit, against, ratio, target, holds })
}

/// A number with as many digits as it deserves.
pub fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size > 0.0 => format!("{value:.3}"),
        _ => "0".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(rounds: &[(f64, f64)], target: Target) -> Metric {
        let mut report = Report::default();
        for (ours, theirs) in rounds {
            report.add(Figure::new("ours", *ours, "ms").against("theirs", *theirs).target(target));
        }
        report.metrics().remove(0)
    }

    #[test]
    fn the_ratio_is_the_median_of_ratios_and_not_the_ratio_of_medians() {
        let metric = report(&[(10.0, 10.0), (30.0, 10.0), (20.0, 10.0)], Target::RatioAtLeast(2.0));
        assert_eq!((metric.value, metric.ratio, metric.holds), (20.0, Some(2.0), Some(true)));
        let drifting = report(&[(10.0, 10.0), (100.0, 100.0), (50.0, 50.0)], Target::RatioAtMost(0.99));
        assert_eq!((drifting.ratio, drifting.holds), (Some(1.0), Some(false)));
    }

    #[test]
    fn targets_say_what_they_ask_and_whether_it_holds() {
        for (target, text, holds) in [
            (Target::AtLeast(4.5), "≥ 4.5 ms", true),
            (Target::AtLeast(5.0), "≥ 5 ms", false),
            (Target::AtMost(5.0), "≤ 5 ms", true),
            (Target::AtMost(4.0), "≤ 4 ms", false),
            (Target::Above(2.0), "≤ theirs + 2 ms", true),
            (Target::Above(1.0), "≤ theirs + 1 ms", false),
            (Target::RatioAtLeast(1.5), "ratio ≥ 1.5", true),
        ] {
            let metric = report(&[(4.5, 3.0)], target);
            assert_eq!((metric.target.as_deref(), metric.holds), (Some(text), Some(holds)));
        }
    }

    #[test]
    fn figures_of_several_rounds_become_one_metric_each() {
        let mut report = Report::default();
        for value in [1.0, 5.0, 3.0] {
            report.add(Figure::new("a", value, "s"));
            report.add_some("b", (value < 4.0).then_some(value), "s");
        }
        let values: Vec<_> =
            report.metrics().iter().map(|metric| (metric.id.clone(), metric.value)).collect();
        assert_eq!(values, [("a".to_owned(), 3.0), ("b".to_owned(), 2.0)]);
    }
}

//! Histograms of the server's own `/metrics`, as differences between two moments.

use std::collections::BTreeMap;

/// Counts by upper bound in microseconds, cumulative; the last bound is infinite.
#[derive(Debug, Default, PartialEq)]
pub struct Buckets(BTreeMap<u64, f64>);

impl Buckets {
    /// Reads a histogram, summed over its labels.
    pub fn parse(text: &str, name: &str) -> Self {
        let mut buckets = BTreeMap::new();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let Some(rest) = line.strip_prefix(name).and_then(|rest| rest.strip_prefix("_bucket{")) else {
                continue;
            };
            let Some((labels, count)) = rest.rsplit_once("} ") else { continue };
            let bound =
                labels.split(',').find_map(|label| label.trim().strip_prefix("le=\"")?.strip_suffix('"'));
            if let (Some(bound), Ok(count)) = (bound, count.trim().parse::<f64>()) {
                *buckets.entry(micros(bound)).or_default() += count;
            }
        }
        Self(buckets)
    }

    /// What came between `earlier` and this.
    pub fn since(&self, earlier: &Self) -> Self {
        let before = |bound: &u64| earlier.0.get(bound).copied().unwrap_or(0.0);
        Self(self.0.iter().map(|(bound, count)| (*bound, count - before(bound))).collect())
    }

    /// Milliseconds that the share stays within: the upper bound of its bucket, so never too little. `None` if
    /// nothing was counted; infinite past the last bound.
    pub fn ms(&self, share: f64) -> Option<f64> {
        let total = self.0.values().next_back().copied().filter(|total| *total > 0.0)?;
        let (bound, _) = self.0.iter().find(|(_, count)| **count >= total * share)?;
        Some(if *bound == u64::MAX { f64::INFINITY } else { *bound as f64 / 1e3 })
    }
}

fn micros(bound: &str) -> u64 {
    match bound.parse::<f64>() {
        Ok(seconds) if seconds.is_finite() => (seconds * 1e6).round() as u64,
        _ => u64::MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# TYPE lag histogram
lag_bucket{lane=\"1\",le=\"0.005\"} 10
lag_bucket{lane=\"1\",le=\"0.05\"} 30
lag_bucket{lane=\"1\",le=\"+Inf\"} 30
lag_bucket{lane=\"2\",le=\"0.005\"} 60
lag_bucket{lane=\"2\",le=\"0.05\"} 69
lag_bucket{lane=\"2\",le=\"+Inf\"} 70
lag_sum 3
lag_other_bucket{le=\"0.005\"} 1000
";

    #[test]
    fn quantiles_are_the_upper_bounds_of_their_buckets() {
        let lag = Buckets::parse(TEXT, "lag");
        assert_eq!((lag.ms(0.5), lag.ms(0.7), lag.ms(0.99)), (Some(5.0), Some(5.0), Some(50.0)));
        assert_eq!(lag.ms(1.0), Some(f64::INFINITY));
        assert_eq!(Buckets::default().ms(0.5), None);
    }

    #[test]
    fn only_what_came_in_between_counts() {
        let earlier = Buckets::parse("lag_bucket{le=\"0.005\"} 70\nlag_bucket{le=\"+Inf\"} 71\n", "lag");
        let since = Buckets::parse(TEXT, "lag").since(&earlier);
        assert_eq!(since.ms(0.99), Some(50.0));
        assert_eq!(earlier.since(&Buckets::parse("lag_bucket{le=\"+Inf\"} 71\n", "lag")).ms(0.5), None);
    }
}

//! Latencies, medians and slopes.

use hdrhistogram::Histogram;

/// Nanoseconds that are told apart at the most: ten minutes.
const LONGEST_NS: u64 = 600_000_000_000;

/// Latencies from a microsecond to ten minutes, to three digits.
#[derive(Clone)]
pub struct Latency(Option<Histogram<u64>>);

impl Default for Latency {
    fn default() -> Self {
        // The bounds are constants, so this is never `None`; an unrecorded latency would show in `count`.
        Self(Histogram::new_with_bounds(1_000, LONGEST_NS, 3).ok())
    }
}

impl Latency {
    /// Counts one latency, in nanoseconds.
    pub fn record(&mut self, nanos: u64) {
        if let Some(histogram) = &mut self.0 {
            histogram.saturating_record(nanos);
        }
    }

    /// Adds another's latencies.
    pub fn merge(&mut self, other: &Self) {
        if let (Some(histogram), Some(other)) = (&mut self.0, &other.0) {
            // Both have the same bounds.
            let _ = histogram.add(other);
        }
    }

    /// How many were counted.
    pub fn count(&self) -> u64 {
        self.0.as_ref().map_or(0, Histogram::len)
    }

    /// Milliseconds that the given share (0 to 1) stays within; `None` if nothing was counted.
    pub fn ms(&self, share: f64) -> Option<f64> {
        let histogram = self.0.as_ref().filter(|histogram| !histogram.is_empty())?;
        Some(histogram.value_at_quantile(share) as f64 / 1e6)
    }
}

/// The middle value, the mean of the two middle ones if their number is even; `None` of nothing.
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 {
        sorted.get(middle).copied()
    } else {
        Some((sorted.get(middle.checked_sub(1)?)? + sorted.get(middle)?) / 2.0)
    }
}

/// Slope of the least-squares line through `points`; `None` if they do not differ in x.
pub fn slope(points: &[(f64, f64)]) -> Option<f64> {
    let count = points.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
    let (mean_x, mean_y) = (mean(|point| point.0), mean(|point| point.1));
    let spread: f64 = points.iter().map(|(x, _)| (x - mean_x).powi(2)).sum();
    let together: f64 = points.iter().map(|(x, y)| (x - mean_x) * (y - mean_y)).sum();
    (spread > 0.0).then(|| together / spread)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_what_was_recorded() {
        let (mut odd, mut even) = (Latency::default(), Latency::default());
        for ms in 1..=1000_u64 {
            if ms % 2 == 0 { &mut even } else { &mut odd }.record(ms * 1_000_000);
        }
        even.merge(&odd);
        assert_eq!(even.count(), 1000);
        for (share, ms) in [(0.5, 500.0), (0.99, 990.0), (0.999, 999.0)] {
            let found = even.ms(share).unwrap();
            assert!((found / ms - 1.0).abs() < 0.002, "{found} is not {ms}");
        }
        assert_eq!(Latency::default().ms(0.5), None);
    }

    #[test]
    fn a_latency_past_the_end_counts_as_the_longest() {
        let mut latency = Latency::default();
        latency.record(u64::MAX);
        assert_eq!(latency.count(), 1);
        assert!(latency.ms(1.0).unwrap() >= 599_000.0);
    }

    #[test]
    fn medians() {
        for (values, expected) in
            [(&[][..], None), (&[3.0], Some(3.0)), (&[4.0, 1.0], Some(2.5)), (&[9.0, 1.0, 2.0], Some(2.0))]
        {
            assert_eq!(median(values), expected);
        }
    }

    #[test]
    fn slopes() {
        assert_eq!(slope(&[(0.0, 1.0), (1.0, 3.0), (2.0, 5.0)]), Some(2.0));
        assert_eq!(slope(&[(0.0, 4.0), (5.0, 4.0)]), Some(0.0));
        assert_eq!(slope(&[(1.0, 4.0)]), None);
    }
}

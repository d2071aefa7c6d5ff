//! Tests of many cases: the same ones every time, and a failure is made smaller and printed whole.

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

/// Makes so many cases.
pub fn runner(cases: u32) -> TestRunner {
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 100, ..Config::default() };
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
}

/// Tries them.
pub fn all<S: Strategy>(
    runner: &mut TestRunner,
    cases: &S,
    holds: impl Fn(S::Value) -> Result<(), TestCaseError>,
) {
    if let Err(failure) = runner.run(cases, holds) {
        panic!("{failure}");
    }
}

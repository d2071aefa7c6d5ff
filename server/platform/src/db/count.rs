//! How many statements a piece of work sends to the database.
//!
//! A list that asks for each of its items is slow in a way that no test of its answer shows, so the number is counted for
//! each request, and tests look at it.

use std::cell::Cell;

use diesel::connection::InstrumentationEvent;

tokio::task_local! {
    static STATEMENTS: Cell<u64>;
}

/// Does the work and gives the number of statements with its outcome. What the work leaves to other tasks is not counted.
pub async fn counted<T>(work: impl Future<Output = T>) -> (T, u64) {
    let counting = async {
        let outcome = work.await;
        (outcome, STATEMENTS.with(Cell::get))
    };
    STATEMENTS.scope(Cell::new(0), counting).await
}

/// What a connection tells of itself.
pub(super) fn note(event: InstrumentationEvent<'_>) {
    if matches!(event, InstrumentationEvent::StartQuery { .. }) {
        // Jobs are not counted.
        let _ = STATEMENTS.try_with(|count| count.set(count.get() + 1));
    }
}

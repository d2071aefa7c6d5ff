//! One suite for both brokers, and what only RabbitMQ can be asked.

mod outages;
mod probe;
mod rabbitmq;
mod scenarios;
mod site;

/// Runs each scenario on each broker.
macro_rules! on_both {
    ($($scenario:ident),+ $(,)?) => {
        mod on_embedded {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $scenario() {
                super::scenarios::$scenario(super::site::Kind::Embedded).await;
            })+
        }
        mod on_rabbitmq {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $scenario() {
                super::scenarios::$scenario(super::site::Kind::RabbitMq).await;
            })+
        }
    };
}

on_both!(
    each_bound_consumer_has_each_job_once,
    a_failing_job_climbs_the_ladder_dies_and_can_be_replayed,
    one_dead_letter_can_be_replayed_alone,
    a_panic_is_a_failed_attempt,
    a_poisonous_job_does_not_hold_up_those_behind_it,
    a_slow_job_does_not_hold_up_those_behind_it,
    two_processes_never_have_the_same_job_at_once,
    a_stopping_process_finishes_what_it_has_begun,
    jobs_are_handled_together_and_alone_after_a_failure,
);

//! Realtime as foreign clients hear it: the same stories on the embedded hub and on Centrifugo.

mod delivery;
mod endings;
mod foreign;
mod history;
mod recovery;
mod tokens;

/// Runs each story on both pairs of implementations.
macro_rules! on_both {
    ($($story:ident)*) => {
        mod embedded {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $story() {
                super::$story(parlor_e2e::Mode::Embedded).await;
            })*
        }
        mod cluster {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $story() {
                super::$story(parlor_e2e::Mode::Cluster).await;
            })*
        }
    };
}
pub(crate) use on_both;

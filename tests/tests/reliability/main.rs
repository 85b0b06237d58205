//! Calls and messages under load while nodes, connections and frames fail. `docs/reliability.md` lists the results.
//!
//! Each test starts a [`scenario`], breaks something in it, and lets the same [`oracle`] check all calls at the end.

/// Makes a test on nodes of each generation from each of these functions, which take the generation.
macro_rules! on_both_generations {
    ($($name:ident),* $(,)?) => {
        mod channel {
            $(#[tokio::test]
            async fn $name() {
                super::$name(amop_devnet::Generation::V2).await;
            })*
        }

        mod websocket {
            $(#[tokio::test]
            async fn $name() {
                super::$name(amop_devnet::Generation::V3).await;
            })*
        }
    };
}

mod chaos;
mod clock;
mod connections;
mod hostile;
mod messages;
mod nodes;
mod oracle;
mod scenario;
mod settings;
mod setup;

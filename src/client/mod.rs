//! The client: many sessions behind one interface.
//!
//! `core` is the state that all handles share. `sending` sends messages, `subscribe` and `serve` register consumers,
//! `handlers` runs their handlers; `link` keeps one node connected.

mod attempt;
mod backoff;
mod builder;
mod call_limits;
mod calls;
mod choice;
mod configured_topics;
mod confirmation;
mod consumer;
mod core;
mod dialler;
mod endpoints;
mod events;
mod expiry;
mod handle;
mod handlers;
mod life_cycle;
mod link;
mod link_task;
mod links;
mod listeners;
mod options;
mod placement;
mod private_stats;
mod private_topic;
mod publish;
mod registry;
mod reload;
mod requests;
mod running_handler;
mod sending;
mod serve;
mod settings;
mod stats;
mod subscribe;
mod subscription;
mod topic;
mod topic_times;
mod turns;
mod verifications;
mod verify_ids;
mod verifying;
mod weak;

pub use builder::ClientBuilder;
pub use calls::CallHandle;
#[cfg(feature = "config")]
pub(crate) use configured_topics::ConfiguredTopics;
pub use events::Events;
pub use handle::Client;
pub use handlers::IntoAnswer;
pub(crate) use handlers::as_handler;
pub use listeners::EventListener;
#[cfg(feature = "config")]
pub(crate) use options::PRIVATE_TOPICS;
pub use options::{Confirm, Placement, Retry};
pub use private_stats::{PrivateTopicStats, VerificationState, VerificationStats};
pub use private_topic::{OpenPrivateTopic, PrivateTopic};
pub use publish::{Broadcast, Publish};
pub use requests::Requests;
pub use running_handler::RunningHandler;
pub use serve::Serve;
pub use settings::Settings;
pub use stats::{EndpointState, EndpointStats, Stats};
pub use subscribe::Subscribe;
pub use subscription::Subscription;
pub use topic::IntoTopic;
pub use weak::WeakClient;

// The handles keep these promises about threads.
const _: () = {
    const fn send_and_sync<T: Send + Sync>() {}
    const fn send<T: Send>() {}
    send_and_sync::<Client>();
    send_and_sync::<WeakClient>();
    send_and_sync::<crate::Message>();
    send_and_sync::<crate::Request>();
    send::<Subscription>();
    send::<Requests>();
    send::<Events>();
    send_and_sync::<crate::PrivateTopic>();
};

//! Topic lists: many topics side by side and one by one, at a node that processes frames out of order.

use std::time::Duration;

use amop_devnet::Devnet;
use futures_util::future::join_all;

use crate::fixture::{client, devnet, soon, until};

#[tokio::test]
async fn node_that_reorders_lists_a_thousand_topics() {
    for at_once in [true, false] {
        let devnet = devnet(Devnet::builder().nodes(2).reorder(Duration::from_millis(5))).await;
        let (publisher, subscriber) = (client(&devnet, 0).await, client(&devnet, 1).await);
        let names: Vec<String> = (0..1000).map(|n| format!("topic/{n}")).collect();
        let mut subscriptions = Vec::new();
        if at_once {
            let all = join_all(names.iter().map(|name| subscriber.subscribe(name).into_future()));
            subscriptions.extend(soon("all subscriptions", all).await.into_iter().map(Result::unwrap));
        } else {
            for name in &names {
                subscriptions.push(soon("a subscription", subscriber.subscribe(name)).await.unwrap());
            }
        }
        let mut listed = devnet.node(1).topics();
        listed.sort();
        let mut wanted = names.clone();
        wanted.sort();
        assert_eq!(listed, wanted, "at once: {at_once}");
        let calls = names.iter().map(|name| publisher.publish(name, name.clone()).into_future());
        for reply in soon("all replies", join_all(calls)).await {
            reply.unwrap();
        }
        for (subscription, name) in subscriptions.iter_mut().zip(&names) {
            assert_eq!(soon("its message", subscription.next()).await.unwrap().data(), name);
        }
        if at_once {
            let lists = subscriber.stats().endpoints[0].topic_lists_sent;
            assert!(lists < 100, "changes are gathered: {lists} lists for 1,000 topics");
        }
        // Half of the subscriptions end side by side.
        subscriptions.truncate(500);
        until("half of the topics to be removed", || devnet.node(1).topics().len() == 500).await;
        devnet.stop().await;
    }
}

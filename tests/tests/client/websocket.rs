//! What 3.x nodes do otherwise than 2.x ones.

use std::time::Duration;

use amop::transport::Generations;
use amop::{Client, Delivery, ErrorKind, Event, Request, Tls};
use amop_devnet::chain::{Algorithm, ChainFolder, ChainKind};
use amop_devnet::{Devnet, DevnetBuilder, Generation};

use crate::fixture::{GUARD, SHORT_LIMITS, builder, client, devnet_of_3x, devnet_with, event, soon, until};

fn nodes(count: usize) -> DevnetBuilder {
    Devnet::builder().generation(Generation::V3).nodes(count)
}

#[tokio::test]
async fn generation_is_found_whatever_the_certificates_suggest() {
    use Generation::{V2, V3};
    for (generation, tls, protocol) in [
        (V2, Tls::Ecdhe, 3),
        (V2, Tls::StaticRsa, 3),
        (V2, Tls::Gm, 3),
        // The client takes 3.x for more likely, because real nodes of 2.x always use TLS.
        (V2, Tls::Off, 3),
        (V3, Tls::Ecdhe, 2),
        // Without names, so that the certificates fit GM and TLCP alike.
        (V3, Tls::Tlcp, 2),
        (V3, Tls::Off, 2),
    ] {
        let devnet = devnet_with(Devnet::builder().generation(generation).nodes(1), tls).await;
        let client = client(&devnet, 0).await;
        assert_eq!(client.stats().endpoints[0].tls, Some(tls));
        let mut events = client.events();
        client.publish("nobody", "").await.unwrap_err();
        devnet.node(0).cut_sessions();
        let found = event(&mut events, "the return", |event| match event {
            Event::Reconnected { protocol, .. } => Some(protocol),
            _ => None,
        })
        .await;
        assert_eq!(found, protocol, "{generation:?}, {tls}");
    }
}

#[tokio::test]
async fn chain_with_keys_on_p256_is_served_end_to_end() {
    let folder = tempfile::tempdir().unwrap();
    let kind = ChainKind::v3(Algorithm::P256);
    ChainFolder::open_or_mint(folder.path(), 2, kind).unwrap();
    let devnet = devnet_with(nodes(2).dir(folder.path()), Tls::Ecdhe).await;
    assert_eq!(devnet.chain().kind(), kind);
    let (server, publisher) = (client(&devnet, 1).await, client(&devnet, 0).await);
    let _echo = server.serve("t").for_each(async |request: Request| request.data().clone()).await.unwrap();
    assert_eq!(publisher.publish("t", "x").wait_for_subscriber(true).await.unwrap().data(), "x");
}

#[tokio::test]
async fn pinned_generation_fails_at_nodes_of_the_other_one() {
    for (generation, pinned, text) in [
        (Generation::V3, Generations::V2, "channel handshake"),
        (Generation::V2, Generations::V3, "upgrade to WebSocket"),
    ] {
        let devnet = devnet_with(Devnet::builder().generation(generation), Tls::Ecdhe).await;
        let error = builder(&devnet, 0).generation(pinned).connect().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Handshake, "{error}");
        assert!(error.message().contains(text) && !error.message().contains("tried as"), "{error}");
    }
}

#[tokio::test]
async fn endpoint_of_the_other_generation_is_down_as_unsupported() {
    // Without TLS, so that both accept the same client.
    let two = devnet_with(Devnet::builder(), Tls::Off).await;
    let three = devnet_with(nodes(1), Tls::Off).await;
    let client = two.node(0).client().connect().await.unwrap();
    let mut events = client.events();
    client.add_endpoint(three.node(0).endpoint()).unwrap();
    let error = event(&mut events, "the refusal", |event| match event {
        Event::ConnectFailed { error, .. } => Some(error),
        _ => None,
    })
    .await;
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    assert!(
        error.message().contains("generation 3.x") && error.message().contains("generation 2.x"),
        "{error}"
    );
}

#[tokio::test]
async fn topic_that_was_left_is_refused_though_the_node_keeps_it() {
    let devnet = devnet_of_3x(nodes(2)).await;
    let (subscriber, publisher) = (client(&devnet, 1).await, client(&devnet, 0).await);
    drop(subscriber.subscribe("t").await.unwrap());
    until("the node to know it", || devnet.node(1).topics() == ["t"]).await;
    for n in 1..4 {
        let error = publisher.publish("t", "x").retry(amop::Retry::Never).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::SubscriberUnsubscribed, "{error}");
        assert_eq!(subscriber.stats().unwanted, n);
    }
}

#[tokio::test]
async fn silent_subscriber_of_another_node_is_a_time_out_of_the_node() {
    let devnet = devnet_of_3x(nodes(2).push_limit(Duration::from_millis(50))).await;
    let (server, publisher) = (client(&devnet, 1).await, client(&devnet, 0).await);
    let mut requests = server.serve("t").await.unwrap();
    let call = publisher.publish("t", "x").wait_for_subscriber(true).retry(amop::Retry::Never);
    let error = call.await.unwrap_err();
    let expected = (ErrorKind::NodeTimeout, Delivery::Maybe, Some(-4008));
    assert_eq!((error.kind(), error.delivery(), error.node_code()), expected, "{error}");
    // What the handler answers after that reaches nobody.
    soon("the request", requests.next()).await.unwrap().reply("late").unwrap();
    publisher.publish("nobody", "").await.unwrap_err();
    assert_eq!(publisher.stats().total().stray_replies, 0);
}

#[tokio::test]
async fn silent_subscriber_of_the_own_node_costs_the_own_deadline() {
    let devnet = devnet_of_3x(nodes(1).push_limit(Duration::from_millis(50))).await;
    let (server, publisher) = (client(&devnet, 0).await, client(&devnet, 0).await);
    let mut requests = server.serve("t").await.unwrap();
    let mut limit = Duration::from_secs(1);
    let error = loop {
        let error = publisher.publish("t", "x").timeout(limit).await.unwrap_err();
        // On a busy machine a short limit may pass before the message is sent.
        if error.delivery() == Delivery::Maybe {
            break error;
        }
        limit *= 2;
    };
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    let first = soon("the request", requests.next()).await.unwrap();
    let second = soon("the request, delivered again", requests.next()).await.unwrap();
    assert_eq!(first.data(), second.data());
    drop((first, second));
    until("the empty error", || publisher.stats().total().stray_replies > 0).await;
}

#[tokio::test]
async fn session_that_is_its_own_subscriber_gets_its_request_twice() {
    for limit in SHORT_LIMITS {
        let devnet = devnet_of_3x(nodes(1).push_limit(limit)).await;
        let client = client(&devnet, 0).await;
        let mut requests = client.serve("self").await.unwrap();
        let call = tokio::spawn(client.publish("self", "x").timeout(GUARD).into_future());
        let _first = soon("the request", requests.next()).await.unwrap();
        soon("the request, delivered again", requests.next()).await.unwrap().reply("second").unwrap();
        // On a busy machine the node may give up before it has the reply. Its error belongs to no call.
        until("the reply or the error", || call.is_finished() || client.stats().total().stray_replies > 0)
            .await;
        if call.is_finished() {
            assert_eq!(call.await.unwrap().unwrap().data(), "second");
            return;
        }
        call.abort();
    }
    panic!("the reply comes within the longest limit");
}

#[tokio::test]
async fn lost_subscriber_of_another_node_may_have_had_the_message() {
    let devnet = devnet_of_3x(nodes(2)).await;
    let (server, publisher) = (client(&devnet, 1).await, client(&devnet, 0).await);
    let mut requests = server.serve("t").await.unwrap();
    let call = publisher.publish("t", "x").wait_for_subscriber(true).retry(amop::Retry::Never);
    let call = tokio::spawn(call.into_future());
    let _request = soon("a request", requests.next()).await.unwrap();
    devnet.node(1).reset_sessions();
    let error = soon("the call", call).await.unwrap().unwrap_err();
    let expected = (ErrorKind::SubscriberUnreachable, Delivery::Maybe, Some(-4006));
    assert_eq!((error.kind(), error.delivery(), error.node_code()), expected, "{error}");
}

#[tokio::test]
async fn codes_of_nodes_and_beyond_16_bits_are_refused() {
    let devnet = devnet_of_3x(nodes(1)).await;
    let (server, publisher) = (client(&devnet, 0).await, client(&devnet, 0).await);
    let mut requests = server.serve("t").await.unwrap();
    let call = tokio::spawn(publisher.publish("t", "x").into_future());
    let request = soon("a request", requests.next()).await.unwrap();
    for code in [3001, 3003, -4006, -4008, -1, 1000, 1005, 40_000, -40_000] {
        let error = request.fail(code, "").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{code}: {error}");
    }
    request.fail(4000, "").unwrap();
    assert_eq!(soon("the call", call).await.unwrap().unwrap_err().node_code(), Some(4000));
}

#[tokio::test]
async fn longest_topic_and_message_are_carried() {
    // Not over TLCP, which takes minutes for so much in a build without optimisation.
    let devnet = devnet_with(nodes(1), Tls::Ecdhe).await;
    let (server, publisher) = (client(&devnet, 0).await, client(&devnet, 0).await);
    let topic = "t".repeat(65_535);
    let served =
        server.serve(topic.as_str()).for_each(async |request: Request| request.data().len().to_string());
    let _service = served.await.unwrap();
    let most = 33_554_383 - topic.len();
    let call = publisher.publish(topic.as_str(), vec![1; most]).timeout(crate::fixture::GUARD);
    assert_eq!(soon("the reply", call).await.unwrap().data(), &most.to_string());
    let error = publisher.publish(topic.as_str(), vec![1; most + 1]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge, "{error}");
}

#[tokio::test]
async fn reconnect_clears_the_topics_that_were_left() {
    let devnet = devnet_of_3x(nodes(1)).await;
    let subscriber = builder(&devnet, 0).reconnect_min(Duration::from_millis(1)).connect().await.unwrap();
    let _kept = subscriber.subscribe("kept").await.unwrap();
    drop(subscriber.subscribe("left").await.unwrap());
    until("both topics", || devnet.node(0).topics() == ["kept", "left"]).await;
    devnet.node(0).cut_sessions();
    until("the topic that is kept, alone", || devnet.node(0).topics() == ["kept"]).await;
}

#[tokio::test]
async fn broadcasts_move_to_another_connection_when_theirs_is_lost() {
    let devnet = devnet_of_3x(nodes(2)).await;
    let builder = builder(&devnet, 0).endpoint(devnet.node(1).endpoint());
    let subscriber = crate::fixture::everywhere(builder.reconnect_min(Duration::from_millis(1))).await;
    let mut messages = subscriber.subscribe("t").await.unwrap();
    for (round, dead) in ["first", "second", "third"].into_iter().zip([0, 1, 0]) {
        devnet.node(dead).kill().await;
        // A broadcast before the other connection takes them is lost.
        let publisher = client(&devnet, 1 - dead).await;
        let received = async {
            loop {
                publisher.broadcast("t", round).await.unwrap();
                let next = tokio::time::timeout(Duration::from_millis(50), messages.next());
                if next.await.is_ok_and(|message| message.expect("a message").data() == round) {
                    break;
                }
            }
        };
        soon("a broadcast through the other node", received).await;
        devnet.node(dead).restart().await.unwrap();
        until("both nodes", || subscriber.stats().endpoints.iter().all(|endpoint| endpoint.connected)).await;
    }
}

/// Returns a client of two nodes, and how many calls each of these has had of it.
async fn client_of_both(devnet: &Devnet) -> (Client, impl Fn(&Client) -> Vec<u64> + use<>) {
    let builder = builder(devnet, 0).endpoint(devnet.node(1).endpoint());
    let calls = |client: &Client| client.stats().endpoints.iter().map(|endpoint| endpoint.calls).collect();
    (crate::fixture::everywhere(builder).await, calls)
}

#[tokio::test]
async fn node_that_does_not_list_the_topic_of_this_client_is_preferred() {
    let devnet = devnet_of_3x(nodes(2)).await;
    let (client, calls) = client_of_both(&devnet).await;
    // Listed at one node only.
    let _echo = client.serve("t").for_each(async |request: Request| request.data().clone()).await.unwrap();
    let listed = (0..2).find(|node| devnet.node(*node).topics() == ["t"]).expect("a node lists it");
    let through = client.publish("t", "x").wait_for_subscriber(true).await.unwrap();
    assert_eq!(through.endpoint(), devnet.node(1 - listed).endpoint());
    assert_eq!(calls(&client)[listed], 0);
}

#[tokio::test]
async fn node_with_the_fewest_calls_in_flight_is_preferred() {
    let devnet = devnet_of_3x(nodes(2)).await;
    let (publisher, calls) = client_of_both(&devnet).await;
    let server = client(&devnet, 0).await;
    let mut requests = server.serve("t").await.unwrap();
    let known = publisher.publish("t", "").wait_for_subscriber(true).into_future();
    let answer = async { soon("the first", requests.next()).await.unwrap().reply("").unwrap() };
    let (first, ()) = tokio::join!(known, answer);
    first.unwrap();
    until("no call in flight", || publisher.stats().total().in_flight == 0).await;
    let before = calls(&publisher);
    let (mut waiting, mut unanswered) = (Vec::new(), Vec::new());
    for _ in 0..6 {
        waiting.push(tokio::spawn(publisher.publish("t", "x").into_future()));
        unanswered.push(soon("the request", requests.next()).await.unwrap());
    }
    let after = calls(&publisher);
    assert_eq!((after[0] - before[0], after[1] - before[1]), (3, 3));
    waiting.iter().for_each(tokio::task::JoinHandle::abort);
}

#[tokio::test]
async fn calls_to_nodes_like_3_16_have_their_own_replies() {
    let devnet = devnet_of_3x(nodes(2).like_3_16()).await;
    let (server, publisher) = (client(&devnet, 1).await, client(&devnet, 0).await);
    let _echo = server.serve("t").for_each(async |request: Request| request.data().clone()).await.unwrap();
    // Other nodes learn of a topic after 2 s at most.
    let first = publisher.publish("t", "first").wait_for_subscriber(true).timeout(crate::fixture::GUARD);
    assert_eq!(first.await.unwrap().data(), "first");
    let calls = (0..100).map(async |n: usize| {
        let reply = publisher.publish("t", n.to_string()).await.unwrap();
        assert_eq!(reply.data(), &n.to_string());
    });
    soon("all replies", futures_util::future::join_all(calls)).await;
}

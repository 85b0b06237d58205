//! Services: replies now and later, failures, time limits, one service per topic, runtimes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use amop::{Delivery, ErrorKind, Reply, Request, Requests};
use amop_devnet::Devnet;
use futures_util::future::join_all;

use crate::fixture::{SHORT_LIMITS, builder, client, devnet, soon, two_nodes, until};

#[tokio::test]
async fn results_errors_and_panics_become_answers() {
    let devnet = two_nodes().await;
    let (publisher, server) = (client(&devnet, 0).await, client(&devnet, 1).await);
    let handler = async |request: Request| match &request.data()[..] {
        b"fail" => Err("it can't be done"),
        b"panic" => panic!("lost my head"),
        b"code" => {
            request.fail(160_010, "mine").unwrap();
            Ok("")
        }
        _ => Ok("fine"),
    };
    let _service = server.serve("t").for_each(handler).await.unwrap();
    assert_eq!(publisher.publish("t", "").await.unwrap().data(), "fine");
    let failed = publisher.publish("t", "fail").await.unwrap_err();
    assert_eq!(failed.kind(), ErrorKind::SubscriberFailed);
    let panicked = publisher.publish("t", "panic").await.unwrap_err();
    assert_eq!(panicked.kind(), ErrorKind::SubscriberFailed);
    let code = publisher.publish("t", "code").await.unwrap_err();
    assert_eq!(
        (code.kind(), code.node_code(), &code.data()[..]),
        (ErrorKind::Remote, Some(160_010), &b"mine"[..])
    );
}

/// Returns the request of a call, `None` if the library has answered it before it was read.
async fn requested(
    requests: &mut Requests,
    call: &mut (impl Future<Output = amop::Result<Reply>> + Unpin),
) -> Option<Request> {
    tokio::select! {
        request = soon("the request", requests.next()) => request,
        answer = call => {
            assert_eq!(answer.unwrap_err().kind(), ErrorKind::SubscriberTooSlow);
            None
        }
    }
}

#[tokio::test]
async fn slow_request_is_answered_by_the_library() {
    let devnet = devnet(Devnet::builder().nodes(2)).await;
    let publisher = client(&devnet, 0).await;
    for (number, limit) in SHORT_LIMITS.into_iter().enumerate() {
        let topic = format!("topic {number}");
        let server = builder(&devnet, 1).answer_timeout(limit).connect().await.unwrap();
        let mut requests = server.serve(&topic).await.unwrap();
        let error = soon("the answer", publisher.publish(&topic, "x")).await.unwrap_err();
        assert_eq!((error.kind(), error.node_code()), (ErrorKind::SubscriberTooSlow, Some(-5011)));
        assert_eq!(error.delivery(), Delivery::Maybe);
        assert_eq!(server.stats().endpoints[0].too_slow, 1);
        // The application did not read the request in time, so it does not receive it any more.
        let mut call = Box::pin(publisher.publish(&topic, "y").into_future());
        let Some(request) = requested(&mut requests, &mut call).await else { continue };
        assert_eq!(request.data(), "y");
        if request.reply("in time").is_ok() {
            assert_eq!(soon("the reply", call).await.unwrap().data(), "in time");
            return;
        }
    }
    panic!("no request was answered within the longest limit");
}

#[tokio::test]
async fn reply_after_the_limit_is_an_error() {
    let devnet = two_nodes().await;
    let publisher = client(&devnet, 0).await;
    for (number, limit) in SHORT_LIMITS.into_iter().enumerate() {
        let topic = format!("topic {number}");
        let server = builder(&devnet, 1).answer_timeout(limit).connect().await.unwrap();
        let mut requests = server.serve(&topic).await.unwrap();
        let mut call = Box::pin(publisher.publish(&topic, "x").into_future());
        let Some(request) = requested(&mut requests, &mut call).await else { continue };
        let error = soon("the answer", call).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::SubscriberTooSlow);
        assert_eq!(request.reply("late").unwrap_err().kind(), ErrorKind::RequestExpired);
        return;
    }
    panic!("no request was read within the longest limit");
}

#[tokio::test]
async fn reply_may_come_from_another_thread() {
    let devnet = two_nodes().await;
    let (publisher, server) = (client(&devnet, 0).await, client(&devnet, 1).await);
    let handler = |request: Request| {
        if request.data() == "drop" {
            return;
        }
        std::thread::spawn(move || request.reply("later").unwrap());
    };
    let _service = server.serve("t").for_each_blocking(handler).await.unwrap();
    assert_eq!(soon("the reply", publisher.publish("t", "x")).await.unwrap().data(), "later");
    let error = soon("the answer", publisher.publish("t", "drop")).await.unwrap_err();
    assert_eq!((error.kind(), error.node_code()), (ErrorKind::SubscriberDropped, Some(-5010)));
}

#[tokio::test]
async fn service_alone_receives_the_unicasts_of_its_topic() {
    let devnet = two_nodes().await;
    let (publisher, server) = (client(&devnet, 0).await, client(&devnet, 1).await);
    let mut listener = server.subscribe("t").await.unwrap();
    let service = server.serve("t").for_each(async |_: Request| "served").await.unwrap();
    let second = server.serve("t").for_each(async |_: Request| "twice").await.err().unwrap();
    assert_eq!(second.kind(), ErrorKind::AlreadyServed);
    assert_eq!(publisher.publish("t", "unicast").await.unwrap().data(), "served");
    publisher.broadcast("t", "broadcast").await.unwrap();
    assert_eq!(soon("the broadcast", listener.next()).await.unwrap().data(), "broadcast");
    service.unsubscribe().await.unwrap();
    assert_eq!(publisher.publish("t", "unicast").await.unwrap().data(), "");
    assert_eq!(soon("the unicast", listener.next()).await.unwrap().data(), "unicast");
    let again = server.serve("t").for_each(async |_: Request| "again").await.unwrap();
    assert_eq!(publisher.publish("t", "").await.unwrap().data(), "again");
    drop(again);
}

#[tokio::test]
async fn concurrency_limits_calls_of_the_handler() {
    let devnet = two_nodes().await;
    let (publisher, server) = (client(&devnet, 0).await, client(&devnet, 1).await);
    let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    for (topic, concurrency) in [("async", 3), ("blocking", 2)] {
        let (running, highest) = (running.clone(), most.clone());
        most.store(0, Ordering::SeqCst);
        let enter = move || {
            let now = running.fetch_add(1, Ordering::SeqCst) + 1;
            highest.fetch_max(now, Ordering::SeqCst);
            let running = running.clone();
            move || {
                running.fetch_sub(1, Ordering::SeqCst);
            }
        };
        let serve = server.serve(topic).concurrency(concurrency);
        let service = if topic == "async" {
            let handler = move |_: Request| {
                let enter = enter.clone();
                async move {
                    let leave = enter();
                    for _ in 0..10 {
                        tokio::task::yield_now().await;
                    }
                    leave();
                    "done"
                }
            };
            serve.for_each(handler).await
        } else {
            let handler = move |request: Request| {
                let leave = enter();
                std::thread::yield_now();
                leave();
                request.reply("done").unwrap();
            };
            serve.for_each_blocking(handler).await
        };
        let _service = service.unwrap();
        for reply in soon("all", join_all((0..50).map(|_| publisher.publish(topic, "").into_future()))).await
        {
            assert_eq!(reply.unwrap().data(), "done");
        }
        let seen = most.load(Ordering::SeqCst);
        assert!(seen >= 1 && seen <= concurrency, "{seen} at once with concurrency {concurrency}");
    }
}

#[tokio::test]
async fn async_handlers_run_on_the_runtime_of_the_caller() {
    let devnet = two_nodes().await;
    let (publisher, server) = (client(&devnet, 0).await, client(&devnet, 1).await);
    let here = tokio::runtime::Handle::current().id();
    let is_here = move || tokio::runtime::Handle::current().id() == here;
    let (tx, mut rx) = tokio::sync::mpsc::unbounded_channel();
    let _service = server
        .serve("served")
        .for_each(move |_: Request| std::future::ready(is_here().to_string()))
        .await
        .unwrap();
    let handler = move |_| {
        tx.send(is_here()).unwrap();
        async {}
    };
    let _handler = server.subscribe("subscribed").for_each(handler).await.unwrap();
    assert_eq!(publisher.publish("served", "x").await.unwrap().data(), "true");
    publisher.publish("subscribed", "x").await.unwrap();
    assert!(soon("the handler", rx.recv()).await.unwrap());
    // Another runtime may be set.
    let other = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
    let serve = server.serve("elsewhere").runtime(other.handle().clone());
    let handler = move |_: Request| std::future::ready(is_here().to_string());
    let _elsewhere = serve.for_each(handler).await.unwrap();
    assert_eq!(publisher.publish("elsewhere", "x").await.unwrap().data(), "false");
    other.shutdown_background();
}

#[tokio::test]
async fn service_ends_with_the_runtime_of_its_handler() {
    let devnet = two_nodes().await;
    let (publisher, server) = (client(&devnet, 0).await, client(&devnet, 1).await);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
    let (entered, mut is_in) = tokio::sync::mpsc::unbounded_channel();
    let handler = move |_: Request| {
        entered.send(()).unwrap();
        std::future::pending::<&str>()
    };
    let serve = server.serve("t").concurrency(1).runtime(runtime.handle().clone());
    let service = serve.for_each(handler).await.unwrap();
    let calls: Vec<_> = (0..2).map(|_| tokio::spawn(publisher.publish("t", "x").into_future())).collect();
    soon("the handler", is_in.recv()).await.unwrap();
    until("both requests", || server.stats().total().messages_received == 2).await;
    runtime.shutdown_background();
    for call in calls {
        let error = soon("the answer", call).await.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::SubscriberDropped, "{error}");
    }
    until("the topic to be gone", || devnet.node(1).topics().is_empty()).await;
    let again = server.serve("t").for_each(async |_: Request| "served again").await.unwrap();
    let reply = publisher.publish("t", "x").wait_for_subscriber(true).await.unwrap();
    assert_eq!(reply.data(), "served again");
    drop((service, again));
}

#[tokio::test]
async fn prepared_topic_is_accepted_by_all_calls() {
    let devnet = two_nodes().await;
    let (publisher, server) = (client(&devnet, 0).await, client(&devnet, 1).await);
    let topic = amop::Topic::new("t").unwrap();
    let _service = server.serve(&topic).for_each(async |_: Request| "served").await.unwrap();
    let mut messages = server.subscribe(topic.clone()).await.unwrap();
    assert_eq!(publisher.publish(&topic, "x").await.unwrap().data(), "served");
    publisher.broadcast(&topic, "news").await.unwrap();
    assert_eq!(soon("the news", messages.next()).await.unwrap().topic(), "t");
}

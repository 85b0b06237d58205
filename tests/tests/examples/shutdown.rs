//! A service that is stopped while it handles a request.

use std::sync::Arc;

use amop::Request;
use amop_devnet::{Devnet, Generation};
use tokio::sync::Semaphore;

use crate::language::Language;
use crate::scene::Nodes;

#[test]
fn request_is_answered_though_the_service_is_being_stopped() {
    let Some(go) = Language::named("go") else { return };
    // Of 3.x, because the service has 30 s there for its answer.
    let nodes = Nodes::of(Devnet::builder().nodes(2).generation(Generation::V3));
    let client = nodes.client(0);
    let gate = Arc::new(Semaphore::new(0));
    let behind = gate.clone();
    let price = move |_request: Request| {
        let gate = behind.clone();
        async move {
            gate.acquire().await.unwrap().forget();
            "1.20"
        }
    };
    nodes.block_on(client.serve("price").for_each(price)).unwrap();
    let program = nodes.run(&go, "graceful_service", &["{1}", "order"]);
    assert_eq!(program.line(), "serving order");

    let order =
        nodes.devnet.handle().spawn(client.publish("order", "apple").wait_for_subscriber(true).into_future());
    assert_eq!(program.line(), "order: apple");
    program.terminate();
    assert_eq!(program.line(), "stopping");
    gate.add_permits(1);
    let reply = nodes.block_on(order).unwrap().unwrap();
    assert_eq!(&reply.data()[..], b"ordered apple at 1.20");
    assert_eq!(program.line(), "stopped");
    let ended = program.end();
    assert_eq!((ended.code, ended.stdout), (0, vec![]), "{:?}", ended.stderr);
}

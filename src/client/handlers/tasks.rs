//! Async handlers, as one task for each subscription or service.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::task::Poll;

use futures_util::future::FutureExt;
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::sync::watch;

use super::{IN_HANDLER, IntoAnswer, Owner};
use crate::delivery::{LaneReader, Message, Request};
use crate::protocol::result::FAILED_TEXT;

/// The boxed future of a handler.
pub(crate) type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Runs an async handler for one message after the other.
pub(crate) async fn for_each<H, F>(
    mut reader: LaneReader<Message>,
    owner: Owner,
    mut handler: H,
    finished: watch::Sender<()>,
) where
    H: FnMut(Message) -> F,
    F: Future<Output = ()>,
{
    while let Some(message) = std::future::poll_fn(|cx| reader.poll_next(cx)).await {
        let call = AssertUnwindSafe(IN_HANDLER.scope((), async { handler(message).await }));
        if let Err(panic) = call.catch_unwind().await {
            owner.panicked(&*panic);
        }
    }
    drop(handler);
    drop(finished);
}

/// Runs an async service handler, up to `concurrency` calls at once.
pub(crate) async fn serve<H, F, A>(
    mut reader: LaneReader<Request>,
    owner: Owner,
    handler: H,
    concurrency: usize,
    finished: watch::Sender<()>,
) where
    H: Fn(Request) -> F,
    F: Future<Output = A>,
    A: IntoAnswer,
{
    let mut running = FuturesUnordered::new();
    let mut open = true;
    while open || !running.is_empty() {
        let next = std::future::poll_fn(|cx| {
            // Completed calls first, because each allows another one.
            while let Poll::Ready(Some(())) = running.poll_next_unpin(cx) {}
            if !open {
                return if running.is_empty() { Poll::Ready(None) } else { Poll::Pending };
            }
            if running.len() >= concurrency { Poll::Pending } else { reader.poll_next(cx) }
        });
        match next.await {
            Some(request) if request.is_open() => running.push(one_call(&handler, request, &owner)),
            // Its time ran out in the lane, and it was answered.
            Some(_) => {}
            None => open = false,
        }
    }
    drop(running);
    drop(handler);
    drop(finished);
}

async fn one_call<H, F, A>(handler: &H, request: Request, owner: &Owner)
where
    H: Fn(Request) -> F,
    F: Future<Output = A>,
    A: IntoAnswer,
{
    let call = AssertUnwindSafe(IN_HANDLER.scope((), async { handler(request.clone()).await }));
    match call.catch_unwind().await {
        Ok(answer) => {
            if let Some(failure) = answer.answer(&request) {
                owner.failed(failure);
            }
        }
        Err(panic) => {
            owner.panicked(&*panic);
            // Fails only if the handler has answered before it panicked.
            let _ = request.fail(Request::FAILED, FAILED_TEXT);
        }
    }
}

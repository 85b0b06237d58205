//! The order of unicasts that wait for a second in which their node passes them on.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::{Mutex as Queue, OwnedMutexGuard};

use crate::protocol::Topic;

/// A queue for each topic on which unicasts wait. They leave in the order in which they came.
#[derive(Debug, Default)]
pub(crate) struct Turns(Mutex<HashMap<Topic, Arc<Queue<()>>>>);

/// The place of one unicast in the queue of its topic, given up when dropped.
#[derive(Debug)]
pub(crate) struct Turn<'a> {
    turns: &'a Turns,
    topic: Topic,
    queue: Option<Arc<Queue<()>>>,
    first: Option<OwnedMutexGuard<()>>,
}

impl Turns {
    /// Returns a place at the end of the queue, which is taken by [`Turn::wait`].
    pub(crate) fn enqueue(&self, topic: &Topic) -> Turn<'_> {
        let queue = self.topics().entry(topic.clone()).or_default().clone();
        Turn { turns: self, topic: topic.clone(), queue: Some(queue), first: None }
    }

    fn topics(&self) -> MutexGuard<'_, HashMap<Topic, Arc<Queue<()>>>> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Turn<'_> {
    /// Returns whether all that came before have left, so that [`Turn::wait`] doesn't wait.
    pub(crate) fn has_come(&mut self) -> bool {
        if let (None, Some(queue)) = (&self.first, &self.queue) {
            self.first = queue.clone().try_lock_owned().ok();
        }
        self.first.is_some()
    }

    /// Waits until all that came before have left.
    pub(crate) async fn wait(&mut self) {
        if let (None, Some(queue)) = (&self.first, self.queue.clone()) {
            self.first = Some(queue.lock_owned().await);
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        drop(self.first.take());
        let mut topics = self.turns.topics();
        drop(self.queue.take());
        if topics.get(&self.topic).is_some_and(|queue| Arc::strong_count(queue) == 1) {
            topics.remove(&self.topic);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn turns_of_a_topic_come_in_order_and_leave_nothing_behind() {
        let turns = Turns::default();
        let (t, other) = (Topic::new("t").unwrap(), Topic::new("other").unwrap());
        let mut places: Vec<_> = (0..3).map(|_| turns.enqueue(&t)).collect();
        let mut elsewhere = turns.enqueue(&other);
        assert!(elsewhere.wait().now_or_never().is_some(), "topics don't wait for each other");
        let mut third = places.pop().unwrap();
        let mut second = places.pop().unwrap();
        let mut first = places.pop().unwrap();
        assert!(first.wait().now_or_never().is_some());
        {
            let (mut second, mut third) = (Box::pin(second.wait()), Box::pin(third.wait()));
            assert!(second.as_mut().now_or_never().is_none() && third.as_mut().now_or_never().is_none());
            drop(first);
            assert!(third.as_mut().now_or_never().is_none(), "the second comes before");
            assert!(second.as_mut().now_or_never().is_some());
        }
        drop((second, third, elsewhere));
        assert!(turns.topics().is_empty());
    }
}

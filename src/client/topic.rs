//! What a topic may be given as.

use crate::error::Result;
use crate::protocol::Topic;

/// A topic as an argument: any text, which is checked, or a [`Topic`], which was checked when it was made.
///
/// A program that publishes often on the same topic makes a [`Topic`] once; a call then neither checks nor copies it.
///
/// ```no_run
/// # async fn example(client: amop::Client) -> amop::Result<()> {
/// let topic = amop::Topic::new("measurements")?;
/// for value in ["1", "2", "3"] {
///     client.publish(&topic, value).await?;
/// }
/// # Ok(()) }
/// ```
pub trait IntoTopic {
    /// Returns the topic.
    ///
    /// # Errors
    /// Returns [`ErrorKind::InvalidTopic`](crate::ErrorKind::InvalidTopic) if the text is not a valid topic.
    fn into_topic(self) -> Result<Topic>;
}

impl<T: AsRef<str>> IntoTopic for T {
    fn into_topic(self) -> Result<Topic> {
        Topic::new(self)
    }
}

impl IntoTopic for Topic {
    fn into_topic(self) -> Result<Topic> {
        Ok(self)
    }
}

impl IntoTopic for &Topic {
    fn into_topic(self) -> Result<Topic> {
        Ok(self.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prepared_topic_is_shared_and_text_is_checked() {
        let topic = Topic::new("t").unwrap();
        let shared = (&topic).into_topic().unwrap();
        assert!(std::ptr::eq(topic.as_str(), shared.as_str()), "neither checked nor copied");
        assert_eq!("t".into_topic().unwrap(), topic);
        assert_eq!(String::from("t").into_topic().unwrap(), topic);
        assert!("".into_topic().is_err());
    }
}

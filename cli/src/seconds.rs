//! Times on the command line: seconds, possibly with a fraction.

use std::time::Duration;

/// Parses `2` or `0.5`, for clap.
pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    let number: f64 = text.parse().map_err(|_| "write seconds, such as 2 or 0.5".to_owned())?;
    Duration::try_from_secs_f64(number).map_err(|_| "write seconds from 0 up, such as 2 or 0.5".to_owned())
}

/// Parses a time above 0, for clap.
pub(crate) fn positive_seconds(text: &str) -> Result<Duration, String> {
    let time = seconds(text)?;
    if time.is_zero() { Err("write more than 0 seconds".to_owned()) } else { Ok(time) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_times_are_rejected() {
        assert_eq!(seconds("2"), Ok(Duration::from_secs(2)));
        assert_eq!(seconds("0.25"), Ok(Duration::from_millis(250)));
        assert_eq!(seconds("0"), Ok(Duration::ZERO));
        for nonsense in ["", "2s", "-1", "nan", "inf", "1e300"] {
            assert!(seconds(nonsense).is_err(), "{nonsense}");
        }
        assert!(positive_seconds("0").is_err());
    }
}

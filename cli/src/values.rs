//! Values on the command line: times, whole numbers and text.

use std::ops::RangeInclusive;
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

use amop::text::foreign;
use clap::builder::{OsStringValueParser, TypedValueParser};

/// Parses seconds, possibly with a fraction, such as `2` or `0.5`, for clap.
pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    let number: f64 = text.parse().map_err(|_| "write seconds, such as 2 or 0.5".to_owned())?;
    Duration::try_from_secs_f64(number).map_err(|_| "write seconds from 0 up, such as 2 or 0.5".to_owned())
}

/// Parses a time above 0, for clap.
pub(crate) fn positive_seconds(text: &str) -> Result<Duration, String> {
    let time = seconds(text)?;
    if time.is_zero() { Err("write more than 0 seconds".to_owned()) } else { Ok(time) }
}

/// Returns the parser of whole numbers in a range, for clap.
pub(crate) fn whole<T: TryFrom<u64>>(
    range: RangeInclusive<u64>,
) -> impl Fn(&str) -> Result<T, String> + Clone {
    move |text| {
        let number = text.parse().ok().filter(|number| range.contains(number));
        number.and_then(|number| T::try_from(number).ok()).ok_or_else(|| match range.end() {
            &u64::MAX => format!("write a whole number from {} up", range.start()),
            end => format!("write a whole number from {} to {end}", range.start()),
        })
    }
}

/// Returns the parser of text, for clap. Its own one does not name the argument that is not UTF-8.
pub(crate) fn text() -> impl TypedValueParser<Value = String> {
    OsStringValueParser::new().try_map(|given| {
        given.into_string().map_err(|bytes| format!("{:?} is not UTF-8", foreign(bytes.as_bytes())))
    })
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

    #[test]
    fn error_of_a_whole_number_states_the_range() {
        let up = whole::<u64>(1..=u64::MAX);
        assert_eq!((up("1"), up("18446744073709551615")), (Ok(1), Ok(u64::MAX)));
        for nonsense in ["", "0", "-1", "1.5", "x", "18446744073709551616"] {
            assert_eq!(up(nonsense), Err("write a whole number from 1 up".to_owned()), "{nonsense}");
        }
        let bounded = whole::<u16>(0..=1000);
        assert_eq!(bounded("1000"), Ok(1000));
        assert_eq!(bounded("1001"), Err("write a whole number from 0 to 1000".to_owned()));
    }
}

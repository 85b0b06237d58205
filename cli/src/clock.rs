//! Formats of local times in the output.

use std::time::SystemTime;

use jiff::Zoned;

/// `2020/08/11 21:21:50`: the form of the example programs' lines.
pub(crate) fn to_the_second(zoned: &Zoned) -> String {
    zoned.strftime("%Y/%m/%d %H:%M:%S").to_string()
}

/// `2020/08/11 21:21:50.123`, for people.
pub(crate) fn to_the_millisecond(time: SystemTime) -> String {
    local(time).strftime("%Y/%m/%d %H:%M:%S%.3f").to_string()
}

/// `2020-08-11T21:21:50.123456+08:00`, for scripts.
pub(crate) fn rfc3339(time: SystemTime) -> String {
    local(time).strftime("%Y-%m-%dT%H:%M:%S%.6f%:z").to_string()
}

/// Converts to local time. A time beyond the calendar becomes its end.
fn local(time: SystemTime) -> Zoned {
    let stamp = jiff::Timestamp::try_from(time).unwrap_or(jiff::Timestamp::MAX);
    stamp.to_zoned(jiff::tz::TimeZone::system())
}

//! Durations as people write them, on command lines and in lab files.

use std::time::Duration;

use jiff::SignedDuration;

/// That a text is no duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is a number of seconds, or a duration such as 500ms, 90s, 5m or 1h30m")]
pub struct NoDuration;

/// Reads a duration: a number of seconds, or numbers with units, such as `500ms`, `5m` and `1h30m` (the "friendly" format of
/// the crate jiff, which takes `5 minutes` and ISO 8601's `PT5M`, too).
pub fn parse(text: &str) -> Result<Duration, NoDuration> {
    if let Ok(seconds) = text.parse() {
        return Duration::try_from_secs_f64(seconds).map_err(|_| NoDuration);
    }
    let signed: SignedDuration = text.parse().map_err(|_| NoDuration)?;
    Duration::try_from(signed).map_err(|_| NoDuration)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_units_are_read() {
        let millis = |text| parse(text).map(|duration| duration.as_millis());
        for (text, expected) in [
            ("0", 0),
            ("300", 300_000),
            ("0.5", 500),
            ("1e2", 100_000),
            ("200s", 200_000),
            ("500ms", 500),
            ("5m", 300_000),
            ("5min", 300_000),
            ("1.5h", 5_400_000),
            ("1h30m", 5_400_000),
            ("1h 30m", 5_400_000),
            ("PT5M", 300_000),
        ] {
            assert_eq!(millis(text), Ok(expected), "{text}");
        }
        for wrong in [
            "", "s", "-1", "-5m", "5m ago", "5x", "inf", "NaN", "1e300", "5 5", "1d", "1:30", "soon",
        ] {
            assert_eq!(parse(wrong), Err(NoDuration), "{wrong}");
        }
    }
}

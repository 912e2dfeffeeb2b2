//! What `--log-level` takes: a level, or a filter of tracing-subscriber.

use placemat2_engine::spec::did_you_mean;
use tracing_subscriber::EnvFilter;

const LEVELS: [&str; 6] = ["error", "warn", "info", "debug", "trace", "off"];

/// Reads a filter. A word alone is a level: filters would take any other for the name of a part of the program, and log nothing but
/// that part.
pub fn parse(text: &str) -> Result<String, String> {
    let directives = text.split(',').map(directive).collect::<Result<Vec<_>, _>>()?;
    let filter = directives.join(",");
    match EnvFilter::try_new(&filter) {
        Ok(_) => Ok(filter),
        Err(error) => Err(format!("that is no log filter: {error}")),
    }
}

fn directive(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.eq_ignore_ascii_case("warning") {
        return Ok("warn".to_owned());
    }
    let is_word = text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    let is_level = LEVELS.iter().any(|level| level.eq_ignore_ascii_case(text)) || text.parse::<u8>().is_ok();
    let is_ours = text.starts_with("placemat2");
    if !is_word || text.is_empty() || is_level || is_ours {
        return Ok(text.to_owned());
    }
    let meant = did_you_mean(text, LEVELS).unwrap_or_default();
    let levels = LEVELS.join(", ");
    Err(format!("`{text}` is no level: there are {levels}. {meant}")
        .trim_end()
        .to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_level_is_told() {
        let error = parse("inof").unwrap_err();
        assert!(
            error.starts_with("`inof` is no level") && error.ends_with("Did you mean `info`?"),
            "{error}"
        );
        assert!(parse("info,verbose").is_err() && parse("a=b=c").is_err());
    }

    #[test]
    fn levels_and_filters_are_taken() {
        for (text, filter) in [
            ("info", "info"),
            ("WARN", "WARN"),
            ("warning", "warn"),
            ("off", "off"),
            ("3", "3"),
            ("info,placemat2_engine::node=debug", "info,placemat2_engine::node=debug"),
            ("placemat2_engine", "placemat2_engine"),
            ("warning, hyper=debug", "warn,hyper=debug"),
        ] {
            assert_eq!(parse(text).as_deref(), Ok(filter), "{text}");
        }
    }
}

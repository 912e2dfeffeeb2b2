//! Switches that placemat v2 had, which took `--force` and `--force=true`.

/// Reads the value of one, by the words that Go's flags have for truth.
pub fn parse(text: &str) -> Result<bool, String> {
    match text {
        "1" | "t" | "T" | "true" | "True" | "TRUE" => Ok(true),
        "0" | "f" | "F" | "false" | "False" | "FALSE" => Ok(false),
        _ => Err(format!("`{text}` is neither `true` nor `false`")),
    }
}

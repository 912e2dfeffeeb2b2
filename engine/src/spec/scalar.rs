//! What plain scalars mean: truth values and whole numbers.

/// Returns the truth value a plain scalar means in YAML 1.1, which is what real lab files are written in.
pub fn boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "y" => Some(true),
        "false" | "no" | "off" | "n" => Some(false),
        _ => None,
    }
}

/// Returns the whole number a plain scalar means: decimal, `0x` or `0o`. A leading zero is refused, as YAML 1.1 reads it
/// as octal and YAML 1.2 as decimal.
pub fn whole_number(text: &str) -> Option<u32> {
    let digits = text.strip_prefix('+').unwrap_or(text);
    let (digits, radix) = if let Some(hexadecimal) = digits.strip_prefix("0x") {
        (hexadecimal, 16)
    } else if let Some(octal) = digits.strip_prefix("0o") {
        (octal, 8)
    } else {
        (digits, 10)
    };
    let leading_zero = radix == 10 && digits.len() > 1 && digits.starts_with('0');
    if leading_zero || !digits.starts_with(|c: char| c.is_digit(radix)) {
        return None;
    }
    u32::from_str_radix(digits, radix).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn truth_values_are_those_of_yaml_1_1() {
        for text in ["true", "True", "YES", "on", "y"] {
            assert_eq!(boolean(text), Some(true), "{text}");
        }
        for text in ["false", "No", "OFF", "n"] {
            assert_eq!(boolean(text), Some(false), "{text}");
        }
        for text in ["", "1", "0", "maybe", "tru"] {
            assert_eq!(boolean(text), None, "{text}");
        }
    }

    #[test]
    fn whole_numbers_are_unambiguous() {
        for (text, number) in [
            ("0", 0),
            ("2", 2),
            ("+2", 2),
            ("0x10", 16),
            ("0o17", 15),
            ("4294967295", u32::MAX),
        ] {
            assert_eq!(whole_number(text), Some(number), "{text}");
        }
        for text in [
            "",
            "-1",
            "010",
            "1e3",
            "1.0",
            "4294967296",
            "0x",
            "0x+1",
            "++1",
            "two",
            "1_000",
        ] {
            assert_eq!(whole_number(text), None, "{text}");
        }
    }
}

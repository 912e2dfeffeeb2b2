//! Sizes as QEMU reads them.

/// Returns how many bytes a size means to QEMU's `-m`: a bare number counts MiB.
///
/// `None` if QEMU would not take it, or if it is zero.
pub fn memory_bytes(text: &str) -> Option<u64> {
    bytes(text, 1 << 20)
}

/// Returns how many bytes a size means to `qemu-img create`: a bare number counts bytes.
///
/// `None` if qemu-img would not take it, or if it is zero.
pub fn disk_bytes(text: &str) -> Option<u64> {
    bytes(text, 1)
}

/// Reads `NUMBER[.FRACTION][bkmgtpe]`, as QEMU's `qemu_strtosz` does; the result must be positive and fit 63 bits.
fn bytes(text: &str, bare_unit: u64) -> Option<u64> {
    let digits = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, suffix) = text.split_at(digits);
    let unit: u64 = match suffix {
        "" => bare_unit,
        "b" | "B" => 1,
        "k" | "K" => 1 << 10,
        "m" | "M" => 1 << 20,
        "g" | "G" => 1 << 30,
        "t" | "T" => 1 << 40,
        "p" | "P" => 1 << 50,
        "e" | "E" => 1 << 60,
        _ => return None,
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() || (number.contains('.') && (fraction.is_empty() || matches!(suffix, "" | "b" | "B"))) {
        return None;
    }
    // Digits after the eighteenth are worth less than a byte.
    let fraction = fraction.get(..18).unwrap_or(fraction);
    let places = u32::try_from(fraction.len()).ok()?;
    let part = u128::from(unit) * format!("0{fraction}").parse::<u128>().ok()? / 10_u128.pow(places);
    let total = whole
        .parse::<u64>()
        .ok()?
        .checked_mul(unit)?
        .checked_add(u64::try_from(part).ok()?)?;
    (1..=i64::MAX.unsigned_abs()).contains(&total).then_some(total)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sizes_are_those_of_qemu() {
        for (text, bytes) in [
            ("2048", 2048 << 20),
            ("1", 1 << 20),
            ("3G", 3 << 30),
            ("3g", 3 << 30),
            ("1.5G", 3 << 29),
            ("0.5k", 512),
            ("512M", 512 << 20),
            ("4096B", 4096),
            ("1T", 1 << 40),
        ] {
            assert_eq!(memory_bytes(text), Some(bytes), "{text}");
        }
        assert_eq!(disk_bytes("2048"), Some(2048));
        assert_eq!(disk_bytes("1.25M"), Some(5 << 18));
    }

    #[test]
    fn what_qemu_refuses_is_refused() {
        for text in [
            "",
            "G",
            "12Z",
            "10GB",
            "1e3",
            "-1",
            "+1",
            "1.5",
            "1.G",
            ".5G",
            "1.5.5G",
            "1 G",
            "0",
            "0G",
            "0.1B",
            "8E",
            "99999999999999999999",
            "1.x",
            "٣G",
        ] {
            assert_eq!(memory_bytes(text), None, "{text}");
            assert_eq!(disk_bytes(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_answered(text in ".*") {
            let _ = memory_bytes(&text);
        }

        #[test]
        fn whole_numbers_of_units_are_exact(number in 1_u64..1 << 20) {
            prop_assert_eq!(memory_bytes(&format!("{number}.0G")), Some(number << 30));
        }
    }
}

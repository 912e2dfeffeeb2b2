//! "Did you mean": the nearest of the names there are.

/// Names longer than this are not compared; nobody mistypes one so long, and the comparison takes quadratic time.
const LONGEST: usize = 64;
/// How many names are looked at, so that a hostile file can't keep the program busy.
const MOST: usize = 10_000;

/// Returns the candidate nearest to what was written, if one is near enough to be what was meant: a few letters off, or else one
/// of the two is the beginning of the other.
pub fn nearest<'a>(written: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let length = written.chars().count();
    if !(2..=LONGEST).contains(&length) {
        return None;
    }
    let lower = written.to_lowercase();
    let allowed = (length / 3).min(3);
    candidates
        .into_iter()
        .take(MOST)
        .filter(|candidate| !candidate.is_empty() && candidate.len() <= LONGEST)
        .filter_map(|candidate| {
            let other = candidate.to_lowercase();
            let distance = strsim::osa_distance(&lower, &other);
            let begins = other.starts_with(&lower) || (other.len() > 1 && lower.starts_with(&other));
            (distance <= allowed || begins).then_some((distance > allowed, distance, candidate))
        })
        .min_by_key(|(far, distance, _)| (*far, *distance))
        .map(|(_, _, candidate)| candidate)
}

/// Returns "Did you mean `x`?" for the candidate nearest to what was written.
pub fn did_you_mean<'a>(written: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    nearest(written, candidates).map(|name| format!("Did you mean `{name}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_recognized() {
        let names = ["r0-node1", "r0-node2", "address", "gzip", "xz", "env"];
        for (written, meant) in [
            ("r0-nod1", Some("r0-node1")),
            ("R0-NODE2", Some("r0-node2")),
            ("adress", Some("address")),
            ("addrses", Some("address")),
            ("gz", Some("gzip")),
            ("enviroment", Some("env")),
            ("completely-else", None),
            ("", None),
            ("x", None),
        ] {
            assert_eq!(nearest(written, names), meant, "{written}");
        }
    }

    #[test]
    fn long_names_are_not_compared() {
        let long = "x".repeat(1 << 20);
        assert_eq!(nearest(&long, [long.as_str()]), None);
        assert_eq!(nearest("xxxx", [long.as_str()]), None);
    }
}

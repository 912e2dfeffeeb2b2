//! What became of something that was done to several objects.

use crate::output;

/// Tells of each object that it failed for, and fails if there is one.
pub fn tell(word: &str, objects: &str, outcomes: Vec<(String, anyhow::Result<()>)>) -> anyhow::Result<()> {
    let count = outcomes.len();
    let failed = outcomes
        .into_iter()
        .filter_map(|(name, outcome)| Some((name, outcome.err()?)));
    let mut failed: Vec<_> = failed.collect();
    if count == 1 {
        return failed.pop().map_or(Ok(()), |(_, error)| Err(error));
    }
    for (name, error) in &failed {
        output::remark("pmctl2", &format!("{name}: {error:#}"));
    }
    match failed.len() {
        0 => Ok(()),
        number => anyhow::bail!("{word} failed for {number} of {count} {objects}"),
    }
}

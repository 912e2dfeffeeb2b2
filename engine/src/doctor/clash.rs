//! Names and prefixes that a lab needs and this host has already.

use super::{Finding, Host};

const CHECK: &str = "clashes";

/// One finding for each; nothing without a lab.
pub(super) fn clashes(host: &Host<'_>) -> Vec<Finding> {
    if host.demand.is_none() {
        return Vec::new();
    }
    if host.clashes.is_empty() {
        let found = "no name, link or prefix of the lab is taken on this host";
        return vec![Finding::ok(CHECK, found)];
    }
    let told = host.clashes.iter().map(|clash| {
        let message = clash.to_string();
        // The sentence that tells what is so, and the one that tells what to do.
        let (found, mend) = message.split_once(". ").unwrap_or((&message, "Rename it."));
        Finding::failed(CHECK, found, mend)
    });
    told.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        doctor::{Demand, Verdict},
        plan::{self, Options, testing},
    };

    #[test]
    fn what_is_taken_is_told_with_what_to_do() {
        let spec = testing::Lab::new("dc").spec();
        let mut facts = testing::facts();
        let options = Options::default();
        let findings = |facts: &plan::Facts| {
            clashes(&Host {
                facts,
                options: &options,
                demand: Some(Demand::of(&spec)),
                clashes: plan::clashes(&spec, &options, facts),
            })
        };
        assert_eq!(findings(&facts)[0].verdict, Verdict::Ok);
        facts.namespaces.insert("placemat2-dc".to_owned());
        let found = findings(&facts);
        assert_eq!((found.len(), found[0].verdict), (1, Verdict::Failed));
        assert_eq!(found[0].found, "A lab named `dc` is running on this host");
        assert!(found[0].mend.as_ref().unwrap().starts_with("Take it down first"));
    }
}

//! An error with what caused it, as one sentence: the innermost cause is often the only one that helps.

use std::{error::Error, iter};

/// An error with all its causes, each once: many messages quote their cause already.
pub fn with_causes(error: &dyn Error) -> String {
    let causes = iter::successors(error.source(), |cause| (*cause).source());
    causes.fold(error.to_string(), |told, cause| {
        let cause = cause.to_string();
        if told.contains(&cause) {
            told
        } else {
            format!("{told}: {cause}")
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{told}")]
    struct Layer {
        told: &'static str,
        source: Option<Box<Layer>>,
    }

    fn layers(told: &[&'static str]) -> Option<Box<Layer>> {
        let (told, rest) = told.split_first()?;
        let source = layers(rest);
        Some(Box::new(Layer { told, source }))
    }

    #[test]
    fn each_cause_is_told_once() {
        let error = layers(&["no download: refused", "refused", "by the firewall"]).unwrap();
        assert_eq!(with_causes(&error), "no download: refused: by the firewall");
    }
}

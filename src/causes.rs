//! Formats an error together with its causes.

/// The messages of an error and its causes, without a cause that the message before it already contains.
pub(crate) fn in_words(error: &(dyn std::error::Error + 'static)) -> String {
    let (mut words, mut last) = (error.to_string(), error.to_string());
    let causes = std::iter::successors(Some(error), |error| error.source()).skip(1);
    for cause in causes.map(ToString::to_string) {
        if !last.contains(&cause) {
            words = format!("{words}: {cause}");
            last = cause;
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::in_words;

    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Said(&'static str, #[source] Option<Box<Said>>);

    #[test]
    fn a_cause_is_named_once() {
        let error = |texts: &[&'static str]| {
            texts.iter().rev().fold(None, |cause, text| Some(Box::new(Said(text, cause)))).expect("an error")
        };
        assert_eq!(in_words(&error(&["no view", "code 14", "no file"])), "no view: code 14: no file");
        assert_eq!(in_words(&error(&["no view: code 14", "code 14", "no file"])), "no view: code 14: no file");
        assert_eq!(in_words(&error(&["alone"])), "alone");
    }
}

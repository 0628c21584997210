//! Errors as the user reads them.

use clap::error::ErrorKind;

/// An error that only several arguments together show; the program ends with exit code 2.
pub(crate) fn wrong_usage(error: anyhow::Error) -> anyhow::Error {
    let message = format!("{}\n", describe(&error));
    clap::Error::raw(ErrorKind::ValueValidation, message).into()
}

/// An error and its causes; a cause that the message contains already is not repeated.
pub(crate) fn describe(error: &anyhow::Error) -> String {
    let mut causes = error.chain().map(ToString::to_string);
    let first = causes.next().unwrap_or_default();
    causes.fold(first, |message, cause| match message.contains(&cause) {
        true => message,
        false => format!("{message}: {cause}"),
    })
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::*;

    #[test]
    fn a_cause_is_printed_once() {
        let inner = anyhow!("no such file");
        let error = inner.context("x.json: no such file").context("cannot read");
        assert_eq!(describe(&error), "cannot read: x.json: no such file");
    }
}

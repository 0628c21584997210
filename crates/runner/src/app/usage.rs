//! Error messages for the user.

use clap::error::ErrorKind;

/// An invalid combination of arguments; the program exits with code 2.
pub(crate) fn wrong_usage(error: anyhow::Error) -> anyhow::Error {
    let message = format!("{}\n", describe(&error));
    clap::Error::raw(ErrorKind::ValueValidation, message).into()
}

/// An error and its causes; a cause already contained in the message is not repeated.
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

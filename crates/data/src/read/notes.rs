//! Sentences on classes, for the notes of a data set.

use std::collections::BTreeMap;

use crate::label::label_map::Misspelt;
use crate::label::{ClassMap, Expression};

/// Removes the items whose expression is not one of the classes, if these are given; the note counts them as `what`.
pub(crate) fn keep_classes<T>(
    items: &mut Vec<T>,
    classes: Option<&ClassMap>,
    expression: impl Fn(&T) -> Expression,
    what: &str,
) -> Option<String> {
    let classes = classes?;
    let removed = items.extract_if(.., |item| classes.label_of(expression(item)).is_none());
    let removed: Vec<_> = removed.map(|item| expression(&item)).collect();
    left_out(what, removed)
}

/// The images (`what`) whose expression is not one of the classes.
pub(crate) fn left_out(what: &str, shown: impl IntoIterator<Item = Expression>) -> Option<String> {
    let mut counts = BTreeMap::new();
    for expression in shown {
        *counts.entry(expression).or_insert(0) += 1;
    }
    let counts = counts.iter().map(|(e, count)| format!("{e} {count}"));
    let counts = Vec::from_iter(counts).join(", ");
    (!counts.is_empty()).then(|| {
        format!("Left out because their expression is not one of the classes ({what}): {counts}.")
    })
}

/// Misspelt names of `what` that were read all the same.
pub(crate) fn misspelt(what: &str, names: &Misspelt) -> Option<String> {
    let text = |(name, expression): (&String, &Expression)| format!("{name} as {expression}");
    let read = Vec::from_iter(names.iter().map(text)).join(", ");
    (!read.is_empty()).then(|| format!("Misspelt {what} are read as the class meant: {read}."))
}

/// The classes without an image.
pub(crate) fn empty_classes(classes: &ClassMap, occurring: &[Expression]) -> Option<String> {
    let missing = classes.classes().iter().filter(|c| !occurring.contains(c));
    let missing: Vec<_> = missing.map(|class| class.name()).collect();
    (!missing.is_empty()).then(|| format!("No image shows {}.", missing.join(", ")))
}

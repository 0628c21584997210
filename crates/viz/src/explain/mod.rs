//! Explanation methods, found by name: four built-in ones and those of the program.

pub(crate) mod back_projection;
pub(crate) mod field;
pub(crate) mod method;
pub(crate) mod occlusion;
pub(crate) mod patch;

use crate::error::{Error, Result};
use crate::explain::back_projection::BackProjection;
use crate::explain::method::Explain;
use crate::explain::occlusion::Occlusion;

const BUILT_IN: [&dyn Explain; 4] = [
    &BackProjection::Gradient,
    &BackProjection::Deconvnet,
    &BackProjection::Guided,
    &Occlusion,
];

/// The method of this name: `gradient`, `deconvnet`, `guided`, `occlusion`, or one of `own`. Built-in names take precedence.
///
/// # Errors
/// [`Error::Unknown`] with the list of names.
pub fn find<'a>(name: &str, own: &'a [Box<dyn Explain>]) -> Result<&'a dyn Explain> {
    let methods = || BUILT_IN.into_iter().chain(own.iter().map(Box::as_ref));
    let named = methods().find(|method| method.name() == name);
    named.ok_or_else(|| {
        let names: Vec<&str> = methods().map(Explain::name).collect();
        Error::unknown("method", name, names.join(", "))
    })
}

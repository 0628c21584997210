//! Small things that every faus crate needs, written once.
//!
//! - [`mod@file`]: files written whole or not at all.
//! - [`npy`]: numpy arrays.
//! - [`digest`]: SHA-256 as text.
//! - [`random`]: generators that depend on a key, not on thread or order.
//! - [`order`]: ranks, quantiles, Spearman's correlation, AUROC.
//! - [`au`]: names of FACS action units.
//!
//! It knows nothing about faces, networks or runs, and needs no libtorch.
//!
//! ```
//! assert_eq!(faus_base::au::name(12), "Lip corner puller");
//! assert_eq!(faus_base::order::quantile(&[1.0, 2.0, 4.0], 0.5), 2.0);
//! ```

pub mod au;
pub mod digest;
pub mod file;
pub mod npy;
pub mod order;
pub mod random;

//! Small utilities shared by all faus crates.
//!
//! - [`mod@file`]: atomic file writes.
//! - [`npy`]: numpy arrays.
//! - [`digest`]: SHA-256 as text.
//! - [`text`], [`table`]: text and tables as people save them.
//! - [`random`]: generators that depend on a key, not on thread or order.
//! - [`order`]: ranks, quantiles, Spearman's correlation, AUROC.
//! - [`au`]: names of FACS action units.
//! - [`facs`], [`codes`]: FACS codes as coders write them, and tables of them.
//! - [`person`]: people by number or name.
//!
//! Nothing here depends on faces, networks, runs or libtorch.
//!
//! ```
//! assert_eq!(faus_base::au::name(12), "Lip corner puller");
//! assert_eq!(faus_base::order::quantile(&[1.0, 2.0, 4.0], 0.5), 2.0);
//! ```

pub mod au;
pub mod codes;
pub mod digest;
pub mod facs;
pub mod file;
pub mod npy;
pub mod order;
pub mod person;
pub mod random;
pub mod table;
pub mod text;

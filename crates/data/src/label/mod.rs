//! Labels: expressions, classes, action units, and the codes that data sets use for them.

pub mod au;
pub mod class_map;
pub mod expression;
pub mod label_map;
pub mod role;
pub mod text;
pub mod words;

pub use au::{Au, AuCoding, AuScore};
pub use class_map::ClassMap;
pub use expression::Expression;
pub use label_map::LabelMap;
pub use role::Role;

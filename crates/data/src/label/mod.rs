//! Labels: expressions, classes, action units, and the codes that data sets use for them.

pub mod au;
pub mod class_map;
pub mod expression;
pub mod label_map;
pub mod role;
pub mod text;

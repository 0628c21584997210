//! Readers of data sets: one [`Source`](source::Source) for each layout, over folders and archives alike.

pub mod archive;
pub mod arrays;
pub mod ck_plus;
pub mod code_keys;
pub mod coded;
pub mod codes;
pub mod config;
pub mod contents;
pub mod file;
pub mod folders;
pub mod held;
pub mod listed;
pub mod marks;
pub mod mat;
pub mod name;
pub mod notes;
pub mod photos;
pub mod pixel_csv;
pub mod places;
pub mod source;
pub mod tfd;
pub mod tree;

//! The zero-bias CNN of Khorrami, Paine and Huang (2015) on libtorch, its checkpoints and devices.

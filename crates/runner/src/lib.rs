mod app;
mod command_line;
mod commands;
mod config;
mod pipeline;

pub use app::program::Program;
pub use config::NetworkConfig;
pub use faus_model::Architecture;

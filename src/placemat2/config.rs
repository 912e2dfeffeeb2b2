//! `placemat2 config`: what the console is like, and what its config may say.

use std::process::ExitCode;

use placemat2_ui::config::Config;

use super::cli::ConfigCommand;
use crate::output;

/// Prints it.
pub fn run(command: ConfigCommand) -> anyhow::Result<ExitCode> {
    match command {
        ConfigCommand::Dump => {
            let config = match Config::path() {
                Some(path) => Config::read(&path)?,
                None => Config::default(),
            };
            output::text(&config.to_yaml().map_err(anyhow::Error::msg)?)?;
        }
        ConfigCommand::Schema => output::json(&Config::schema())?,
    }
    Ok(ExitCode::SUCCESS)
}

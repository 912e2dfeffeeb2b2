//! `placemat2 config`: what the console is like, and what its config may say.

use std::process::ExitCode;

use placemat2_ui::config::Config;

use super::cli::ConfigCommand;
use crate::output;

/// Prints it.
pub fn run(command: ConfigCommand) -> anyhow::Result<ExitCode> {
    match command {
        ConfigCommand::Dump => {
            let (config, mistakes) = Config::path().map_or_else(Default::default, |path| Config::read(&path));
            for mistake in &mistakes {
                output::remarks(&format!("{mistake}\n"));
            }
            output::text(&config.to_yaml().map_err(anyhow::Error::msg)?)?;
        }
        ConfigCommand::Schema => output::indented_json(&Config::schema())?,
    }
    Ok(ExitCode::SUCCESS)
}

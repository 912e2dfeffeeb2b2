//! Manual pages of both commands, in section 1.

use std::{fs, io, path::Path};

use clap::Command;
use clap_mangen::Man;
use roff::{Roff, roman};

/// Writes one page for each command and subcommand.
pub fn write(directory: &Path) -> io::Result<()> {
    for command in super::commands() {
        let source = format!("{} {}", command.get_name(), command.get_version().unwrap_or_default());
        write_page(&command, &source, directory)?;
    }
    Ok(())
}

fn write_page(command: &Command, source: &str, directory: &Path) -> io::Result<()> {
    for below in command.get_subcommands().filter(|below| !below.is_hide_set()) {
        write_page(below, source, directory)?;
    }
    // As `--help` has it: what is made of the arguments leaves out that some may be repeated, and the `--` that others need.
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage:").trim().to_owned();
    let man = Man::new(command.clone().override_usage(usage)).source(source);
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut page)?;
    }
    for (heading, paragraphs) in behind_options(command) {
        section(heading, &paragraphs).to_writer(&mut page)?;
    }
    fs::write(directory.join(man.get_filename()), page)
}

/// The paragraphs that `--help` ends with, each below the heading that such have in manual pages (man-pages(7)).
fn behind_options(command: &Command) -> Vec<(&'static str, Vec<String>)> {
    let text = command.get_after_long_help().or_else(|| command.get_after_help());
    let text = text.map(ToString::to_string).unwrap_or_default();
    let paragraphs = || {
        text.split("\n\n")
            .map(str::trim)
            .filter(|paragraph| !paragraph.is_empty())
    };
    let headings = ["EXIT STATUS", "NOTES", "EXAMPLES"];
    let below = |heading| {
        let of_heading = paragraphs().filter(|paragraph| self::heading(paragraph) == heading);
        let paragraphs: Vec<_> = of_heading.map(str::to_owned).collect();
        (heading, paragraphs)
    };
    headings
        .map(below)
        .into_iter()
        .filter(|(_, paragraphs)| !paragraphs.is_empty())
        .collect()
}

fn heading(paragraph: &str) -> &'static str {
    if paragraph.to_lowercase().contains("exit status") {
        "EXIT STATUS"
    } else if paragraph.starts_with("Examples:") {
        "EXAMPLES"
    } else {
        "NOTES"
    }
}

fn section(heading: &str, paragraphs: &[String]) -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", [heading]);
    for paragraph in paragraphs {
        roff.control("PP", []);
        for line in paragraph.trim_start_matches("Examples:\n").lines() {
            // Indented lines are code.
            let code = line.starts_with(' ');
            if code {
                roff.control("br", []);
            }
            roff.text([roman(line.trim())]);
        }
    }
    roff
}

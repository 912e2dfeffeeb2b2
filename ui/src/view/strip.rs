//! How far the bring-up is: its steps, downloads, and why it failed.

use placemat2_engine::store::{ImagePhase, LabPhase};
use ratatui::{buffer::Buffer, layout::Rect};

use super::panel;
use crate::{
    glyph::{Mood, State, clean},
    model::Model,
};

/// Columns of a progress bar.
const BAR: u64 = 24;

/// The most lines for why the lab failed.
const ERROR: usize = 4;

/// Draws the strip.
pub fn draw(model: &Model, area: Rect, buffer: &mut Buffer) {
    if area.is_empty() {
        return;
    }
    let theme = &model.settings.theme;
    let ascii = model.settings.ascii;
    let lab = &model.mirror.state.lab;
    let mut steps = vec![(" bring-up: ".to_owned(), theme.title)];
    let failed = model.failure.is_some() || lab.phase == LabPhase::Failed;
    for step in &lab.steps {
        let time = step
            .seconds
            .map(|seconds| format!(" {seconds:.1}s"))
            .unwrap_or_default();
        let mood = match step.seconds {
            _ if step.failed => Mood::Bad,
            Some(_) => Mood::Good,
            // What it was at when the lab failed was not done.
            None if failed => Mood::Bad,
            None => Mood::Busy,
        };
        steps.push((
            format!("{} {}{time}  ", mood.glyph(ascii), clean(&step.name)),
            mood.look(theme),
        ));
    }
    let mut lines = vec![steps];
    for (index, line) in error(model, area.width).into_iter().enumerate() {
        let glyph = if index == 0 { Mood::Bad.glyph(ascii) } else { " " };
        lines.push(vec![(format!(" {glyph} {line}"), theme.bad)]);
    }
    for image in model.mirror.state.images.iter().filter(|image| image.url.is_some()) {
        let state = State::from(image.phase);
        let mut line = vec![
            (format!(" image {}: ", clean(&image.name)), theme.text),
            (state.text(ascii), state.mood.look(theme)),
        ];
        if image.phase == ImagePhase::Downloading {
            line.push((format!(" {}", progress(image.done, image.total, ascii)), theme.busy));
        }
        if let Some(error) = &image.error {
            line.push((format!(" {}", clean(error)), theme.bad));
        }
        lines.push(line);
    }
    panel::lines(buffer, area, &lines);
}

/// Why the lab failed, in lines for a screen so wide: what failed, and the cause, which an error of many lines ends with.
pub fn error(model: &Model, width: u16) -> Vec<String> {
    let error = model.mirror.state.lab.error.as_deref().unwrap_or_default();
    let mut told = error.lines().filter(|line| !line.trim().is_empty());
    let (first, last) = (told.next(), told.next_back());
    let told = first.into_iter().chain(last);
    let mut lines: Vec<String> = told
        .flat_map(|line| panel::wrapped(&clean(line.trim()), usize::from(width).saturating_sub(3)))
        .collect();
    if lines.len() > ERROR {
        lines.drain(1..=lines.len() - ERROR);
    }
    lines
}

/// A bar, a share and a size; without a size in all, only what is there.
fn progress(done: u64, total: Option<u64>, ascii: bool) -> String {
    #[allow(clippy::cast_precision_loss, reason = "a size for people")]
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    let Some(total) = total.filter(|total| *total > 0) else {
        return format!("{:.1} MiB", mib(done));
    };
    let full = usize::try_from((done.min(total) * BAR) / total).unwrap_or(0);
    let empty = usize::try_from(BAR).unwrap_or(0).saturating_sub(full);
    let (on, off) = if ascii { ("#", ".") } else { ("█", "░") };
    let percent = done.min(total) * 100 / total;
    format!(
        "{}{} {percent:3}% of {:.1} MiB",
        on.repeat(full),
        off.repeat(empty),
        mib(total)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_with_and_without_a_total() {
        assert_eq!(
            progress(1 << 19, Some(1 << 20), true),
            "############............  50% of 1.0 MiB"
        );
        assert_eq!(progress(3 << 20, None, true), "3.0 MiB");
        assert_eq!(progress(9, Some(3), true).matches('#').count(), 24);
    }
}

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
        let (mood, time) = match step.seconds {
            Some(seconds) => (Mood::Good, format!(" {seconds:.1}s")),
            None if failed => (Mood::Bad, String::new()),
            None => (Mood::Busy, String::new()),
        };
        steps.push((
            format!("{} {}{time}  ", mood.glyph(ascii), clean(&step.name)),
            mood.look(theme),
        ));
    }
    let mut lines = vec![steps];
    if let Some(error) = &lab.error {
        let error = clean(error.lines().next().unwrap_or_default());
        lines.push(vec![(format!(" {} {error}", Mood::Bad.glyph(ascii)), theme.bad)]);
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

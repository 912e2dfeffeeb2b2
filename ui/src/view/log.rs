//! The output of an app.

use std::fmt::Write as _;

use ratatui::{buffer::Buffer, layout::Rect};

use super::panel::{self, Line};
use crate::{glyph::clean, model::Model};

/// Draws the log.
pub fn draw(model: &Model, area: Rect, focused: bool, buffer: &mut Buffer) {
    let log = &model.log;
    let title = match &log.of {
        None => "no app".to_owned(),
        Some(app) => {
            let mut title = format!("{}/{}", clean(&app.netns), clean(&app.app));
            title.push_str(if log.follow { ", following" } else { ", held" });
            if !log.filter.is_empty() {
                let _ = write!(
                    title,
                    ", {} {:?}",
                    if log.invert { "without" } else { "with" },
                    log.filter
                );
            }
            title
        }
    };
    let inside = panel::panel(model, area, &title, focused, buffer).intersection(*buffer.area());
    if inside.is_empty() {
        return;
    }
    let width = usize::from(inside.width);
    let height = usize::from(inside.height);
    // From the last line up as far as there is room, or from the first line down.
    let mut rows: Vec<Line> = Vec::new();
    let count = log.visible.len();
    if log.follow {
        for place in (0..count).rev() {
            let mut of_line = broken(model, place, width);
            of_line.append(&mut rows);
            rows = of_line;
            if rows.len() >= height {
                break;
            }
        }
        rows.drain(..rows.len().saturating_sub(height));
    } else {
        for place in log.window.top..count {
            rows.extend(broken(model, place, width));
            if rows.len() >= height {
                break;
            }
        }
    }
    if let Some(reason) = &log.ended
        && rows.len() < height
    {
        rows.push(vec![(format!("({})", clean(reason)), model.settings.theme.muted)]);
    } else if log.of.is_some() && count == 0 {
        rows.push(vec![("(nothing yet)".into(), model.settings.theme.muted)]);
    }
    panel::lines(buffer, inside, &rows);
    highlight(model, inside, buffer);
}

/// The rows of one line.
fn broken(model: &Model, place: usize, width: usize) -> Vec<Line> {
    let log = &model.log;
    let theme = &model.settings.theme;
    let Some(line) = log.line(place) else { return Vec::new() };
    let mut parts = Vec::new();
    if log.at == Some(place) {
        parts.push(((if model.settings.ascii { ">" } else { "▸" }).to_owned(), theme.marked));
    }
    if log.stamps {
        parts.push((format!("{} ", model.clock(line.time, "%H:%M:%S%.3f")), theme.muted));
    }
    let text = clean(&line.text);
    let look = match severity(&text) {
        Some(Severity::Error) => theme.bad,
        Some(Severity::Warning) => theme.warn,
        Some(Severity::Detail) => theme.muted,
        None => theme.text,
    };
    if log.wrap {
        let used: usize = parts.iter().map(|(text, _)| text.chars().count()).sum();
        let mut wrapped = panel::wrapped(&text, width.saturating_sub(used)).into_iter();
        parts.push((wrapped.next().unwrap_or_default(), look));
        let mut rows = vec![parts];
        rows.extend(wrapped.map(|text| vec![(format!("{}{text}", " ".repeat(used)), look)]));
        return rows;
    }
    let shown: String = text.chars().skip(log.left).take(width).collect();
    parts.push((shown, look));
    vec![parts]
}

/// How much a line of a log matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Severity {
    Error,
    Warning,
    Detail,
}

/// Words before the one for the severity at most: a time, a name, a process id.
const BEFORE: usize = 14;

/// What a line says of itself. That it came by standard error says nothing: most daemons write all they have to say there.
fn severity(line: &str) -> Option<Severity> {
    let words = line
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty());
    words
        .take(BEFORE)
        .find_map(|word| match word.to_ascii_lowercase().as_str() {
            "emerg" | "alert" | "crit" | "critical" | "panic" | "fatal" | "err" | "error" => Some(Severity::Error),
            "warn" | "warning" => Some(Severity::Warning),
            "debug" | "trace" => Some(Severity::Detail),
            _ => None,
        })
}

/// Highlights what is searched.
fn highlight(model: &Model, area: Rect, buffer: &mut Buffer) {
    let needle: Vec<char> = model.log.needle.to_lowercase().chars().collect();
    if needle.is_empty() {
        return;
    }
    for y in area.y..area.bottom() {
        let cells: Vec<char> = (area.x..area.right())
            .map(|x| {
                buffer
                    .cell((x, y))
                    .and_then(|cell| cell.symbol().chars().next())
                    .unwrap_or(' ')
            })
            .map(|c| c.to_lowercase().next().unwrap_or(c))
            .collect();
        for (column, window) in cells.windows(needle.len()).enumerate() {
            if window == needle {
                let x = area.x + u16::try_from(column).unwrap_or(0);
                let width = u16::try_from(needle.len()).unwrap_or(0);
                buffer.set_style(Rect::new(x, y, width, 1).intersection(area), model.settings.theme.found);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_say_how_much_they_matter() {
        let cases = [
            (
                "2026-11-26 17:10:01.767 <WARN> Missing broadcast",
                Some(Severity::Warning),
            ),
            (
                "2026-11-26 17:10:01.767 <TRACE> spine1: Starting",
                Some(Severity::Detail),
            ),
            ("level=error msg=\"no route\"", Some(Severity::Error)),
            ("bird: 0 errors", None),
            ("started", None),
        ];
        for (line, expected) in cases {
            assert_eq!(severity(line), expected, "{line}");
        }
    }
}

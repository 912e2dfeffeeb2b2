//! What actions do in the log of an app.

use super::prompt;
use crate::{
    action::Action,
    model::{Model, popup::Purpose},
    msg::Effect,
};

/// Does an action in a log.
pub fn act(model: &mut Model, action: Action) -> Vec<Effect> {
    let log = &mut model.log;
    let page = isize::try_from(log.window.page()).unwrap_or(isize::MAX);
    match action {
        Action::Up => log.scroll(-1),
        Action::Down => log.scroll(1),
        Action::PageUp => log.scroll(-page),
        Action::PageDown => log.scroll(page),
        Action::Top => {
            log.follow = false;
            log.window.top = 0;
        }
        Action::Bottom => log.follow = true,
        Action::Left => log.left = log.left.saturating_sub(8),
        Action::Right => log.left = (log.left + 8).min(4096),
        Action::Follow => {
            log.window.top = log.first();
            log.follow = !log.follow;
        }
        Action::Wrap => log.wrap = !log.wrap,
        Action::Stamps => log.stamps = !log.stamps,
        Action::Search => prompt::begin(model, Purpose::Search),
        Action::Filter => prompt::begin(model, Purpose::Filter),
        Action::Invert => {
            if log.filter.is_empty() {
                model.tell("there is no filter to invert: & begins one");
            } else {
                log.invert = !log.invert;
                log.refresh();
            }
        }
        Action::NextMatch | Action::PreviousMatch if log.find(action == Action::NextMatch) => {}
        Action::NextMatch | Action::PreviousMatch => model.complain("nothing was found"),
        Action::Save => prompt::begin(model, Purpose::Save),
        Action::Edit => return vec![Effect::Edit(log.text())],
        Action::NextFocus | Action::PreviousFocus => model.side = false,
        _ => {}
    }
    Vec::new()
}

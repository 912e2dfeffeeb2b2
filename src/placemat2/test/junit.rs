//! A test as a JUnit file, which CI systems show: a case for each step of the bring-up, each thing that was to get ready,
//! and the command.

use std::io::{self, Write};

use placemat2_engine::{plan::Plan, store::State};
use quick_xml::{
    Writer,
    events::{BytesDecl, BytesText, Event},
};

use super::{bundle::console_lines, outcome::Outcome};
use crate::placemat2::{settled, timings};

/// One case.
struct Case {
    class: &'static str,
    name: String,
    seconds: f64,
    /// What went wrong, in a sentence, and what else there is to tell of it.
    failure: Option<(String, String)>,
}

/// Returns the file.
pub fn write(plan: &Plan, state: &State, outcome: &Outcome, command: (&str, f64)) -> io::Result<Vec<u8>> {
    let mut cases = bring_up(plan, state, outcome);
    let (words, seconds) = command;
    let failure = (!outcome.is_success()).then(|| (outcome.to_string(), String::new()));
    cases.push(Case {
        class: "command",
        name: words.to_owned(),
        seconds,
        failure,
    });
    let mut writer = Writer::new_with_indent(Vec::new(), b' ', 2);
    writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let failures = cases.iter().filter(|case| case.failure.is_some()).count().to_string();
    let tests = cases.len().to_string();
    let time = format!("{:.3}", cases.iter().map(|case| case.seconds).sum::<f64>());
    let timestamp = state.lab.started_at.to_string();
    let suite = writer.create_element("testsuites").write_inner_content(|writer| {
        let suite = writer.create_element("testsuite").with_attributes([
            ("name", clean(&plan.lab).as_str()),
            ("tests", &tests),
            ("failures", &failures),
            ("errors", "0"),
            ("time", &time),
            ("timestamp", &timestamp),
        ]);
        suite.write_inner_content(|writer| cases.iter().try_for_each(|case| write_case(writer, case)))?;
        Ok(())
    });
    suite?;
    let mut bytes = writer.into_inner();
    bytes.push(b'\n');
    Ok(bytes)
}

fn bring_up(plan: &Plan, state: &State, outcome: &Outcome) -> Vec<Case> {
    let unready = settled::unready(state);
    let spans = timings::spans(state);
    let steps = spans.iter().filter(|span| span.kind == timings::STEP).map(|span| Case {
        class: "bring-up",
        name: span.name.clone(),
        seconds: span.seconds.unwrap_or_default(),
        failure: span
            .seconds
            .is_none()
            .then(|| ("it did not end".to_owned(), outcome.to_string())),
    });
    let ready = spans
        .iter()
        .filter(|span| span.kind == timings::READY && !unready.iter().any(|unready| unready.object == span.name));
    let ready = ready.map(|span| Case {
        class: "ready",
        name: span.name.clone(),
        seconds: span.seconds.unwrap_or_default(),
        failure: None,
    });
    let steps: Vec<_> = steps.chain(ready).collect();
    let unready = unready.into_iter().map(|unready| Case {
        class: "ready",
        seconds: 0.0,
        failure: Some((unready.reason, console_lines(plan, &unready.object).join("\n"))),
        name: unready.object,
    });
    steps.into_iter().chain(unready).collect()
}

fn write_case<W: Write>(writer: &mut Writer<W>, case: &Case) -> io::Result<()> {
    let name = clean(&case.name);
    let seconds = format!("{:.3}", case.seconds);
    let element = writer.create_element("testcase").with_attributes([
        ("classname", case.class),
        ("name", &name),
        ("time", &seconds),
    ]);
    match &case.failure {
        None => element.write_empty()?,
        Some((message, text)) => element.write_inner_content(|writer| {
            let failure = writer
                .create_element("failure")
                .with_attribute(("message", clean(message).as_str()));
            failure.write_text_content(BytesText::new(&clean(text)))?;
            Ok(())
        })?,
    };
    Ok(())
}

/// Text without the characters that XML 1.0 (section 2.2) can't hold, which a guest may write.
fn clean(text: &str) -> String {
    let allowed = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..);
    text.chars().map(|c| if allowed(c) { c } else { '\u{fffd}' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_guest_wrote_is_xml_all_the_same() {
        let case = Case {
            class: "ready",
            name: "node/<a & \"b\">".into(),
            seconds: 1.5,
            failure: Some(("it is off".into(), "\u{1b}[31m]]> & \u{0}login: ä".into())),
        };
        let mut writer = Writer::new(Vec::new());
        write_case(&mut writer, &case).unwrap();
        let text = String::from_utf8(writer.into_inner()).unwrap();
        let mut reader = quick_xml::Reader::from_str(&text);
        loop {
            if let Event::Eof = reader.read_event().unwrap() {
                break;
            }
        }
        assert!(
            !text.contains(['\u{1b}', '\u{0}']) && text.contains("login: ä"),
            "{text}"
        );
        assert!(text.contains("&lt;a &amp;") && text.contains("]]&gt;"), "{text}");
    }
}

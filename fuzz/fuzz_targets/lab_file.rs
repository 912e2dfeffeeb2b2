//! Lab files, from their bytes to what is said of them.

#![no_main]

use libfuzzer_sys::fuzz_target;
use placemat2_engine::spec::{load_from, sample::AllThere};

fuzz_target!(|input: &[u8]| {
    let report = load_from(vec![("lab.yml".into(), input.to_vec())], &AllThere);
    assert_eq!(report.spec.is_none(), report.has_errors(false));
    let told = report.render_text(true).len() + report.to_json().to_string().len();
    assert!(told < 4 << 20, "{told} bytes of diagnostics");
});

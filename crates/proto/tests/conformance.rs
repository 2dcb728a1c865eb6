//! Every case of `conformance/*.md`, run by the fixture runner (see `conformance/README.md`).

use std::path::Path;

#[test]
fn every_case_holds_however_its_bytes_arrive() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../conformance");
    let report = tenure_testkit::fixture::run(&dir).unwrap_or_else(|e| panic!("{e}"));
    println!("{} conformance cases, {} runs", report.cases, report.runs);
    let failures: Vec<String> = report.failures.iter().map(ToString::to_string).collect();
    assert!(failures.is_empty(), "{} of {} cases failed:\n\n{}", failures.len(), report.cases, failures.join("\n"));
    assert!(report.cases >= 200, "only {} cases were found in {}", report.cases, dir.display());
}

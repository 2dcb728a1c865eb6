//! Replays the corpus without a fuzzer: every input that was ever interesting, and every regression.

use std::fs;
use std::path::Path;

use tenure_fuzz::{capture, client, differential, operations, outgoing, server};

/// Checks every file below `dir`, and counts them.
fn replay(dir: &Path, check: fn(&[u8])) -> usize {
    let entries = fs::read_dir(dir).unwrap_or_else(|e| panic!("cannot read {}: {e}", dir.display()));
    let paths = entries.map(|entry| entry.expect("a readable folder").path());
    let mut count = 0;
    for path in paths {
        if path.is_dir() {
            count += replay(&path, check);
        } else {
            // Shown if the check fails.
            println!("{}", path.display());
            check(&fs::read(&path).expect("a readable file"));
            count += 1;
        }
    }
    count
}

fn replay_target(name: &str, check: fn(&[u8])) {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name);
    assert!(replay(&dir, check) >= 10, "hardly any inputs in {}", dir.display());
}

#[test]
fn server_corpus() {
    replay_target("server", server::check);
}

#[test]
fn client_corpus() {
    replay_target("client", client::check);
}

#[test]
fn operations_corpus() {
    replay_target("operations", operations::check);
}

#[test]
fn differential_corpus() {
    replay_target("differential", differential::check);
}

#[test]
fn outgoing_corpus() {
    replay_target("outgoing", outgoing::check);
}

#[test]
fn capture_corpus() {
    replay_target("capture", capture::check);
}

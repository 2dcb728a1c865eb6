//! See `tenure_fuzz::operations`.
#![no_main]

libfuzzer_sys::fuzz_target!(|scenario: tenure_fuzz::operations::Scenario| scenario.check());

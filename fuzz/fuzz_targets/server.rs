//! See `tenure_fuzz::server`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tenure_fuzz::server::check(data));

//! See `tenure_fuzz::client`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tenure_fuzz::client::check(data));

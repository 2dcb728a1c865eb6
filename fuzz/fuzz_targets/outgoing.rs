//! See `tenure_fuzz::outgoing`.
#![no_main]

libfuzzer_sys::fuzz_target!(|message: tenure_fuzz::outgoing::Message<'_>| message.check());

//! The invariant `capture`: tests/invariants/capture.rs says what holds.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ftpwhy_fuzz::invariants::capture::check(data));

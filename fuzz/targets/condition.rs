//! The invariant `condition`: tests/invariants/condition.rs says what holds.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ftpwhy_fuzz::invariants::condition::check(data));

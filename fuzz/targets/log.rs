//! The invariant `log`: tests/invariants/log.rs says what holds.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ftpwhy_fuzz::invariants::log::check(data));

//! The invariant `report`: tests/invariants/report.rs says what holds.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ftpwhy_fuzz::invariants::report::check(data));

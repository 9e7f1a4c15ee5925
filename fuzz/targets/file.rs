//! The invariant `file`: tests/invariants/file.rs says what holds.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ftpwhy_fuzz::invariants::file::check(data));

//! The invariant `layout`: tests/invariants/layout.rs says what holds.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ftpwhy_fuzz::invariants::layout::check(data));

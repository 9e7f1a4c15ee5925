//! The invariant `packed`: tests/invariants/packed.rs says what holds.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ftpwhy_fuzz::invariants::packed::check(data));

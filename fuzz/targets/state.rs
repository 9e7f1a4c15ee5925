//! The invariant `state`: tests/invariants/state.rs says what holds.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ftpwhy_fuzz::invariants::state::check(data));

//! The invariant `conversation`: tests/invariants/conversation.rs says what holds.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ftpwhy_fuzz::invariants::conversation::check(data));

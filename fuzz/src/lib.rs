//! What the fuzz targets share with the program's tests: the invariants, and what makes up captures for them.

#[path = "../../tests/invariants/mod.rs"]
pub mod invariants;
#[path = "../../tests/it/synth.rs"]
pub mod synth;
#[path = "../../tests/it/traffic.rs"]
pub mod traffic;

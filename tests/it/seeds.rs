//! The invariants hold for the inputs that the fuzzer begins with, and for what comes of changing these a little.

use std::path::Path;

use crate::invariants::{ALL, Invariant};
use crate::traffic::Rng;

fn named(name: &str) -> &'static Invariant {
    ALL.iter().find(|it| it.name == name).unwrap()
}

/// Changes, removes, doubles or puts in a few bytes.
fn changed(seed: &[u8], rng: &mut Rng) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..=rng.below(6) {
        let at = rng.below(bytes.len().max(1));
        let byte = u8::try_from(rng.below(256)).unwrap();
        match rng.below(5) {
            _ if bytes.is_empty() => bytes.push(byte),
            0 => bytes[at] = byte,
            1 => bytes.insert(at, rng.pick(b"\n]\"[, :#>'\0")),
            2 => drop(bytes.remove(at)),
            3 => bytes.truncate(bytes.len() - rng.below(4.min(bytes.len()))),
            _ => {
                let end = bytes.len().min(at + rng.below(60));
                let piece = bytes[at..end].to_vec();
                let to = rng.below(bytes.len());
                bytes.splice(to..to, piece);
            }
        }
    }
    bytes
}

/// Holds an invariant against its seeds, and against so many changed ones.
fn hold(name: &str, times: usize) {
    let invariant = named(name);
    let seeds = (invariant.seeds)();
    assert!(seeds.len() >= 10, "{name} has {} seeds", seeds.len());
    let mut rng = Rng::new(17);
    for seed in &seeds {
        (invariant.check)(seed);
    }
    for _ in 0..times {
        let seed = &seeds[rng.below(seeds.len())];
        (invariant.check)(&changed(seed, &mut rng));
    }
}

#[test]
fn logs() {
    hold("log", 200);
}

#[test]
fn captures() {
    hold("capture", 40);
}

#[test]
fn conversations() {
    hold("conversation", 60);
}

#[test]
fn layouts() {
    hold("layout", 500);
}

#[test]
fn packed_files() {
    hold("packed", 150);
}

#[test]
fn files() {
    hold("file", 40);
}

#[test]
fn sums_of_reports() {
    hold("report", 150);
}

#[test]
fn conditions() {
    hold("condition", 2000);
}

/// Writes the seeds to where the fuzzer looks for them (`.ci/fuzz`).
#[test]
fn are_written_where_they_are_asked_for() {
    let Some(corpus) = std::env::var_os("FTPWHY_WRITE_SEEDS") else {
        return;
    };
    for invariant in ALL {
        let folder = Path::new(&corpus).join(invariant.name);
        std::fs::create_dir_all(&folder).unwrap();
        for (number, seed) in (invariant.seeds)().iter().enumerate() {
            std::fs::write(folder.join(format!("seed-{number:04}")), seed).unwrap();
        }
    }
}

/// Each invariant has a target of its name.
#[test]
fn every_invariant_has_a_target() {
    let manifest = include_str!("../../fuzz/Cargo.toml");
    let manifest: toml::Table = manifest.parse().unwrap();
    let targets = manifest["bin"].as_array().unwrap();
    let named: Vec<&str> = targets
        .iter()
        .filter_map(|bin| bin["name"].as_str())
        .collect();
    let held: Vec<&str> = ALL.iter().map(|invariant| invariant.name).collect();
    assert_eq!(named, held);
}

#[test]
fn states() {
    hold("state", 150);
}

//! What is linked may be given on, and comes from crates.io: `deny.toml` held against what cargo knows of it.
//!
//! cargo-deny does the same, reads the texts of licences as well, and looks for known vulnerabilities; it is not always there.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;

const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// The parts of an expression that all must be allowed, each as its choices: `(A OR B) AND C`, and `A/B` as it was written
/// once. `None` for what is nested deeper.
fn choices(expression: &str) -> Option<Vec<Vec<&str>>> {
    let parts = expression.split(" AND ").map(|part| {
        let inside = part
            .strip_prefix('(')
            .and_then(|part| part.strip_suffix(')'));
        let names: Vec<&str> = inside
            .unwrap_or(part)
            .split(" OR ")
            .flat_map(|name| name.split('/'))
            .collect();
        let is_plain = names.iter().all(|name| !name.contains(['(', ')']));
        is_plain.then(|| names.into_iter().map(str::trim).collect())
    });
    parts.collect()
}

fn is_allowed(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let parts = choices(expression);
    parts.is_some_and(|parts| {
        parts
            .iter()
            .all(|names| names.iter().any(|name| allowed.contains(*name)))
    })
}

/// True where a rule of its own lets a package's licence in.
fn is_excepted(name: &str, licence: &str, rules: &[toml::Value]) -> bool {
    rules.iter().any(|rule| {
        let allowed = rule["allow"].as_array().into_iter().flatten();
        rule["crate"].as_str() == Some(name)
            && allowed
                .map(toml::Value::as_str)
                .any(|it| it == Some(licence))
    })
}

/// Packages (name, licence, source) that may not be linked, and licences that none of them has.
fn complaints(packages: &[(&str, &str, &str)], allowed: &BTreeSet<String>) -> Vec<String> {
    let mut complaints = Vec::new();
    let mut used = BTreeSet::new();
    for (name, licence, source) in packages {
        if !is_allowed(licence, allowed) {
            complaints.push(format!("{name}: {licence:?} is not allowed"));
        }
        if *source != CRATES_IO {
            complaints.push(format!("{name}: comes from {source:?}"));
        }
        used.extend(choices(licence).into_iter().flatten().flatten());
    }
    let unused = allowed
        .iter()
        .filter(|licence| !used.contains(licence.as_str()));
    complaints.extend(unused.map(|licence| format!("deny.toml: nothing has {licence} any more")));
    complaints
}

/// What cargo knows of the packages that are linked on this system; `None` where it lacks some and may not ask for them.
fn metadata() -> Option<Value> {
    let cargo = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO"));
        let root = env!("CARGO_MANIFEST_DIR");
        let output = command.args(arguments).current_dir(root).output().ok()?;
        output.status.success().then_some(output.stdout)
    };
    let version = String::from_utf8(cargo(&["--version", "--verbose"])?).ok()?;
    let host = version
        .lines()
        .find_map(|line| line.strip_prefix("host: "))?;
    let known = ["metadata", "--locked", "--offline", "--format-version", "1"];
    let known = [&known[..], &["--filter-platform", host]].concat();
    serde_json::from_slice(&cargo(&known)?).ok()
}

#[test]
fn what_is_linked_may_be_given_on_and_comes_from_crates_io() {
    let Some(metadata) = metadata() else {
        println!("skipped: cargo does not know all packages without asking the network");
        return;
    };
    let rules: toml::Table = crate::tidy::read("deny.toml").parse().unwrap();
    let allowed = rules["licenses"]["allow"].as_array().unwrap();
    let allowed = allowed.iter().map(|name| name.as_str().unwrap().to_owned());
    let packages = metadata["packages"].as_array().unwrap().iter();
    let others = packages.filter(|package| package["name"] != "ftpwhy");
    let text = |value: &'static str, package: &Value| {
        package[value].as_str().unwrap_or_default().to_owned()
    };
    let others =
        others.map(|package| ["name", "license", "source"].map(|value| text(value, package)));
    let mut others: Vec<[String; 3]> = others.collect();
    let excepted = rules["licenses"]["exceptions"].as_array().unwrap();
    others.retain(|[name, licence, _]| !is_excepted(name, licence, excepted));
    assert!(others.len() > 50, "{}", others.len());
    let others = others
        .iter()
        .map(|[name, licence, source]| (name.as_str(), licence.as_str(), source.as_str()));
    let complaints = complaints(&others.collect::<Vec<_>>(), &allowed.collect());
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

#[test]
fn what_may_not_be_linked_is_found() {
    let allowed = ["MIT", "Unicode-3.0"].map(str::to_owned).into();
    for (licence, is_fine) in [
        ("MIT", true),
        ("Apache-2.0 OR MIT", true),
        ("MIT/Apache-2.0", true),
        ("(MIT OR Apache-2.0) AND Unicode-3.0", true),
        ("MIT AND GPL-3.0-only", false),
        ("GPL-3.0-only", false),
        ("", false),
        ("(MIT AND (A OR B)) OR C", false),
    ] {
        assert_eq!(is_allowed(licence, &allowed), is_fine, "{licence}");
    }
    let fine = ("a", "MIT AND Unicode-3.0", CRATES_IO);
    assert!(complaints(&[fine], &allowed).is_empty());
    assert_eq!(
        complaints(&[fine, ("b", "MIT", "git+https://example.org/b")], &allowed).len(),
        1
    );
    assert_eq!(
        complaints(&[("a", "MIT", CRATES_IO)], &allowed),
        ["deny.toml: nothing has Unicode-3.0 any more"]
    );
}

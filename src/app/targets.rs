//! Which outputs a run has: each a place and a form.

use std::io::{self, IsTerminal as _, Write as _};
use std::path::Path;

use super::state::Next;
use super::{Trouble, mail};
use crate::cli::{Form, ReadArgs};
use crate::output::{Place, Unwritten, Writing};
use crate::text;

/// An output.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) place: Place,
    pub(super) form: Form,
}

/// Forms by the ends of files' names.
const ENDINGS: &[(&str, Form)] = &[
    ("txt", Form::Text),
    ("json", Form::Json),
    ("ndjson", Form::Ndjson),
    ("jsonl", Form::Ndjson),
    ("csv", Form::Csv),
    ("md", Form::Md),
    ("markdown", Form::Md),
    ("prom", Form::Prom),
    ("html", Form::Html),
    ("htm", Form::Html),
    ("eml", Form::Eml),
    ("parquet", Form::Parquet),
];

/// What a command can print; what is asked for with no name that tells a form is the first of them.
pub(super) type Forms = &'static [Form];

/// The outputs that are asked for. Wrong ones are told before anything is read.
pub(super) fn targets(args: &ReadArgs, forms: Forms) -> Result<Vec<Target>, Trouble> {
    let asked = match args.form {
        Some(form) => Some(form),
        None if args.json => Some(Form::Json),
        None if args.ndjson => Some(Form::Ndjson),
        None if args.csv => Some(Form::Csv),
        None if args.md => Some(Form::Md),
        None => None,
    };
    let default = forms.first().copied().unwrap_or(Form::Text);
    let mut targets = Vec::new();
    for path in &args.output {
        let place = Place::named(path);
        let form = match (&place, by_name(path), asked) {
            (Place::Stdout, _, asked) => asked.unwrap_or(default),
            (_, Some(form), _) | (_, None, Some(form)) => form,
            (_, None, None) => return Err(untold(path)),
        };
        targets.push(Target { place, form });
    }
    if targets.is_empty() {
        let (place, form) = (Place::Stdout, asked.unwrap_or(default));
        targets.push(Target { place, form });
    }
    unmet(asked, &targets)?;
    if mail::is_asked(&args.mail) && targets.iter().all(|target| target.form != Form::Eml) {
        let words = "--mail-to, --mail-from and --subject-prefix are for mails; give --as eml or --output FILE.eml";
        return Err(Trouble::Usage(words.to_owned()));
    }
    for (number, target) in targets.iter().enumerate() {
        if !forms.contains(&target.form) {
            return Err(unable(target.form, forms));
        }
        if target.form == Form::Parquet {
            can_hold_rows(&target.place)?;
        }
        let before = targets.get(..number).unwrap_or_default();
        check(target, before, args)?;
    }
    Ok(targets)
}

/// Only one, for what is written as it comes.
pub(super) fn one_target(args: &ReadArgs, forms: Forms) -> Result<Target, Trouble> {
    let mut targets = targets(args, forms)?;
    match (targets.pop(), targets.is_empty()) {
        (Some(target), true) => Ok(target),
        _ => Err(Trouble::Usage(
            "this command writes one output; give --output once".to_owned(),
        )),
    }
}

fn by_name(path: &Path) -> Option<Form> {
    let ending = path.extension()?.to_str()?.to_ascii_lowercase();
    let known = ENDINGS.iter().find(|(known, _)| *known == ending);
    known.map(|(_, form)| *form)
}

fn shown(path: &Path) -> String {
    text::terminal(path.as_os_str().as_encoded_bytes(), true)
}

fn untold(path: &Path) -> Trouble {
    let endings: Vec<_> = ENDINGS.iter().map(|(e, _)| format!(".{e}")).collect();
    Trouble::Usage(format!(
        "the name of {} does not tell its form; end it in {}, or give --as",
        shown(path),
        endings.join(", "),
    ))
}

/// A form that no output takes was asked for by mistake.
fn unmet(asked: Option<Form>, targets: &[Target]) -> Result<(), Trouble> {
    match asked {
        Some(form) if targets.iter().all(|t| t.form != form) => {
            let words = format!(
                "no output is {}: the names given with --output tell other forms; `--output -` prints as well",
                word(form)
            );
            Err(Trouble::Usage(words))
        }
        _ => Ok(()),
    }
}

/// A form that a command does not have.
pub(super) fn unable(form: Form, forms: Forms) -> Trouble {
    let able: Vec<_> = forms.iter().map(|f| word(*f)).collect();
    let (form, able) = (word(form), able.join(", "));
    Trouble::Usage(format!(
        "this command has no form {form}; it has {able}, the report has all"
    ))
}

/// The word with which a form is asked for.
fn word(form: Form) -> String {
    use clap::ValueEnum as _;
    let value = form.to_possible_value();
    value.map_or_else(String::new, |v| v.get_name().to_owned())
}

/// That it can be written, replaces nothing that is read, and is not given twice.
fn check(target: &Target, before: &[Target], args: &ReadArgs) -> Result<(), Trouble> {
    target.place.check()?;
    let name = match &target.place {
        Place::Stdout => "-".to_owned(),
        Place::File(path) => shown(path),
    };
    if before.iter().any(|other| same(&other.place, &target.place)) {
        let words = format!("--output {name} is given twice");
        return Err(Trouble::Usage(words));
    }
    let Place::File(path) = &target.place else {
        return Ok(());
    };
    let read = args.paths.iter().filter(|path| path.is_file());
    if read.into_iter().any(|input| same_file(input, path)) {
        let words = format!("{name} is read; --output would replace it");
        return Err(Trouble::Usage(words));
    }
    Ok(())
}

fn same(one: &Place, other: &Place) -> bool {
    match (one, other) {
        (Place::Stdout, Place::Stdout) => true,
        (Place::File(one), Place::File(other)) => one == other || same_file(one, other),
        _ => false,
    }
}

fn same_file(one: &Path, other: &Path) -> bool {
    let real = |path: &Path| path.canonicalize().ok();
    real(one).is_some_and(|one| real(other) == Some(one))
}

/// That this program can write Parquet files, and that nobody would see one on a terminal.
fn can_hold_rows(place: &Place) -> Result<(), Trouble> {
    let words = if cfg!(not(feature = "parquet")) {
        "this ftpwhy was built without Parquet files; build it with --features parquet"
    } else if *place == Place::Stdout && io::stdout().is_terminal() {
        "a Parquet file is not for a terminal; give --output FILE.parquet"
    } else {
        return Ok(());
    };
    Err(Trouble::Usage(words.to_owned()))
}

/// Writes every output, some as rows. Where one can't be written, the others are all the same, but where a later run goes
/// on: then all of them come with what that one needs, or none.
pub(super) fn write_each(
    targets: &[Target],
    next: Option<Next>,
    fill: impl Fn(&Target, &mut Writing) -> io::Result<()>,
) -> Result<(), Trouble> {
    let stage = |target: &Target| {
        let mut writing = target.place.begin()?;
        fill(target, &mut writing).map_err(|error| target.place.failed(error))?;
        writing.stage()
    };
    if let Some(next) = next {
        // What is printed can't be taken back, so it comes last.
        let (files, printed): (Vec<_>, Vec<_>) =
            targets.iter().partition(|t| t.place != Place::Stdout);
        let staged = files.into_iter().chain(printed).map(stage);
        return next.commit(staged.collect::<Result<_, _>>()?);
    }
    let write = |target: &Target| stage(target)?.finish();
    let written: Vec<_> = targets.iter().map(write).collect();
    let failed: Vec<Unwritten> = written.into_iter().filter_map(Result::err).collect();
    Trouble::of(failed)
}

/// The same, of texts.
pub(super) fn write_all(
    targets: &[Target],
    next: Option<Next>,
    render: impl Fn(&Target) -> String,
) -> Result<(), Trouble> {
    write_each(targets, next, |target, out| {
        out.write_all(render(target).as_bytes())
    })
}

/// Prints to standard output.
pub(super) fn print(words: &str) -> Result<(), Trouble> {
    let mut writing = Place::Stdout.begin()?;
    let written = writing.write_all(words.as_bytes());
    written.map_err(|error| Place::Stdout.failed(error))?;
    Ok(writing.finish()?)
}

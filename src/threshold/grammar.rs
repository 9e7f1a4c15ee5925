//! The grammar of conditions, with nom; what the words in it mean is found out afterwards, so that a fault has a place.
//!
//! `any = all *("or" all)`, `all = one *("and" one)`, `one = "(" any ")" / name ["(" what ")"] [relation number [unit]]`.
//! `and` binds closer than `or`. What is not compared must be more than nothing.

use std::collections::BTreeSet;

use nom::branch::alt;
use nom::bytes::complete::{tag, take_till, take_while1};
use nom::character::complete::{char, multispace0, multispace1};
use nom::combinator::{cut, opt, recognize, value};
use nom::multi::separated_list1;
use nom::sequence::{delimited, pair, preceded, terminated};
use nom::{IResult, Parser};

use super::{Codes, Comparison, Metric, Node, Relation, Unit};
use crate::catalogue::CauseId;
use crate::filter::{Fault, Wrong, causes, code, verb};
use crate::limits;

/// A comparison as it stands there.
struct Raw<'t> {
    whole: &'t str,
    name: &'t str,
    what: Option<&'t str>,
    bound: Option<(Relation, &'t str, &'t str)>,
}

enum Tree<'t> {
    One(Raw<'t>),
    All(Vec<Tree<'t>>),
    Any(Vec<Tree<'t>>),
}

pub(super) fn condition(option: &'static str, typed: &str) -> Result<Node, Wrong> {
    let wrong = |fault: Fault| fault.of(option, typed);
    let deep = typed.matches('(').count() > limits::CONDITION_BRACKETS;
    if deep {
        return Err(wrong(Fault::new(0, "too many brackets")));
    }
    let whole = terminated(any, multispace0).parse(typed);
    let (rest, tree) = match whole {
        Ok((rest, tree)) => (rest, Some(tree)),
        Err(nom::Err::Error(error) | nom::Err::Failure(error)) => (error.input, None),
        Err(nom::Err::Incomplete(_)) => ("", None),
    };
    match tree.filter(|_| rest.is_empty()) {
        Some(tree) => meaning(&tree, typed).map_err(wrong),
        None => Err(wrong(Fault::new(
            place(rest, typed),
            "a condition is like failures>0, rate(5xx)>2%, cause(storage-full), p95(PASS)>3s, with and, or and brackets",
        ))),
    }
}

/// The number of characters before a part of a text.
fn place(part: &str, typed: &str) -> usize {
    let before = (part.as_ptr() as usize).saturating_sub(typed.as_ptr() as usize);
    typed
        .get(..before)
        .map_or(0, |before| before.chars().count())
}

fn any(input: &str) -> IResult<&str, Tree<'_>> {
    let mut list = separated_list1(between("or"), all).map(|mut list| match list.len() {
        1 => list.remove(0),
        _ => Tree::Any(list),
    });
    list.parse(input)
}

fn all(input: &str) -> IResult<&str, Tree<'_>> {
    let mut list = separated_list1(between("and"), one).map(|mut list| match list.len() {
        1 => list.remove(0),
        _ => Tree::All(list),
    });
    list.parse(input)
}

/// A word between two conditions.
fn between<'t>(
    word: &'static str,
) -> impl Parser<&'t str, Output = &'t str, Error = nom::error::Error<&'t str>> {
    delimited(multispace0, tag(word), multispace1)
}

fn one(input: &str) -> IResult<&str, Tree<'_>> {
    let bracket = delimited(char('('), cut(any), cut(preceded(multispace0, char(')'))));
    preceded(multispace0, alt((bracket, comparison.map(Tree::One)))).parse(input)
}

fn comparison(input: &str) -> IResult<&str, Raw<'_>> {
    let name = take_while1(|c: char| c.is_ascii_alphanumeric() || c == '-');
    let what = delimited(char('('), take_till(|c| c == ')'), cut(char(')')));
    let number = recognize(pair(
        take_while1(|c: char| c.is_ascii_digit()),
        opt(pair(char('.'), take_while1(|c: char| c.is_ascii_digit()))),
    ));
    let unit = nom::bytes::complete::take_while(|c: char| c.is_alphabetic() || c == '%');
    let bound = (
        delimited(multispace0, relation, multispace0),
        cut(number),
        preceded(multispace0_before_percent, unit),
    );
    let (rest, (name, what, bound)) = (name, opt(what), opt(bound)).parse(input)?;
    let length = input.len() - rest.len();
    let raw = Raw {
        whole: input.get(..length).unwrap_or(input),
        name,
        what,
        bound,
    };
    Ok((rest, raw))
}

/// A blank may stand before `%`; before a word it would be that of `and` and `or`.
fn multispace0_before_percent(input: &str) -> IResult<&str, &str> {
    let (rest, blank) = multispace0(input)?;
    Ok(if rest.starts_with('%') {
        (rest, blank)
    } else {
        (input, "")
    })
}

fn relation(input: &str) -> IResult<&str, Relation> {
    alt((
        value(Relation::AtLeast, tag(">=")),
        value(Relation::AtMost, tag("<=")),
        value(Relation::More, tag(">")),
        value(Relation::Less, tag("<")),
        value(Relation::Equal, alt((tag("=="), tag("=")))),
    ))
    .parse(input)
}

fn meaning(tree: &Tree<'_>, typed: &str) -> Result<Node, Fault> {
    let each = |trees: &[Tree<'_>]| -> Result<Vec<Node>, Fault> {
        trees.iter().map(|tree| meaning(tree, typed)).collect()
    };
    Ok(match tree {
        Tree::All(trees) => Node::All(each(trees)?),
        Tree::Any(trees) => Node::Any(each(trees)?),
        Tree::One(raw) => Node::One(raw.meaning(typed)?),
    })
}

impl Raw<'_> {
    fn meaning(&self, typed: &str) -> Result<Comparison, Fault> {
        let metric = self.metric(typed)?;
        let (relation, bound) = match self.bound {
            None => (Relation::More, 0),
            Some((relation, number, unit)) => {
                let bound = bound(number, unit, metric.unit());
                let bound = bound.map_err(|why| Fault::new(place(number, typed), why))?;
                (relation, bound)
            }
        };
        Ok(Comparison {
            metric,
            relation,
            bound,
            typed: self.whole.trim().to_owned(),
        })
    }

    fn metric(&self, typed: &str) -> Result<Metric, Fault> {
        let at = place(self.name, typed);
        let needed = |what: &str| {
            let behind = at + self.name.chars().count();
            let why = format!("behind {} stands {what} in brackets", self.name);
            move |()| Fault::new(behind, why)
        };
        let what = |words: &str| self.what.ok_or(()).map_err(needed(words));
        let metric = match self.name {
            "failures" => Metric::Failures,
            "sessions" => Metric::Sessions,
            "replies" => Metric::Replies,
            "new-cause" => Metric::NewCause,
            "unread" => Metric::Unread,
            "rate" if self.what.is_some_and(|what| what.trim() == "failed") => Metric::FailedRate,
            "count" => return codes(what("a code")?, typed).map(Metric::Count),
            "rate" => return codes(what("a code or failed")?, typed).map(Metric::Rate),
            "cause" => return named_causes(what("a cause")?, typed).map(Metric::Cause),
            name => {
                let Some(per_mille) = name.strip_prefix('p').and_then(per_mille) else {
                    let known = "failures, sessions, replies, count(), rate(), cause(), p95(), new-cause, unread";
                    let why = format!("nothing is called so; there are {known}");
                    return Err(Fault::new(at, why));
                };
                let what = what("a command")?;
                let verb = verb(what.trim());
                let verb = verb.map_err(|fault| fault.behind(place(what, typed)))?;
                return Ok(Metric::Wait(per_mille, verb));
            }
        };
        let extra = self.what.filter(|_| metric != Metric::FailedRate);
        match extra {
            Some(what) => Err(Fault::new(
                place(what, typed),
                "nothing stands in brackets here",
            )),
            None => Ok(metric),
        }
    }
}

/// 95 as 950, 999 as 999.
fn per_mille(digits: &str) -> Option<u64> {
    let number: u64 = digits.parse().ok()?;
    match digits.len() {
        1 | 2 => Some(number * 10),
        3 if number < 1000 && number != 100 => Some(number),
        3 => Some(1000),
        _ => None,
    }
}

/// The parts of a list, each with its place.
fn parts<'t>(what: &'t str, typed: &str) -> impl Iterator<Item = (usize, &'t str)> {
    let parts = what.split([',', '|']).map(str::trim);
    parts.map(move |part| (place(part, typed), part))
}

fn codes(what: &str, typed: &str) -> Result<Codes, Fault> {
    let mut codes = Codes::default();
    for (at, part) in parts(what, typed) {
        let (list, digits) = match part.strip_prefix('!') {
            Some(digits) => (&mut codes.not, digits),
            None => (&mut codes.only, part),
        };
        let before = part.len() - digits.len();
        list.push(code(digits).map_err(|fault| fault.behind(at + before))?);
    }
    Ok(codes)
}

fn named_causes(what: &str, typed: &str) -> Result<BTreeSet<CauseId>, Fault> {
    let mut all = BTreeSet::new();
    for (at, part) in parts(what, typed) {
        all.extend(causes(part).map_err(|fault| fault.behind(at))?);
    }
    Ok(all)
}

/// A bound in millionths: `2%`, `10`, `3s`, `250ms`, `1.5min`.
fn bound(number: &str, unit: &str, wanted: Unit) -> Result<u64, String> {
    let scale = match (wanted, unit) {
        (_, "") | (Unit::Seconds, "s") => 1_000_000,
        (Unit::Share, "%") => 10_000,
        (Unit::Seconds, "ms") => 1000,
        (Unit::Seconds, "m" | "min") => 60_000_000,
        (Unit::Seconds, "h") => 3_600_000_000,
        (Unit::Number, _) => return Err("a number without a unit is meant".to_owned()),
        (Unit::Share, _) => return Err("a share is meant, like 2% or 0.02".to_owned()),
        (Unit::Seconds, _) => return Err("a time is meant, like 3s, 250ms or 2min".to_owned()),
    };
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    let digits = part.get(..6).unwrap_or(part);
    let whole: u64 = whole.parse().map_err(|_| "too large a number".to_owned())?;
    let part: u64 = format!("{digits:0<6}").parse().unwrap_or(0);
    let bound = whole
        .checked_mul(1_000_000)
        .and_then(|whole| whole.checked_add(part))
        .and_then(|millionths| u128::from(millionths).checked_mul(scale));
    let bound = bound.and_then(|bound| u64::try_from(bound / 1_000_000).ok());
    bound.ok_or_else(|| "too large a number".to_owned())
}

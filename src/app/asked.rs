//! What is asked for on the command line beside the inputs: which part of them, which rows, in which order.

use std::hash::{BuildHasher as _, RandomState};

use clap::ValueEnum as _;
use jiff::tz::TimeZone;

use super::{Trouble, zone};
use crate::anonymize::Anonymizer;
use crate::cli::{self, ReadArgs, Sort, TableArgs, YesNo};
use crate::filter::{self, Filter, Now, Wrong};
use crate::input;
use crate::report::Order;
use crate::tally::By;
use crate::time::Timestamp;

/// What is taken for now: what was given, or the machine's clock, which is asked nowhere else.
pub(super) fn now(args: &ReadArgs, zone: &TimeZone) -> Result<Now, Trouble> {
    #[expect(clippy::disallowed_methods, reason = "the clock enters here")]
    let clock = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let nanos = clock.map_or(0, |passed| passed.as_nanos());
    let clock = Timestamp::from_nanos(i64::try_from(nanos).unwrap_or(i64::MAX));
    let now = Now::new(clock, zone.clone());
    match &args.filter.now {
        None => Ok(now),
        Some(typed) => Ok(now.moved_to("--now", typed)?),
    }
}

/// What gives other names to all that is shown, where that is asked for: by the key that is given, or by one that nobody
/// knows.
pub(super) fn anonymizer(args: &ReadArgs) -> Result<Option<Anonymizer>, Trouble> {
    let Some(key) = &args.anonymize else {
        return Ok(None);
    };
    if key.is_empty() {
        // Each state has a number of its own behind 128 random bits of the system's.
        let number = || RandomState::new().hash_one(0).to_le_bytes();
        let random = [number(), number(), number(), number()].concat();
        return Ok(Some(Anonymizer::new(&random)));
    }
    let read = |file: &str| {
        let key = input::configuration(file.as_ref());
        key.map_err(|error| Trouble::Usage(format!("--anonymize {file}: {}", error.0)))
    };
    let key = match key.strip_prefix('@') {
        Some(file) => read(file)?,
        None => key.as_bytes().to_vec(),
    };
    Ok(Some(Anonymizer::new(&key)))
}

/// A time as typed for an option, in a form that means the same whenever it is read.
pub(super) fn time(args: &ReadArgs, option: &'static str, typed: &str) -> Result<String, Trouble> {
    let now = now(args, &zone(args.tz.as_deref())?)?;
    Ok(now.moved_to(option, typed)?.at().to_string())
}

impl From<Wrong> for Trouble {
    fn from(wrong: Wrong) -> Self {
        Self::Usage(wrong.told())
    }
}

/// What of the input is looked at.
pub(super) fn filter(args: &ReadArgs) -> Result<Option<Filter>, Trouble> {
    let given = args.filter.clone();
    let words = filter::Words {
        since: given.since,
        until: given.until,
        users: given.user,
        clients: given.client,
        servers: given.server,
        codes: given.code,
        commands: given.command,
        paths: given.path,
        causes: given.cause,
        sides: given.side,
        tls: given.tls.map(|tls| tls == YesNo::Yes),
        sessions: given.session,
        failed: given.failed,
    };
    let now = now(args, &zone(args.tz.as_deref())?)?;
    Ok(Filter::read(&words, &now)?)
}

/// Which rows a report has, and in which order.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rows {
    /// How many, where nothing else is asked for.
    pub(super) most: usize,
    pub(super) by: Option<By>,
    pub(super) order: Option<Order>,
}

impl Rows {
    /// All, as they come.
    pub(super) const ALL: Self = Self {
        most: usize::MAX,
        by: None,
        order: None,
    };
    pub(super) const OF_REPORT: Self = Self {
        most: 5,
        ..Self::ALL
    };

    /// Of a table that has its own order where groups are not asked for otherwise.
    pub(super) fn of(args: &TableArgs, of_groups: Order, known: &[Sort]) -> Result<Self, Trouble> {
        let by = args.by.map(by);
        let groups = [
            Sort::Name,
            Sort::Sessions,
            Sort::Failures,
            Sort::Replies,
            Sort::Bytes,
        ];
        let known = if by.is_some() { &groups } else { known };
        let order = args.sort.map(|sort| order(sort, known)).transpose()?;
        let is_free = by.is_some_and(|by| !by.is_of_time());
        Ok(Self {
            most: if by.is_some() { 20 } else { usize::MAX },
            by,
            order: order.or(is_free.then_some(of_groups)),
        })
    }
}

fn by(by: cli::By) -> By {
    match by {
        cli::By::User => By::User,
        cli::By::Client => By::Client,
        cli::By::Server => By::Server,
        cli::By::Hour => By::Hour,
        cli::By::Weekday => By::Weekday,
        cli::By::Day => By::Day,
        cli::By::Command => By::Command,
        cli::By::Path => By::Path,
    }
}

fn order(sort: Sort, known: &[Sort]) -> Result<Order, Trouble> {
    let name = |sort: &Sort| {
        let value = sort.to_possible_value();
        value.map_or_else(String::new, |value| value.get_name().to_owned())
    };
    if !known.contains(&sort) {
        let known: Vec<_> = known.iter().map(name).collect();
        let words = format!("--sort {}: here one of {}", name(&sort), known.join(", "));
        return Err(Trouble::Usage(words));
    }
    Ok(match sort {
        Sort::Name => Order::Name,
        Sort::Count => Order::Count,
        Sort::Start => Order::First,
        Sort::Duration => Order::Duration,
        Sort::Sessions => Order::Sessions,
        Sort::Failures => Order::Failures,
        Sort::Replies => Order::Replies,
        Sort::Commands => Order::Commands,
        Sort::Bytes => Order::Bytes,
    })
}

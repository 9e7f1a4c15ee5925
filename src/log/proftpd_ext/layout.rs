//! A `LogFormat` becomes a layout, and by a layout a line falls apart into values.
//!
//! Nothing is escaped in such lines, and clients can send what looks like the text between values. So a value's end is
//! where all that follows fits up to the line's end, and what the variables say of each other must agree. Where a line can
//! still be cut in two ways that tell different things, it tells nothing.

use memchr::memmem::Finder;

use crate::limits;
use crate::time::{Stamp, Timestamp};

use super::fields::{self, SLOTS, Shape, Slot, Time};
use super::strftime;

/// A variable, and the text that follows it.
#[derive(Debug)]
struct Step {
    slot: Slot,
    shape: Shape,
    then: Box<[u8]>,
    finder: Finder<'static>,
}

impl Step {
    /// True where the text that follows the variable stands here.
    fn goes_on(&self, rest: &[u8]) -> bool {
        begins(rest, &self.then)
    }

    /// Where that text stands.
    fn find(&self, rest: &[u8]) -> Option<usize> {
        match &*self.then {
            [byte] => memchr::memchr(*byte, rest),
            _ => self.finder.find(rest),
        }
    }
}

/// `starts_with`, without comparing nothing: a vector load from the address of an empty slice costs a microsecond.
fn begins(text: &[u8], with: &[u8]) -> bool {
    match with {
        [] => true,
        [a] => text.first() == Some(a),
        [a, b] => matches!(text, [c, d, ..] if c == a && d == b),
        _ => text.starts_with(with),
    }
}

/// A `LogFormat`, ready to read lines by.
#[derive(Debug)]
pub(super) struct Layout {
    lead: Box<[u8]>,
    steps: Vec<Step>,
}

/// A line's values. Empty where there is none.
#[derive(Debug, Clone)]
pub(super) struct Values<'b> {
    line: &'b [u8],
    /// Where each begins and ends. Lines are short (`limits::LOG_LINE_BYTES`), and this is copied often.
    slots: [(u32, u32); SLOTS],
    /// When it was written.
    pub(super) stamp: Stamp,
}

impl<'b> Values<'b> {
    /// A value; `None` where there is none, which is also written as `-`.
    pub(super) fn get(&self, slot: Slot) -> Option<&'b [u8]> {
        let (start, end) = *self.slots.get(slot as usize)?;
        let value = self.line.get(start as usize..end as usize)?;
        (!value.is_empty() && value != b"-").then_some(value)
    }

    fn set(&mut self, slot: Slot, start: usize, end: usize) {
        if let Some(place) = self.slots.get_mut(slot as usize)
            && let (Ok(start), Ok(end)) = (u32::try_from(start), u32::try_from(end))
        {
            *place = (start, end);
        }
    }

    /// What the variables say of each other agrees.
    fn agree(&self) -> bool {
        let (Some(request), Some(method)) = (self.get(Slot::Request), self.get(Slot::Method)) else {
            return true;
        };
        first_word(request).eq_ignore_ascii_case(first_word(method))
    }

    /// True where both tell the same.
    fn tells(&self, other: &Self) -> bool {
        let told = [Slot::Request, Slot::Method, Slot::Arguments, Slot::Status, Slot::Process, Slot::Protocol];
        told.iter().all(|slot| self.get(*slot) == other.get(*slot))
    }
}

fn first_word(text: &[u8]) -> &[u8] {
    text.split(|b| *b == b' ').next().unwrap_or_default()
}

/// How a line falls apart.
#[derive(Debug)]
pub(super) enum Cut<'b> {
    /// It is not of this layout.
    Other,
    /// In one way.
    One(Values<'b>),
    /// In ways that tell different things.
    Two,
}

impl Layout {
    /// From what stands in quotation marks behind `LogFormat` and its name. Says what is wrong with it.
    pub(super) fn compile(text: &[u8]) -> Result<Self, String> {
        let mut layout = Self {
            lead: Box::default(),
            steps: Vec::new(),
        };
        let mut literal = Vec::new();
        let mut rest = text;
        while let Some((byte, after)) = rest.split_first() {
            if *byte != b'%' {
                literal.push(*byte);
                rest = after;
            } else if let Some(after) = after.strip_prefix(b"%") {
                literal.push(b'%');
                rest = after;
            } else {
                let ((slot, shape), after) = variable(after).ok_or_else(|| unknown(rest))?;
                layout.follow(std::mem::take(&mut literal));
                let then = Box::default();
                let finder = Finder::new(b"").into_owned();
                layout.steps.push(Step { slot, shape, then, finder });
                rest = after;
            }
        }
        layout.follow(literal);
        layout.checked()
    }

    /// Sets the text behind the last variable.
    fn follow(&mut self, text: Vec<u8>) {
        match self.steps.last_mut() {
            Some(last) => {
                last.finder = Finder::new(&text).into_owned();
                last.then = text.into();
            }
            None => self.lead = text.into(),
        }
    }

    fn checked(self) -> Result<Self, String> {
        let inner = self.steps.split_last().map_or(&[][..], |(_, inner)| inner);
        if inner.iter().any(|step| step.shape.is_loose() && step.then.is_empty()) {
            return Err("two variables have nothing between them".to_owned());
        }
        let has = |slot| self.steps.iter().any(|step| step.slot == slot);
        if !has(Slot::Request) && !has(Slot::Method) {
            return Err("it has neither %r nor %m, so its lines hold no commands".to_owned());
        }
        if self.steps.len() > limits::LOG_COLUMNS {
            return Err(format!("it has more than {} variables", limits::LOG_COLUMNS));
        }
        Ok(self)
    }

    /// How much text it has of its own: the more, the surer a line that fits is one of it.
    pub(super) fn weight(&self) -> usize {
        self.lead.len() + self.steps.iter().map(|step| step.then.len() + 1).sum::<usize>()
    }

    /// Takes a line apart.
    pub(super) fn cut<'b>(&self, line: &'b [u8]) -> Cut<'b> {
        if !begins(line, &self.lead) {
            return Cut::Other;
        }
        let mut walk = Walk {
            layout: self,
            line,
            values: Values {
                line,
                slots: [(0, 0); SLOTS],
                stamp: Stamp::None,
            },
            nanos: None,
            first: None,
            is_ambiguous: false,
            steps_left: limits::LAYOUT_STEPS,
        };
        walk.walk(0, self.lead.len());
        match walk.first {
            _ if walk.is_ambiguous || walk.steps_left == 0 => Cut::Two,
            Some(values) => Cut::One(values),
            None => Cut::Other,
        }
    }
}

/// `h`, `{protocol}`, `{%F %T}t`, `{NAME}e`: what stands behind the percent sign, and what follows.
fn variable(text: &[u8]) -> Option<((Slot, Shape), &[u8])> {
    let Some(inside) = text.strip_prefix(b"{") else {
        let (letter, rest) = text.split_first()?;
        return Some((fields::short(*letter)?, rest));
    };
    let end = memchr::memchr(b'}', inside)?;
    let (name, rest) = (inside.get(..end)?, inside.get(end + 1..)?);
    if let Some(known) = fields::long(name) {
        return Some((known, rest));
    }
    let (letter, behind) = rest.split_first().unwrap_or((&b' ', b""));
    match (letter, behind) {
        (b't', rest) => {
            let shape = strftime::compile(name).map_or(Shape::Name, Shape::Written);
            Some(((Slot::Nothing, shape), rest))
        }
        (b'e', rest) => Some((fields::environment(name), rest)),
        // A newer release's: nobody asks for it.
        _ if is_name(name) => Some(((Slot::Nothing, Shape::Name), rest)),
        _ => None,
    }
}

fn is_name(name: &[u8]) -> bool {
    name.len() > 1 && name.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-')
}

fn unknown(text: &[u8]) -> String {
    let shown: String = String::from_utf8_lossy(text).chars().take(24).collect();
    format!("what begins with {shown:?} is no variable")
}

/// The search for all ways to take a line apart.
struct Walk<'l, 'b> {
    layout: &'l Layout,
    line: &'b [u8],
    values: Values<'b>,
    nanos: Option<u32>,
    first: Option<Values<'b>>,
    is_ambiguous: bool,
    /// Bounds what a line made for it can cost.
    steps_left: u32,
}

impl<'b> Walk<'_, 'b> {
    fn is_over(&self) -> bool {
        self.is_ambiguous || self.steps_left == 0
    }

    fn walk(&mut self, index: usize, at: usize) {
        let layout = self.layout;
        let Some(step) = layout.steps.get(index) else {
            if at == self.line.len() {
                self.arrive();
            }
            return;
        };
        self.steps_left = self.steps_left.saturating_sub(1);
        let Some(rest) = self.line.get(at..).filter(|_| !self.is_over()) else {
            return;
        };
        if step.shape.is_loose() {
            return self.reach(step, index, at, rest);
        }
        let Some((end, time)) = step.shape.measure(rest) else {
            return;
        };
        match time {
            Some(Time::Stamp(stamp)) => self.values.stamp = stamp,
            Some(Time::Nanos(nanos)) => self.nanos = Some(nanos),
            None => {}
        }
        if step.goes_on(rest.get(end..).unwrap_or_default()) {
            self.values.set(step.slot, at, at + end);
            self.walk(index + 1, at + end + step.then.len());
        }
    }

    /// A value that reaches up to some place where the text that follows stands.
    fn reach(&mut self, step: &Step, index: usize, at: usize, rest: &'b [u8]) {
        if step.then.is_empty() {
            if step.shape != Shape::Word || is_word(rest) {
                self.values.set(step.slot, at, self.line.len());
                self.walk(index + 1, self.line.len());
            }
            return;
        }
        let mut from = 0;
        while let Some(found) = rest.get(from..).and_then(|rest| step.find(rest)) {
            let end = from + found;
            if step.shape == Shape::Word && !is_word(rest.get(..end).unwrap_or_default()) {
                return;
            }
            self.values.set(step.slot, at, at + end);
            self.walk(index + 1, at + end + step.then.len());
            // Only what clients send is searched for a second way.
            if self.is_over() || self.first.is_some() && step.shape != Shape::Raw {
                return;
            }
            from = end + 1;
        }
    }

    fn arrive(&mut self) {
        if !self.values.agree() {
            return;
        }
        if let Some(first) = &self.first {
            self.is_ambiguous |= !first.tells(&self.values);
            return;
        }
        let mut values = self.values.clone();
        values.stamp = match (self.nanos, values.stamp) {
            (Some(nanos), Stamp::Local(seconds, 0)) => Stamp::Local(seconds, nanos),
            (Some(nanos), Stamp::Utc(at)) => Stamp::Utc(Timestamp::from_seconds(at.seconds(), nanos)),
            (_, stamp) => stamp,
        };
        self.first = Some(values);
    }
}

fn is_word(value: &[u8]) -> bool {
    !value.is_empty() && memchr::memchr(b' ', value).is_none()
}

//! Lines, bars, wrapped words and tables, in two looks: plain ASCII for pipes and mail, UTF-8 for a terminal.
//!
//! Everything that goes in is escaped here or was before; the only control characters that come out are line ends and,
//! where colour is asked for, the colours of marks and headings.

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, ContentArrangement, Row, Table};

use super::heard::Mark;
use crate::text::{self, Text};

/// How a text looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Plain ASCII, also in names from the input.
    pub ascii: bool,
    /// Columns.
    pub width: usize,
    /// Colours beside the marks.
    pub colour: bool,
}

impl Look {
    /// For pipes, files and mail: 78 columns of ASCII.
    pub const PIPED: Self = Self {
        ascii: true,
        width: 78,
        colour: false,
    };

    /// For where nothing is cut and lines break by themselves.
    pub(super) const WHOLE: Self = Self {
        ascii: false,
        width: usize::MAX,
        colour: false,
    };

    /// For a terminal of so many columns.
    pub fn terminal(columns: usize, colour: bool) -> Self {
        Self {
            ascii: false,
            width: columns.clamp(40, 400),
            colour,
        }
    }

    /// Text of the input, safe to show.
    pub(super) fn show(self, text: &Text) -> String {
        text.terminal(self.ascii)
    }

    /// Our own words; those of the catalogue may hold letters beyond ASCII.
    pub(super) fn say(self, words: &str) -> String {
        text::terminal_str(words, self.ascii)
    }

    /// At most so many characters; what was longer ends in an ellipsis.
    pub(super) fn cut(self, text: String, limit: usize) -> String {
        if text.chars().count() <= limit {
            return text;
        }
        let mark = self.pick("..", "\u{2026}");
        let keep = limit.saturating_sub(mark.chars().count());
        text.chars().take(keep).chain(mark.chars()).collect()
    }

    /// At most so many characters; what was longer begins with an ellipsis.
    pub(super) fn cut_start(self, text: String, limit: usize) -> String {
        let length = text.chars().count();
        if length <= limit {
            return text;
        }
        let mark = self.pick("..", "\u{2026}");
        let keep = limit.saturating_sub(mark.chars().count());
        mark.chars()
            .chain(text.chars().skip(length - keep))
            .collect()
    }

    /// The sign of this look.
    pub(super) fn pick<'a>(self, ascii: &'a str, unicode: &'a str) -> &'a str {
        if self.ascii { ascii } else { unicode }
    }

    /// A bar for parts of a thousand; what is more than nothing shows.
    pub(super) fn bar(self, per_mille: u64, cells: u64) -> String {
        let whole = self.pick("#", "\u{2588}");
        let fine = if self.ascii { 1 } else { 8 };
        let units = (per_mille.min(1000) * cells * fine).div_ceil(1000);
        let mut bar = whole.repeat(usize::try_from(units / fine).unwrap_or(0));
        let eighths = [
            "", "\u{258f}", "\u{258e}", "\u{258d}", "\u{258c}", "\u{258b}", "\u{258a}", "\u{2589}",
        ];
        let rest = usize::try_from(units % fine).unwrap_or(0);
        bar.push_str(eighths.get(rest).copied().unwrap_or_default());
        bar
    }

    /// One cell that is the fuller the more parts of a thousand it stands for; blank for none.
    pub(super) fn level(self, per_mille: u64) -> char {
        let levels = self.pick(
            " .:-=+*%#",
            " \u{2581}\u{2582}\u{2583}\u{2584}\u{2585}\u{2586}\u{2587}\u{2588}",
        );
        let level = (per_mille.min(1000) * 8).div_ceil(1000);
        let level = usize::try_from(level).unwrap_or(0);
        levels.chars().nth(level).unwrap_or(' ')
    }

    /// A mark, coloured where that is wanted.
    pub(super) fn mark(self, mark: Mark) -> String {
        let sign = format!("{:<2}", mark.sign());
        let colour = match mark {
            Mark::Severe => "1;31",
            Mark::Failure => "33",
            Mark::Note => "36",
        };
        self.paint(&sign, colour)
    }

    fn paint(self, words: &str, colour: &str) -> String {
        if self.colour {
            format!("\x1b[{colour}m{words}\x1b[0m")
        } else {
            words.to_owned()
        }
    }
}

/// A text that grows line by line.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) look: Look,
    text: String,
}

impl Page {
    pub(super) fn new(look: Look) -> Self {
        Self {
            look,
            text: String::new(),
        }
    }

    pub(super) fn finish(self) -> String {
        self.text
    }

    /// One line as it is; blanks at its end go.
    pub(super) fn line(&mut self, line: &str) {
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }

    /// An empty line and a heading with what follows it on its line.
    pub(super) fn heading(&mut self, title: &str, rest: &str) {
        let painted = self.look.paint(title, "1");
        self.line("");
        if rest.is_empty() {
            self.line(&painted);
        } else {
            let before = format!("{title}  ");
            let lines = wrap(rest, self.look.width.saturating_sub(before.len()));
            for (number, line) in lines.iter().enumerate() {
                let start = if number == 0 {
                    format!("{painted}  ")
                } else {
                    "   ".to_owned()
                };
                self.line(&format!("{start}{line}"));
            }
        }
    }

    /// Words wrapped behind a start; further lines are indented by its width.
    pub(super) fn hang(&mut self, start: &str, words: &str) {
        self.hang_at(start, start.chars().count(), words);
    }

    /// As [`Page::hang`], where the start has colours in it.
    pub(super) fn hang_at(&mut self, start: &str, indent: usize, words: &str) {
        let room = self.look.width.saturating_sub(indent);
        for (number, line) in wrap(words, room).iter().enumerate() {
            if number == 0 {
                self.line(&format!("{start}{line}"));
            } else {
                self.line(&format!("{:indent$}{line}", ""));
            }
        }
    }

    /// Groups of words that stay together where they can, behind a start.
    pub(super) fn groups(&mut self, start: &str, groups: &[String]) {
        let indent = start.chars().count();
        let room = self.look.width.saturating_sub(indent);
        let mut lines: Vec<String> = Vec::new();
        for group in groups {
            match lines.last_mut() {
                Some(line) if line.chars().count() + 3 + group.chars().count() <= room => {
                    line.push_str("   ");
                    line.push_str(group);
                }
                _ => lines.push(group.clone()),
            }
        }
        let blank = " ".repeat(indent);
        for (number, line) in lines.iter().enumerate() {
            self.hang(if number == 0 { start } else { &blank }, line);
        }
    }

    /// A table without lines; `right` says which columns are numbers.
    pub(super) fn table(&mut self, indent: usize, right: &[bool], rows: Vec<Vec<String>>) {
        let mut table = Table::new();
        let width = self.look.width.saturating_sub(indent);
        table
            .load_style(NOTHING)
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_width(u16::try_from(width).unwrap_or(u16::MAX));
        for row in rows {
            table.add_row(Row::from(row));
        }
        for (column, right) in table.column_iter_mut().zip(right) {
            column.set_padding((0, 2));
            if *right {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        for line in table.lines() {
            self.line(&format!("{:indent$}{line}", ""));
        }
    }
}

/// Breaks at blanks; a word longer than the width is broken where it must be.
fn wrap(words: &str, width: usize) -> Vec<String> {
    let width = width.max(8);
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut used = 0;
    // Runs of blanks stay: they separate groups.
    for word in words.split_inclusive(' ') {
        let length = word.trim_end().chars().count();
        if used > 0 && used + length > width {
            lines.push(line.trim_end().to_owned());
            line.clear();
            used = 0;
        }
        if used == 0 && word.trim().is_empty() && !lines.is_empty() {
            continue;
        }
        for c in word.chars() {
            if used >= width && c != ' ' {
                lines.push(std::mem::take(&mut line));
                used = 0;
            }
            line.push(c);
            used += 1;
        }
    }
    lines.push(line.trim_end().to_owned());
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_wrap_and_long_ones_break() {
        assert_eq!(wrap("one two three", 8), ["one two", "three"]);
        assert_eq!(wrap("123456789012", 8), ["12345678", "9012"]);
        assert_eq!(wrap("a  b", 10), ["a  b"]);
        assert_eq!(wrap("", 10), [""]);
    }

    #[test]
    fn bars_show_what_is_little_and_fit_what_is_most() {
        assert_eq!(Look::PIPED.bar(1000, 10), "##########");
        assert_eq!(Look::PIPED.bar(1, 10), "#");
        assert_eq!(Look::PIPED.bar(0, 10), "");
        let look = Look::terminal(100, false);
        assert_eq!(look.bar(1000, 3), "\u{2588}\u{2588}\u{2588}");
        assert_eq!(look.bar(1, 3), "\u{258f}");
        assert_eq!(look.bar(500, 3), "\u{2588}\u{258c}");
    }

    #[test]
    fn what_is_too_long_ends_in_an_ellipsis() {
        assert_eq!(Look::PIPED.cut("abcdef".to_owned(), 5), "abc..");
        assert_eq!(Look::PIPED.cut("abcde".to_owned(), 5), "abcde");
    }
}

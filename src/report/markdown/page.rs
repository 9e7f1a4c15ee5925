//! Markdown's lines and tables, and texts that are no markup in them.

use crate::text::{self, Text};

/// Text that is safe to show, as code.
pub(super) fn code(shown: &str) -> String {
    let mut out = String::with_capacity(shown.len() + 2);
    for part in shown.split_inclusive(['`', '|']) {
        let (words, sign) = match part.strip_suffix('`') {
            Some(words) => (words, "&#96;"),
            None => part
                .strip_suffix('|')
                .map_or((part, ""), |words| (words, "&#124;")),
        };
        // A blank at both ends goes, so there are two.
        let is_padded = words.starts_with(' ') && words.ends_with(' ');
        let pad = if is_padded && !words.trim().is_empty() {
            " "
        } else {
            ""
        };
        if !words.is_empty() {
            out.extend(["`", pad, words, pad, "`"]);
        }
        out.push_str(sign);
    }
    out
}

/// Text of the input.
pub(super) fn input(text: &Text) -> String {
    code(&text.terminal(false))
}

/// Our own words, which may quote what the system or the catalogue says.
pub(in crate::report) fn say(words: &str) -> String {
    let mut out = String::with_capacity(words.len());
    for c in text::terminal_str(words, false).chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '&' => out.push_str("&amp;"),
            '|' => out.push_str("&#124;"),
            '`' => out.push_str("&#96;"),
            '\\' | '*' | '_' | '[' | ']' | '#' | '~' | '>' | '$' => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out
}

/// A page that grows.
#[derive(Default)]
pub(in crate::report) struct Page(String);

impl Page {
    pub(in crate::report) fn heading(&mut self, level: usize, words: &str) {
        self.line("");
        self.line(&format!("{} {words}", "#".repeat(level)));
        self.line("");
    }

    pub(in crate::report) fn line(&mut self, line: &str) {
        self.0.push_str(line);
        self.0.push('\n');
    }

    /// A heading in bars, and rows of cells; numbers to the right where the heading ends in a colon.
    pub(in crate::report) fn table<H: AsRef<str>, const N: usize>(
        &mut self,
        head: [H; N],
        rows: impl Iterator<Item = [String; N]>,
    ) {
        self.wide_table(head, rows);
    }

    /// The same with as many columns as there happen to be.
    pub(super) fn wide_table<H: AsRef<str>, C: AsRef<[String]>>(
        &mut self,
        head: impl AsRef<[H]>,
        rows: impl Iterator<Item = C>,
    ) {
        let names = head.as_ref().iter().map(AsRef::as_ref);
        let rules = names
            .clone()
            .map(|name: &str| if name.ends_with(':') { "---:" } else { "---" });
        let rules: Vec<_> = rules.map(str::to_owned).collect();
        let names: Vec<_> = names
            .map(|name| name.trim_end_matches(':').to_owned())
            .collect();
        self.cells(&names);
        self.cells(&rules);
        for row in rows {
            self.cells(row.as_ref());
        }
    }

    pub(super) fn cells(&mut self, cells: &[String]) {
        self.line(&format!("| {} |", cells.join(" | ")));
    }

    pub(super) fn finish(self) -> String {
        self.0.trim_start().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_ends_a_code_span_or_a_cell() {
        assert_eq!(code("a"), "`a`");
        assert_eq!(code(""), "");
        assert_eq!(code("| a |"), "&#124;`  a  `&#124;");
        assert_eq!(code("a|b``c"), "`a`&#124;`b`&#96;&#96;`c`");
        assert_eq!(code(r"a\|b\"), r"`a\`&#124;`b\`");
        assert_eq!(code("<script>[x](y) @all #1"), "`<script>[x](y) @all #1`");
    }

    #[test]
    fn our_own_words_are_no_markup() {
        assert_eq!(
            say("pasv_address <b> a|b *c* [d](e)"),
            r"pasv\_address &lt;b\> a&#124;b \*c\* \[d\](e)"
        );
    }
}

//! Reply codes as a table with bars, observed and implied ones apart.

use super::layout::{Look, Page};
use super::words::thousands;
use super::{CodeRow, Heard, Report, since};

/// All codes, as their own page.
pub fn codes(report: &Report, look: Look) -> String {
    let mut page = Page::new(look);
    section(&mut page, &report.main, &report.main.codes);
    since::section(&mut page, report);
    for heard in &report.also {
        let vantage = heard.vantage.map_or("", super::vantage_words);
        page.heading("ALSO HEARD", &format!("by the {vantage}"));
        section(&mut page, heard, &heard.codes);
    }
    page.finish()
}

/// Some codes of a vantage, with the totals.
pub(super) fn section(page: &mut Page, heard: &Heard, codes: &[CodeRow]) {
    let implied = match heard.implied {
        0 => String::new(),
        n => format!("   {} implied by messages", thousands(n)),
    };
    let observed = thousands(heard.replies);
    page.heading("REPLY CODES", &format!("{observed} observed{implied}"));
    table(page, heard, codes);
    for (reply, count) in &heard.candidates {
        let codes: Vec<_> = reply.codes.iter().map(u16::to_string).collect();
        let (times, codes) = (thousands(*count), codes.join(", "));
        page.hang("   ", &format!("{times} by {}: one of {codes}", reply.by));
    }
}

fn table(page: &mut Page, heard: &Heard, codes: &[CodeRow]) {
    if codes.is_empty() {
        return;
    }
    let look = page.look;
    let mut rows = Vec::new();
    for row in codes {
        let name = row.name.unwrap_or("not in the catalogue");
        rows.push(vec![
            row.code.number().to_string(),
            thousands(row.observed),
            match row.implied {
                0 => String::new(),
                n => format!("({})", thousands(n)),
            },
            look.bar(row.bar, 20),
            look.say(&name.replace('-', " ")),
        ]);
    }
    page.table(3, &[false, true, true, false, false], rows);
    let class = |(class, n): &(u8, u64)| format!("{class}xx {}", thousands(*n));
    let classes: Vec<_> = heard.classes.iter().map(class).collect();
    if !classes.is_empty() {
        page.groups("   ", &classes);
    }
    if codes.len() < heard.codes.len() {
        page.line("   all of them: ftpwhy codes, or --as json");
    }
}

//! The catalogue's answer about a code, a cause or a reply text, for people.

use super::layout::{Look, Page};
use crate::catalogue::{CauseId, Directive};
use crate::cause::Explanation;

/// The answer as text that ends in a line end.
pub fn explanation(explanation: &Explanation, look: Look) -> String {
    let mut page = Page::new(look);
    let code = explanation.code.map(|c| c.to_string());
    if let Some(reply) = explanation.reply {
        page.hang(
            &format!("{}  ", reply.code),
            &look.say(&format!(
                "{} ({}, {})",
                reply.text, reply.source, reply.status
            )),
        );
        page.hang("     ", &look.say(&reply.meaning));
    } else if let Some(code) = code {
        page.line(&format!("{code}  not in the catalogue"));
    }
    match (explanation.cause, explanation.title) {
        (Some(cause), Some(title)) => {
            let sure = explanation
                .confidence
                .map_or(String::new(), |c| match c.id() {
                    "code" => ", a guess from the code alone".to_owned(),
                    id => format!(", {id}"),
                });
            let side = explanation.side.map_or("", |s| s.id());
            page.hang(
                "cause  ",
                &look.say(&format!("{cause} - {title} ({side}{sure})")),
            );
            if explanation.meaning != explanation.reply.map_or("", |r| r.meaning.as_str()) {
                page.hang("why    ", &look.say(&explanation.meaning));
            }
        }
        _ if explanation.reply.is_none() => page.hang("       ", &look.say(&explanation.meaning)),
        _ => {}
    }
    for (number, advice) in explanation.advice.iter().enumerate() {
        page.hang(
            if number == 0 { "do     " } else { "       " },
            &look.say(advice),
        );
    }
    settings(&mut page, explanation);
    let others: Vec<_> = explanation
        .candidates
        .iter()
        .filter(|c| Some(**c) != explanation.cause)
        .map(CauseId::to_string)
        .collect();
    if !others.is_empty() {
        page.hang("also   ", &others.join(", "));
    }
    page.finish()
}

/// Where the settings that the advice names are documented, and who is known to send such a text.
fn settings(page: &mut Page, explanation: &Explanation) {
    let look = page.look;
    for (number, directive) in explanation.directives.iter().enumerate() {
        let start = if number == 0 { "where  " } else { "       " };
        let default = match directive.default.as_str() {
            "" => String::new(),
            default => format!("; default {default}"),
        };
        let Directive {
            server,
            name,
            source,
            ..
        } = directive;
        page.hang(
            start,
            &look.say(&format!("{server} {name}: {source}{default}")),
        );
    }
    if !explanation.known_from.is_empty() {
        page.hang(
            "known  ",
            &look.say(&format!("from {}", explanation.known_from.join(", "))),
        );
    }
}

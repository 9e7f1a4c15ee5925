//! The catalogue's answer about a code, a cause or a reply text, for people.

use super::layout::{Look, Page};
use crate::catalogue::CauseId;
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

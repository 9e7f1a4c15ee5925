//! What FileZilla's client shows in its message log, copied from there or written to its log file.
//!
//! Each line has a kind, in the user's language. The log file's lines begin with date, process and engine, and an engine
//! holds one connection at a time. Lines copied from the window have no date. Kinds in a language that is not known here
//! are told, in the file's layout, by what they hold. Sessions by SFTP look alike, but their commands are small.

use crate::ftp::{End, Fate, Side, Vantage, grammar};
use crate::log::transcript::{self, Aside};
use crate::log::{Bare, Description, Fact, Follow, Format, Implied, Read, Record, Sample, envelope};
use crate::text::StableHash;
use crate::time::Stamp;

/// The format.
pub static FORMAT: FilezillaClient = FilezillaClient;

/// FileZilla's messages.
#[derive(Debug)]
pub struct FilezillaClient;

static DESCRIPTION: Description = Description {
    name: "filezilla-client",
    title: "FileZilla's client",
    source: "FileZilla 3 engine/logging.cpp and ftp/, its translations, and its logs",
    vantage: Vantage::ClientLog,
    gaps: &[
        "the client's address",
        "the time, where lines were copied from the window",
        "the time zone",
        "what is said before the login, and at a login, since 3.60, unless its level of debugging is raised",
    ],
    samples: &[
        Sample {
            lines: "Status:\tConnecting to 192.0.2.10:21...\n\
                    Status:\tConnection established, waiting for welcome message...\n\
                    Response:\t220-Welcome\n\
                    Response:\t220 Ready\n\
                    Command:\tUSER alice\n\
                    Response:\t331 Password required\n\
                    Command:\tPASS ********\n\
                    Response:\t530 Login incorrect.\n\
                    Error:\tCritical error: Could not connect to server",
            events: "introduced; opened; 220 Welcome\nReady; USER alice; 331 Password required; PASS secret; \
                     530 Login incorrect.; closed input-ended",
        },
        Sample {
            lines: "2026-11-22 08:16:55 4711 1 Statut : Connexion à 192.0.2.10:21...\n\
                    2026-11-22 08:16:55 4711 1 Réponse : 220 Bonjour\n\
                    2026-11-22 08:16:56 4711 2 Statut : Connexion à [2001:db8::10]:21...\n\
                    2026-11-22 08:16:56 4711 1 Commande : QUIT\n\
                    2026-11-22 08:16:56 4711 1 Réponse : 221 Au revoir\n\
                    2026-11-22 08:16:57 4711 2 Statut : La tentative de connexion a échoué avec « ECONNREFUSED - Connexion refusée par le serveur ».",
            events: "introduced; opened; 220 Bonjour; QUIT; 221 Au revoir; closed goodbye; introduced; closed reset",
        },
    ],
};

impl Format for FilezillaClient {
    fn describe(&self) -> &'static Description {
        &DESCRIPTION
    }

    fn read<'b>(&self, line: &Bare<'b>) -> Read<'b> {
        let (stamp, number, rest) = file_layout(line.message).unwrap_or((Stamp::None, 0, line.message));
        let is_file = stamp != Stamp::None;
        let Some((kind, text)) = kind(without_time(rest)).or_else(|| is_file.then(|| foreign(rest)).flatten()) else {
            // FluentFTP, which has the same kinds: lines inside a reply have none.
            if !is_file && (grammar::reply_line(rest).is_some() || rest.first() == Some(&b' ')) {
                return Read::Taken(transcript::record(transcript::said(rest)));
            }
            let is_call = rest.starts_with(b"# ") || rest.starts_with(b"> ");
            return if is_file || is_call && rest.ends_with(b")") {
                Read::Ignored("a message of the client about a session")
            } else {
                Read::Unrecognised
            };
        };
        // Since 3.60 nothing is shown of a login that went well but these words.
        let is_login = kind == Kind::Status && LOGGED_IN.contains(&text);
        let implied = Implied::new(230, "Logged in").filter(|_| is_login);
        match fact(kind, text) {
            Ok(fact) => Read::Taken(Record {
                stamp,
                number,
                implied,
                ..transcript::record(fact)
            }),
            Err(reason) => Read::Ignored(reason),
        }
    }

    fn knows(&self, head: &[u8]) -> bool {
        let is_own = |line: &[u8]| {
            let text = Bare::read(line).message;
            file_layout(text).is_some() || kind(without_time(text)).is_some()
        };
        transcript::is_spoken(self, head) && super::first_lines(head).any(is_own)
    }

    fn is_for_whole_files(&self) -> bool {
        true
    }

    fn follow(&self) -> Box<dyn Follow + Send + Sync> {
        Box::new(transcript::Following::default())
    }
}

/// `2026-11-22 08:16:55 4711 1 `: the date, a number for process and engine, and the rest.
fn file_layout(line: &[u8]) -> Option<(Stamp, u32, &[u8])> {
    let (stamp, rest) = envelope::blank_date(line)?;
    let (pid, rest) = envelope::word(rest.strip_prefix(b" ")?)?;
    let (engine, rest) = envelope::word(rest)?;
    let hash = StableHash::new()
        .number(envelope::number(pid)?)
        .number(envelope::number(engine)?)
        .finish();
    // The upper half is as good as the whole.
    Some((stamp, u32::try_from(hash >> 32).ok()?, rest))
}

/// Without `08:16:55`, which the window shows on request.
fn without_time(line: &[u8]) -> &[u8] {
    let is_time = |t: &[u8]| {
        t.iter().zip(b"00:00:00").all(|(b, form)| b == form || form == &b'0' && b.is_ascii_digit())
    };
    match line.split_at_checked(8) {
        Some((time, rest)) if is_time(time) => rest.trim_ascii_start(),
        _ => line,
    }
}

/// What the client says of a login that went well, where it is known.
const LOGGED_IN: [&[u8]; 3] = [b"Logged in", b"Angemeldet", "已登录".as_bytes()];

/// What a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Status,
    Error,
    Command,
    Response,
    Other,
}

/// The words for each kind, in the languages of the client.
#[rustfmt::skip]
const KINDS: [(Kind, &[&str]); 5] = [
    (Kind::Response, &[
        "Response", "Reply", "Antwort", "Réponse", "Respuesta", "Risposta", "Resposta", "Ответ", "Odpowiedź", "Antwoord", "Reactie",
        "Odpověď", "Odpoveď", "Válasz", "Yanıt", "Cevap", "Svar", "Respons", "Vastaus", "Απάντηση", "Απόκριση", "响应", "回应",
        "回應", "レスポンス", "応答", "응답", "Відповідь", "Отговор", "Răspuns", "Odgovor", "Одговор", "Atsakymas", "Atbilde",
        "Vastus", "Erantzuna", "Phản hồi", "Hồi đáp", "Tanggapan", "Respon", "تجاوب", "الرد", "استجابة", "תגובה", "پاسخ", "การตอบสนอง",
    ]),
    (Kind::Command, &[
        "Command", "Befehl", "Commande", "Comando", "Команда", "Polecenie", "Opdracht", "Commando", "Příkaz", "Príkaz",
        "Parancs", "Komut", "Kommando", "Komento", "Εντολή", "命令", "指令", "コマンド", "명령", "Comandă", "Comanda", "Naredba",
        "Ukaz", "Komanda", "Käsk", "Ordre", "Agindua", "Lệnh", "Perintah", "أمر", "الأمر", "פקודה", "دستور", "คำสั่ง",
    ]),
    (Kind::Error, &[
        "Error", "Fehler", "Erreur", "Errore", "Erro", "Ошибка", "Błąd", "Fout", "Chyba", "Hiba", "Hata", "Fel", "Fejl",
        "Feil", "Virhe", "Σφάλμα", "错误", "錯誤", "エラー", "오류", "Помилка", "Грешка", "Eroare", "Greška", "Napaka", "Klaida",
        "Kļūda", "Viga", "Errorea", "Lỗi", "Galat", "Kesalahan", "خطأ", "שגיאה", "خطا", "ข้อผิดพลาด",
    ]),
    (Kind::Status, &[
        "Status", "Statut", "Estado", "Stato", "Статус", "Состояние", "Stan", "Stav", "Állapot", "Durum", "Tila", "Κατάσταση",
        "状态", "狀態", "状態", "ステータス", "상태", "Стан", "Състояние", "Stare", "Stanje", "Стање", "Būsena", "Statuss", "Olek",
        "Estat", "Egoera", "Trạng thái", "الحالة", "حالة", "מצב", "וضعیت", "สถานะ",
    ]),
    (Kind::Other, &[
        "Trace", "Warning", "Listing", "Verzeichnisliste", "Liste", "Listado", "Elenco", "Lista", "Rastreo", "Rastreio", "Traccia",
        "Трассировка", "Список", "Lijst", "Výpis", "İzleme", "跟踪", "追踪", "追蹤", "列表", "清單", "トレース", "リスト", "추적", "목록",
    ]),
];

/// A line's kind and text. The colon may stand behind a blank (French) or be a wide one (Chinese).
fn kind(line: &[u8]) -> Option<(Kind, &[u8])> {
    for (kind, words) in KINDS {
        for word in words {
            let Some(rest) = line.strip_prefix(word.as_bytes()) else {
                continue;
            };
            let rest = rest.strip_prefix(b"\xc2\xa0").or_else(|| rest.strip_prefix("\u{202f}".as_bytes())).unwrap_or(rest);
            let rest = rest.trim_ascii_start();
            if let Some(text) = rest.strip_prefix(b":").or_else(|| rest.strip_prefix("：".as_bytes())) {
                let is_reply = kind == Kind::Response;
                return Some((kind, if is_reply { unindented(text) } else { text.trim_ascii_start() }));
            }
        }
    }
    None
}

/// Without the one blank or the tab, or the many blanks that a tab becomes, between the kind and the text. The lines
/// inside a reply begin with a blank of their own.
fn unindented(text: &[u8]) -> &[u8] {
    let first = text.get(1..).filter(|_| matches!(text.first(), Some(b' ' | b'\t')));
    let text = first.unwrap_or(text);
    let trimmed = text.trim_ascii_start();
    if grammar::reply_line(trimmed).is_some() {
        trimmed
    } else {
        text
    }
}

/// A kind in an unknown language: by what stands behind it.
fn foreign(line: &[u8]) -> Option<(Kind, &[u8])> {
    let colon = memchr::memchr(b':', line.get(..64).unwrap_or(line))?;
    let text = unindented(line.get(colon + 1..)?);
    let word = text.split(|b| *b == b' ').next().unwrap_or_default();
    let is_verb = (3..=4).contains(&word.len()) && word.iter().all(u8::is_ascii_uppercase);
    if grammar::reply_line(text).is_some() || text.first() == Some(&b' ') {
        return Some((Kind::Response, text));
    }
    Some((if is_verb { Kind::Command } else { Kind::Status }, text))
}

fn fact(kind: Kind, text: &[u8]) -> Result<Fact<'_>, &'static str> {
    match kind {
        Kind::Response => Ok(transcript::said(text)),
        Kind::Command => {
            let word = text.split(|b| *b == b' ').next().unwrap_or_default();
            if word.is_empty() || !word.iter().all(u8::is_ascii_uppercase) {
                return Err("a command of another protocol");
            }
            grammar::command(text).map(Fact::Command).ok_or("an empty command")
        }
        Kind::Status if LOGGED_IN.contains(&text) => Ok(Fact::Login {
            accepted: true,
            reason: b"",
        }),
        Kind::Status | Kind::Error => {
            message(kind, text).map(Fact::Client).ok_or("a message of the client about a session")
        }
        Kind::Other => Err("a message of the client about a session"),
    }
}

/// What the client says of its connections. Names of errors are the same in every language.
fn message(kind: Kind, text: &[u8]) -> Option<Aside<'_>> {
    let has = |part: &str| memchr::memmem::find(text, part.as_bytes()).is_some();
    if has("ECONNREFUSED") || has("ETIMEDOUT") || has("EHOSTUNREACH") || has("ENETUNREACH") || has("EADDRNOTAVAIL") {
        let fate = if has("ETIMEDOUT") { Fate::Unanswered } else { Fate::Refused };
        return Some(Aside::Failed(fate, None));
    }
    if kind == Kind::Error {
        return error(text);
    }
    if holds_one(text, &ESTABLISHED) {
        // `Connection established, initializing TLS...` comes before the handshake.
        let is_over = has("TLS") && !has("...") && !has("…");
        return Some(if is_over { Aside::Secured(None) } else { Aside::Connected(None) });
    }
    let by_server = holds_one(text, &CLOSED_BY_SERVER);
    if by_server || has("Disconnected from server") {
        return Some(Aside::Closed(End::Fin, by_server.then_some(Side::Server)));
    }
    // Only addresses of servers of FTP are shown with their port.
    let words = text.split(|b| *b == b' ' || *b == b'\t');
    let server = words.map(bare_address).find_map(|word| transcript::endpoint(word).filter(|e| e.port.is_some()))?;
    Some(Aside::Connecting(Some(server)))
}

/// What a connection is that is established, of TCP or of TLS.
const ESTABLISHED: [&str; 22] = [
    "onnection established", "hergestellt", "établie", "establecida", "stabilita", "estabelecida", "установлен",
    "встановлен", "ustanowion", "nawiązan", "tot stand gebracht", "navázáno", "upprättad", "etablert", "etableret",
    "muodostettu", "kuruldu", "létrejött", "已建立", "建立", "確立", "설정됨",
];

/// By whom a connection was closed.
const CLOSED_BY_SERVER: [&str; 16] = [
    "closed by server", "vom Server geschlossen", "interrompue par le serveur", "fermée par le serveur",
    "cerrada por el servidor", "chiusa dal server", "fechada pelo servidor", "encerrada pelo servidor",
    "закрыто сервером", "закрито сервером", "przez serwer", "gesloten door server", "gesloten door de server",
    "被服务器关闭", "服务器关闭", "サーバーによって",
];

/// What took too long, where the client does not say how long.
const TIMED_OUT: [&str; 6] = [
    "Connection timed out", "Zeitüberschreitung der Verbindung", "Délai d'attente expiré",
    "Превышено время ожидания", "连接超时", "接続がタイムアウト",
];

fn holds_one(text: &[u8], parts: &[&str]) -> bool {
    parts.iter().any(|part| memchr::memmem::find(text, part.as_bytes()).is_some())
}

/// A number of seconds, in any language: of errors only `Connection timed out after 20 seconds of inactivity` has one.
fn names_seconds(text: &[u8]) -> bool {
    const SECONDS: [&str; 12] = [
        "second", "Sekund", "sekund", "segund", "секунд", "秒", "초", "saniye", "másodperc", "sekunt", "sekúnd", "δευτερ",
    ];
    let starts = (0..text.len()).filter(|at| text.get(*at).is_some_and(u8::is_ascii_digit));
    let mut behind = starts.filter_map(|at| text.get(at + 1..));
    behind.any(|rest| {
        let rest = rest.trim_ascii_start();
        SECONDS.iter().any(|word| rest.starts_with(word.as_bytes()))
    })
}

/// Without what ends a sentence.
fn bare_address(word: &[u8]) -> &[u8] {
    let word = word.strip_suffix("…".as_bytes()).unwrap_or(word);
    let word = word.strip_suffix(b"...").unwrap_or(word);
    word.strip_suffix(b",").unwrap_or(word)
}

fn error(text: &[u8]) -> Option<Aside<'_>> {
    let has = |part: &str| memchr::memmem::find(text, part.as_bytes()).is_some();
    if has("ECONNRESET") || has("Connection reset") {
        return Some(Aside::Closed(End::Reset, Some(Side::Server)));
    }
    if holds_one(text, &CLOSED_BY_SERVER) || has("closed by remote") {
        return Some(Aside::Closed(End::Fin, Some(Side::Server)));
    }
    if names_seconds(text) || holds_one(text, &TIMED_OUT) || has("Connection interrupted by user") || has("Disconnected from server") {
        return Some(Aside::GivenUp);
    }
    let is_untidy_end = has("-110") || has("did not properly shut down");
    let is_tls = has("GnuTLS error") || has("TLS alert") || has("Remote certificate not trusted");
    (is_tls && !is_untidy_end).then_some(Aside::TlsFailed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::tests::{events_of, shows};

    fn told(lines: &str) -> Vec<String> {
        let told = events_of("filezilla-client", lines);
        told.into_iter().map(|(s, w)| format!("{s} {w}")).collect()
    }

    #[test]
    fn every_language_gives_the_same() {
        for (status, command, response) in [
            ("Status:", "Befehl:", "Antwort:"),
            ("Estado:", "Comando:", "Respuesta:"),
            ("Статус:", "Команда:", "Ответ:"),
            ("Stan:", "Polecenie:", "Odpowiedź:"),
            ("状态:", "命令:", "响应:"),
            ("狀態：", "指令：", "回應："),
            ("状態:", "コマンド:", "レスポンス:"),
            ("Statut\u{a0}:", "Commande\u{a0}:", "Réponse\u{a0}:"),
        ] {
            for blank in ["\t", " ", "        "] {
                let lines = format!(
                    "{status}{blank}x 192.0.2.10:21…\n{response}{blank}211-A\n{response}{blank} B\n{response}{blank}211 C\n{command}{blank}PASV\n"
                );
                let told = told(&lines);
                assert_eq!(told[1], "1 opened", "{lines}");
                assert_eq!(told[2].replace(' ', ""), "1211A\nB\nC", "{lines}");
                assert_eq!(told[3], "1 PASV", "{lines}");
            }
        }
        let lines = "2026-11-22 08:16:55 4711 1 Qqq: 220 hi\n2026-11-22 08:16:55 4711 1 Www: USER u\n2026-11-22 08:16:55 4711 1 Eee: other\n";
        assert_eq!(told(lines), ["1 introduced", "1 220 hi", "1 USER u", "1 closed input-ended"]);
    }

    #[test]
    fn attempts_that_fail_are_told_as_such() {
        let lines = "08:16:55\tStatus:\tConnecting to 192.0.2.10:21...\n\
                     08:16:55\tStatus:\tConnection attempt failed with \"ETIMEDOUT - Connection attempt timed out\".\n\
                     08:16:55\tError:\tCould not connect to server\n\
                     08:16:55\tStatus:\tConnecting to 192.0.2.10:21...\n\
                     08:16:55\tStatus:\tConnection established, waiting for welcome message...\n\
                     08:16:55\tResponse:\t220 hi\n\
                     08:16:55\tCommand:\tPASV\n\
                     08:16:55\tResponse:\t227 Entering Passive Mode (203,0,113,9,195,80)\n\
                     08:16:55\tCommand:\tMLSD\n\
                     08:16:55\tError:\tThe data connection could not be established: ECONNREFUSED - Connection refused by server\n\
                     08:16:55\tError:\tConnection timed out after 20 seconds of inactivity\n\
                     08:16:55\tError:\tFailed to retrieve directory listing\n";
        let told = told(lines);
        assert_eq!(told[..2], ["1 introduced", "1 closed idle"]);
        assert!(told[8].contains("203.0.113.9") && told[8].contains("Refused"), "{}", told[8]);
        assert_eq!(told[9..], ["2 closed idle by client"]);
    }

    #[test]
    fn a_time_out_and_a_close_are_told_in_every_language() {
        for (established, ended, expected) in [
            ("Connection established, waiting for welcome message...", "Connection timed out after 20 seconds of inactivity", "idle by client"),
            ("Verbindung hergestellt, warte auf Willkommensnachricht...", "Zeitüberschreitung der Verbindung nach 20 Sekunden Inaktivität", "idle by client"),
            ("Connexion établie, attente du message d'accueil...", "Connection interrompue après 20 secondes d'inactivité", "idle by client"),
            ("Соединение установлено, ожидание приглашения...", "Соединение прервано после 20 секунд неактивности", "idle by client"),
            ("连接建立，等待欢迎消息...", "20 秒后无活动，连接超时", "idle by client"),
            ("Connexion établie, attente du message d'accueil...", "Connexion interrompue par le serveur", "fin by server"),
            ("Соединение установлено, ожидание приглашения...", "Соединение закрыто сервером", "fin by server"),
            ("Verbindung hergestellt, warte auf Willkommensnachricht...", "Verbindung vom Server geschlossen", "fin by server"),
        ] {
            let lines = format!("Status:\tx 192.0.2.10:21...\nStatus:\t{established}\nError:\t{ended}\n");
            let closed = format!("1 closed {expected}");
            assert_eq!(told(&lines), ["1 introduced", "1 opened", closed.as_str()], "{lines}");
        }
        // Where no attempt was answered, nothing was open.
        let lines = "Status:\tx 192.0.2.10:21...\nFehler:\tZeitüberschreitung der Verbindung nach 20 Sekunden Inaktivität\n";
        assert_eq!(told(lines)[1..], ["1 closed idle"]);
        assert!(!names_seconds(b"Could not start transfer") && !names_seconds(b"GnuTLS error -15: x in seconds"));
    }

    #[test]
    fn what_is_behind_tls_is_told() {
        for established in [
            "TLS connection established.",
            "TLS/SSL connection established.",
            "TLS-Verbindung hergestellt.",
            "Connexion TLS établie.",
            "TLS-соединение установлено.",
        ] {
            let lines = format!(
                "Status:\tx 192.0.2.10:990...\nStatus:\tConnection established, initializing TLS...\nStatus:\tVerifying certificate...\n\
                 Status:\t{established}\nStatus:\t{established}\nStatus:\tLogged in\n"
            );
            let told = told(&lines);
            assert_eq!(told[2..], ["1 tls", "1 login  accepted", "1 230 implied by Logged in", "1 closed input-ended"]);
        }
        let lines = "Status:\tInsecure server, it does not support FTP over TLS.\nStatus:\tInitializing TLS...\nResponse:\t220 x\n";
        assert!(told(lines).iter().all(|words| !words.contains("tls")));
    }

    #[test]
    fn a_login_of_which_no_reply_is_shown_is_implied() {
        let lines = "Status:\tConnecting to 192.0.2.10:21...\nStatus:\tTLS connection established.\nStatus:\tLogged in\n\
                     Command:\tCWD /x\nResponse:\t550 No.\n";
        assert_eq!(
            told(lines)[1..],
            ["1 opened", "1 tls", "1 login  accepted", "1 230 implied by Logged in", "1 CWD /x", "1 550 No.", "1 closed input-ended"]
        );
        let lines = "Response:\t230 in\nStatus:\tLogged in\n";
        assert_eq!(told(lines)[1..], ["1 230 in", "1 closed input-ended"]);
    }

    #[test]
    fn a_text_with_codes_in_it_is_no_log() {
        let text = b"220 is what servers say first.\n  331 comes next.\n# see above (RFC 959)\n";
        assert_eq!(crate::log::Detected::by_head(text), None);
    }

    #[test]
    fn other_protocols_and_secrets_are_not_told() {
        let lines = "Status:\tConnecting to sftp.example.com...\n\
                     Response:\tfzSftp started, protocol_version=11\n\
                     Command:\topen \"alice@sftp.example.com\" 22\n\
                     Error:\tCould not connect to server\n";
        assert_eq!(told(lines), Vec::<String>::new());
        let read = FORMAT.read(&Bare::read(b"Command:\tACCT hunter2"));
        assert!(matches!(read, Read::Taken(_)) && !shows(&read, "hunter2"));
        for line in ["Status", "Response 220 x", "2026-11-22 08:16:55 x", "Foo: 220 hi"] {
            assert_eq!(FORMAT.read(&Bare::read(line.as_bytes())), Read::Unrecognised, "{line}");
        }
    }
}

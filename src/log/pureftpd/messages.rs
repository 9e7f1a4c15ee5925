//! Pure-FTPd's messages, in the languages it can be built in, with what they tell.
//!
//! The language is chosen when the server is built. Older releases wrote each language in an encoding of its own, newer
//! ones write UTF-8; so in a text with enough letters of ASCII a run of other bytes matches any such run.

use std::sync::LazyLock;

use crate::ftp::Verb;

/// A message.
#[derive(Debug)]
pub(super) struct Message {
    /// Its name in output: the English text.
    pub by: &'static str,
    /// What it tells.
    pub says: Says,
    /// Its texts; `*` stands for what the server puts in. A reason may follow each.
    texts: &'static [&'static str],
}

/// What a message tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Says {
    /// A control connection opens.
    Opened,
    /// A user is let in: 230.
    Admitted,
    /// A user is not let in: 530.
    Refused,
    /// `error()`: a command fails with this code. No verb where several may.
    Failed(&'static str, u16),
    /// `die()`: the server says this code and closes.
    Dies(u16),
    /// A file is gone: 250.
    Deleted,
    /// A file has a new name: 250.
    Renamed,
    /// The session is over.
    Over,
    /// More than one reply may be meant, or none.
    Nothing,
}

use Says::{Admitted, Deleted, Dies, Failed, Nothing, Opened, Over, Refused, Renamed};

const fn message(by: &'static str, says: Says, texts: &'static [&'static str]) -> Message {
    Message { by, says, texts }
}

/// The particular before the general: the first that fits is it.
#[rustfmt::skip]
static MESSAGES: &[Message] = &[
    message("New connection", Opened, &[
        "New connection from *", "Neue Verbindung von *", "Nouvelle connexion de *", "Nueva conexión desde *",
        "Nuova connessione da *", "Nieuwe verbinding vanaf *", "Nova conexão a partir de *", "Nowe połączenie z *",
        "Nové spojení z *", "Új kapcsolat a következo címrol: *", "Nyanslutning från *", "Ny forbindelse fra *",
        "Ny tilkobling fra *", "Conexiune noua de la *", "Nove spojenie z *", "Lidhje e re nga *", "* den yeni bağlantı",
        "Новое соединение с *", "自 * 的新连接", "自 * 的新連線", "* 부터 새로운 연결",
    ]),
    message("Logout", Over, &[
        "Logout.", "Deloggue.", "Fin de sesión.", "Fim de sessão.", "Wylogowywanie.", "Kijelentkezés.", "Logg ut.",
        "Iesire.", "Logout/Dalje.", "Çıkış.", "Отсоединение.", "登出.", "로그아웃.",
    ]),
    message("Authentication failed", Refused, &[
        "Authentication failed for user [*]", "Authentifizierung fehlgeschlagen für Benutzer [*].",
        "Erreur d'authentification pour l'utilisateur [*]", "Autentificación fallida para el usuario [*]",
        "Autenticazione falita per l'utente [*]", "Autorisatie faalde voor gebruiker [*]",
        "Autenticação falhou para usuário [*]", "Autentyfikacja nie powiodła się dla użytkownika [*]",
        "Autentifikace uživatele selhala [*]", "Azonosítás sikertelen [*] felhasználónak",
        "Behörighetskontroll misslyckas för användare [*]", "Godkendelse mislykkedes for [*]",
        "Godkjennelse mislyktes for [*]", "Autentificare esuata pentru utilizatorul [*]",
        "Autentifikacia uzivatela zlyhala [*]", "Autentikimi nuk u krye dot per user [*]",
        "[*] kullanıcısı için giriş hatalı", "Авторизация не удалась пользователю [*]", "使用者[*]验证失败",
        "使用者[*]驗證失敗", "[*] 유저 인증 실패",
    ]),
    message("Too many authentication failures", Refused, &[
        "Too many authentication failures", "Zu viele Authentifizierungsfehler.", "Trop d'echecs d'authentification",
        "Demasiados fallos de autentificación", "Troppe autenticazioni fallite", "Autorisatie is te vaak mislukt",
        "Muitas falhas de autenticação", "Слишком много попыток авторизации", "验证失败太多次", "驗證失敗太多次",
    ]),
    message("account disabled", Refused, &[
        "Can't login as [*]: account disabled", "Einloggen als [*] nicht möglich: Konto deaktiviert.",
        "Impossible de se logger sous [*] : compte desactive", "No se puede conectar como [*] : cuenta deshabilitada",
        "Impossibile loggarsi come [*] : account disabilitato", "U kan niet inloggen als [*] : het account is uitgeschakeld",
        "Não é possível conectar como [*] : conta desabilitada", "Nie można zalogować się jako [*] : konto zablokowane",
        "Kan ej logga in som [*]: kontot är avstängt", "Kan ikke logge inn som [*]: kontoen er stengt",
        "Невозможен вход как [*]: аккаунт отключен",
    ]),
    message("Can't change directory", Failed("CWD", 550), &[
        "Can't change directory to *", "Kann nicht ins Verzeichnis * wechseln", "Ne peut changer le repertoire en *",
        "No puedo cambiar al directorio *", "Impossibile cambiare la directory in *",
        "Kan de directory niet veranderen naar *", "Não foi possível entrar no diretório *",
        "Nie można zmienić katalogu na *", "Nemůžu přejít do adresáře *", "A * könyvtárba váltás sikertelen",
        "Kan ej ändra bibliotek till *", "Kan ikke ændre mappen til *", "Kan ikke skifte katalog til *",
        "Nu pot intra in directorul *", "Nemozem prejst do adresara *", "Nuk mund te nderrohet direktoria ne *",
        "Klasör değiştirilemedi *", "Невозможно изменить директорию на *", "无法变更目录到 *", "無法變更目錄到 *",
        "* 디렉토리로 이동할수 없음",
    ]),
    message("Can't open that file", Failed("STOR", 553), &[
        "Can't open that file", "Kann diese Datei nicht öffnen.", "Impossible d'ouvrir ce fichier",
        "No se puede abrir ese archivo", "Impossibile aprire quel file", "Kan dat bestand niet openen",
        "Não foi possível abrir esse arquivo", "Nie można otworzyć tego pliku", "Nemohu otevřít ten soubor",
        "A fájl megnyitása sikertelen", "Kan ej öppna den filen", "Kan ikke åbne den fil", "Kan ikke åpne den filen",
        "Nu pot deschide acel fisier", "Nemozem otvorit ten subor", "Nuk hap dot ate file", "Dosya açılamadı",
        "Невозможно открыть этот файл", "无法开启那个文件", "無法開啟那個檔案", "그 파일을 열수 없습니다.",
    ]),
    message("Unable to open a passive connection", Failed("", 425), &[
        "Unable to open a passive connection", "Kann keine passive Verbindung herstellen.",
        "Impossible d'ouvrir une connexion passive", "Imposible abrir una conexión pasiva",
        "Impossibile aprire una connessione passiva", "Het is onmogelijk een passieve verbinding te openen",
        "Não foi possível abrir uma conexão passiva", "Nie można utworzyć pasywnego połączenia",
        "Kan ej öppna en passiv anslutning", "Kan ikke åpne en passiv forbindelse", "Nu pot deschide o conexiune pasiva",
        "Невозможно установить пассивное FTP соединение", "无法开启被动式连接", "無法開啟被動式連線",
    ]),
    message("Can't create directory", Failed("MKD", 550), &[
        "Can't create directory", "Kann Verzeichnis nicht erstellen.", "Ne peut creer le repertoire",
        "No puedo crear el directorio", "Impossibile creare la directory", "Kan geen directory aanmaken",
        "Não foi possível criar diretório", "Nie można utworzyć katalogu", "Nemohu vytvořit adresář",
        "Könyvtár létrehozás sikertelen", "Kan ej skapa bibliotek", "Kan ikke oprette mappe", "Kan ikke opprette katalog",
        "Nu pot crea directorul", "Nemozem vytvorit adresar", "Nuk mund te krijoje direktorine", "Klasör oluşturalamadı",
        "Невозможно создать директорию", "无法建立目录", "無法建立目錄", "디렉토리를 만들수 없음",
    ]),
    message("Can't remove directory", Failed("RMD", 550), &[
        "Can't remove directory", "Kann Verzeichnis nicht entfernen.", "Impossible de detruire le repertoire",
        "No puedo borrar el directorio", "Impossibile cancellare la directory", "Kan de directory niet verwijderen",
        "Não foi possível remover diretório", "Nie można usunąć katalogu", "Nemohu smazat adresář",
        "Könyvtár törlése sikertelen", "Kan ej radera biblioteket", "Kan ikke fjerne mappen", "Kan ikke fjerne katalog",
        "Nu pot sterge directorul", "Nemozem zmazat adresar", "Nuk mund te fshije direktorine", "Klasör kaldırılamadı",
        "Невозможно удалить директорию", "无法删除目录", "無法移除目錄", "디렉토리를 삭제할수 없음",
    ]),
    message("Can't create the data socket", Failed("", 425), &[
        "Can't create the data socket", "Kann die Datenverbindung nicht aufbauen.", "Impossible de creer le socket",
        "No se puede crear el socket de datos", "Невозможно создать сокет для передачи данных",
    ]),
    message("Unable to identify the local data socket", Failed("", 425), &["Unable to identify the local data socket"]),
    message("The connection couldn't be accepted", Failed("", 421), &[
        "The connection couldn't be accepted", "Die Verbindung wird nicht akzeptiert.", "La connexion ne peut etre acceptee",
    ]),
    message("Can't find file size", Failed("RETR", 451), &[
        "Can't find file size", "Kann Dateigröße nicht ermitteln.", "Impossible de trouver la taille du fichier",
    ]),
    message("Can't check for file existence", Failed("STOR", 553), &["Can't check for file existence"]),
    message("Error during read from data connection", Failed("RETR", 451), &["Error during read from data connection"]),
    message("Rename/move failure", Nothing, &["Rename/move failure"]),
    message("Can't open", Failed("RETR", 550), &[
        "Can't open *", "Kann * nicht öffnen", "Impossible d'ouvrir *", "No se puede abrir *", "Impossibile aprire *",
        "Kan * niet openen", "Não foi possível abrir *", "Nie można otworzyć *", "Nemohu otevřít *",
        "Sikertelen megnyitás *", "Kan ej öppna *", "Kan ikke åbne *", "Kan ikke åpne *", "Nu pot deschide *",
        "Nemozem otvorit *", "Nuk hap dot *", "Невозможно открыть *", "无法开启 *", "無法開啟 *", "* 를 열수 없음",
    ]),
    message("Timeout", Dies(421), &[
        "Timeout", "Zeitüberschreitung", "Temps de reponse depasse", "Onderbreking", "Tempo expirado",
        "Przekroczony czas oczekiwania", "Przekroczono czas oczekiwaniat", "čas vypršel", "čas vypršel,", "Id?túllépés",
        "Időtúllépés", "Temporizare expirata", "Cas vyprsal", "Cas vyprsal,", "Jashte Kohe", "Zaman Aşımı",
        "Истекло время ожидания", "超时", "逾時", "시간 초과", "시간초과",
    ]),
    message("Line too long", Dies(421), &[
        "Line too long", "Die Zeile ist zu lang.", "Ligne trop longue", "Línea demasiado larga", "Linea troppo lunga",
        "Regel is te lang", "Linha muito comprida", "Linia zbyt długa", "řádek je příliš dlouhý", "A sor túl hosszú",
        "Raden är för lång", "Linie for lang", "Linjen er for lang", "Linie prea lunga", "Riadok je privelmi dlhy",
        "Vija eshte shume e gjate", "Satır çok uzun", "Слишком длинная строка", "命令行过长", "命令行過長", "너무 긴줄",
    ]),
    message("Too many connections from this IP", Dies(421), &[
        "Too many connections (*) from this IP", "Zuviele Verbindungen (*) von dieser IP-Adresse.",
        "Trop de connexions (*) depuis cette IP", "Demasiadas conexiones (*) desde esta IP",
        "Troppe connessioni (*) da questo IP", "Teveel verbindingen (*) vanaf dit IP",
        "Conexões demais (*) a partir deste IP", "Zbyt wiele połączeń (*) z tego IP",
        "Příliš mnoho aktivních spojení (*) z vaší IP", "Túl sok kapcsolat errol az IP-rol: (*",
        "För många anslutningar (*) från denna IP", "For mange forbindelser(*) fra denne IP",
        "For mange forbindelser (*) fra denne IP-adressen", "Prea multe conexiuni (*) de la acest IP",
        "Privela aktivnych spojeni (*) z vasej IP", "Shume teper lidhje (*) nga kjo IP",
        "Bu (*) IP den çok fazla bağlantı", "Слишком много соединений (*) с этого IP", "太多连接 (*) 来自这个 IP",
        "太多連線 (*) 來自這個 IP", "(*) 로 부터 초과된 접속수",
    ]),
    message("No anonymous login", Dies(530), &[
        "This is a private system - No anonymous login",
        "Dies ist ein privates System - Keine anonyme Anmeldung möglich.",
        "Ceci est un systeme prive - Aucun utilisateur anonyme autorise",
    ]),
    message("Home directory not available", Dies(421), &[
        "Home directory not available - aborting", "Home-Verzeichnis nicht erreichbar - Abbruch.",
        "Les repertoires utilisateurs sont inaccessibles - Abandon", "Directorio Home no disponible - abortando",
        "Home directory non disponibile - annullo", "Home directory niet beschikbaar - sessie wordt afgebroken",
        "Diretório pessoal não disponível - cancelando", "Домашняя директория не доступна - завершение",
    ]),
    message("cleartext sessions are not accepted", Dies(421), &[
        "Sorry, cleartext sessions *", "Sorry, unverschlüsselte Sitzungen *", "Desole, les sessions en clair *",
        "Lo siento. No se aceptan sesiones sin cifrar *", "Spiacente, su questo server non sono ammesse sessioni *",
        "Desculpe, sessões sem criptografia *", "Извините, незащищенные подключения запрещены *",
    ]),
    message("Unable to set up a secure chroot() jail", Dies(421), &["Unable to set up a secure chroot() jail"]),
    message("Unable to set up secure anonymous FTP", Dies(421), &["Unable to set up secure anonymous FTP"]),
    message("Path too long", Dies(421), &["Path too long"]),
    message("Out of memory", Dies(421), &["Out of memory"]),
    message("Sorry, but I can't trust you", Dies(421), &["Sorry, but I can't trust you"]),
    message("We can't do that in the current session", Dies(421), &["We can't do that in the current session"]),
    message("Unable to identify the local socket", Dies(421), &["Unable to identify the local socket"]),
    message("Sorry, invalid address given", Dies(425), &["Sorry, invalid address given"]),
    message("HTTP command", Dies(500), &["HTTP command: [*]"]),
    message("successfully renamed or moved", Renamed, &[
        "File successfully renamed or moved", "Datei erfolgreich umbenannt oder verschoben.",
        "fichier renomme/deplace avec succes", "Archivo renombrado o movido con éxito",
        "File rinominato o spostato con successo", "Bestand is met succes hernoemd of verplaatst",
        "Arquivo renomeado ou movido com sucesso", "Zmieniono lub przeniesiono plik",
        "Filen har bytt namn eller flyttats", "Fil blev omdøbt eller flyttet", "Filen er omdøpt eller flyttet",
        "Fisier redenumit sau mutat cu succes", "Subor uspnesne presunuty/premenovany",
        "File u ri-emerua ose leviz me sukses", "Файл удачно переименовал или перемещен", "文件更名/移动OK", "檔案更名/移動OK",
    ]),
    message("Anonymous user logged in", Admitted, &[
        "Anonymous user logged in", "Anonymous user logged in the virtual FTP", "Anonymer Benutzer angemeldet.",
        "Utilisateur anonyme loggue", "Usuario Anónimo dentro del sistema", "Utente anonimo loggato",
        "Anonieme gebruiker is ingelogd", "Usuário anônimo logado", "Anonimowy użytkownik zalogowany",
        "Přihlášen jako anonymní uživatel", "Anonymous felhasználó lépett be", "Anonym användare är inloggad",
        "Anonym bruger er logget på", "Anonym bruker er logget inn", "Utilizatorul anonim s-a logat",
        "Prihlasny ako anonymny pouzivatel", "Perdorues anonim i loguar", "Misafir kullanıcı giriş yaptı",
        "Вошел анонимный пользователь", "匿名使用者登录", "匿名使用者登入", "Anonymous 유저 로그인",
    ]),
    message("Deleted", Deleted, &[
        "Deleted *", "* gelöscht.", "* detruit", "Borrado *", "Cancellato *", "* gewist", "* foi removido", "Skasowano *",
        "Soubor * smazán", "* törölve", "Raderade *", "Slettede *", "* slettet", "Am sters *", "Subor * zmazany", "U fshi *",
        "* silindi", "Удалено: *", "删除 *", "刪除 *", "* 삭제됨",
    ]),
    message("is now logged in", Admitted, &[
        "* is now logged in", "* ist jetzt eingeloggt.", "* est maintenant loggue", "* está ahora dentro del sistema",
        "* è ora loggato", "* is nu ingelogd", "* agora está logado", "* jest teraz zalogowany", "* je pravě přihlášen",
        "* belépett", "* har loggat in", "* er logget på nu", "* er nå logget inn", "* este acum logat",
        "* je prave prihlaseny", "* eshte i loguar", "* giriş yaptı", "* вошел", "* 现在登录", "* 現在登入", "* 가 로그인",
    ]),
];

#[rustfmt::skip]
const DOWNLOADED: &[&str] = &[
    "downloaded", "heruntergeladen.", "downloade", "descargado", "downloadato", "gedownload", "recebido", "ściągnięto",
    "downloadnut", "letöltve", "nedladdad", "nedlastet", "download-at", "downloadnuty", "u shkarkua", "indirildi",
    "загрузка завершена", "已下载", "已下載", "다운로드 종료",
];

#[rustfmt::skip]
const UPLOADED: &[&str] = &[
    "uploaded", "hochgeladen.", "uploade", "transmitido", "uploadato", "ge-upload", "enviado", "wgrano", "uploadnut",
    "feltöltve", "uppladdad", "opplastet", "upload-at", "uploadnuty", "e ngarkuar", "güncellendi", "загружено", "上传了",
    "上傳了", "업로드됨",
];

/// A text of a message, taken apart.
#[derive(Debug, Clone, Copy)]
struct Pattern {
    message: &'static Message,
    /// Before and behind the `*`; `None` behind it where there is none.
    head: &'static str,
    tail: Option<&'static str>,
    is_loose: bool,
}

impl Pattern {
    fn new(message: &'static Message, text: &'static str) -> Self {
        let (head, tail) = match text.split_once('*') {
            Some((head, tail)) => (head, Some(tail)),
            None => (text, None),
        };
        Self {
            message,
            head,
            tail,
            is_loose: is_loose(text),
        }
    }

    /// Whether a text with this first byte may fit.
    fn may_begin(&self, byte: u8) -> bool {
        match self.head.bytes().next() {
            None => true,
            Some(first) if self.is_loose && !first.is_ascii() => !byte.is_ascii(),
            Some(first) => first == byte,
        }
    }
}

/// The patterns that a text may fit, by its first byte, in the order of the messages.
static BY_FIRST_BYTE: LazyLock<Vec<Vec<Pattern>>> = LazyLock::new(|| {
    let each = |message: &'static Message| message.texts.iter().map(move |text| Pattern::new(message, text));
    let all: Vec<Pattern> = MESSAGES.iter().flat_map(each).collect();
    let beginning = |byte: u8| all.iter().filter(|p| p.may_begin(byte)).copied().collect();
    (0..=u8::MAX).map(beginning).collect()
});

/// The message that a text is, what stands for its `*`, and what follows it.
pub(super) fn find(text: &[u8]) -> Option<(&'static Message, &[u8], &[u8])> {
    let patterns = BY_FIRST_BYTE.get(usize::from(*text.first()?))?;
    let reason = memchr::memmem::rfind(text, b": ");
    patterns.iter().find_map(|pattern| {
        let (inside, rest) = fits(text, reason, pattern)?;
        Some((pattern.message, inside, rest))
    })
}

/// `path downloaded` or `path uploaded`.
pub(super) fn direction(text: &[u8]) -> Option<(&[u8], Verb)> {
    let words = [(DOWNLOADED, Verb::RETR), (UPLOADED, Verb::STOR)];
    words.into_iter().find_map(|(words, verb)| {
        words.iter().find_map(|word| {
            let backwards = word.bytes().rev();
            let used = eat(text.iter().rev().copied(), backwards, is_loose(word))?;
            let path = text.get(..text.len().checked_sub(used)?)?;
            Some((path.strip_suffix(b" ")?, verb))
        })
    })
}

/// What stands for the `*` of a pattern, and what follows the whole.
fn fits<'b>(
    text: &'b [u8],
    reason: Option<usize>,
    pattern: &Pattern,
) -> Option<(&'b [u8], &'b [u8])> {
    let is_loose = pattern.is_loose;
    let used = eat(text.iter().copied(), pattern.head.bytes(), is_loose)?;
    let rest = text.get(used..)?;
    let Some(tail) = pattern.tail else {
        let is_end = matches!(rest.first(), None | Some(b':' | b' '));
        return is_end.then_some((b"", rest));
    };
    // The whole text, or all before its last `: reason`.
    let before = reason.and_then(|at| rest.get(..at.checked_sub(used)?));
    let ends = if tail.is_empty() {
        [before, Some(rest)]
    } else {
        [Some(rest), before]
    };
    ends.into_iter().flatten().find_map(|part| {
        let used = eat(part.iter().rev().copied(), tail.bytes().rev(), is_loose)?;
        let inside = part.get(..part.len().checked_sub(used)?)?;
        Some((inside, rest.get(part.len()..)?))
    })
}

/// Enough ASCII to tell a text by.
fn is_loose(pattern: &str) -> bool {
    pattern.bytes().filter(u8::is_ascii_alphabetic).count() >= 5
}

/// How many bytes of the text the pattern takes, from where both begin.
fn eat(
    mut text: impl Iterator<Item = u8> + Clone,
    pattern: impl Iterator<Item = u8>,
    is_loose: bool,
) -> Option<usize> {
    let mut used = 0;
    let mut is_inside = false;
    for wanted in pattern {
        if is_loose && !wanted.is_ascii() {
            if !is_inside {
                let run = text.clone().take_while(|b| !b.is_ascii()).count();
                if run == 0 {
                    return None;
                }
                used += run;
                text.by_ref().take(run).for_each(drop);
            }
            is_inside = true;
            continue;
        }
        is_inside = false;
        if text.next()? != wanted {
            return None;
        }
        used += 1;
    }
    Some(used)
}

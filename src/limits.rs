//! Every bound in the program, each with its reason, and beside them the numbers that others ask about.
//!
//! Where something is given up or cut at a limit, the diagnostic `limit-reached`
//! says so, but for texts that are kept to be shown, and for what is only
//! remembered to be quick. No limit ever ends a run. Each is named in a test that
//! reaches it.

// ---- Bounds on memory: one line, one reply, one file ---------------------------------------------------------------

/// Bytes of a line of a control connection that are kept. RFC 959 sets no limit; the longest honest reply lines seen in
/// captures are below 2 KiB. What is beyond is cut, the code is kept.
pub const CONTROL_LINE_BYTES: usize = 16 * 1024;

/// Bytes without a line end, control bytes among them, after which the start of a line is looked for at the next segment's
/// start. No honest line holds that; the shortest first message of SSH or TLS behind a greeting is longer.
pub const NOISE_BYTES: usize = 64;

/// Bytes of one multi-line reply that are kept while it is put together.
pub const REPLY_BYTES: usize = 256 * 1024;

/// Lines of one multi-line reply whose text is kept. The longest greeting seen has 62 lines.
pub const REPLY_LINES: u32 = 512;

/// Bytes of a reply's text that are kept in a session.
pub const REPLY_TEXT_BYTES: usize = 1024;

/// Bytes of a command's argument that are kept in a session.
pub const ARGUMENT_BYTES: usize = 512;

/// Bytes of a log line that are looked at. A longer line is counted as unrecognised.
pub const LOG_LINE_BYTES: usize = 64 * 1024;

/// Bytes of one entry of the journal or of a container's log before it is unwrapped; a longer one is read as several lines.
/// Bytes in an array of JSON take up to four each.
pub const LOG_ENTRY_BYTES: usize = 512 * 1024;

/// Columns of a log whose header names them. Zeek's widest has about thirty.
pub const LOG_COLUMNS: usize = 128;

/// Bytes of a configuration that log layouts are taken from. A file with more is none.
pub const CONFIGURATION_BYTES: usize = 1024 * 1024;

/// Files of a configuration: what includes itself, or all of a disk, comes to an end. Real ones have some ten.
pub const CONFIGURATION_FILES: usize = 256;

/// Bytes of an earlier report. Those of large runs have some hundred kilobytes, and four hundred bytes for each of a hundred
/// thousand inputs; a file with more is none.
pub const REPORT_BYTES: usize = 128 * 1024 * 1024;

/// Bytes of a line of a list of inputs. A capture with as many connections as are noted has some ten million.
pub const LISTED_BYTES: usize = 32 * 1024 * 1024;

/// The largest packet record taken for real. Jumbo frames have 9 KiB, offloaded ones 64 KiB; the kernel's loopback
/// limit is 256 KiB.
pub const PACKET_BYTES: usize = 512 * 1024;

/// The largest pcapng block that is not a packet (name resolution, decryption secrets) taken for real.
pub const BLOCK_BYTES: usize = 16 * 1024 * 1024;

/// Bytes of a pcapng block beyond its packet: its header and options (comments, hashes, verdicts).
pub const BLOCK_OPTION_BYTES: usize = 64 * 1024;

/// Interfaces of one pcapng section. A capture on "any" of a large host names some hundred.
pub const INTERFACES: usize = 4096;

/// Bytes at the head of a source by which its format is told.
pub const SNIFF_BYTES: usize = 64 * 1024;

/// Non-empty lines at the head of a source by which its format is told.
pub const SNIFF_LINES: usize = 200;

/// How many times as large as on disk a compressed file may become, once it has become larger than
/// [`DECOMPRESSED_BYTES`]. Logs of the same line over and over come to some hundred times, bombs to a thousand and more.
pub const DECOMPRESSED_RATIO: u64 = 500;

/// Bytes that a compressed file may become whatever its size on disk: some seconds of work.
pub const DECOMPRESSED_BYTES: u64 = 1024 * 1024 * 1024;

/// Memory that decompressing one file may take: `zstd --long` asks for 128 MiB, `xz -9` for 64 MiB.
pub const DECOMPRESSION_MEMORY: usize = 136 * 1024 * 1024;

/// Files taken from one directory argument, with all that is below it.
pub const DIRECTORY_FILES: usize = 100_000;

// ---- Bounds on memory: one connection of a capture -----------------------------------------------------------------

/// Out-of-order bytes kept per direction of a connection. 64 KiB windows were the rule before window scaling; control
/// connections send far less.
pub const OUT_OF_ORDER_BYTES: usize = 256 * 1024;

/// Out-of-order segments kept per direction of a connection.
pub const OUT_OF_ORDER_SEGMENTS: usize = 512;

/// Bytes handed over last per direction of a control connection that are kept, to compare with what is sent again. Commands
/// and most replies are shorter.
pub const COMPARED_BYTES: usize = 256;

/// Times of repeated SYNs that are kept. Systems give up after 5 to 7.
pub const SYN_TIMES: usize = 8;

/// Holes in one direction of a connection that are remembered, to see them filled. Older ones count as missing for good.
pub const GAPS: usize = 32;

/// Bytes of one direction of a connection that are looked at before deciding that it is not FTP.
pub const PROBE_BYTES: usize = 4096;

/// Pieces of both directions, bytes or holes, that are kept before deciding that a connection is not FTP. A capture of
/// headers alone has a hole for every segment, and never as many bytes.
pub const PROBE_PIECES: usize = 4096;

/// The same where a server greets in many lines: nobody speaks before they are over.
pub const GREETING_BYTES: usize = 16 * 1024;

/// Data connections of one session that are not over while the next one is announced already. Clients that do not wait
/// for the end of one before they ask for the next are rare, and few of them have two.
pub const OLDER_DATA_CONNECTIONS: usize = 8;

/// Connections that may be data connections of one session that is hidden by TLS, at a time.
pub const GUESSED_DATA_CONNECTIONS: usize = 64;

/// Places, beside the first one, that a session is told to have been heard in.
pub const HEARINGS: usize = 8;

/// First bytes of each direction of a control connection that are compared with those of its other legs.
pub const LEG_BYTES: usize = 64;

/// Bytes of each side's TLS handshake that are read. Chains of certificates have 2 to 10 KiB.
pub const TLS_HANDSHAKE_BYTES: usize = 64 * 1024;

/// Bytes of a data connection in which its TLS handshake must be over. Both sides' certificates have 20 KiB.
pub const TLS_DATA_BYTES: u64 = 128 * 1024;

/// Alerts kept of one TLS connection. An honest one has two: one of each side, at its end.
pub const TLS_ALERTS: usize = 8;

/// Names kept of a certificate, and protocols of a client's hello.
pub const CERTIFICATE_NAMES: usize = 16;

// ---- Bounds on memory: all connections, sessions and captures ------------------------------------------------------

/// TCP connections watched at one time; the one that was idle longest is closed early.
pub const OPEN_CONNECTIONS: usize = 200_000;

/// Connections watched at one time above which those that are given up are forgotten before the capture ends. Below it
/// there is room to wait for a peer that speaks again after hours.
pub const QUIET_CONNECTIONS: usize = 4096;

/// Sessions open at one time in one series; the one that was idle longest is closed early.
pub const OPEN_SESSIONS: usize = 1_000_000;

/// IP packets whose fragments are put together at a time, or were not long ago. A path with a small MTU has a window of
/// segments under way for each of its connections.
pub const FRAGMENTED_PACKETS: usize = 4096;

/// Bytes of fragments that are kept. Linux keeps as much (`ipfrag_high_thresh`).
pub const FRAGMENT_BYTES: usize = 4 * 1024 * 1024;

/// Captures of the same time that are read side by side. Each holds a window and a file open; systems allow 256 files
/// and more.
pub const OPEN_CAPTURES: usize = 64;

/// Connections of one capture, still open at its end or begun before it, by which captures that continue it are found.
pub const SURVEYED_CONNECTIONS: usize = 50_000;

/// Connections that are over and whose last packets are still awaited when captures are surveyed.
pub const SURVEYED_CLOSING: usize = 1024;

/// Whole connections of one capture by which others of the same traffic are found; of more, a fixed part.
pub const SURVEYED_WHOLE: usize = 4096;

/// Commands of one session that wait for their reply. Pipelining clients stay below 20.
pub const PENDING_COMMANDS: usize = 256;

/// Exchanges kept per session; beyond, the oldest successful ones are only counted.
pub const KEPT_EXCHANGES: usize = 4096;

/// Exchanges, transfers and data connections of open sessions that are kept at one time in one series, some 300 bytes each:
/// 50 for each of 20,000 clients. Beyond, of each session that goes on only the newest few are.
pub const OPEN_EXCHANGES: usize = 1_000_000;

/// The newest of a session where so many are open.
pub const FEWEST_EXCHANGES: usize = 8;

/// Bytes of a session's rows of events that are kept until it shows whether a filter wants them. A session with more has
/// thousands of commands, and what it is shows by then.
pub const HELD_ROWS_BYTES: usize = 1024 * 1024;

/// Exchanges, and sessions as eight each, that are kept until everything was read, where a run has captures and server logs:
/// some 300 bytes each. Sessions beyond are counted where they were heard.
pub const HELD_EXCHANGES: usize = 500_000;

/// The same where their events are kept as rows too, some two kilobytes an exchange.
pub const HELD_EXCHANGES_OF_EVENTS: usize = 60_000;

// ---- Bounds on memory: what is counted and shown -------------------------------------------------------------------

/// Reply texts whose cause is remembered per thread, and pairs of code and command whose rules are. A server has some
/// hundred.
pub const KNOWN_TEXTS: usize = 4096;

/// Distinct clients, users and the like that are listed exactly; beyond, the smallest hashes stand for all.
pub const DISTINCT_EXACT: usize = 4096;

/// Distinct user names counted exactly per client; a guesser of names tries more, and then their number is an estimate.
pub const DISTINCT_PER_CLIENT: usize = 64;

/// Buckets of a timeline; beyond, hours become days, and days become ten days. Ten thousand hours are 13 months.
pub const TIMELINE_BUCKETS: usize = 10_000;

/// Stretches of time for the failures of one cause; beyond, minutes become ten minutes, hours, days and so on.
pub const PACE_BUCKETS: usize = 512;

/// Sessions whose beginnings and ends are kept, the earliest ones, to tell how many were open when one was refused.
pub const SESSIONS_AT_ONCE: usize = 16_384;

/// Clients, users or paths whose numbers are added up before they are put in order.
pub const GATHERED_ROWS: usize = 8192;

/// Examples kept per cause.
pub const EXEMPLARS: usize = 5;

/// Proofs kept of one failure.
pub const PROOFS: usize = 8;

/// Names shown where a few stand for all.
pub const NAMES: usize = 5;

/// Sessions kept as the worst.
pub const WORST_SESSIONS: usize = 20;

/// Sessions of which a page has a row: a thousand are more than anybody reads, and a browser still filters at once.
pub const LISTED_SESSIONS: usize = 1000;

// ---- Bounds on sums that are written down and read back ------------------------------------------------------------

/// Digits of a number in the written form of tallies that is added up when reports are merged: a hundred billion replies of
/// one code. What may be larger is written as text, so nothing is lost to readers that know only doubles.
pub const WRITTEN_DIGITS: u32 = 11;

/// Keys of one list in the written form of tallies, say inputs or commands with their codes.
pub const WRITTEN_KEYS: usize = 1 << 17;

/// Reports that are added up at once. Their sums can't overflow: 4096 of them with ten thousand stretches of time, each
/// with numbers of eleven digits, stay below 2^63.
pub const MERGED_REPORTS: usize = 4096;

/// Lines of a row of a CSV file: a quote that is missing must not make one row of all that follows.
pub const CSV_ROW_LINES: usize = 16;

// ---- Bounds on work ------------------------------------------------------------------------------------------------

/// Steps in the search for how a line falls apart by its layout. An ordinary line takes one per variable.
pub const LAYOUT_STEPS: u32 = 1024;

/// Places in a log line at which an unquoted name may end that are tried. A user's name with more brackets was made to be
/// slow.
pub const LOG_NAME_ENDS: usize = 64;

/// Sessions of one client that are looked at to find a log line's own, newest first. An attacker opens thousands.
pub const LOG_CANDIDATES: usize = 64;

/// How often a log line may say that its message was repeated. syslog daemons fold the repetitions of a few seconds.
pub const LOG_REPETITIONS: u32 = 10_000;

/// Bytes searched for the next sound record after a damaged one.
pub const RESYNC_BYTES: usize = 1024 * 1024;

/// Headers inside one another (VLAN tags, labels, tunnels) that are followed. Provider networks stack four or five.
pub const NESTED_HEADERS: usize = 16;

/// Brackets in a condition of `--fail-on`; each is a step deeper.
pub const CONDITION_BRACKETS: usize = 32;

/// Sessions of a log that are compared with one session of a capture. Only those of the same client and time are.
pub const JOIN_CANDIDATES: usize = 64;

/// Sessions of one client, those with the longest dialogues, by which the difference of two clocks is looked for.
pub const JOIN_SAMPLES: usize = 24;

/// Pairs of sessions that are compared to find the difference of two clocks.
pub const JOIN_COMPARED: usize = 200_000;

/// Times that the best pairs of sessions are taken, each time from what the last one left. Sessions of a client that wait for
/// one another longer are paired in their order or not at all.
pub const JOIN_ROUNDS: usize = 32;

/// Commands, ports and transfers that a session of a capture and one of a log must have in common, and nothing against it, to
/// prove a zone that was taken for another: every session has a name and a password.
pub const JOIN_PROOF: usize = 3;

/// Exchanges of a session that are passed over to find the next one that another source holds.
pub const JOIN_PASSED: usize = 32;

// ---- How long something is waited for, in the time of the input ----------------------------------------------------

/// Seconds of silence after which a connection that is over is forgotten. Until then its late segments are known for what
/// they are: a sender whose segment is not acknowledged waits for two minutes at most before it repeats it (Linux
/// `TCP_RTO_MAX`).
pub const OVER_SECONDS: u64 = 300;

/// Silence after which a connection without FIN or RST is taken for given up; the longest idle time-out of a server's
/// defaults is 900 s.
pub const CONNECTION_IDLE_SECONDS: u64 = 3600;

/// The same for a control connection in the middle of a transfer, which keeps it silent.
pub const TRANSFER_SECONDS: u64 = 24 * 3600;

/// Silence after which a session in a log without an end line is taken for over.
pub const LOG_SESSION_IDLE_SECONDS: i64 = 3600;

/// Seconds of capture time after which the fragments of a packet are given up, as Linux does (`ipfrag_time`).
pub const FRAGMENT_SECONDS: u64 = 30;

/// Seconds of capture time that missing bytes are waited for once the receiver acknowledged them: a capture may hold a
/// segment only as a retransmission behind the answer to it.
pub const HOLE_SECONDS: u64 = 5;

/// The same while the receiver has not acknowledged them: the sender still repeats (RFC 6298: up to 60 s apart).
pub const HOLE_UNACKNOWLEDGED_SECONDS: u64 = 120;

/// Seconds after which a SYN would have been sent again (RFC 6298: after one second, then two). One that was not is an
/// attempt of its own, like a scanner's.
pub const SYN_SECONDS: u64 = 3;

/// Seconds between two captures of the same hosts within which the later one may tell what became of connections that
/// the earlier one left open.
pub const CAPTURE_GAP_SECONDS: u64 = 3600;

/// Seconds between the beginnings of two legs of a connection, on both sides of an address translation.
pub const LEG_SECONDS: u64 = 60;

// ---- No bounds: what can't be true, and what clocks may do ---------------------------------------------------------

/// The farthest that a sequence number may be from the next one. Control connections move little; more is damage.
pub const SEQUENCE_REACH: i32 = 1 << 26;

/// Nanoseconds between the times of neighbouring packets beyond which damage is suspected: a year.
pub const PACKET_GAP_NANOS: u64 = 366 * 86_400 * 1_000_000_000;

/// How far a capture's time goes back before that is told. Packets of several interfaces or queues are written down out of
/// order by milliseconds.
pub const CLOCK_BACK_SECONDS: u64 = 1;

/// Difference up to which two captures' clocks are taken for one: what networks take is of that order, and clocks that
/// are set by NTP are nearer than that.
pub const CLOCKS_AGREE_NANOS: u64 = 10_000_000;

/// Seconds within which two clocks that nobody set right are found whatever else speaks for another difference.
pub const CLOCK_NEAR_SECONDS: i64 = 5;

/// Seconds by which clocks may differ besides a zone that was taken for another. More is believed only by proof: the same
/// ports.
pub const CLOCK_FAR_SECONDS: i64 = 300;

/// Hours by which a zone that was taken for another may be wrong (UTC-12 to UTC+14).
pub const ZONE_HOURS: i64 = 14;

// ---- No bounds: from when on something is told ---------------------------------------------------------------------

/// From which time on a greeting or a login's answer is slow: shorter waits are deliberate, to slow guessing down.
pub const SLOW_TO_LET_IN: std::time::Duration = std::time::Duration::from_secs(4);

/// Failed logins of one client, over all its sessions, from which on it is taken for one that guesses. Servers close the
/// connection after 3 to 6; a person has given up by then.
pub const BRUTE_FORCE_LOGINS: u64 = 10;

/// Clients of one network from which on their failed logins are counted together.
pub const BRUTE_FORCE_NEIGHBOURS: u64 = 3;

/// Clients that are refused as one user, who is never let in, from which on they guess together.
pub const BRUTE_FORCE_CLIENTS: u64 = 10;

/// Logins of a user who was let in before that are refused without an exception, from which on that is told.
pub const TURNED_AWAY_LOGINS: u64 = 3;

/// Passive ports from the lowest to the highest given out: a longer range is the system's own, not a pool somebody set.
pub const POOL_PORTS: u64 = 2048;

/// Sessions in clear whose passive transfers work, from which on it is no chance that none does behind TLS.
pub const FIREWALL_SESSIONS: u64 = 3;

// ---- No bounds: numbers of protocols -------------------------------------------------------------------------------

/// The port that speaks for FTP where bytes do not (RFC 959 section 8, L=21).
pub const FTP_PORT: u16 = 21;

/// The port from which a server opens data connections by default (RFC 959 section 8, L-1).
pub const FTP_DATA_PORT: u16 = 20;

/// The port of FTP that begins with TLS (IANA: ftps). Silence and refusals on it are sessions like those on FTP's port.
pub const FTPS_PORT: u16 = 990;

/// The longest TLS record taken for real: 2^14 bytes and 2 KiB for its protection (RFC 5246 section 6.2.3).
pub const TLS_RECORD_BYTES: usize = 16_384 + 2048;

// ---- No bounds: pieces of work -------------------------------------------------------------------------------------

/// Bytes read at a time from a log or capture: a window and what is made of it fit a core's cache.
pub const WINDOW_BYTES: usize = 512 * 1024;

/// Windows decoded side by side in one step, per thread, where there are several.
pub const WINDOWS_PER_THREAD: usize = 2;

/// Steps in a wave: merging one goes on while the next is decoded, and the wave after is read meanwhile.
pub const STEPS: usize = 8;

/// A series larger than this gets the whole thread pool; smaller ones are read whole by one thread each.
pub const SMALL_SERIES_BYTES: u64 = 8 * 1024 * 1024;

/// Finished sessions that are judged in one go, beside the reading; so few that they are still in a core's cache.
pub const SESSIONS_TO_JUDGE: usize = 32;

/// Rows of a group in a Parquet file, and bytes of JSON they are made of: what is held in memory before it is written.
/// Databases read groups of some hundred thousand rows best.
pub const GROUP_ROWS: usize = 128 * 1024;

/// See [`GROUP_ROWS`].
pub const GROUP_BYTES: usize = 32 * 1024 * 1024;

/// Bytes of records of open sessions that are kept for a later run. Beyond, the session that is silent longest is counted
/// where the input ends.
pub const CARRIED_BYTES: usize = 64 * 1024 * 1024;

/// Remarks of processes without a session that are kept for a later run.
pub const CARRIED_REMARKS: usize = 4096;

/// Lines of a log's header that are kept for a later run. Zeek writes nine.
pub const HEADER_LINES: usize = 64;

/// Bytes of the pieces by which a file is known again: at its beginning, and before the place up to which it was read.
pub const PRINT_BYTES: usize = 4096;

/// Bytes that a state may have.
pub const STATE_BYTES: u64 = 1024 * 1024 * 1024;

/// Logs that a state knows. A log that is rotated every night gives one a day.
pub const STATE_LOGS: usize = 4096;

/// Packed files that are known to hold the same log: one for each program that packed it.
pub const STATE_PACKED: usize = 8;

/// Seconds by which the times of a log may go back from one run to the next before that is told.
pub const LOG_BACK_SECONDS: u64 = 60;

/// Files beside a log, with the names of its rotations, in which what was read of it is looked for when it was renamed.
pub const ROTATIONS: usize = 16;

/// How often the inputs of a run with a state are looked at, at most, where logs are rotated meanwhile. A rotation takes a
/// moment, and a look another.
pub const LOOKS: usize = 16;

/// Seconds for which a cause is no news in later runs with a state, though the last one did not find it: what comes and goes
/// in runs every few minutes is told once a day.
pub const KNOWN_CAUSE_SECONDS: u64 = 86_400;

/// Seconds after the end of a capture from which on nothing in it goes on in a later one: a connection that is silent for so
/// long is given up within a capture too.
pub const AGAIN_SECONDS: u64 = 86_400;

/// Bytes of captures that are read again because a session is open in them. Beyond, what is open counts where it ends.
pub const AGAIN_BYTES: u64 = 4 * 1024 * 1024 * 1024;

//! Times of one session that were written in two zones.
//!
//! A process that changes its root no longer finds `/etc/localtime`, and its clock goes on in another zone (mostly UTC).
//! Where a log's times have no zone, a session then seems to go back by hours, or to wait for hours between its opening and
//! its login. Both are set right: a process never goes back, and no login takes hours.

use crate::time::Timestamp;

const MINUTE: i64 = 60_000_000_000;
/// Zones differ by whole half hours, but for a few that matter to nobody here (Nepal, Chatham).
const STEP: i64 = 30 * MINUTE;
/// Less than that back is the order in which lines were written.
const BACK_MIN: i64 = 5 * MINUTE;
/// A login takes no longer (`TimeoutLogin` is five minutes unless set).
const LOGIN_MAX: i64 = 5 * MINUTE;
/// Farther than any two zones, and it is something else.
const SHIFT_MAX: i64 = 27 * 60 * MINUTE;

/// What is to be told when it happens.
pub(in crate::log) const TOLD: &str = "the times of a session go on in another time zone, as after chroot: taken as the zone at its beginning";

/// One session's times.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::log) struct Steady {
    last: Option<Timestamp>,
    shift: i64,
}

impl Steady {
    /// The time in the zone of the session's beginning, and whether another zone begins here. `logs_in` says that here a
    /// user who was not logged in is let in.
    pub(in crate::log) fn correct(&mut self, at: Timestamp, logs_in: bool) -> (Timestamp, bool) {
        let mut now = at.nanos().saturating_add(self.shift);
        let mut is_new = false;
        if let Some(last) = self.last.map(Timestamp::nanos) {
            let back = last.saturating_sub(now);
            let wait = now.saturating_sub(last);
            let shift = if back >= BACK_MIN {
                // What is missing to the next whole step is the time that passed.
                let begun = if back % STEP == 0 { 0 } else { STEP };
                (back - back % STEP).saturating_add(begun)
            } else if logs_in && wait >= STEP && wait % STEP <= LOGIN_MAX {
                -(wait - wait % STEP)
            } else {
                0
            };
            if shift != 0 && shift.abs() <= SHIFT_MAX {
                self.shift = self.shift.saturating_add(shift);
                now = now.saturating_add(shift);
                is_new = true;
            }
        }
        let now = Timestamp::from_nanos(now);
        self.last = Some(now);
        (now, is_new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(times: &[(i64, bool)], expected: &[i64]) {
        let mut steady = Steady::default();
        let told: Vec<i64> = times
            .iter()
            .map(|(at, logs_in)| steady.correct(Timestamp::from_seconds(*at, 0), *logs_in).0.seconds())
            .collect();
        assert_eq!(told, expected);
    }

    #[test]
    fn a_session_goes_on_in_its_first_zone() {
        let hour = 3600;
        check(&[(20_000, false), (20_257 - 2 * hour, true), (20_260 - 2 * hour, false)], &[20_000, 20_257, 20_260]);
        check(&[(0, false), (4 + 5 * hour, true), (9 + 5 * hour, false)], &[0, 4, 9]);
        check(&[(0, false), (-11 * hour, false)], &[0, 0]);
        check(&[(0, false), (10 - hour / 2 * 11, false)], &[0, 10]);
    }

    #[test]
    fn what_is_no_zone_is_left_alone() {
        // Lines of one second out of order, silence that is no login, a login after silence, another year.
        check(&[(100, false), (98, false)], &[100, 98]);
        check(&[(0, false), (7201, false)], &[0, 7201]);
        check(&[(0, false), (2400, true)], &[0, 2400]);
        check(&[(0, false), (-400_000, false)], &[0, -400_000]);
        // As far apart as times can be.
        let far = i64::MAX / 1_000_000_000;
        check(&[(far, false), (-far, false)], &[far, -far]);
    }
}

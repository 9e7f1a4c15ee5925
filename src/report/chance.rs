//! How often chance alone makes two shares differ so much: Fisher's exact test.
//!
//! Of all ways in which the same totals can fall, those count that are no more probable than what was seen. The
//! probabilities are those of the hypergeometric distribution, each got from its neighbour by one multiplication, from the
//! most probable one outwards; what is too improbable to change the sum is left.

/// A part of a whole: how many of how many.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Share {
    /// Those that have it.
    pub part: u64,
    /// All.
    pub whole: u64,
}

impl Share {
    /// True where this share is larger than another one.
    pub fn exceeds(self, other: Self) -> bool {
        let product = |a: u64, b: u64| u128::from(a) * u128::from(b);
        product(self.part, other.whole) > product(other.part, self.whole)
    }
}

/// The part of all that is walked over outside the middle.
const NEGLIGIBLE: f64 = 1e-30;
/// Probabilities that differ by less are taken as equal: the last digits are rounded.
const EQUAL: f64 = 1.0 + 1e-7;

/// The probability that two shares of one kind differ so much or more, in either direction (two-sided).
pub fn by_chance(one: Share, other: Share) -> f64 {
    let drawn = one.part.saturating_add(other.part);
    let low = drawn.saturating_sub(other.whole);
    let high = drawn.min(one.whole);
    if low >= high {
        return 1.0;
    }
    let table = Table { one, other, drawn };
    let middle = table.most_probable().clamp(low, high);
    let (mut all, mut weights) = (1.0, Vec::new());
    let mut seen = (middle == one.part).then_some(1.0);
    let mut walk = |part: u64, weight: f64| {
        all += weight;
        weights.push(weight);
        if part == one.part {
            seen = Some(weight);
        }
        weight > NEGLIGIBLE
    };
    let mut weight = 1.0;
    for part in middle..high {
        weight *= table.step_up(part);
        if !walk(part + 1, weight) {
            break;
        }
    }
    weight = 1.0;
    for part in (low..middle).rev() {
        weight /= table.step_up(part);
        if !walk(part, weight) {
            break;
        }
    }
    let Some(seen) = seen else { return 0.0 };
    weights.push(1.0);
    weights.sort_by(f64::total_cmp);
    let rarer = weights.iter().take_while(|w| **w <= seen * EQUAL);
    (rarer.sum::<f64>() / all).min(1.0)
}

/// The totals that stay the same.
struct Table {
    one: Share,
    other: Share,
    drawn: u64,
}

impl Table {
    fn most_probable(&self) -> u64 {
        let all = u128::from(self.one.whole) + u128::from(self.other.whole);
        let ways = (u128::from(self.drawn) + 1) * (u128::from(self.one.whole) + 1);
        u64::try_from(ways / (all + 2)).unwrap_or(u64::MAX)
    }

    /// How much more probable one more in the first share is.
    fn step_up(&self, part: u64) -> f64 {
        let rest = self.drawn - part;
        let more = number(self.one.whole - part) * number(rest);
        let fewer = number(part + 1) * number((self.other.whole + 1).saturating_sub(rest));
        more / fewer
    }
}

#[expect(clippy::cast_precision_loss, reason = "a probability needs no more")]
fn number(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn p([a, b, c, d]: [u64; 4]) -> f64 {
        let share = |part, other| Share {
            part,
            whole: part + other,
        };
        by_chance(share(a, b), share(c, d))
    }

    /// Fisher's tea, and other tables whose values were reckoned with exact fractions.
    #[test]
    fn values_are_those_of_exact_fractions() {
        let known = [
            ([3, 1, 1, 3], 0.485_714_285_714_285_7),
            ([1, 9, 11, 3], 0.002_759_456_185_220_083_6),
            ([8, 2, 1, 5], 0.034_965_034_965_034_97),
            ([100, 900, 150, 850], 0.000_895_087_538_690_689_3),
            ([0, 140, 14, 106], 1.291_755_566_233_226e-5),
            ([62, 2000, 0, 1800], 1.251_836_493_644_377_2e-17),
            ([5, 0, 1, 4], 0.047_619_047_619_047_616),
            ([0, 1000, 1, 999], 1.0),
            ([300, 9700, 301, 9699], 1.0),
            ([12, 88, 12, 88], 1.0),
        ];
        for (table, want) in known {
            let found = p(table);
            let off = (found - want).abs();
            assert!(off <= want * 1e-6, "{table:?}: {found} for {want}");
        }
    }

    #[test]
    fn it_is_the_same_from_both_sides_and_never_more_than_certain() {
        for a in 0..12 {
            for c in 0..12 {
                let (one, other) = (p([a, 12 - a, c, 20 - c]), p([c, 20 - c, a, 12 - a]));
                assert!(
                    (one - other).abs() < 1e-9 && one > 0.0 && one <= 1.0,
                    "{a} {c}"
                );
            }
        }
        assert!((p([0, 0, 5, 5]) - 1.0).abs() < 1e-12 && (p([0, 9, 0, 5]) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn large_numbers_take_no_time_and_give_a_number() {
        let many = p([500_000, 500_000, 501_500, 498_500]);
        assert!(many > 0.03 && many < 0.04, "{many}");
        assert!(p([1_000_000, 0, 0, 1_000_000]) < 1e-20);
    }
}

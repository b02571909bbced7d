//! Random choices from a seed.

use std::ops::RangeInclusive;

use crate::clock::Chance;

/// Random choices that are the same for the same seed.
#[derive(Debug)]
pub(super) struct Dice(Chance);

impl Dice {
    /// Random choices for one part of the demo, independent of all other parts.
    pub(super) fn of(seed: u64, part: u64) -> Self {
        Self(Chance::seeded(seed ^ part.wrapping_mul(0xd1b5_4a32_d192_ed03)))
    }

    fn below(&self, sides: u64) -> u64 {
        u64::from_le_bytes(self.0.bytes()) % sides
    }

    /// A number in the range.
    pub(super) fn from(&self, range: RangeInclusive<u32>) -> u32 {
        let (low, high) = range.into_inner();
        let more = self.below(u64::from(high - low) + 1);
        low + u32::try_from(more).expect("no more than the range is wide")
    }

    /// True this many times in a thousand.
    pub(super) fn permille(&self, chance: u64) -> bool {
        self.below(1_000) < chance
    }

    /// One of these. The slice must not be empty.
    pub(super) fn pick<'a, T>(&self, of: &'a [T]) -> &'a T {
        let at = self.below(of.len() as u64);
        &of[usize::try_from(at).expect("an index of a slice")]
    }

    /// One of these, as often as its weight says.
    pub(super) fn weighted<T: Copy>(&self, of: &[(u32, T)]) -> T {
        let mut thrown = self.from(1..=of.iter().map(|(weight, _)| weight).sum());
        for (weight, choice) in of {
            if thrown <= *weight {
                return *choice;
            }
            thrown -= weight;
        }
        unreachable!("the weights add up to more than the number drawn")
    }

    /// Shuffles these.
    pub(super) fn shuffle<T>(&self, of: &mut [T]) {
        for last in (1..of.len()).rev() {
            let other = self.below(last as u64 + 1);
            of.swap(last, usize::try_from(other).expect("an index of a slice"));
        }
    }
}

//! Random numbers that are the same for the same seed.

/// A source of numbers derived from a seed.
#[derive(Debug, Clone)]
pub(super) struct Dice(u64);

impl Dice {
    pub(super) const fn of(seed: u64) -> Self {
        Self(seed)
    }

    const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 to one below `end`.
    pub(super) fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end.max(1)).expect("a small number");
        usize::try_from(self.next() % end).expect("a small number")
    }

    /// A number between two bounds, both included.
    pub(super) fn between(&mut self, first: i64, last: i64) -> i64 {
        let width = usize::try_from((last - first).max(0) + 1).expect("a small number");
        first + i64::try_from(self.below(width)).expect("a small number")
    }

    /// True this many times in a hundred.
    pub(super) fn percent(&mut self, times: usize) -> bool {
        self.below(100) < times
    }

    pub(super) fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }

    /// A selection: each with a chance of one half, at least one.
    pub(super) fn some<T: Copy>(&mut self, of: &[T]) -> Vec<T> {
        let mut taken: Vec<T> = of.iter().copied().filter(|_| self.percent(50)).collect();
        if taken.is_empty() {
            taken.push(self.one(of));
        }
        taken
    }
}

//! Splits work over the processors.
//!
//! It waits for all of the work and never changes its order.

use std::num::NonZero;

/// The smallest number of items for which another thread is worthwhile.
const WORTH_SHARING: usize = 256;

/// The number of useful threads.
pub fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, NonZero::get)
}

/// Applies a function to many items, a share of them on each processor. The results are in the order of the items.
pub fn share_out<T: Send, R: Send>(mut things: Vec<T>, work: impl Fn(Vec<T>) -> R + Sync) -> Vec<R> {
    let share = things.len().div_ceil(processors()).max(WORTH_SHARING);
    let mut shares = Vec::new();
    while things.len() > share {
        let rest = things.split_off(share);
        shares.push(std::mem::replace(&mut things, rest));
    }
    if shares.is_empty() {
        return vec![work(things)];
    }
    shares.push(things);
    std::thread::scope(|scope| {
        let at_work: Vec<_> = shares.into_iter().map(|share| scope.spawn(|| work(share))).collect();
        at_work.into_iter().map(|part| part.join().expect("work on a share does not panic")).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_of_shares_are_in_order() {
        for many in [0, 1, WORTH_SHARING - 1, WORTH_SHARING, 10_007] {
            let things: Vec<usize> = (0..many).collect();
            let doubled: Vec<usize> = share_out(things, |part| part.iter().map(|n| n * 2).collect::<Vec<_>>()).concat();
            assert_eq!(doubled, (0..many).map(|n| n * 2).collect::<Vec<_>>());
        }
    }
}

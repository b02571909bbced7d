//! Leagues: the points of each indicator, their sum, and who comes first.
//!
//! Pure. No value is no points, and that is not 0: a sum over fewer indicators cannot be compared, so who lacks one has
//! no rank.

use super::figure::Figure;
use super::fraction::{Fraction, OutOfRange};
use super::ranking::ranked;
use crate::contract::rulebook::league::{Band, Edge, Indicator};

/// The points of one member for one indicator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Score {
    /// The points of the band that holds the value.
    pub points: u32,
    /// Where the band lies.
    pub side: Side,
}

/// Where a band lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Below the band that holds the index.
    Below,
    /// It holds the index.
    Within,
    /// Above the band that holds the index.
    Above,
}

/// One member with its scores, in the order of the indicators.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scored {
    /// The name, which orders equal ones.
    pub name: String,
    /// The scores. None where there is no value.
    pub scores: Vec<Option<Score>>,
}

/// A line of the league.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// The index of the member among those that were given.
    pub member: usize,
    /// From 1. None if an indicator has no score.
    pub rank: Option<usize>,
    /// The sum of the points. None if no indicator has a score.
    pub total: Option<u32>,
    /// The most that this sum could be: over the indicators with a score.
    pub out_of: u32,
    /// The number of indicators below the index.
    pub below: usize,
    /// The number of indicators above the index.
    pub above: usize,
}

/// The score of a value against an index. None if one of the two has no value, or if the index is 0.
pub fn score(indicator: &Indicator, figure: &Figure, index: &Figure) -> Result<Option<Score>, OutOfRange> {
    let ratio = figure.divided_by(index)?;
    let Some(percent) = ratio.value().map(Fraction::in_percent).transpose()? else { return Ok(None) };
    let of_index = Fraction::from(100);
    let place = |value: Fraction| indicator.bands.iter().position(|band| band.holds(value));
    let (Some(own), Some(middle)) = (place(percent), place(of_index)) else { return Ok(None) };
    let side = match own.cmp(&middle) {
        std::cmp::Ordering::Less => Side::Above,
        std::cmp::Ordering::Equal => Side::Within,
        std::cmp::Ordering::Greater => Side::Below,
    };
    Ok(Some(Score { points: indicator.bands[own].points, side }))
}

impl Band {
    /// Whether a value, in percent of the index, reaches the lower edge.
    fn holds(&self, percent: Fraction) -> bool {
        match self.from {
            Edge::AtLeast(edge) => percent >= edge.into(),
            Edge::Over(edge) => percent > edge.into(),
            Edge::None => true,
        }
    }
}

/// The league by total score: the greatest first, by name among equal ones, and last those without a rank.
pub fn standings(indicators: &[Indicator], members: &[Scored]) -> Vec<Standing> {
    let all: Vec<Standing> =
        members.iter().enumerate().map(|(at, member)| Standing::unranked(indicators, at, &member.scores)).collect();
    let value = |of: &Standing| {
        let is_complete = members[of.member].scores.iter().all(Option::is_some);
        of.total.filter(|_| is_complete).map(|total| Fraction::from(u64::from(total)))
    };
    let named = all.iter().map(|of| (members[of.member].name.clone(), value(of), *of));
    ranked(named).into_iter().map(|place| Standing { rank: place.rank, ..place.of }).collect()
}

impl Standing {
    fn unranked(indicators: &[Indicator], member: usize, scores: &[Option<Score>]) -> Self {
        let given = || scores.iter().copied().flatten();
        let side = |side: Side| given().filter(|score| score.side == side).count();
        let with_score = indicators.iter().zip(scores).filter(|(_, score)| score.is_some());
        Self {
            member,
            rank: None,
            total: given().next().map(|_| given().map(|score| score.points).sum()),
            out_of: with_score.map(|(indicator, _)| indicator.points_max()).sum(),
            below: side(Side::Below),
            above: side(Side::Above),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fraction::tests::fraction;
    use super::*;
    use crate::contract::rulebook::league::Index;

    /// 3 above the index, 2 within a tenth of it, 1 below, 0 for nothing.
    pub(super) fn indicator(measure: &str) -> Indicator {
        let band = |points, from| Band { points, from };
        let bands = vec![
            band(3, Edge::Over(110.into())),
            band(2, Edge::AtLeast(90.into())),
            band(1, Edge::Over(0.into())),
            band(0, Edge::None),
        ];
        Indicator { measure: measure.to_owned(), title: None, index: Index::Number(100.into()), bands }
    }

    fn scored(value: &str, index: &str) -> Option<(u32, Side)> {
        let of = |number: &str| Figure::amount(fraction(number));
        let score = score(&indicator("anc"), &of(value), &of(index)).expect("in range");
        score.map(|score| (score.points, score.side))
    }

    #[test]
    fn each_edge_belongs_to_the_band_that_says_so() {
        for (value, points, side) in [
            ("220.01", 3, Side::Above),
            ("220", 2, Side::Within),
            ("200", 2, Side::Within),
            ("180", 2, Side::Within),
            ("179.999", 1, Side::Below),
            ("0.001", 1, Side::Below),
            ("0", 0, Side::Below),
        ] {
            assert_eq!(scored(value, "200"), Some((points, side)), "{value}");
        }
        assert_eq!(scored("5", "0"), None, "nothing is a percentage of 0");
    }

    #[test]
    fn no_data_is_no_score_and_no_rank_and_never_0() {
        let (value, none) = (Figure::amount(5.into()), Figure::no_data());
        assert_eq!(score(&indicator("anc"), &none, &value), Ok(None));
        assert_eq!(score(&indicator("anc"), &value, &Figure::not_applicable()), Ok(None));
        let indicators = [indicator("anc"), indicator("pnc")];
        let of = |points, side| Some(Score { points, side });
        let member = |name: &str, scores: [Option<Score>; 2]| Scored { name: name.to_owned(), scores: scores.into() };
        let members = [
            member("a", [None, None]),
            member("b", [of(3, Side::Above), None]),
            member("c", [of(0, Side::Below), of(0, Side::Below)]),
        ];
        let found = standings(&indicators, &members);
        let lines: Vec<_> = found.iter().map(|of| (of.member, of.rank, of.total, of.out_of)).collect();
        assert_eq!(lines, [(2, Some(1), Some(0), 6), (0, None, None, 0), (1, None, Some(3), 3)]);
        assert_eq!((found[0].below, found[0].above, found[2].above), (2, 0, 1));
    }
}

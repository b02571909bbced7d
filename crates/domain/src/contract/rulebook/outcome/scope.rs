//! Reads outcomes over many cases: `scope` with `ratio` or `volume`.

use super::super::grammar::outcome::{PERIODS, RATIO_BASES, SCOPES};
use super::super::reader::Section;
use super::{Counted, ManyTerms};

pub(super) fn many(outcome: &Section<'_>) -> Option<ManyTerms> {
    let (section, counted) = if let Some(ratio) = outcome.section("ratio") {
        let counted = Counted::Ratio {
            spell_days: ratio.texts("spell_days"),
            of: ratio.word("of", &RATIO_BASES)?,
            at_least: ratio.decimal("at_least"),
            below: ratio.decimal("below"),
        };
        (ratio, counted)
    } else {
        let volume = outcome.section("volume")?;
        let counted = Counted::Volume { measure: volume.text("measure")? };
        (volume, counted)
    };
    let period = section.word("period", &PERIODS)?;
    Some(ManyTerms { scope: outcome.word("scope", &SCOPES)?, period, counted })
}

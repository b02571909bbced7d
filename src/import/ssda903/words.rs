//! Versions of an episode: the rows of one file that differ about the same episode of a day.
//!
//! Pure. A file may hold several years' returns. An episode that continues past the end of a year is in each of them,
//! the first time without its end. The newest row is the file's content for the episode, and the others are older
//! versions. Two episodes must never be taken for one because they begin on the same day. So a row is an older version
//! only if it cannot be another episode.

use std::cmp::Reverse;

use super::file::{Episode, Particulars};
use super::plan::likeness;

/// One version of an episode, and the rows with that content, in the order of the file.
#[derive(Debug, Clone)]
pub(super) struct Word<'a> {
    pub(super) rows: Vec<&'a Episode>,
}

impl<'a> Word<'a> {
    pub(super) fn says(&self) -> &'a Particulars {
        &self.rows[0].particulars
    }

    /// The newest return that holds this version.
    fn year(&self) -> Option<&'a str> {
        self.rows.iter().filter_map(|row| row.year.as_deref()).max()
    }

    /// Whether this can only be an older version of the other: while an episode is open, its end and the columns that
    /// are filled at its end are empty.
    fn is_older_version_of(&self, other: &Self) -> bool {
        let (one, other) = (self.says(), other.says());
        let codes = &other.codes;
        one.ended.is_none() && one.codes.iter().all(|(attribute, code)| codes.get(attribute) == Some(code))
    }
}

/// The episodes of a child that begin on one day, each with its versions from the newest to the oldest. The result
/// depends only on the rows' content, not on their order in the file. It is sorted by content.
pub(super) fn episodes<'a>(rows: &[&'a Episode]) -> Vec<Vec<Word<'a>>> {
    let mut words: Vec<Word<'a>> = Vec::new();
    for row in rows {
        match words.iter_mut().find(|word| *word.says() == row.particulars) {
            Some(word) => word.rows.push(row),
            None => words.push(Word { rows: vec![row] }),
        }
    }
    for word in &mut words {
        word.rows.sort_by_key(|row| row.line);
    }
    words.sort_by_key(|word| (word.year(), word.says().ended.is_some()));
    let mut episodes: Vec<Vec<Word<'a>>> = Vec::new();
    for year in words.chunk_by(|one, other| one.year() == other.year()) {
        further_year(&mut episodes, within_year(year));
    }
    for episode in &mut episodes {
        episode.reverse();
    }
    episodes
}

/// The episodes of one year's return, oldest versions first.
fn within_year<'a>(words: &[Word<'a>]) -> Vec<Vec<Word<'a>>> {
    let mut episodes: Vec<Vec<Word<'a>>> = Vec::new();
    for word in words {
        let is_newer = |episode: &&mut Vec<Word<'a>>| episode.last().is_some_and(|last| last.is_older_version_of(word));
        match episodes.iter_mut().find(is_newer) {
            Some(episode) => episode.push(word.clone()),
            None => episodes.push(vec![word.clone()]),
        }
    }
    episodes
}

/// Adds a later year's return. Its episodes are matched to those of earlier years, the most similar first. The rest are
/// new.
fn further_year<'a>(episodes: &mut Vec<Vec<Word<'a>>>, later: Vec<Vec<Word<'a>>>) {
    let newest = |words: &[Word<'a>]| words.last().map(Word::says);
    let oldest = |words: &[Word<'a>]| words.first().map(Word::says);
    let mut pairs: Vec<(Reverse<usize>, bool, usize, usize)> = Vec::new();
    for (at, known) in episodes.iter().enumerate() {
        for (of, words) in later.iter().enumerate() {
            if let (Some(before), Some(after)) = (newest(known), oldest(words)) {
                pairs.push((Reverse(likeness(before, after)), before.ended.is_some(), at, of));
            }
        }
    }
    pairs.sort_unstable();
    let (mut is_taken, mut of_later) = (vec![false; episodes.len()], vec![None; later.len()]);
    for (_, _, at, of) in pairs {
        if !is_taken[at] && of_later[of].is_none() {
            (is_taken[at], of_later[of]) = (true, Some(at));
        }
    }
    for (words, at) in later.into_iter().zip(of_later) {
        match at {
            Some(at) => episodes[at].extend(words),
            None => episodes.push(words),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::super::file::{Return, Row};
    use super::*;

    /// The lines of each episode's versions, the newest first.
    fn of(rows: &[&str]) -> Vec<Vec<u64>> {
        let file = format!("CHILD,DECOM,RNE,LS,CIN,PLACE,DEC,REC,REASON_PLACE_CHANGE,YEAR\n{}\n", rows.join("\n"));
        let read = Return::read(Cursor::new(file)).expect("a return");
        let row = |row: &'_ Row| if let Row::Read(episode) = row { episode.clone() } else { panic!("{row:?}") };
        let mut rows: Vec<Episode> = read.rows.iter().map(row).collect();
        rows.sort_by(|one, other| one.particulars.cmp(&other.particulars));
        let rows: Vec<&Episode> = rows.iter().collect();
        let lines = |word: &Word<'_>| word.rows[0].line;
        episodes(&rows).iter().map(|words| words.iter().map(lines).collect()).collect()
    }

    #[test]
    fn the_years_of_one_episode_are_versions_of_one_episode_whatever_their_order() {
        let (open, ended) = ("1,01/04/2022,S,C2,N1,U6,,,,2023", "1,01/04/2022,S,C2,N1,U6,10/05/2023,E4A,,2024");
        assert_eq!(of(&[open, ended]), [[3, 2]]);
        assert_eq!(of(&[ended, open]), [[2, 3]]);
        assert_eq!(
            of(&[open, &open.replace("2023", "2021"), ended]),
            [[4, 2]],
            "rows with the same content are one version"
        );
        let put_right = ended.replace("C2", "J1").replace("10/05/2023", "11/05/2023").replace("2024", "2025");
        assert_eq!(of(&[&put_right, ended, open]), [[2, 3, 4]]);
    }

    #[test]
    fn without_a_year_an_open_episode_is_an_older_version_of_one_that_ended() {
        let (open, ended) = ("1,01/04/2022,S,C2,N1,U6,,,,", "1,01/04/2022,S,C2,N1,U6,10/05/2023,X1,CARPL,");
        assert_eq!(of(&[ended, open]), [[2, 3]]);
        let other = open.replace("C2", "V2");
        assert_eq!(of(&[&other, open]), [[3], [2]], "another legal status is another episode");
        let twice = ended.replace("10/05/2023", "11/05/2023");
        assert_eq!(of(&[ended, &twice]), [[2], [3]], "nothing says which of two ends is the newer one");
    }

    #[test]
    fn an_episode_that_ends_on_its_first_day_and_the_next_one_are_two_in_every_year() {
        let moment = "1,01/04/2022,S,C2,N1,U6,01/04/2022,X1,,2023";
        let (open, ended) = ("1,01/04/2022,P,C2,N1,U4,,,,2023", "1,01/04/2022,P,C2,N1,U4,10/05/2023,E4A,,2024");
        assert_eq!(of(&[moment, open, ended]), [vec![4, 3], vec![2]]);
        assert_eq!(of(&[moment, &moment.replace(",2023", ",2024"), open, ended]).len(), 2);
    }
}

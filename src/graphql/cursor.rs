//! Opaque cursors: the place after which a page of a list begins. A cursor belongs to its list; another list refuses
//! it.

use std::fmt::Display;
use std::str::FromStr;

use async_graphql::Result;
use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;

use throughline_domain::fact::envelope::hex;
use throughline_gateway::Code;

/// The remedy for a cursor of a list without a filter.
pub(super) const PAGE_BEFORE: &str = "use endCursor of the previous page";
/// The remedy for a cursor of a list with a filter.
pub(super) const SAME_FILTER: &str = "use endCursor of the previous page, with the same filter";
/// The remedy for a cursor of a list with a filter and an order.
pub(super) const SAME_FILTER_AND_ORDER: &str = "use endCursor of the previous page, with the same filter and order";

/// The cursors of one list.
#[derive(Debug)]
pub(super) struct Cursors {
    list: String,
    remedy: &'static str,
}

impl Cursors {
    /// The cursors of the list with this name.
    pub(super) fn of(list: impl Into<String>) -> Self {
        Self { list: list.into(), remedy: PAGE_BEFORE }
    }

    /// The cursors of a list of this kind with these arguments. Other arguments make another list.
    pub(super) fn filtered(kind: &str, arguments: &str, remedy: &'static str) -> Self {
        let digest = digest::digest(&digest::SHA256, arguments.as_bytes());
        Self { list: format!("{kind} {}", hex(&digest.as_ref()[..8])), remedy }
    }

    /// The cursor of a place in the list. Its parts stand on lines; only the last one may have several.
    pub(super) fn cursor(&self, place: impl Display) -> String {
        BASE64.encode(format!("{}\n{place}", self.list))
    }

    /// The place that a cursor points to, if there is a cursor. Refuses a cursor of another list.
    pub(super) fn place<P>(
        &self,
        cursor: Option<&str>,
        read: impl FnOnce(&mut Parts) -> Option<P>,
    ) -> Result<Option<P>> {
        let Some(cursor) = cursor else { return Ok(None) };
        let text = BASE64.decode(cursor).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let found = text.as_ref().and_then(|text| text.split_once('\n')).filter(|(list, _)| *list == self.list);
        let place = found.and_then(|(_, place)| {
            let mut parts = Parts(Some(place.to_owned()));
            read(&mut parts).filter(|_| parts.0.is_none())
        });
        let refuse = || Code::BadUserInput.error(format!("this cursor belongs to a different list: {}", self.remedy));
        place.map(Some).ok_or_else(refuse)
    }
}

/// The parts of a place that are not read yet.
pub(super) struct Parts(Option<String>);

impl Parts {
    /// The next part: one line.
    pub(super) fn part<T: FromStr>(&mut self) -> Option<T> {
        let text = self.0.take()?;
        let (part, rest) = text.split_once('\n').map_or((&*text, None), |(part, rest)| (part, Some(rest)));
        self.0 = rest.map(str::to_owned);
        part.parse().ok()
    }

    /// The last part: any text that a statement can bind.
    pub(super) fn text(&mut self) -> Option<String> {
        self.0.take().filter(|text| !text.contains('\0'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_works_only_in_its_own_list() {
        let list = Cursors::filtered("agenda", "open", SAME_FILTER);
        let cursor = list.cursor(format_args!("7\nan item\nof two lines"));
        let read = |parts: &mut Parts| Some((parts.part::<u32>()?, parts.text()?));
        let place = list.place(Some(&cursor), read).expect("its own cursor");
        assert_eq!(place, Some((7, "an item\nof two lines".to_owned())));
        assert_eq!(list.place(None, read).expect("no cursor"), None);
        for other in [Cursors::filtered("agenda", "done", SAME_FILTER), Cursors::of("agenda")] {
            assert!(other.place(Some(&cursor), read).is_err(), "{other:?}");
        }
        for bad in ["", "bm90IGEgY3Vyc29y", "€", &cursor[..cursor.len() - 3]] {
            let number = |parts: &mut Parts| parts.part::<u32>();
            assert!(list.place(Some(bad), number).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn every_part_of_a_place_is_read() {
        let list = Cursors::of("numbers");
        let number = |parts: &mut Parts| parts.part::<u32>();
        assert_eq!(list.place(Some(&list.cursor(7)), number).expect("one number"), Some(7));
        assert!(list.place(Some(&list.cursor("7\n8")), number).is_err());
        assert!(list.place(Some(&list.cursor("seven")), number).is_err());
        assert!(list.place(Some(&list.cursor("a\0")), Parts::text).is_err());
    }
}

//! The search for people and the list of possible duplicates, in the API.
//!
//! Only people whose names the caller may open are found. Nothing is opened here: a response opens names like everywhere
//! else. No message repeats what a caller looked for.

use std::collections::BTreeSet;
use std::time::Duration;

use async_graphql::dataloader::{DataLoader, HashMapCache};
use async_graphql::{Context, Enum, InputObject, Result, SimpleObject};

use super::bounds::PageLength;
use super::codes::STALE_READ;
use super::context::{OrFault as _, RequestContext as _};
use super::cursor::{Cursors, SAME_FILTER};
use super::fault::fault;
use super::page::{self, Listed, More, Page};
use super::people::{Groups, Subject};
use super::scalars::{Date, Position};
use crate::keys::Pair;
use crate::queries;
use crate::search::{PeopleSearch, Place, Search, Wanted};
use throughline_domain::fact::envelope::{self, SubjectId};
use throughline_gateway::Code;

/// The most time that a search waits until everything that the view shows is indexed.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long a client should wait before it asks again.
const ASK_AGAIN: Duration = Duration::from_secs(2);
/// The number of people or pairs looked at in one step.
const LOOKED_AT: i64 = 250;
/// The same as a count.
const STEP: usize = 250;
/// The most steps of one page. A page that ends there says where to go on.
const STEPS_MAX: usize = 40;

/// Who to look for. Everything that is given must match.
#[derive(Clone, Default, InputObject)]
pub struct PersonSearch {
    /// A name, or parts of it in any order. Case, accents, apostrophes, hyphens and doubled letters do not count. At most
    /// 8 parts and 400 characters. Initials do not count beside whole parts. Former and other names are found too.
    pub name: Option<String>,
    /// The birth date.
    pub birth_date: Option<Date>,
    /// A National Insurance number, NHS number, unique pupil number (UPN) or unique property reference number (UPRN).
    pub identifier: Option<String>,
}

impl std::fmt::Debug for PersonSearch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PersonSearch(secret)")
    }
}

impl Listed for Subject {
    type Totals = SearchTotals;
    const PAGE: &'static str =
        "A page of people who were found. Those whose whole name matches come first, then all by id.";
    const EDGE: &'static str = "A person who was found, with their cursor.";
    const ONE: &'static str = "person";
    const MANY: &'static str = "people";
    const OTHERWISE: &'static [(&'static str, &'static str)] = &[(
        "pageInfo",
        "The cursors of this page. `endCursor` is the place up to which the page has searched. A page can be short or \
         empty although\n`hasNextPage` is true: ask again with `after: endCursor`.",
    )];
}

impl Listed for PossibleDuplicate {
    type Totals = SearchTotals;
    const PAGE: &'static str = "A page of pairs of records that may be of one person, by id.";
    const EDGE: &'static str = "A pair of records with its cursor.";
    const ONE: &'static str = "pair";
    const MANY: &'static str = "pairs";
    const OTHERWISE: &'static [(&'static str, &'static str)] = <Subject as Listed>::OTHERWISE;
}

/// A search as a whole.
#[derive(Debug, Clone, Copy, SimpleObject)]
pub struct SearchTotals {
    /// The position of the log up to which this search is up to date.
    recorded_through: Position,
}

/// Two records that may be of one person. Link them with `linkSubjects`, or dismiss the pair with `dismissDuplicate`.
#[derive(Debug, Clone, SimpleObject)]
pub struct PossibleDuplicate {
    /// The first record.
    subject: Subject,
    /// The other record.
    other: Subject,
    /// Why they may be of one person.
    reason: DuplicateReason,
}

/// Why two records may be of one person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "crate::keys::Likeness")]
pub enum DuplicateReason {
    /// They have the same National Insurance number, NHS number or unique pupil number.
    Identifier,
    /// They have the same birth date, and names that are the same or sound alike.
    Name,
}

/// A page of the people whom a search finds and whose names the caller may open.
pub(super) async fn people(
    ctx: &Context<'_>,
    wanted: PersonSearch,
    contract: Option<String>,
    (first, after): (PageLength, Option<String>),
) -> Result<Page<Subject>> {
    let index = &ctx.app().search;
    let indexed = ready(ctx, index).await?;
    let PersonSearch { name, birth_date, identifier } = wanted;
    let wanted = Wanted { name, birth_date: birth_date.map(|day| day.0), identifier };
    let search = index.search(&wanted).await.or_fault()?;
    let search = search.map_err(|refused| Code::BadUserInput.error(refused.to_string()))?;
    // The cursor is bound to the hashes, so that nobody can confirm a guessed name by it.
    let arguments = format!("{} {}", contract.as_deref().unwrap_or_default(), search.fingerprint());
    let cursors = Cursors::filtered("people", &arguments, SAME_FILTER);
    let place = cursors
        .place(after.as_deref(), |parts| Some(Place { later: parts.part()?, subject: SubjectId(parts.part()?) }))?;
    let found = Found::of(ctx, (index, &search), contract.as_deref(), (place, first.count())).await?;
    let cursor = |place: &Place| cursors.cursor(format_args!("{}\n{}", place.later, place.subject));
    let more = More { before: place.is_some(), after: found.more };
    let searched_to = found.searched_to.as_ref().map(cursor);
    let rows = found.people.iter().map(|place| (cursor(place), Some(Subject::today(place.subject))));
    Ok(Page::of(rows, more, SearchTotals { recorded_through: Position(indexed) }).searched_to(searched_to))
}

/// The people of one page.
struct Found {
    people: Vec<Place>,
    /// Whether there may be more people after the page.
    more: bool,
    /// The place up to which was searched.
    searched_to: Option<Place>,
}

impl Found {
    /// Goes through those who match, and keeps those whose names the caller may open, until a page is full.
    async fn of(
        ctx: &Context<'_>,
        (index, search): (&PeopleSearch, &Search),
        contract: Option<&str>,
        (mut place, first): (Option<Place>, usize),
    ) -> Result<Self> {
        let mut people = Vec::new();
        for _ in 0..STEPS_MAX {
            let portion = index.found(search, place, LOOKED_AT).await.or_fault()?;
            let is_last = portion.len() < STEP;
            let ids: Vec<SubjectId> = portion.iter().map(|place| place.subject).collect();
            let openable = openable(ctx, contract, &ids).await?;
            place = portion.last().copied().or(place);
            people.extend(portion.into_iter().filter(|place| openable.contains(&place.subject)));
            if page::cut(&mut people, first) {
                let searched_to = people.last().copied();
                return Ok(Self { people, more: true, searched_to });
            }
            if is_last {
                // Not the last one who matched: whom the caller may not see is like one who does not exist.
                let searched_to = people.last().copied();
                return Ok(Self { people, more: false, searched_to });
            }
        }
        Ok(Self { people, more: true, searched_to: place })
    }
}

/// A page of the pairs of records that may be of one person: of both records the caller may open the names, and one has
/// a case in the contract.
pub(super) async fn possible_duplicates(
    ctx: &Context<'_>,
    contract: &str,
    (first, after): (PageLength, Option<String>),
) -> Result<Page<PossibleDuplicate>> {
    let index = &ctx.app().search;
    let indexed = ready(ctx, index).await?;
    let cursors = Cursors::of(format!("possible duplicates {contract}"));
    let place = cursors.place(after.as_deref(), |parts| Some((SubjectId(parts.part()?), SubjectId(parts.part()?))))?;
    let (mut at, mut pairs, mut more) = (place, Vec::new(), true);
    for _ in 0..STEPS_MAX {
        let portion = index.pairs_after(at, LOOKED_AT).await.or_fault()?;
        let is_last = portion.len() < STEP;
        at = portion.last().map(|pair| (pair.subject, pair.other)).or(at);
        pairs.extend(shown(ctx, contract, portion).await?);
        more = page::cut(&mut pairs, first.count());
        if more {
            at = pairs.last().map(|pair: &Pair| (pair.subject, pair.other));
            break;
        }
        if is_last {
            at = pairs.last().map(|pair: &Pair| (pair.subject, pair.other));
            break;
        }
        more = true;
    }
    let cursor = |(subject, other): (SubjectId, SubjectId)| cursors.cursor(format_args!("{subject}\n{other}"));
    let rows = pairs.iter().map(|pair| {
        let shown = PossibleDuplicate {
            subject: Subject::today(pair.subject),
            other: Subject::today(pair.other),
            reason: pair.likeness.into(),
        };
        (cursor((pair.subject, pair.other)), Some(shown))
    });
    let more = More { before: place.is_some(), after: more };
    let totals = SearchTotals { recorded_through: Position(indexed) };
    Ok(Page::of(rows, more, totals).searched_to(at.map(cursor)))
}

/// The pairs among these that the caller may see, without those that links join through other records.
async fn shown(ctx: &Context<'_>, contract: &str, pairs: Vec<Pair>) -> Result<Vec<Pair>> {
    let ids: BTreeSet<SubjectId> = pairs.iter().flat_map(|pair| [pair.subject, pair.other]).collect();
    let ids: Vec<SubjectId> = ids.into_iter().collect();
    let (anywhere, here) = (openable(ctx, None, &ids).await?, openable(ctx, Some(contract), &ids).await?);
    let is_shown = |pair: &Pair| {
        anywhere.contains(&pair.subject)
            && anywhere.contains(&pair.other)
            && (here.contains(&pair.subject) || here.contains(&pair.other))
    };
    let loader: &DataLoader<Groups, HashMapCache> = ctx.data_unchecked();
    let today = ctx.deployment_today();
    let shown: Vec<Pair> = pairs.into_iter().filter(is_shown).collect();
    let groups = loader.load_many(shown.iter().map(|pair| (pair.subject, today))).await;
    let groups = groups.map_err(|error| fault(&*error))?;
    let is_linked = |pair: &Pair| groups.get(&(pair.subject, today)).is_some_and(|group| group.contains(&pair.other));
    Ok(shown.into_iter().filter(|pair| !is_linked(pair)).collect())
}

/// The people among these whose names the caller may open; with a contract, because of a case of it.
async fn openable(ctx: &Context<'_>, contract: Option<&str>, ids: &[SubjectId]) -> Result<BTreeSet<SubjectId>> {
    let (caller, today) = (ctx.caller(), ctx.deployment_today());
    let (generation, principal) = (&caller.generation, &caller.principal);
    match contract.map(|code| ctx.in_scope(code)) {
        None => queries::openable::subjects(generation, principal, today, ids).await.or_fault(),
        Some(Some(scope)) => {
            queries::openable::subjects_of_contract(generation, principal, (scope, today), ids).await.or_fault()
        }
        Some(None) => Ok(BTreeSet::new()),
    }
}

/// Waits until everything that the view of this response shows is indexed, so that callers find what they recorded.
/// Returns the position.
async fn ready(ctx: &Context<'_>, index: &PeopleSearch) -> Result<envelope::Position> {
    if index.is_away() {
        let message = "nobody can be searched for at the moment, because the keys of people are away: try again later";
        return Err(Code::Unavailable.error_for_now(message, ASK_AGAIN));
    }
    let shown = *ctx.caller().generation.position().borrow();
    if !index.passed(shown, PATIENCE).await {
        let message = "the search does not hold the newest people yet: try again in a moment";
        return Err(STALE_READ.error_for_now(message, ASK_AGAIN));
    }
    Ok(shown)
}

//! Sealed texts in the API: they are opened here, at the edge of a response, and nowhere else.
//!
//! A text that the caller may not open, or whose key is gone or away, stays sealed. That is never an error. Keys are
//! read once for all people of a response. What is opened is in the access log before it is shown: if it cannot be
//! written there, nothing is opened.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use async_graphql::dataloader::{DataLoader, HashMapCache, Loader};
use async_graphql::{Context, Object};

use super::context::{self, RequestContext as _};
use super::people;
use super::point_in_time::KnownUpTo;
use crate::access::Principal;
use crate::access::policy::{Action, policy};
use crate::access::relation::Relation;
use crate::clock::Clock;
use crate::keys::access_log::{Kind, Opener, Opening};
use crate::keys::{KeyError, KeyStore, Keys, Opened, key_of, open_text};
use crate::queries;
use crate::record::{DEPLOYMENT_ZONE, civil_day};
use crate::store::StoreError;
use crate::telemetry::repeated::Repeated;
use crate::views::generation::Generation;
use throughline_domain::fact::envelope::{JourneyId, RevealId, StreamId, SubjectId};
use throughline_domain::fact::sealed::{PersonalText, Sealed};
use throughline_domain::people::reveal;

static STAYS_SEALED: Repeated = Repeated::warning("texts about people stay sealed");
static NOT_NOTED: Repeated = Repeated::of("nothing is opened, because the access log cannot be written");

/// What a sealed text belongs to. It decides who may open the text.
#[derive(Debug, Clone)]
pub(super) enum Owner {
    /// A case, with the code of its contract.
    Case(JourneyId, Arc<str>),
    /// A subject.
    Subject(SubjectId),
}

/// A text about a person. It is sealed in the log and opened only for those who may.
#[derive(Debug, Clone)]
pub struct SealedText {
    text: PersonalText,
    owner: Owner,
}

impl SealedText {
    /// A text of its owner.
    pub(super) fn of(text: &PersonalText, owner: &Owner) -> Self {
        Self { text: text.clone(), owner: owner.clone() }
    }
}

/// A text about a person, such as a note. It is stored sealed.
#[Object]
impl SealedText {
    /// Whether the text stays sealed: you may not open it, the person's data was erased, or the keys are away.
    async fn sealed(&self, ctx: &Context<'_>) -> bool {
        stays_sealed(ctx, &self.owner, &[&self.text]).await
    }

    /// The text. Null if it stays sealed.
    async fn text(&self, ctx: &Context<'_>) -> Option<String> {
        opened(ctx, &self.owner, &self.text).await
    }
}

/// Whether one of these texts stays sealed for the caller. Opens nothing.
pub(super) async fn stays_sealed(ctx: &Context<'_>, owner: &Owner, texts: &[&PersonalText]) -> bool {
    if right(ctx, owner).await.is_none() {
        return true;
    }
    for text in texts {
        let Some(sealed) = text.sealed() else { return true };
        if key_of(sealed, &*keys(ctx, sealed).await).is_none() {
            return true;
        }
    }
    false
}

/// The text, if the caller may open it, its key is there and the opening was noted. Every opening passes here.
pub(super) async fn opened(ctx: &Context<'_>, owner: &Owner, text: &PersonalText) -> Option<String> {
    let sealed = text.sealed()?;
    let right = right(ctx, owner).await?;
    match open_text(sealed, &*keys(ctx, sealed).await) {
        Opened::Sealed => None,
        Opened::Text(text) => {
            let kind = match owner {
                Owner::Case(..) => Kind::Notes,
                Owner::Subject(_) => Kind::Identity,
            };
            let reveal = match right {
                Right::OfRole => None,
                Right::OfReveal(reveal) => Some(reveal),
            };
            is_noted(ctx, Opening { subject: sealed.subject, kind, reveal }).await.then_some(text)
        }
    }
}

/// Notes an opening in the access log. False if it cannot be written.
async fn is_noted(ctx: &Context<'_>, opening: Opening) -> bool {
    let loader: &DataLoader<Openings, HashMapCache> = ctx.data_unchecked();
    match loader.load_one(opening).await {
        Ok(noted) => noted.is_some(),
        Err(error) => {
            NOT_NOTED.met(&error);
            false
        }
    }
}

/// Notes the openings of a response in the access log: those of one moment in one transaction, and each once.
pub struct Openings {
    /// Where the access log is.
    pub keys: KeyStore,
    /// The response and its caller.
    pub by: Opener,
}

impl Loader<Opening> for Openings {
    type Value = ();
    type Error = Arc<KeyError>;

    async fn load(&self, openings: &[Opening]) -> Result<HashMap<Opening, ()>, Self::Error> {
        self.keys.note_openings(&self.by, openings).await?;
        Ok(openings.iter().map(|opening| (*opening, ())).collect())
    }
}

/// What allows a caller to open texts of an owner.
enum Right {
    /// Their role and their relation to it.
    OfRole,
    /// A reveal in force.
    OfReveal(RevealId),
}

/// The right of the caller to open texts of this owner, if they have one.
async fn right(ctx: &Context<'_>, owner: &Owner) -> Option<Right> {
    // A role that never opens anything needs no relation.
    if ctx.may(Action::OpenIdentity) {
        return is_allowed(ctx, owner, Action::OpenIdentity).await.then_some(Right::OfRole);
    }
    // A reveal opens who a subject is, and no notes.
    let Owner::Subject(subject) = owner else { return None };
    if !ctx.may(Action::RevealIdentity) || !is_allowed(ctx, owner, Action::RevealIdentity).await {
        return None;
    }
    revealed(ctx, *subject).await.map(Right::OfReveal)
}

/// Whether the caller's role and relation to the owner allow an action.
async fn is_allowed(ctx: &Context<'_>, owner: &Owner, action: Action) -> bool {
    let relation = match owner {
        Owner::Case(journey, contract) => context::relation(ctx, *journey, contract).await.ok(),
        Owner::Subject(subject) => {
            let loader: &DataLoader<SubjectRelations, HashMapCache> = ctx.data_unchecked();
            match loader.load_one(*subject).await {
                Ok(found) => Some(found.unwrap_or(Relation::Unassigned)),
                Err(error) => {
                    STAYS_SEALED.met(&error);
                    None
                }
            }
        }
    };
    relation.is_some_and(|relation| policy(&ctx.caller().principal, action, relation).is_ok())
}

/// The caller's reveal of a subject that is in force now, for a contract that they may still see.
async fn revealed(ctx: &Context<'_>, subject: SubjectId) -> Option<RevealId> {
    let history = people::history(ctx, StreamId::subject(subject), KnownUpTo::ALL).await.ok()??;
    let (caller, now) = (&ctx.caller().principal, ctx.app().clock.now());
    let is_theirs = |reveal: &reveal::Reveal| {
        let is_in_scope = caller.scope.contract(&reveal.details.contract).is_some();
        is_in_scope && reveal.is_in_force(now) && reveal.is_of(caller.role.as_str(), &caller.subject)
    };
    reveal::reveals(&history).into_iter().find(is_theirs).map(|reveal| reveal.details.reveal)
}

/// The keys of the person whose text it is.
async fn keys(ctx: &Context<'_>, sealed: &Sealed) -> Arc<Keys> {
    let loader: &DataLoader<PersonKeys, HashMapCache> = ctx.data_unchecked();
    match loader.load_one(sealed.subject).await {
        Ok(found) => found.unwrap_or_default(),
        Err(error) => {
            STAYS_SEALED.met(&error);
            Arc::default()
        }
    }
}

/// Loads the keys of many people in one read, each once per request.
pub struct PersonKeys(pub KeyStore);

impl Loader<SubjectId> for PersonKeys {
    type Value = Arc<Keys>;
    type Error = Arc<KeyError>;

    async fn load(&self, subjects: &[SubjectId]) -> Result<HashMap<SubjectId, Self::Value>, Self::Error> {
        if self.0.why_away().is_some() {
            return Ok(HashMap::new());
        }
        let subjects: BTreeSet<SubjectId> = subjects.iter().copied().collect();
        let mut of_each: BTreeMap<SubjectId, Keys> = BTreeMap::new();
        for (name, key) in self.usable(&subjects).await? {
            of_each.entry(name.subject).or_default().insert(name, key);
        }
        Ok(of_each.into_iter().map(|(subject, keys)| (subject, Arc::new(keys))).collect())
    }
}

impl PersonKeys {
    /// The keys of these people. One that cannot be unwrapped hides the texts of its person only.
    async fn usable(&self, subjects: &BTreeSet<SubjectId>) -> Result<Keys, KeyError> {
        match self.0.keys(subjects).await {
            Err(KeyError::Damaged { .. } | KeyError::UnknownKek(_)) => {}
            read => return read,
        }
        let mut usable = Keys::new();
        for subject in subjects {
            match self.0.keys(&BTreeSet::from([*subject])).await {
                Ok(keys) => usable.extend(keys),
                Err(error) => STAYS_SEALED.met(&error),
            }
        }
        Ok(usable)
    }
}

/// Loads the caller's relation to many subjects in one read, each once per request.
pub struct SubjectRelations {
    /// The authenticated principal.
    pub principal: Principal,
    /// The view that answers.
    pub generation: Arc<Generation>,
    /// The clock.
    pub clock: Arc<Clock>,
}

impl Loader<SubjectId> for SubjectRelations {
    type Value = Relation;
    type Error = Arc<StoreError>;

    async fn load(&self, subjects: &[SubjectId]) -> Result<HashMap<SubjectId, Relation>, Self::Error> {
        let today = civil_day(self.clock.now(), DEPLOYMENT_ZONE);
        let found =
            queries::caseload_scope::relations_to_subjects(&self.generation, &self.principal, today, subjects).await?;
        Ok(found.into_iter().collect())
    }
}

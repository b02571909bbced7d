//! The file of issuers: which identity providers are trusted, for whom their tokens are, and how their claims are read.
//!
//! It is read once, at the start. Every error names the line and says what to write. It holds no secret.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::time::Duration;

use chrono::TimeDelta;
use serde::Deserialize;
use toml::Spanned;

use super::claims::{ClaimPath, Contracts, Mapping};
use super::keys::{Pace, Source, may_be_fetched};
use crate::access::Role;
use crate::access::token::scope_of;

/// The longest leeway for clocks, in seconds.
const LEEWAY_MAX: u64 = 120;
/// The longest lifetime of a token, in minutes: a day.
const LIFE_MAX: u64 = 1_440;
/// The most issuers.
const ISSUERS_MAX: usize = 20;

/// Where the role of a caller is from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum RolesFrom {
    /// The claims of the token.
    #[default]
    Claims,
    /// The grants of this deployment.
    Deployment,
    /// A grant of this deployment, or else the claims.
    Both,
}

/// What the file says of one issuer.
#[derive(Debug, Clone)]
pub(super) struct IssuerTerms {
    pub(super) source: Source,
    pub(super) audiences: Vec<String>,
    pub(super) types: Vec<String>,
    pub(super) leeway: TimeDelta,
    pub(super) life_max: TimeDelta,
    pub(super) roles_from: RolesFrom,
    pub(super) pace: Pace,
    pub(super) mapping: Mapping,
}

/// What is wrong with the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct IssuersError {
    line: usize,
    what: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileText {
    #[serde(default)]
    issuer: Vec<Spanned<IssuerText>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl OneOrMany {
    fn all(self) -> Vec<String> {
        match self {
            Self::One(one) => vec![one],
            Self::Many(many) => many,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct IssuerText {
    url: Spanned<String>,
    audience: Spanned<OneOrMany>,
    token_type: Option<Spanned<OneOrMany>>,
    grants: Option<RolesFrom>,
    keys: Option<Spanned<String>>,
    keys_every_seconds: Option<u64>,
    leeway_seconds: Option<Spanned<u64>>,
    longest_minutes: Option<Spanned<u64>>,
    login_prefix: Option<String>,
    contracts: Option<Spanned<OneOrMany>>,
    claims: Option<ClaimsText>,
    role_names: Option<Spanned<toml::Table>>,
    contract_names: Option<BTreeMap<String, String>>,
    area_names: Option<BTreeMap<String, String>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ClaimsText {
    login: Option<ClaimPath>,
    roles: Option<ClaimPath>,
    contracts: Option<ClaimPath>,
    areas: Option<ClaimPath>,
}

/// Reads the file.
pub(super) fn read(text: &str) -> Result<Vec<IssuerTerms>, IssuersError> {
    let reading = Reading { text };
    let file: FileText = toml::from_str(text).map_err(|error| {
        let remedy = "see the examples in docs/operating.md";
        reading.wrong(error.span().unwrap_or(0..0), format!("{}: {remedy}", error.message().trim()))
    })?;
    if file.issuer.is_empty() {
        return Err(reading.wrong(0..0, "no issuer is named: write a table [[issuer]] for each"));
    }
    if file.issuer.len() > ISSUERS_MAX {
        return Err(reading.wrong(0..0, format!("there are more than {ISSUERS_MAX} issuers: leave some out")));
    }
    let mut urls = BTreeSet::new();
    let mut issuers = Vec::new();
    for spanned in file.issuer {
        let span = spanned.span();
        let terms = reading.issuer(span.clone(), spanned.into_inner())?;
        if !urls.insert(terms.source.issuer.clone()) {
            return Err(reading.wrong(span, "this issuer is named twice: write one table for it"));
        }
        issuers.push(terms);
    }
    Ok(issuers)
}

struct Reading<'t> {
    text: &'t str,
}

impl Reading<'_> {
    fn wrong(&self, span: Range<usize>, what: impl Into<String>) -> IssuersError {
        let before = self.text.as_bytes().iter().take(span.start);
        IssuersError { line: 1 + before.filter(|byte| **byte == b'\n').count(), what: what.into() }
    }

    fn issuer(&self, at: Range<usize>, given: IssuerText) -> Result<IssuerTerms, IssuersError> {
        let roles_from = given.grants.unwrap_or_default();
        let source = self.source(&given)?;
        let audience = given.audience.span();
        let audiences = given.audience.into_inner().all();
        if audiences.is_empty() || audiences.iter().any(|one| one.trim().is_empty()) {
            return Err(self.wrong(audience, "the audience is empty: write the name of this service at the issuer"));
        }
        let within = |given: Option<Spanned<u64>>, usual: u64, most: u64, name: &str| match given {
            Some(number) if *number.get_ref() > most => {
                Err(self.wrong(number.span(), format!("{name} is at most {most}: use a smaller number")))
            }
            given => Ok(i64::try_from(given.map_or(usual, Spanned::into_inner)).unwrap_or(i64::MAX)),
        };
        let leeway = TimeDelta::seconds(within(given.leeway_seconds, 30, LEEWAY_MAX, "leeway_seconds")?);
        let life_max = TimeDelta::minutes(within(given.longest_minutes, LIFE_MAX, LIFE_MAX, "longest_minutes")?);
        let types = self.types(given.token_type)?;
        let usual = Pace::default();
        let pace = Pace { apart: given.keys_every_seconds.map_or(usual.apart, Duration::from_secs), ..usual };
        let claims = given.claims.unwrap_or_default();
        let roles = match (roles_from, claims.roles) {
            (RolesFrom::Deployment, None) => None,
            (RolesFrom::Deployment, Some(_)) => {
                return Err(self.wrong(at, "grants = \"deployment\" reads no role from claims: leave claims.roles out"));
            }
            (_, None) => {
                let what = "no claim gives the role: write claims.roles, or grants = \"deployment\"";
                return Err(self.wrong(at, what));
            }
            (_, Some(path)) => Some((path, self.role_names(&at, given.role_names)?)),
        };
        let contracts = match (given.contracts, claims.contracts) {
            (Some(fixed), None) => Contracts::Fixed(self.fixed(fixed)?),
            (None, Some(path)) => Contracts::Claim(path, given.contract_names),
            (None, None) if roles.is_none() => Contracts::Fixed(Vec::new()),
            (None, None) => {
                let what = "no contracts are named: write contracts = [\"CODE\"], or claims.contracts for a claim";
                return Err(self.wrong(at, what));
            }
            (Some(fixed), Some(_)) => {
                let what = "contracts and claims.contracts are both given: give one of them";
                return Err(self.wrong(fixed.span(), what));
            }
        };
        let login = claims.login.unwrap_or_else(|| ClaimPath::Dotted("sub".to_owned()));
        let areas = claims.areas.map(|path| (path, given.area_names));
        let prefix = given.login_prefix.unwrap_or_default();
        let mapping = Mapping { login, prefix, roles, contracts, areas };
        Ok(IssuerTerms { source, audiences, types, leeway, life_max, roles_from, pace, mapping })
    }

    fn source(&self, given: &IssuerText) -> Result<Source, IssuersError> {
        let fetched = |url: &Spanned<String>| {
            let what = "this is not an https URL (http only on this machine): write it as the provider gives it";
            if may_be_fetched(url.get_ref()) { Ok(()) } else { Err(self.wrong(url.span(), what)) }
        };
        fetched(&given.url)?;
        given.keys.as_ref().map_or(Ok(()), fetched)?;
        let keys = given.keys.as_ref().map(|url| url.get_ref().clone());
        Ok(Source { issuer: given.url.get_ref().clone(), keys })
    }

    fn types(&self, given: Option<Spanned<OneOrMany>>) -> Result<Vec<String>, IssuersError> {
        let Some(given) = given else { return Ok(vec!["at+jwt".to_owned()]) };
        let span = given.span();
        let types: Vec<String> = given.into_inner().all().iter().map(|one| one.to_ascii_lowercase()).collect();
        if types.is_empty() || types.iter().any(|one| !["at+jwt", "jwt"].contains(&one.as_str())) {
            return Err(self.wrong(span, "token_type is at+jwt or JWT: write what the provider's access tokens have"));
        }
        Ok(types)
    }

    fn fixed(&self, given: Spanned<OneOrMany>) -> Result<Vec<String>, IssuersError> {
        let span = given.span();
        let codes = given.into_inner().all();
        if codes.is_empty() {
            return Err(self.wrong(span, "no contract is named: name contracts by code, or use * for every contract"));
        }
        // The same rule as for every scope.
        scope_of(Role::Manager, codes.clone(), None).map_err(|what| self.wrong(span, what))?;
        Ok(codes)
    }

    /// The roles by the names that the issuer has for them, in the order of the file. Without a table the names are those
    /// of the roles.
    fn role_names(
        &self,
        at: &Range<usize>,
        given: Option<Spanned<toml::Table>>,
    ) -> Result<Vec<(String, Role)>, IssuersError> {
        let Some(given) = given else {
            return Ok(Role::ALL.into_iter().map(|role| (role.as_str().to_owned(), role)).collect());
        };
        let span = given.span();
        let mut names = Vec::new();
        for (name, value) in given.into_inner() {
            let role = value.as_str().unwrap_or_default().parse::<Role>();
            let role = role.map_err(|error| self.wrong(span.clone(), format!("role_names.{name:?}: {error}")))?;
            names.push((name, role));
        }
        if names.is_empty() {
            return Err(self.wrong(at.clone(), "role_names is empty: name the roles, or leave the table out"));
        }
        Ok(names)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENTRA: &str = r#"
[[issuer]]
url = "https://login.microsoftonline.com/8f1d1c6e-0000-4000-8000-000000000000/v2.0"
audience = "api://throughline"
token_type = "JWT"

[issuer.claims]
login = "preferred_username"
roles = "roles"
contracts = "groups"

[issuer.role_names]
"Throughline.Manager" = "manager"
"Throughline.Keyworker" = "keyworker"

[issuer.contract_names]
"5b0f3a52-0000-4000-8000-000000000001" = "shps"
"#;

    #[test]
    fn a_file_names_issuers_and_how_their_claims_are_read() {
        let issuers = read(ENTRA).expect("a file");
        assert_eq!(issuers.len(), 1);
        assert_eq!((issuers[0].types.as_slice(), issuers[0].roles_from), (&["jwt".to_owned()][..], RolesFrom::Claims));
        let (_, names) = issuers[0].mapping.roles.as_ref().expect("roles");
        let order: Vec<Role> = names.iter().map(|(_, role)| *role).collect();
        assert_eq!(order, [Role::Manager, Role::Keyworker], "the order of the file");
    }

    #[test]
    fn a_deployment_with_its_own_grants_reads_only_the_login() {
        let file = "[[issuer]]\nurl = \"http://127.0.0.1:9\"\naudience = [\"a\", \"b\"]\ngrants = \"deployment\"\n";
        let issuers = read(file).expect("a file");
        assert!(issuers[0].mapping.roles.is_none());
        assert_eq!(issuers[0].types, ["at+jwt"]);
    }

    #[test]
    fn each_error_names_the_line_and_what_to_write() {
        let start = "[[issuer]]\nurl = \"https://login.example.org\"\naudience = \"t\"\n";
        let claims = "contracts = \"*\"\nclaims.roles = \"roles\"\n";
        assert!(read(&format!("{start}{claims}")).is_ok());
        for (text, line, says) in [
            (String::new(), 1, "no issuer is named"),
            ("[[issuer]]\nurl = 7\naudience = \"t\"".to_owned(), 2, "expected a string"),
            (format!("{start}audiences = \"t\"\n"), 4, "unknown field"),
            (start.replace("https", "http"), 2, "not an https URL"),
            (start.replace("\"t\"", "\" \""), 3, "the audience is empty"),
            (start.to_owned(), 1, "no claim gives the role"),
            (format!("{start}claims.roles = \"roles\"\n"), 1, "no contracts are named"),
            (format!("{start}{claims}claims.contracts = \"groups\"\n"), 4, "both given"),
            (format!("{start}{claims}token_type = \"id\"\n"), 6, "token_type is at+jwt or JWT"),
            (format!("{start}{claims}leeway_seconds = 600\n"), 6, "leeway_seconds is at most 120"),
            (format!("{start}{claims}role_names = {{ boss = \"chief\" }}\n"), 6, "unknown role"),
            (format!("{start}{claims}grants = \"deployment\"\n"), 1, "leave claims.roles out"),
            (format!("{start}{claims}{start}{claims}"), 6, "named twice"),
            (format!("{start}keys = \"ftp://x\"\n{claims}"), 4, "not an https URL"),
        ] {
            let error = read(&text).expect_err(&text);
            assert_eq!(error.line, line, "{text}\n{error}");
            assert!(error.what.contains(says), "{error}");
        }
    }
}

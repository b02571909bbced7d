//! Claims: which login, role and scope a token of an issuer states, by the mapping in the file of issuers.
//!
//! Pure. A value that the mapping does not name gives nothing. Where a token says nothing about areas although the
//! mapping asks for them, it gives no rights: silence never widens access.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::jwt::{Claims, Reason};
use crate::access::token::scope_of;
use crate::access::{Principal, Role};
use throughline_domain::fact::event::EVERY_CONTRACT;

/// The longest login, in characters.
const LOGIN_MAX: usize = 200;
/// The most values of one claim that are read.
const VALUES_MAX: usize = 1_000;

/// The place of a claim: `realm_access.roles`, or a list of names where a name has a dot in it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub(super) enum ClaimPath {
    /// Names with dots between them.
    Dotted(String),
    /// One name after the other.
    Names(Vec<String>),
}

impl ClaimPath {
    /// The value at this place.
    fn find<'c>(&self, claims: &'c Claims) -> Option<&'c Value> {
        let mut names: Box<dyn Iterator<Item = &str>> = match self {
            Self::Dotted(path) => Box::new(path.split('.')),
            Self::Names(names) => Box::new(names.iter().map(String::as_str)),
        };
        let first = claims.get(names.next()?)?;
        names.try_fold(first, |value, name| value.get(name))
    }

    /// The texts at this place: one text, words with spaces between them, or a list.
    fn texts<'c>(&self, claims: &'c Claims) -> Vec<&'c str> {
        match self.find(claims) {
            Some(Value::String(text)) => text.split_whitespace().take(VALUES_MAX).collect(),
            Some(Value::Array(values)) => values.iter().filter_map(Value::as_str).take(VALUES_MAX).collect(),
            _ => Vec::new(),
        }
    }
}

/// What is read from the claims of an issuer.
#[derive(Debug, Clone)]
pub(super) struct Mapping {
    /// The claim with the login.
    pub(super) login: ClaimPath,
    /// The text before each login of this issuer.
    pub(super) prefix: String,
    /// The claim with roles, and the role for each value, the first that fits first.
    pub(super) roles: Option<(ClaimPath, Vec<(String, Role)>)>,
    /// Where contracts are from.
    pub(super) contracts: Contracts,
    /// The claim with areas, and the area for each value; values are areas themselves if there is no table.
    pub(super) areas: Option<(ClaimPath, Option<BTreeMap<String, String>>)>,
}

/// Where the contracts of a token are from.
#[derive(Debug, Clone)]
pub(super) enum Contracts {
    /// The same for every token.
    Fixed(Vec<String>),
    /// A claim, and the contract for each value; values are contracts themselves if there is no table.
    Claim(ClaimPath, Option<BTreeMap<String, String>>),
}

/// The texts of a claim, translated where there is a table.
fn translated(path: &ClaimPath, table: Option<&BTreeMap<String, String>>, claims: &Claims) -> Vec<String> {
    let given = path.texts(claims).into_iter();
    match table {
        Some(table) => given.filter_map(|value| table.get(value).cloned()).collect(),
        None => given.map(str::to_owned).collect(),
    }
}

impl Mapping {
    /// The login of a token.
    pub(super) fn login(&self, claims: &Claims) -> Result<String, Reason> {
        let login = self.login.find(claims).and_then(Value::as_str).unwrap_or_default();
        let is_plain = !login.trim().is_empty() && login.trim() == login && !login.chars().any(char::is_control);
        if !is_plain || login.chars().count() > LOGIN_MAX {
            return Err("the token has no usable login");
        }
        Ok(format!("{}{login}", self.prefix))
    }

    /// The caller that the claims state. `None` if they give no role here.
    pub(super) fn principal(&self, login: &str, claims: &Claims) -> Result<Option<Principal>, Reason> {
        let Some((path, names)) = &self.roles else { return Ok(None) };
        let given = path.texts(claims);
        let Some((_, role)) = names.iter().find(|(name, _)| given.contains(&name.as_str())) else { return Ok(None) };
        let contracts = match &self.contracts {
            Contracts::Fixed(codes) => codes.clone(),
            Contracts::Claim(path, table) => translated(path, table.as_ref(), claims),
        };
        if contracts.is_empty() {
            return Ok(None);
        }
        let areas = match &self.areas {
            Some((path, table)) if role.may_be_limited_to_areas() => {
                let areas = translated(path, table.as_ref(), claims);
                if areas.is_empty() {
                    return Ok(None);
                }
                Some(areas).filter(|areas| !areas.iter().any(|area| area == EVERY_CONTRACT))
            }
            _ => None,
        };
        let scope = scope_of(*role, contracts, areas)?;
        Ok(Some(Principal { subject: login.to_owned(), role: *role, scope }))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::access::Scope;

    fn path(dotted: &str) -> ClaimPath {
        ClaimPath::Dotted(dotted.to_owned())
    }

    fn keycloak() -> Mapping {
        let roles = [("tl-manager", Role::Manager), ("tl-keyworker", Role::Keyworker)];
        let contracts = [("/services/shps".to_owned(), "shps".to_owned())];
        Mapping {
            login: path("preferred_username"),
            prefix: String::new(),
            roles: Some((path("realm_access.roles"), roles.map(|(name, role)| (name.to_owned(), role)).to_vec())),
            contracts: Contracts::Claim(path("groups"), Some(contracts.into())),
            areas: None,
        }
    }

    fn read(mapping: &Mapping, claims: &Value) -> Result<Option<Principal>, Reason> {
        let claims = claims.as_object().expect("claims");
        let login = mapping.login(claims)?;
        mapping.principal(&login, claims)
    }

    fn of_ann(roles: &Value, groups: &Value) -> Value {
        json!({ "preferred_username": "ann", "realm_access": { "roles": roles }, "groups": groups })
    }

    #[test]
    fn roles_and_groups_are_translated_and_the_first_role_of_the_table_counts() {
        let groups = json!(["/services/shps", "/services/other", "shps-admins"]);
        let both = json!(["offline_access", "tl-keyworker", "tl-manager"]);
        let found = read(&keycloak(), &of_ann(&both, &groups)).expect("valid").expect("a role");
        assert_eq!((found.subject.as_str(), found.role), ("ann", Role::Manager));
        assert_eq!(found.scope, Scope::Contracts(["shps".to_owned()].into()));
        for (roles, groups) in [
            (json!(["manager"]), groups.clone()),
            (json!(["tl-manager"]), json!([])),
            (json!(["tl-manager"]), json!(["*", "shps"])),
            (json!({ "tl-manager": true }), groups.clone()),
            (json!(["tl-manager-x"]), groups),
        ] {
            assert_eq!(read(&keycloak(), &of_ann(&roles, &groups)), Ok(None), "{roles}");
        }
    }

    #[test]
    fn a_login_is_one_plain_text_and_has_the_prefix_of_its_issuer() {
        let mapping = Mapping { prefix: "nhs/".to_owned(), ..keycloak() };
        let login = |login: Value| mapping.login(json!({ "preferred_username": login }).as_object().expect("claims"));
        assert_eq!(login(json!("ann")), Ok("nhs/ann".to_owned()));
        for odd in
            [json!(""), json!(" "), json!(" ann"), json!("a\nb"), json!(7), json!(["ann"]), json!("a".repeat(201))]
        {
            assert!(login(odd.clone()).is_err(), "{odd}");
        }
    }

    #[test]
    fn silence_about_areas_never_widens_access() {
        let roles = vec![("buyer".to_owned(), Role::Commissioner), ("worker".to_owned(), Role::Keyworker)];
        let mapping = Mapping {
            login: path("sub"),
            roles: Some((path("roles"), roles)),
            contracts: Contracts::Fixed(vec!["shps".to_owned()]),
            areas: Some((ClaimPath::Names(vec!["https://example.org/areas".to_owned()]), None)),
            ..keycloak()
        };
        let scope = |role: &str, areas: Value| {
            let claims = json!({ "sub": "s", "roles": role, "https://example.org/areas": areas });
            read(&mapping, &claims).expect("valid").map(|found| found.scope)
        };
        let brent = Scope::Areas { contracts: ["shps".to_owned()].into(), areas: ["brent".to_owned()].into() };
        assert_eq!(scope("buyer", json!(["brent"])), Some(brent));
        assert_eq!(scope("buyer", json!([])), None);
        assert_eq!(scope("buyer", Value::Null), None);
        let whole = Scope::Contracts(["shps".to_owned()].into());
        assert_eq!(scope("buyer", json!("*")), Some(whole.clone()));
        assert_eq!(scope("worker", Value::Null), Some(whole));
    }
}

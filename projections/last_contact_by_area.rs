//! Last contacts by area: the same cases as in [`super::last_contact`], by anyone's contact, for all keyworkers
//! together.
//!
//! It has no fold of its own: a case is counted in both tables or in neither.

use super::counted;

counted!("last_contact_by_area", ["contract": Text, "area": Text, "last": Text]);

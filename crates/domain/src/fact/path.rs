//! Where in a fact something is said: the way to a value, in the names of the fact's payload.
//!
//! Pure. How an input or a file spells that way is for whoever reads it to say.

use std::fmt;

/// One step of the way to a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// To a field, by its name.
    Field(String),
    /// To an entry of a list, counted from 0.
    At(usize),
    /// To a name in a map.
    Name(String),
    /// To the n-th name of a map, counted from 0 in their order: one that is at fault and not to be repeated.
    Nth(usize),
    /// To what stands under a name in a map.
    Under(String),
}

/// The way to a value, outermost first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Path(pub Vec<Step>);

impl Path {
    /// The same way, begun further out.
    #[must_use]
    pub fn beneath(self, outer: impl Into<Self>) -> Self {
        let Self(mut steps) = outer.into();
        steps.extend(self.0);
        Self(steps)
    }
}

/// Reads a way through fields and lists, such as `external_references.0.id`.
impl From<&str> for Path {
    fn from(written: &str) -> Self {
        let step = |part: &str| part.parse().map_or_else(|_| Step::Field(part.to_owned()), Step::At);
        Self(written.split('.').map(step).collect())
    }
}

impl From<String> for Path {
    fn from(written: String) -> Self {
        written.as_str().into()
    }
}

impl From<&String> for Path {
    fn from(written: &String) -> Self {
        written.as_str().into()
    }
}

/// With dots, as a payload has it. For a name that is not to be repeated its map stands.
impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut dot = "";
        for step in &self.0 {
            match step {
                Step::Field(name) | Step::Name(name) | Step::Under(name) => write!(f, "{dot}{name}")?,
                Step::At(index) => write!(f, "{dot}{index}")?,
                Step::Nth(_) => continue,
            }
            dot = ".";
        }
        Ok(())
    }
}

/// Where a check looks: given by reference, and made a path only if something is found wrong.
pub(crate) trait Place: Copy + Into<Path> {}

impl<T: Copy + Into<Path>> Place for T {}

/// The n-th name, in the map at a path.
#[derive(Debug, Clone, Copy)]
pub struct Nth<'a>(pub &'a str, pub usize);

/// A name, in the map at a path.
#[derive(Debug, Clone, Copy)]
pub struct Name<'a>(pub &'a str, pub &'a str);

/// What stands under a name, in the map at a path.
#[derive(Debug, Clone, Copy)]
pub struct Under<'a>(pub &'a str, pub &'a str);

impl From<Nth<'_>> for Path {
    fn from(Nth(map, index): Nth<'_>) -> Self {
        Self(vec![Step::Nth(index)]).beneath(map)
    }
}

impl From<Name<'_>> for Path {
    fn from(Name(map, name): Name<'_>) -> Self {
        Self(vec![Step::Name(name.to_owned())]).beneath(map)
    }
}

impl From<Under<'_>> for Path {
    fn from(Under(map, name): Under<'_>) -> Self {
        Self(vec![Step::Under(name.to_owned())]).beneath(map)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_is_written_as_the_payload_has_it() {
        let way = Path::from("external_references.0.id");
        assert_eq!(way.0[1], Step::At(0));
        assert_eq!(way.to_string(), "external_references.0.id");
        assert_eq!(way.beneath("commands.2").to_string(), "commands.2.external_references.0.id");
        assert_eq!(Path::from(Under("attributes", "rent_pcm.net")).to_string(), "attributes.rent_pcm.net");
    }

    #[test]
    fn a_name_that_is_at_fault_is_not_repeated() {
        assert_eq!(Path::from(Nth("attributes", 1)).to_string(), "attributes");
        assert_eq!(Path::from(Name("months", "2018-01-15")).to_string(), "months.2018-01-15");
    }
}

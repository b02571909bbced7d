//! The path to a value within a fact, in the field names of the payload.
//!
//! Pure. The reader of an input or a file decides how to spell the path.

use std::fmt;

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A field, by its name.
    Field(String),
    /// An entry of a list, counted from 0.
    At(usize),
    /// A name in a map.
    Name(String),
    /// The n-th name of a map in order, counted from 0. Used where the name is at fault and must not be repeated.
    Nth(usize),
    /// The value under a name in a map.
    Under(String),
}

/// The path to a value, outermost step first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Path(pub Vec<Step>);

impl Path {
    /// Puts the path below an outer path.
    #[must_use]
    pub fn beneath(self, outer: impl Into<Self>) -> Self {
        let Self(mut steps) = outer.into();
        steps.extend(self.0);
        Self(steps)
    }
}

/// Reads a path through fields and lists, such as `external_references.0.id`.
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

/// Writes the path with dots, as in the payload. Stops at the map where a name must not be repeated.
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

/// A location that a check looks at. It is turned into a path only if a problem is found.
pub(crate) trait Place: Copy + Into<Path> {}

impl<T: Copy + Into<Path>> Place for T {}

/// The n-th name of the map at a path.
#[derive(Debug, Clone, Copy)]
pub struct Nth<'a>(pub &'a str, pub usize);

/// A name in the map at a path.
#[derive(Debug, Clone, Copy)]
pub struct Name<'a>(pub &'a str, pub &'a str);

/// The value under a name in the map at a path.
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
    fn a_path_is_written_as_in_the_payload() {
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

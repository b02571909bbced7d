//! The mappings that ship with the program. Each is a text to import with, or to copy and change.

/// A mapping that ships with the program.
#[derive(Debug, Clone, Copy)]
pub struct Shipped {
    /// The name.
    pub name: &'static str,
    /// The text.
    pub text: &'static str,
}

/// Every mapping that ships with the program.
pub fn shipped() -> &'static [Shipped] {
    &[
        Shipped { name: "referrals", text: include_str!("../mappings/referrals.toml") },
        Shipped { name: "allocations", text: include_str!("../mappings/allocations.toml") },
        Shipped { name: "ssda903", text: include_str!("../mappings/ssda903.toml") },
        Shipped { name: "ssda903-xml", text: include_str!("../mappings/ssda903-xml.toml") },
        Shipped { name: "cin-census", text: include_str!("../mappings/cin-census.toml") },
        Shipped { name: "workforce-census", text: include_str!("../mappings/workforce-census.toml") },
    ]
}

#[cfg(test)]
mod tests {
    use super::super::Mapping;
    use super::*;

    #[test]
    fn every_mapping_that_ships_can_be_read() {
        for Shipped { name, text } in shipped() {
            let errors = Mapping::parse(text).err().unwrap_or_default();
            assert!(
                errors.is_empty(),
                "{name}: {}",
                errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
            );
        }
    }
}

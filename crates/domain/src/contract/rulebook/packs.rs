//! The contract packs that ship with the program, as text.
//!
//! A pack is a rulebook like any other: the program does not depend on its codes.

/// A rulebook that ships, ready to be published or copied and changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pack {
    /// Its code, which is also the code of its contract.
    pub code: &'static str,
    /// The rulebook as TOML.
    pub text: &'static str,
}

const PACKS: [Pack; 10] = [
    Pack { code: "shps", text: include_str!("../../../../../projections/rulebooks/shps.toml") },
    Pack { code: "mhep", text: include_str!("../../../../../projections/rulebooks/mhep.toml") },
    Pack { code: "innovation-fund", text: include_str!("../../../../../projections/rulebooks/innovation-fund.toml") },
    Pack { code: "mst-essex", text: include_str!("../../../../../projections/rulebooks/mst-essex.toml") },
    Pack { code: "case-management", text: include_str!("../../../../../projections/rulebooks/case-management.toml") },
    Pack { code: "dwp-cep", text: include_str!("../../../../../projections/rulebooks/dwp-cep.toml") },
    Pack {
        code: "ealing-better-lives",
        text: include_str!("../../../../../projections/rulebooks/ealing-better-lives.toml"),
    },
    Pack { code: "kmc", text: include_str!("../../../../../projections/rulebooks/kmc.toml") },
    Pack { code: "sehatmandi", text: include_str!("../../../../../projections/rulebooks/sehatmandi.toml") },
    Pack { code: "stoke-psychology", text: include_str!("../../../../../projections/rulebooks/stoke-psychology.toml") },
];

/// Every pack that ships.
pub fn packs() -> &'static [Pack] {
    &PACKS
}

/// The pack with this code.
pub fn pack(code: &str) -> Option<&'static Pack> {
    PACKS.iter().find(|pack| pack.code == code)
}

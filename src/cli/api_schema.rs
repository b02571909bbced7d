//! `schema`: prints what is generated about the API and about privacy.

use std::io::Write as _;

use anyhow::Result;
use clap::Args;

use super::Ending;
use super::terminal;
use crate::{graphql, privacy};

/// What is printed: the GraphQL schema, unless something else is asked for.
#[derive(Debug, Args)]
pub(super) struct SchemaArguments {
    /// Print the table of roles, fields and relations instead.
    #[arg(long, conflicts_with = "privacy")]
    access: bool,
    /// Print the privacy page instead, as Markdown: the class of every field, and who may see it.
    #[arg(long)]
    privacy: bool,
}

/// Prints it.
pub(super) fn print(arguments: &SchemaArguments) -> Result<Ending> {
    let shown = match arguments {
        SchemaArguments { access: true, .. } => graphql::access_table(),
        SchemaArguments { privacy: true, .. } => privacy::markdown(),
        SchemaArguments { .. } => graphql::sdl(),
    };
    write!(terminal::out(), "{shown}")?;
    Ok(Ending::Done)
}

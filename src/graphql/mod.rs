//! The GraphQL interface: what is asked over HTTP, guarded, executed and answered.
//!
//! Nothing here decides a fact: a mutation hands a command on, a query reads a view.

pub mod code;
pub mod graphiql;
pub mod guard;
pub mod transport;

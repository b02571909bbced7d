//! A second judge of claims: day by day, from the words of the domain and the grammar, without cleverness.
//!
//! It shares nothing with the engine but the rulebook as it was read and the types of events. It is slow and means to
//! be obvious. Random rulebooks and journeys are put before both; where they differ, one of them is wrong.

mod compare;
mod days;
mod dice;
mod facts;
mod judge;
mod money;
mod rules;
mod sequence;
mod versions;
mod world;

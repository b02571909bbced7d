//! A second judge of claims that works day by day, from the written rules, without shortcuts.
//!
//! It shares only the parsed rulebook and the types of events with the engine. It is slow and meant to be obvious.
//! Random rulebooks and cases are given to both. If they differ, one of them is wrong.

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

//! Given these facts, when somebody states another, then these events or this refusal.

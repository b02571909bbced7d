-- A feed that is asked for some types, or for some contracts, goes by these and not through the whole log.
create index events_of_types on events (type, position);
create index events_of_one_contract on events (contract, position);

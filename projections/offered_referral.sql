create table offered_referral (
    id uuid not null primary key,
    contract {text} not null,
    partner {text} not null,
    source {text} not null,
    area {text} not null,
    subject uuid not null,
    received_on date not null,
    state {text} not null
);
create index offered_referral_by_state on offered_referral (contract, state, received_on, id);
create index offered_referral_by_day on offered_referral (contract, received_on, id);
create index offered_referral_by_partner on offered_referral (contract, partner, source, received_on, id);
create index offered_referral_by_subject on offered_referral (subject);

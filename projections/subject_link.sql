create table subject_link (
    subject uuid not null,
    other uuid not null,
    from_on date not null,
    to_on date not null,
    primary key (subject, other, from_on)
);

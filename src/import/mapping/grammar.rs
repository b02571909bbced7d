//! The grammar of mappings: every table and key, with its kind, need, example and meaning.
//!
//! The parser, the JSON Schema and the messages all come from this declaration, so that none of them can differ.

/// The grammar that this build reads.
pub(super) const GRAMMAR: i64 = 1;

/// A word that a key may have, with its meaning.
pub(super) type Word = (&'static str, &'static str);

/// What a key holds.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// The number of the grammar.
    Grammar,
    /// A text that is not empty.
    Text,
    /// A list of texts. They may be empty.
    Texts,
    /// True or false.
    Flag,
    /// A whole number from 0 to 100.
    Percent,
    /// One of these words.
    Word(&'static [Word]),
    /// A value of a fact: a column, or a table that says how to get it.
    Value,
    /// Columns and the texts that they must have.
    Conditions,
    /// Named lists of codes.
    CodeLists,
    /// The name of a list of codes, or the codes themselves.
    CodesOrName,
    /// A table.
    Table(&'static Table),
    /// A list of tables.
    Tables(&'static Table),
}

/// Whether a key must be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    /// It must.
    Required,
    /// It may be left out.
    Optional,
}

/// A key of a table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Key {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) need: Need,
    /// What may follow `name = `.
    pub(super) example: &'static str,
    pub(super) meaning: &'static str,
}

/// A table of the document.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) about: &'static str,
    pub(super) keys: &'static [Key],
}

impl Table {
    pub(super) fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }
}

const fn required(name: &'static str, kind: Kind, example: &'static str, meaning: &'static str) -> Key {
    Key { name, kind, need: Need::Required, example, meaning }
}

const fn optional(name: &'static str, kind: Kind, example: &'static str, meaning: &'static str) -> Key {
    Key { name, kind, need: Need::Optional, example, meaning }
}

/// The words of `snapshot`.
pub(super) const SNAPSHOTS: &[Word] = &[
    ("full", "every file set has every record of the source, so that a record that is in none is gone"),
    ("delta", "a file has only what is new or changed; the default"),
];

/// The words of `format`.
pub(super) const FORMATS: &[Word] = &[
    ("csv", "lines of values with a separator"),
    ("xlsx", "a workbook"),
    ("xml", "elements"),
    ("json", "a list of objects, or one object a line"),
];

/// The words of `encoding`.
pub(super) const ENCODINGS: &[Word] = &[
    ("utf-8", "with or without a byte order mark"),
    ("utf-16le", "the low byte first"),
    ("utf-16be", "the high byte first"),
    ("windows-1252", "what old programs for Windows write"),
];

/// The words of `end`.
pub(super) const ENDS: &[Word] = &[
    ("last_day", "the date is the last day on which it held, so the day after is recorded"),
    ("first_day_after", "the date is the first day on which it no longer held; the default"),
];

/// The words of `kind`.
pub(super) const KINDS: &[Word] =
    &[("text", "a text; the default"), ("number", "a decimal number"), ("flag", "yes or no")];

/// The whole document.
pub(super) static MAPPING: Table = Table {
    about: "How the files of another system become facts.",
    keys: &[
        required("mapping", Kind::Grammar, "1", "The grammar of the mapping."),
        optional("title", Kind::Text, "\"Nightly referrals\"", "What the mapping is for."),
        required("source", Kind::Table(&SOURCE), "", "The other system."),
        required("read", Kind::Table(&READ), "", "How its files are read."),
        optional("codes", Kind::CodeLists, "", "Named lists of codes: what each code of the source becomes."),
        required("table", Kind::Tables(&TABLE), "", "The tables of its files."),
        required("record", Kind::Tables(&RECORD), "", "The records that a row holds, with their facts."),
    ],
};

static SOURCE: Table = Table {
    about: "The other system, and what its files mean.",
    keys: &[
        required("system", Kind::Text, "\"mosaic\"", "The name of the system, as every fact keeps it."),
        optional(
            "numbers",
            Kind::Text,
            "\"mosaic\"",
            "The system whose case and worker numbers the files use. Default: the system itself.",
        ),
        optional("snapshot", Kind::Word(SNAPSHOTS), "\"full\"", "Whether a file set is everything, or only changes."),
        optional(
            "leading",
            Kind::Flag,
            "true",
            "Whether the source counts over corrections made here. Default: false.",
        ),
        optional(
            "purges",
            Kind::Flag,
            "true",
            "Whether a record that is gone from a full snapshot was never so, and is retracted. Default: false.",
        ),
        optional(
            "purge_most",
            Kind::Percent,
            "10",
            "The most records of a hundred that one snapshot may retract. If more are gone, nothing is. Default: 10.",
        ),
    ],
};

static READ: Table = Table {
    about: "How the files are read.",
    keys: &[
        required("format", Kind::Word(FORMATS), "\"csv\"", "The format of the files."),
        optional(
            "record",
            Kind::Text,
            "\"Message/Children/Child\"",
            "In XML, the path of the element that repeats. In JSON, the key of the list.",
        ),
        optional("separator", Kind::Text, "\";\"", "The separator of a CSV file, one character. Default: a comma."),
        optional("encoding", Kind::Word(ENCODINGS), "\"windows-1252\"", "The encoding. Default: it is found out."),
        optional(
            "dates",
            Kind::Texts,
            "[\"DD/MM/YYYY\", \"MM/YYYY\"]",
            "The forms of dates: DD, MM, YYYY, YY for a year since 2000, and Mon for the name of a month. Without DD only \
             the month is known, without MM only the year. hh, mm and ss are a time, which is left out. YYYY-MM-DD is \
             always read.",
        ),
        optional("absent", Kind::Texts, "[\"Don't know\", \"N/K\"]", "Values that say that nothing is known."),
    ],
};

static TABLE: Table = Table {
    about: "A table: rows with the same columns.",
    keys: &[
        required("name", Kind::Text, "\"referrals\"", "The name of the table within the mapping."),
        optional("file", Kind::Text, "\"referrals*.csv\"", "The names of its files. Default: every file."),
        optional("sheet", Kind::Text, "\"Referrals\"", "Its sheet of a workbook. Default: the first."),
        optional("element", Kind::Text, "\"CINdetails\"", "The path of its elements beneath the one that repeats."),
        optional(
            "optional",
            Kind::Texts,
            "[\"URN\"]",
            "Columns that a file may lack. Then it says nothing about them.",
        ),
        optional("key", Kind::Text, "\"client_id\"", "The column by which other tables join this one."),
        optional("join", Kind::Tables(&JOIN), "", "Tables whose columns are read as `table.column`."),
    ],
};

static JOIN: Table = Table {
    about: "Another table, whose row is found by its key.",
    keys: &[
        required("table", Kind::Text, "\"clients\"", "The other table."),
        required(
            "column",
            Kind::Text,
            "\"client_id\"",
            "The column of this table that holds the other one's key, or `table.column` of a table joined before.",
        ),
    ],
};

static RECORD: Table = Table {
    about: "A record of the source: facts that are recorded together or not at all. A row may hold several.",
    keys: &[
        required("table", Kind::Text, "\"referrals\"", "The table whose rows hold the record."),
        required("id", Kind::Text, "\"{id}\"", "The id of the record in the source, with columns in braces."),
        optional("case", Kind::Text, "\"{client_id}\"", "The number of the case that the facts belong to."),
        optional("worker", Kind::Text, "\"{worker_id}\"", "The number of the worker that the facts belong to."),
        optional(
            "offer",
            Kind::Text,
            "\"{referral_id}\"",
            "The number of a referral that is offered to the referral inbox. Its only fact is `referral_offered`.",
        ),
        optional("when", Kind::Conditions, "{ status = [\"open\"] }", "Only rows with these values hold the record."),
        optional("unless", Kind::Conditions, "{ id = [\"\"] }", "Rows with these values do not hold it."),
        optional(
            "purge",
            Kind::Conditions,
            "{ purge = [\"true\"] }",
            "Rows with these values say that the record was never so: what it stated is retracted.",
        ),
        optional(
            "earliest",
            Kind::Flag,
            "true",
            "Several rows hold the record and differ by date only: the earliest date counts. Default: false.",
        ),
        required(
            "fact",
            Kind::Tables(&FACT),
            "",
            "The facts. Without a date a fact is not stated; the first is needed.",
        ),
    ],
};

/// The keys that every fact has. The others depend on its type.
pub(super) static FACT: Table = Table {
    about: "A fact.",
    keys: &[
        required("type", Kind::Text, "\"contact_logged\"", "The type of the fact."),
        required("on", Kind::Value, "\"date\"", "The date of the fact."),
        optional("time", Kind::Value, "\"time\"", "The time of that day, such as 14:30."),
        optional("when", Kind::Conditions, "{ status = [\"closed\"] }", "Only rows with these values state the fact."),
        optional("unless", Kind::Conditions, "{ reason = [\"\"] }", "Rows with these values do not state it."),
    ],
};

/// A value as a table.
pub(super) static VALUE: Table = Table {
    about: "How a value is found: in a column, as a constant, or made of several columns.",
    keys: &[
        optional("column", Kind::Text, "\"LS\"", "The column."),
        optional("value", Kind::Text, "\"care\"", "Always this value."),
        optional("template", Kind::Text, "\"{CHILD}/{DECOM}\"", "A text with columns in braces."),
        optional("codes", Kind::CodesOrName, "{ \"1\" = \"phone\" }", "What each code of the source becomes."),
        optional(
            "default",
            Kind::Text,
            "\"other\"",
            "The value if the column is empty, or its code is not in `codes`.",
        ),
        optional("absent", Kind::Texts, "[\"99\"]", "Further values that say that nothing is known."),
        optional("dates", Kind::Texts, "[\"MM/YYYY\"]", "The forms of this date, in place of those of `read`."),
        optional("end", Kind::Word(ENDS), "\"last_day\"", "Which day a date of an end is."),
        optional("kind", Kind::Word(KINDS), "\"number\"", "What an attribute is."),
    ],
};

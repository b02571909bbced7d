//! The migrations of the log's tables, forward only.

use sqlx::SqlSafeStr as _;
use sqlx::migrate::{Migration, MigrationType, Migrator};

/// Lists the migrations of a store, each with its number, its name and its file.
macro_rules! migrations {
    ($store:literal: $($number:literal $name:literal),+) => {
        &[$((
            $number,
            $name,
            include_str!(concat!("../../migrations/", $store, "/", $number, "_", $name, ".sql")),
        )),+]
    };
}

type Listed = &'static [(&'static str, &'static str, &'static str)];

const POSTGRES: Listed = migrations!(
    "postgres": "0001" "log", "0002" "generations", "0003" "events_by_type", "0004" "sign_in", "0005" "evidence_files",
    "0007" "subscriptions", "0008" "import_jobs"
);
const SQLITE: Listed = migrations!(
    "sqlite": "0001" "log", "0002" "generations", "0003" "events_by_type", "0004" "sign_in", "0005" "evidence_files",
    "0007" "subscriptions", "0008" "import_jobs"
);
const KEYS_ON_POSTGRES: Listed =
    migrations!("keys/postgres": "0001" "keys", "0002" "access_log", "0003" "search", "0004" "erased");
const KEYS_ON_SQLITE: Listed =
    migrations!("keys/sqlite": "0001" "keys", "0002" "access_log", "0003" "search", "0004" "erased");

/// Those of Postgres.
pub(super) fn of_postgres() -> Migrator {
    migrator(POSTGRES)
}

/// Those of `SQLite`.
pub(super) fn of_sqlite() -> Migrator {
    migrator(SQLITE)
}

/// Those of the database of keys on Postgres.
pub(super) fn of_keys_on_postgres() -> Migrator {
    migrator(KEYS_ON_POSTGRES)
}

/// Those of the database of keys on `SQLite`.
pub(super) fn of_keys_on_sqlite() -> Migrator {
    migrator(KEYS_ON_SQLITE)
}

fn migrator(listed: Listed) -> Migrator {
    let migration = |(number, name, text): &(&str, &'static str, &'static str)| {
        let number = number.parse().expect("a migration has a number");
        let name = name.replace('_', " ").into();
        Migration::new(number, name, MigrationType::Simple, text.into_sql_str(), false)
    };
    Migrator::with_migrations(listed.iter().map(migration).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_folder_is_listed() {
        let keys = [("keys/postgres", KEYS_ON_POSTGRES), ("keys/sqlite", KEYS_ON_SQLITE)];
        for (folder, listed) in [("postgres", POSTGRES), ("sqlite", SQLITE)].into_iter().chain(keys) {
            let folder = format!("{}/migrations/{folder}", env!("CARGO_MANIFEST_DIR"));
            let files = std::fs::read_dir(folder).expect("the folder").map(|file| file.expect("a file").file_name());
            let mut files: Vec<String> = files.map(|name| name.into_string().expect("a name")).collect();
            files.sort();
            let listed: Vec<String> = listed.iter().map(|(number, name, _)| format!("{number}_{name}.sql")).collect();
            assert_eq!(listed, files);
        }
    }
}

//! What wraps the keys of people: a key-encryption key from a file or the environment, behind a trait, so that a key
//! management service can take its place.
//!
//! A file holds one key a line in base64, the current one first. Further lines are earlier keys, which only unwrap. No
//! key ever shows in debug output or errors.

use std::fmt;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use futures_util::future::BoxFuture;
use uuid::Uuid;

use super::subject_key::wipe;
use super::{Away, Kek, KeyError, KeyPlaces};
use crate::clock::Chance;
use crate::store::{Place, Store, private, sibling};
use throughline_domain::fact::envelope::hex;

/// The variable of the environment that holds key-encryption keys.
const VARIABLE: &str = "THROUGHLINE_KEK";
/// The label of the ids of key-encryption keys.
const ID: &[u8] = b"throughline kek id 1\0";

/// The row that a wrapped key belongs to. It unwraps nowhere else.
#[derive(Debug, Clone, Copy)]
pub struct Bound<'a> {
    /// The person.
    pub subject: Uuid,
    /// The class of the key.
    pub class: &'a str,
    /// The version of the key.
    pub version: i64,
}

impl Bound<'_> {
    fn bytes(&self) -> Vec<u8> {
        [self.subject.as_bytes().as_slice(), &self.version.to_be_bytes(), self.class.as_bytes()].concat()
    }
}

/// A wrapped key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrapped {
    /// The id of the key-encryption key.
    pub by: String,
    /// Nonce, wrapped key and tag.
    pub bytes: Vec<u8>,
}

/// Wraps and unwraps the keys of people.
pub trait KeyWrapper: fmt::Debug + Send + Sync {
    /// The id of the key-encryption key that wraps new keys at this moment.
    fn current(&self) -> BoxFuture<'_, Result<String, KeyError>>;

    /// Wraps a key with the current key-encryption key.
    fn wrap<'a>(&'a self, bound: Bound<'a>, key: &'a [u8; 32]) -> BoxFuture<'a, Result<Wrapped, KeyError>>;

    /// Unwraps a key with the key-encryption key that wrapped it.
    fn unwrap<'a>(&'a self, bound: Bound<'a>, wrapped: &'a Wrapped) -> BoxFuture<'a, Result<[u8; 32], KeyError>>;

    /// Takes the right to change the key-encryption keys until the value is dropped. Refused while another process has
    /// it: of two new keys one would be lost, with every key that it wraps.
    fn alone(&self) -> Result<Box<dyn Send>, KeyError>;

    /// Makes a new key-encryption key the current one and keeps the earlier ones, unless a rotation was interrupted:
    /// then that one is finished.
    fn renew(&self) -> BoxFuture<'_, Result<(), KeyError>>;

    /// Forgets all key-encryption keys but the current one.
    fn forget_earlier(&self) -> BoxFuture<'_, Result<(), KeyError>>;
}

/// Where the key-encryption keys come from.
#[derive(Debug, Clone)]
pub enum KekSource {
    /// A file.
    File(PathBuf),
    /// The environment, or the code that starts this process.
    Given(Kek),
}

impl KekSource {
    /// The source for a store: what is given, or a file beside an `SQLite` database.
    pub(super) fn of(store: &Store, places: &KeyPlaces) -> Result<Self, Away> {
        match (&places.kek, &places.kek_file, store.place()) {
            (Some(given), _, _) => Ok(Self::Given(given.clone())),
            (None, Some(path), _) => Ok(Self::File(path.clone())),
            (None, None, Place::Sqlite { path }) => Ok(Self::File(sibling(path, ".kek"))),
            (None, None, Place::Postgres { .. }) => Err(Away::NoKek),
        }
    }

    /// Creates the file with a new key, readable by its owner only, if it does not exist.
    pub(super) fn make_if_missing(&self) -> Result<(), KeyError> {
        let Self::File(path) = self else { return Ok(()) };
        if path.exists() {
            return Ok(());
        }
        let written = temporary(path, &new_kek()).map(|file| file.persist_noclobber(path));
        match written {
            Ok(Ok(_)) => named_on_disk(path).map_err(|error| self.unusable(&error)),
            Ok(Err(taken)) if taken.error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
            Ok(Err(failed)) => Err(self.unusable(&failed.error)),
            Err(error) => Err(self.unusable(&error)),
        }
    }

    fn place(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Given(_) => VARIABLE.to_owned(),
        }
    }

    fn unusable(&self, error: &std::io::Error) -> KeyError {
        let reason = match error.kind() {
            std::io::ErrorKind::NotFound => "the file is missing: restore it from its own backup".to_owned(),
            _ => format!("{error}: check its permissions"),
        };
        KeyError::Kek { place: self.place(), reason }
    }

    fn text(&self) -> Result<String, KeyError> {
        match self {
            Self::File(path) => std::fs::read_to_string(path).map_err(|error| self.unusable(&error)),
            Self::Given(Kek(text)) => Ok(text.clone()),
        }
    }

    fn keks(&self) -> Result<Vec<Arc<OneKek>>, KeyError> {
        let text = self.text()?;
        let mut keks = Vec::new();
        for (index, line) in lines(&text).enumerate() {
            let kek = OneKek::of(line).ok_or_else(|| {
                let reason =
                    format!("key {} is not 32 bytes in base64: make one with `openssl rand -base64 32`", index + 1);
                KeyError::Kek { place: self.place(), reason }
            })?;
            keks.push(Arc::new(kek));
        }
        if keks.is_empty() {
            let reason = "it holds no key: make one with `openssl rand -base64 32`".to_owned();
            return Err(KeyError::Kek { place: self.place(), reason });
        }
        Ok(keks)
    }

    /// Replaces the file, so that a reader sees the old one or the new one. It stays readable for those who could read
    /// it, such as the server's own user. It is on disk before this returns: keys are wrapped with it next.
    fn replace(&self, text: &str) -> Result<(), KeyError> {
        let Self::File(path) = self else {
            let reason = format!("set {VARIABLE} to NEW,OLD for every server, restart them, and rotate again");
            return Err(KeyError::Kek { place: self.place(), reason });
        };
        let replaced = || -> std::io::Result<()> {
            // A link stays a link.
            let path = std::fs::canonicalize(path)?;
            let file = temporary(&path, text)?;
            owned_like(file.as_file(), &std::fs::metadata(&path)?)?;
            file.persist(&path).map_err(|failed| failed.error)?;
            named_on_disk(&path)
        };
        replaced().map_err(|error| self.unusable(&error))
    }
}

/// The keys in a text: one a line, or separated by commas.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.split(['\n', ',']).map(str::trim).filter(|line| !line.is_empty())
}

/// A new key-encryption key as a line of text.
fn new_kek() -> String {
    let mut bytes: [u8; 32] = Chance::System.bytes();
    let line = format!("{}\n", BASE64.encode(bytes));
    wipe(&mut bytes);
    line
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Waits until the name of a new file is on disk.
fn named_on_disk(path: &Path) -> std::io::Result<()> {
    std::fs::File::open(folder_of(path))?.sync_all()
}

/// Gives a file the owner and the permissions of another one.
fn owned_like(file: &std::fs::File, other: &std::fs::Metadata) -> std::io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        std::os::unix::fs::fchown(file, Some(other.uid()), Some(other.gid()))?;
    }
    file.set_permissions(other.permissions())
}

/// A file beside this one with this text, on disk.
fn temporary(path: &Path, text: &str) -> std::io::Result<tempfile::NamedTempFile> {
    let mut file = tempfile::NamedTempFile::new_in(folder_of(path))?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    Ok(file)
}

/// One key-encryption key.
struct OneKek {
    id: String,
    key: RandomizedNonceKey,
}

impl OneKek {
    /// The key of a line of base64.
    fn of(line: &str) -> Option<Self> {
        let mut bytes = BASE64.decode(line).ok()?;
        let key = RandomizedNonceKey::new(&AES_256_GCM, &bytes).ok();
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(ID);
        context.update(&bytes);
        wipe(&mut bytes);
        let id = hex(&context.finish().as_ref()[..8]);
        Some(Self { id, key: key? })
    }

    fn wrap(&self, bound: Bound<'_>, key: &[u8; 32]) -> Wrapped {
        let mut text = key.to_vec();
        let nonce = self.key.seal_in_place_append_tag(Aad::from(bound.bytes()), &mut text);
        let nonce = nonce.expect("32 bytes can be wrapped");
        let nonce: &[u8; NONCE_LEN] = nonce.as_ref();
        Wrapped { by: self.id.clone(), bytes: [nonce.as_slice(), &text].concat() }
    }

    fn unwrap(&self, bound: Bound<'_>, wrapped: &Wrapped) -> Option<[u8; 32]> {
        let (nonce, text) = wrapped.bytes.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut text = text.to_vec();
        let key = self.key.open_in_place(nonce, Aad::from(bound.bytes()), &mut text).ok()?;
        let unwrapped = <[u8; 32]>::try_from(&*key).ok();
        wipe(&mut text);
        unwrapped
    }
}

/// Key-encryption keys of this machine.
pub struct LocalKek {
    source: KekSource,
    /// The keys as they were last read, the current one first. Another process may have changed the file since.
    keks: RwLock<Vec<Arc<OneKek>>>,
}

impl fmt::Debug for LocalKek {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LocalKek({})", self.source.place())
    }
}

impl LocalKek {
    /// Reads the keys.
    pub(super) fn read(source: KekSource) -> Result<Self, KeyError> {
        let keks = RwLock::new(source.keks()?);
        Ok(Self { source, keks })
    }

    /// Reads the keys again and returns the current one.
    fn fresh(&self) -> Result<Arc<OneKek>, KeyError> {
        let keks = self.source.keks()?;
        let current = Arc::clone(&keks[0]);
        *self.keks.write().expect("no panic while holding the keys") = keks;
        Ok(current)
    }

    fn known(&self, id: &str) -> Option<Arc<OneKek>> {
        self.keks.read().expect("no panic while holding the keys").iter().find(|kek| kek.id == id).cloned()
    }

    fn kek(&self, id: &str) -> Result<Arc<OneKek>, KeyError> {
        if let Some(kek) = self.known(id) {
            return Ok(kek);
        }
        self.fresh()?;
        self.known(id).ok_or_else(|| KeyError::UnknownKek(id.to_owned()))
    }
}

impl KeyWrapper for LocalKek {
    fn current(&self) -> BoxFuture<'_, Result<String, KeyError>> {
        Box::pin(async { Ok(self.fresh()?.id.clone()) })
    }

    fn wrap<'a>(&'a self, bound: Bound<'a>, key: &'a [u8; 32]) -> BoxFuture<'a, Result<Wrapped, KeyError>> {
        Box::pin(async move { Ok(self.fresh()?.wrap(bound, key)) })
    }

    fn unwrap<'a>(&'a self, bound: Bound<'a>, wrapped: &'a Wrapped) -> BoxFuture<'a, Result<[u8; 32], KeyError>> {
        let damaged = move || KeyError::Damaged { subject: bound.subject, class: bound.class.to_owned() };
        Box::pin(async move { self.kek(&wrapped.by)?.unwrap(bound, wrapped).ok_or_else(damaged) })
    }

    fn alone(&self) -> Result<Box<dyn Send>, KeyError> {
        let KekSource::File(path) = &self.source else { return Ok(Box::new(())) };
        let beside = sibling(path, "-lock");
        let file = private().create(true).truncate(false).write(true).open(&beside);
        let file = file.map_err(|error| self.source.unusable(&error))?;
        match file.try_lock() {
            Ok(()) => Ok(Box::new(file)),
            Err(std::fs::TryLockError::WouldBlock) => {
                let reason = "another rotation is running: wait until it has ended".to_owned();
                Err(KeyError::Kek { place: self.source.place(), reason })
            }
            Err(std::fs::TryLockError::Error(error)) => Err(self.source.unusable(&error)),
        }
    }

    fn renew(&self) -> BoxFuture<'_, Result<(), KeyError>> {
        Box::pin(async {
            let text = self.source.text()?;
            if lines(&text).count() > 1 {
                return Ok(());
            }
            self.source.replace(&format!("{}{text}", new_kek()))?;
            self.fresh().map(drop)
        })
    }

    fn forget_earlier(&self) -> BoxFuture<'_, Result<(), KeyError>> {
        Box::pin(async {
            let text = self.source.text()?;
            let (Some(current), KekSource::File(_)) = (lines(&text).next(), &self.source) else { return Ok(()) };
            self.source.replace(&format!("{current}\n"))?;
            self.fresh().map(drop)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bound(class: &str) -> Bound<'_> {
        Bound { subject: Uuid::from_u128(1), class, version: 1 }
    }

    #[test]
    fn a_wrapped_key_unwraps_only_in_its_row_and_by_its_key() {
        let kek = OneKek::of(new_kek().trim()).expect("a key");
        let other = OneKek::of(new_kek().trim()).expect("a key");
        assert_ne!(kek.id, other.id);
        let wrapped = kek.wrap(bound("identity"), &[7; 32]);
        assert_eq!(kek.unwrap(bound("identity"), &wrapped), Some([7; 32]));
        assert_eq!(kek.unwrap(bound("special"), &wrapped), None, "the row of another class");
        assert_eq!(other.unwrap(bound("identity"), &wrapped), None, "another key");
    }

    #[test]
    fn what_is_no_key_is_named_and_never_shown() {
        let keks = |text: &str| KekSource::Given(Kek(text.to_owned())).keks();
        let good = new_kek();
        for (text, says) in [("", "no key"), ("c2VjcmV0", "key 1 is not"), (&format!("{good}c2VjcmV0"), "key 2 is not")]
        {
            let error = keks(text).err().expect("an error");
            let shown = format!("{error} {error:?}");
            assert!(shown.contains(says), "{shown}");
            assert!(!shown.contains("c2VjcmV0"), "{shown}");
        }
        assert_eq!(keks(&format!("{good},{good}")).map(|keks| keks.len()).ok(), Some(2));
    }

    #[test]
    fn one_rotation_at_a_time_changes_the_file() {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let source = KekSource::File(folder.path().join("log.db.kek"));
        source.make_if_missing().expect("the file is made");
        let (ours, theirs) = (LocalKek::read(source.clone()).expect("a key"), LocalKek::read(source).expect("a key"));
        let turn = ours.alone().expect("nobody else rotates");
        let refused = theirs.alone().err().expect("it is ours").to_string();
        assert!(refused.contains("another rotation is running"), "{refused}");
        drop(turn);
        assert!(theirs.alone().is_ok());
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_renewed_file_keeps_its_permissions_and_its_link() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().expect("a temporary directory");
        let (file, link) = (folder.path().join("real.kek"), folder.path().join("log.db.kek"));
        KekSource::File(file.clone()).make_if_missing().expect("the file is made");
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).expect("it is ours");
        std::os::unix::fs::symlink(&file, &link).expect("a link");
        let kek = LocalKek::read(KekSource::File(link.clone())).expect("a key");
        kek.renew().await.expect("a new key");
        assert!(std::fs::symlink_metadata(&link).expect("the link").is_symlink());
        assert_eq!(std::fs::metadata(&file).expect("the file").permissions().mode() & 0o777, 0o640);
        assert_eq!(lines(&std::fs::read_to_string(&file).expect("the file")).count(), 2);
    }

    #[tokio::test]
    async fn a_file_is_renewed_once_until_the_earlier_key_is_forgotten() {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let source = KekSource::File(folder.path().join("log.db.kek"));
        source.make_if_missing().expect("the file is made");
        let (ours, theirs) = (LocalKek::read(source.clone()).expect("a key"), LocalKek::read(source).expect("a key"));
        let wrapped = ours.wrap(bound("identity"), &[7; 32]).await.expect("it wraps");
        ours.renew().await.expect("a new key");
        let new = ours.current().await.expect("a key");
        assert_ne!(new, wrapped.by);
        ours.renew().await.expect("the same rotation");
        assert_eq!(ours.current().await.ok(), Some(new.clone()), "an interrupted rotation is finished");
        assert_eq!(theirs.unwrap(bound("identity"), &wrapped).await.ok(), Some([7; 32]));
        assert_eq!(theirs.current().await.ok(), Some(new), "another process follows the file");
        ours.forget_earlier().await.expect("it forgets");
        assert!(
            matches!(ours.unwrap(bound("identity"), &wrapped).await, Err(KeyError::UnknownKek(id)) if id == wrapped.by)
        );
    }
}

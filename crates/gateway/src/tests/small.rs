//! A small schema with everything that a transport must handle, and a caller for it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use async_graphql::{
    Context, Data, Enum, Error, InputObject, InputValueResult, Object, Scalar, ScalarType, Schema, Value,
};
use futures_util::{Stream, stream};
use serde_json::{Value as Json, json};

use crate::{Caller, CallerKey, Code, Endpoint, Host, Recorded, Remote, Terms, TokenRefusal};

/// A day of the week by number, to test how a custom scalar is refused.
struct Weekday(i64);

#[Scalar]
impl ScalarType for Weekday {
    fn parse(value: Value) -> InputValueResult<Self> {
        match value {
            Value::Number(number) => Ok(Self(number.as_i64().unwrap_or_default())),
            other => Err(async_graphql::InputValueError::expected_type(other)),
        }
    }

    fn is_valid(value: &Value) -> bool {
        matches!(value, Value::Number(number) if number.as_i64().is_some_and(|n| n < 7))
    }

    fn to_value(&self) -> Value {
        self.0.into()
    }
}

#[derive(Clone, Copy, Enum, PartialEq, Eq)]
enum Stage {
    Referred,
    Engaged,
}

#[derive(InputObject)]
struct Contact {
    stage: Stage,
    minutes: Option<i32>,
}

struct Actor(&'static str);

/// A fault whose message only the log may show.
fn fault() -> Error {
    Code::Internal.error("cannot read the caseload: disk 7 is gone")
}

/// An outage in which nothing was done.
fn outage() -> Error {
    let mut error = Code::Unavailable.error_for_now("the store is away", Duration::from_secs(5));
    error.extensions.get_or_insert_default().set("commandInDoubt", false);
    error
}

pub(crate) struct Query;

#[Object]
impl Query {
    async fn hello(&self, name: Option<String>) -> String {
        format!("hello {}", name.as_deref().unwrap_or("you"))
    }

    async fn actor(&self, context: &Context<'_>) -> String {
        context.data_unchecked::<Actor>().0.to_owned()
    }

    async fn day(&self, day: Weekday) -> i64 {
        day.0
    }

    async fn minutes(&self, contact: Contact) -> i32 {
        match contact.stage {
            Stage::Referred => 0,
            Stage::Engaged => contact.minutes.unwrap_or(1),
        }
    }

    async fn bounded(&self, #[graphql(validator(maximum = 200))] first: i32) -> i32 {
        first
    }

    async fn short(&self, first: u8) -> u8 {
        first
    }

    async fn never(&self) -> bool {
        std::future::pending().await
    }

    async fn broken(&self) -> Option<Result<i32, Error>> {
        Some(Err(fault()))
    }

    async fn careless(&self) -> Option<Result<i32, Error>> {
        Some(Err(Error::from(std::io::Error::other("password is 123"))))
    }

    async fn needed(&self) -> Result<i32, Error> {
        std::future::ready(Err(Error::new("a secret"))).await
    }

    async fn forbidden(&self) -> Option<Result<i32, Error>> {
        Some(Err(Code::Forbidden.error("ask for the role of a manager")))
    }

    async fn many(&self) -> Vec<Option<Result<i32, Error>>> {
        (0..30).map(|_| Some(Err(Code::Forbidden.error("no")))).collect()
    }

    async fn headed(&self, context: &Context<'_>) -> bool {
        context.insert_http_header("x-lag", "3");
        context.insert_http_header("content-type", "text/html");
        true
    }
}

pub(crate) struct Mutation;

#[Object]
impl Mutation {
    async fn log_contact(&self, minutes: i32) -> i32 {
        minutes
    }

    /// Records a command or not, and then finds the store unavailable.
    async fn cut_off(&self, context: &Context<'_>, recorded: bool) -> Option<Result<i32, Error>> {
        if recorded {
            Recorded::note(context);
        }
        Some(Err(outage()))
    }
}

pub(crate) struct Subscription;

#[async_graphql::Subscription]
impl Subscription {
    /// The numbers from 1 up to this one.
    async fn ticks(&self, #[graphql(default = 1)] upto: i32) -> impl Stream<Item = i32> {
        stream::iter(1..=upto)
    }

    /// An endless stream of long texts, each with its number in front.
    async fn flood(&self, context: &Context<'_>, bytes: usize) -> impl Stream<Item = String> {
        let made = context.data_unchecked::<Arc<AtomicUsize>>().clone();
        stream::repeat_with(move || {
            let nth = made.fetch_add(1, Ordering::SeqCst);
            format!("{nth} {}", "x".repeat(bytes))
        })
    }

    /// A stream that never has an item.
    async fn silence(&self) -> impl Stream<Item = i32> {
        stream::pending()
    }

    /// This name, if it may be followed.
    async fn followed(&self, who: String) -> Result<impl Stream<Item = Result<String, Error>>, Error> {
        let found = match who.as_str() {
            "nobody" => Err(Code::Forbidden.error("ask for the role of a manager")),
            "broken" => Err(fault()),
            _ => Ok(stream::iter([Ok(who), Err(fault())])),
        };
        std::future::ready(found).await
    }

    /// An object of which only part is visible.
    async fn parts(&self) -> impl Stream<Item = Query> {
        stream::iter([Query, Query])
    }

    /// A resolver that panics.
    async fn panicking(&self) -> impl Stream<Item = i32> {
        stream::once(async { panic!("on purpose") })
    }
}

/// A caller whose token is valid until an instant.
#[derive(Clone)]
pub(crate) struct TestCaller {
    until: Instant,
}

impl Caller for TestCaller {
    fn key(&self) -> CallerKey {
        CallerKey::new("kw-07")
    }

    fn time_left(&self) -> Duration {
        self.until.saturating_duration_since(Instant::now())
    }
}

/// Why a token is not accepted.
#[derive(Debug)]
pub(crate) enum Refused {
    Unreadable,
    Expired,
}

impl TokenRefusal for Refused {
    fn reason(&self) -> &'static str {
        match self {
            Self::Unreadable => "the token cannot be read",
            Self::Expired => "the token has expired",
        }
    }

    fn has_expired(&self) -> bool {
        matches!(self, Self::Expired)
    }
}

/// The start of the milliseconds that tokens name.
static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);

/// A token that has expired.
pub(crate) const EXPIRED: &str = "kw-07.0";

pub(crate) fn caller_for(lasting: Duration) -> TestCaller {
    TestCaller { until: Instant::now() + lasting }
}

pub(crate) fn token(lasting: Duration) -> String {
    format!("kw-07.{}", (BEGAN.elapsed() + lasting).as_millis())
}

/// The host of the small schema. It counts the texts made for floods.
#[derive(Clone, Default)]
pub(crate) struct Behind {
    /// The number of texts made for floods.
    pub(crate) made: Arc<AtomicUsize>,
}

impl Host for Behind {
    type Caller = TestCaller;
    type TokenRefusal = Refused;

    async fn verify(&self, token: &str, _: Option<Remote>) -> Result<TestCaller, Refused> {
        let until = token.strip_prefix("kw-07.").and_then(|millis| millis.parse().ok()).ok_or(Refused::Unreadable)?;
        let caller = TestCaller { until: *BEGAN + Duration::from_millis(until) };
        if caller.time_left().is_zero() { Err(Refused::Expired) } else { Ok(caller) }
    }

    fn data(&self, _: &TestCaller, _: &str) -> Data {
        let mut data = Data::default();
        data.insert(Actor("kw-07"));
        data.insert(Arc::clone(&self.made));
        data
    }
}

pub(crate) type Small = Endpoint<Query, Mutation, Subscription, Behind>;

pub(crate) fn endpoint(behind: Behind, terms: Terms) -> Small {
    Endpoint::new(|| Schema::build(Query, Mutation, Subscription), behind, terms)
}

/// A response with this data and cost.
pub(crate) fn executed(data: &Json, cost: u64) -> Json {
    json!({ "data": data, "extensions": { "cost": { "requested": cost, "allowed": 100_000 } } })
}

//! tests/scenarios/batches: claims on their way to the commissioner and back, batch after batch. Each scenario is run
//! over the API, on both stores.
//!
//! A step is a day, who, and a sentence; the lines beneath it are what comes back, line by line.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use throughline::access::{Principal, Role};

use super::{lines, texts};
use crate::app::{TestApp, from_the_instant, test_caller, text, with};
use crate::wait::until_views;

const CODE: &str = "story";

/// What every rulebook of a story begins with.
const HEAD: &str = "rulebook = 1\ncontract = \"story\"\ntitle = \"A story\"\ncurrency = \"GBP\"\n\
    applies_by = \"achieved\"\n";
const CALENDAR: &str = "[calendar]\nzone = \"Europe/London\"\nworking_days = \"england-and-wales\"\n\
    financial_year = \"04-01\"\n[codes]\nareas = [\"north\"]\ndefect_codes = [\"wrong_period\"]\n";

/// A scenario as far as it has been run.
struct Scenario<'a> {
    app: &'a TestApp,
    today: String,
    /// The rulebooks by their versions.
    rulebooks: BTreeMap<String, String>,
    cases: BTreeMap<String, Case>,
    batches: BTreeMap<String, String>,
    /// How many rulebooks were published.
    published: i64,
}

#[derive(Default)]
struct Case {
    journey: String,
    subject: String,
    /// The events of the case by the words that name them.
    events: BTreeMap<String, String>,
    spell: String,
}

/// A claim as a list shows it.
struct Listed {
    id: String,
    case: String,
    outcome: String,
    status: String,
    amount: String,
    rest: String,
}

fn who(login: &str) -> Principal {
    let role = match login {
        "manager" => Role::Manager,
        "commissioner" => Role::Commissioner,
        "administrator" => Role::Administrator,
        other => panic!("nobody is called {other}"),
    };
    test_caller(role, login, &[CODE])
}

impl Scenario<'_> {
    /// A mutation by somebody; what comes of it, line by line.
    async fn sends(&self, login: &str, mutation: &str, input: Value) -> (Value, Vec<String>) {
        let payload = self.app.tell(&who(login), mutation, input).await;
        let problems = payload["problems"].as_array().expect("problems");
        let mut lines: Vec<String> =
            problems.iter().map(|one| format!("{} {}", text(&one["severity"]), text(&one["code"]))).collect();
        if !payload["position"].is_null() {
            lines.push("recorded".to_owned());
        }
        (payload, lines)
    }

    async fn of_case(&mut self, login: &str, mutation: &str, case: &str, name: &str, input: Value) -> Vec<String> {
        let input = with(json!({ "journey": self.cases[case].journey, "occurredOn": self.today }), input);
        let (payload, lines) = self.sends(login, mutation, input).await;
        let event = payload["events"][0]["id"].as_str().map(str::to_owned);
        let of = self.cases.get_mut(case).expect("a case of the story");
        of.events.extend(event.map(|event| (name.to_owned(), event)));
        lines
    }

    async fn contract(&self, login: &str, fields: &str) -> Value {
        let document = format!("{{ contract(code: \"{CODE}\") {{ {fields} }} }}");
        self.app.ask(&who(login), &document, json!({})).await["contract"].clone()
    }

    fn case_of(&self, journey: &Value) -> String {
        let found = self.cases.iter().find(|(_, case)| json!(case.journey) == *journey);
        found.map_or_else(String::new, |(name, _)| name.clone())
    }

    /// Every claim that has begun, by case and outcome.
    async fn claims(&self, login: &str) -> Vec<Listed> {
        let fields = "claims(first: 200) { nodes { id journeyId outcome status amount { amount } earliestOn \
            untilPayable { reason waitsFor missing } } }";
        let read = self.contract(login, fields).await;
        let nodes = read["claims"]["nodes"].as_array().expect("nodes");
        let named = |id: &Value| {
            let node = nodes.iter().find(|node| node["id"] == *id).expect("it waits for a claim of the contract");
            format!("{} {}", self.case_of(&node["journeyId"]), text(&node["outcome"]))
        };
        let mut listed: Vec<Listed> = nodes
            .iter()
            .map(|node| {
                let until = &node["untilPayable"];
                let reason = until["reason"].as_str().map(|reason| format!(" {reason}"));
                let waits = (!until["waitsFor"].is_null()).then(|| format!(" waits for {}", named(&until["waitsFor"])));
                let earliest = node["earliestOn"].as_str().map(|on| format!(" {on}"));
                Listed {
                    id: text(&node["id"]),
                    case: self.case_of(&node["journeyId"]),
                    outcome: text(&node["outcome"]),
                    status: text(&node["status"]),
                    amount: node["amount"]["amount"].as_str().unwrap_or("-").to_owned(),
                    rest: [earliest, reason, waits].into_iter().flatten().collect(),
                }
            })
            .collect();
        listed.retain(|claim| claim.status != "NOT_STARTED");
        listed.sort_by(|one, other| (&one.case, &one.outcome).cmp(&(&other.case, &other.outcome)));
        listed
    }

    /// The claims that words such as `A/plan` name.
    async fn named_claims(&self, words: &[&str]) -> Vec<String> {
        let claims = self.claims("manager").await;
        let id = |word: &&str| {
            let (case, outcome) = word.split_once('/').expect("a case and an outcome");
            let found = claims.iter().find(|claim| claim.case == case && claim.outcome == outcome);
            found.unwrap_or_else(|| panic!("no claim {word}")).id.clone()
        };
        words.iter().map(id).collect()
    }

    async fn proposals(&self, login: &str) -> (Vec<Value>, Vec<Value>) {
        let fields = "proposedAdjustments { claim ofBatch kind reason amount { amount } } \
            proposedWithdrawals { claim ofBatch reason amount { amount } }";
        let read = self.contract(login, fields).await;
        let list = |name: &str| read[name].as_array().expect("a list").clone();
        (list("proposedAdjustments"), list("proposedWithdrawals"))
    }

    async fn sees_proposals(&self, login: &str) -> Vec<String> {
        let all = self.contract("manager", "claims(first: 200) { nodes { id journeyId outcome } }").await;
        let name = |id: &Value| {
            let node = all["claims"]["nodes"].as_array().expect("nodes").iter().find(|node| node["id"] == *id);
            let node = node.expect("a claim of the contract");
            format!("{} {}", self.case_of(&node["journeyId"]), text(&node["outcome"]))
        };
        let (adjustments, withdrawals) = self.proposals(login).await;
        let adjusts = |of: &Value| {
            let amount = text(&of["amount"]["amount"]);
            format!("{} {amount} as {} because {}", name(&of["claim"]), text(&of["kind"]), text(&of["reason"]))
        };
        let withdraws = |of: &Value| format!("withdraw {} because {}", name(&of["claim"]), text(&of["reason"]));
        let mut lines: Vec<String> = adjustments.iter().map(adjusts).chain(withdrawals.iter().map(withdraws)).collect();
        lines.sort();
        lines
    }

    async fn does(&mut self, login: &str, words: &[&str]) -> Vec<String> {
        match words {
            ["receives", case] => {
                let input = json!({ "contract": CODE, "area": "north", "occurredOn": self.today });
                let (payload, lines) = self.sends(login, "receiveReferral", input).await;
                let journey = text(&payload["journey"]["id"]);
                let document = "query($id: UUID!) { journey(id: $id) { subject { id } } }";
                let subject = self.app.ask(&who(login), document, json!({ "id": journey })).await;
                let subject = text(&subject["journey"]["subject"]["id"]);
                self.cases.insert((*case).to_owned(), Case { journey, subject, ..Case::default() });
                lines
            }
            ["agrees", "a", "plan", "with", case] => {
                self.of_case(login, "agreePlan", case, "plan", json!({ "kind": "php" })).await
            }
            ["records", code, "of", case] => {
                self.of_case(login, "recordAchievement", case, code, json!({ "code": code })).await
            }
            ["starts", "a", "job", "with", case] => {
                let spell = crate::app::new_id();
                let input = json!({ "spell": spell, "domain": "employment" });
                self.cases.get_mut(*case).expect("a case of the story").spell = spell;
                self.of_case(login, "startSpell", case, "job", input).await
            }
            ["ends", "the", "job", "of", case] => {
                let input = json!({ "spell": self.cases[*case].spell });
                self.of_case(login, "endSpell", case, "end", input).await
            }
            ["retracts", "the", name, "of", case] => {
                let target = self.cases[*case].events[*name].clone();
                let (journey, reason) = (self.cases[*case].journey.clone(), "recorded in error");
                self.sends(login, "retractFact", json!({ "journey": journey, "targets": [target], "reason": reason }))
                    .await
                    .1
            }
            ["links", one, "and", other] => {
                let (subject, with) = (self.cases[*one].subject.clone(), self.cases[*other].subject.clone());
                let input =
                    json!({ "subject": subject, "with": with, "reason": "one person", "occurredOn": self.today });
                self.sends(login, "linkSubjects", input).await.1
            }
            ["publishes", "rulebook", version] => {
                let input = json!({ "contract": CODE, "rulebook": self.rulebooks[*version] });
                let lines = self.sends(login, "publishRulebook", input).await.1;
                // A view that applies it is built, and switched to.
                self.published += 1;
                let is_live = async || {
                    let read = self.contract(login, "rulebooks { totalCount }").await;
                    read["rulebooks"]["totalCount"] == self.published
                };
                until_views(&self.app.fresh.views, "the rulebook is applied", is_live).await;
                lines
            }
            _ => self.with_batches(login, words).await,
        }
    }

    /// What is done with batches.
    async fn with_batches(&mut self, login: &str, words: &[&str]) -> Vec<String> {
        let on = json!({ "occurredOn": self.today });
        let batch = |name: &str| json!({ "batch": self.batches[name], "occurredOn": self.today });
        match words {
            ["opens", "batch", name] => {
                let (payload, lines) = self.sends(login, "openBatch", with(json!({ "contract": CODE }), on)).await;
                self.batches.insert((*name).to_owned(), text(&payload["batch"]["id"]));
                lines
            }
            ["submits", claims @ .., "in", name] => {
                let input = with(batch(name), json!({ "claims": self.named_claims(claims).await }));
                self.sends(login, "submitBatch", input).await.1
            }
            ["accepts", claims @ .., "in", name] => {
                let input = json!({ "claims": self.named_claims(claims).await, "decision": "ACCEPT" });
                self.sends(login, "decideClaim", with(batch(name), input)).await.1
            }
            ["rejects", claims @ .., "in", name] => {
                let decision = json!({ "decision": "REJECT", "defectCode": "wrong_period" });
                let input = with(json!({ "claims": self.named_claims(claims).await }), decision);
                self.sends(login, "decideClaim", with(batch(name), input)).await.1
            }
            ["withdraws", claims @ .., "in", name] => {
                let input = json!({ "claims": self.named_claims(claims).await, "reason": "as proposed" });
                self.sends(login, "withdrawClaim", with(batch(name), input)).await.1
            }
            ["pays", name] => {
                let input = self.outstanding(name).await;
                self.sends(login, "recordPayment", with(batch(name), input)).await.1
            }
            ["raises", "what", "is", "proposed", "in", name] => {
                let mut lines = Vec::new();
                for of in self.proposals(login).await.0 {
                    let input = json!({
                        "claim": of["claim"], "ofBatch": of["ofBatch"], "kind": of["kind"],
                        "amount": of["amount"]["amount"], "reason": "as proposed",
                    });
                    lines.extend(self.sends(login, "raiseAdjustment", with(batch(name), input)).await.1);
                }
                lines
            }
            _ => panic!("no verb for {words:?}"),
        }
    }

    /// What is to be paid for a batch: its lines, and its adjustments.
    async fn outstanding(&self, name: &str) -> Value {
        let fields = "batches(first: 20) { nodes { id lines(first: 50) { nodes { claim outstanding { amount } } } \
            adjustments { id settled { on } } } }";
        let read = self.contract("manager", fields).await;
        let nodes = read["batches"]["nodes"].as_array().expect("nodes");
        let batch = nodes.iter().find(|node| node["id"] == json!(self.batches[name])).expect("the batch");
        let lines = batch["lines"]["nodes"].as_array().expect("lines").iter();
        let due = lines.filter(|line| line["outstanding"]["amount"] != "0.00");
        let amounts: Vec<Value> =
            due.map(|line| json!({ "claim": line["claim"], "amount": line["outstanding"]["amount"] })).collect();
        let adjustments = batch["adjustments"].as_array().expect("adjustments").iter();
        let adjustments: Vec<&Value> = adjustments.filter(|of| of["settled"].is_null()).map(|of| &of["id"]).collect();
        json!({ "amounts": amounts, "adjustments": adjustments, "reference": format!("R-{name}") })
    }

    async fn sees(&self, login: &str, words: &[&str]) -> Vec<String> {
        match words {
            ["the", "claims"] => {
                let shown = |of: &Listed| format!("{} {} {} {}{}", of.case, of.outcome, of.status, of.amount, of.rest);
                self.claims(login).await.iter().map(shown).collect()
            }
            ["the", "proposals"] => self.sees_proposals(login).await,
            ["batch", name] => {
                let fields = "batches(first: 20) { nodes { id state due { amount } received { amount } } }";
                let read = self.contract(login, fields).await;
                let nodes = read["batches"]["nodes"].as_array().expect("nodes");
                let batch = nodes.iter().find(|node| node["id"] == json!(self.batches[*name])).expect("the batch");
                let (due, received) = (text(&batch["due"]["amount"]), text(&batch["received"]["amount"]));
                vec![format!("{} due {due} received {received}", text(&batch["state"]))]
            }
            ["what", "rulebook", version, "would", "move"] => {
                let document = "query($of: String!, $draft: String!) { previewRulebook(contract: $of, rulebook: $draft) \
                    { gained lost changed moneyDelta { amount } } }";
                let variables = json!({ "of": CODE, "draft": self.rulebooks[*version] });
                let found = self.app.ask(&who(login), document, variables).await["previewRulebook"].clone();
                let (gained, lost, changed) = (&found["gained"], &found["lost"], &found["changed"]);
                vec![format!(
                    "{gained} gained, {lost} lost, {changed} changed, {}",
                    text(&found["moneyDelta"]["amount"])
                )]
            }
            _ => panic!("nothing to look at for {words:?}"),
        }
    }

    /// A rulebook's heading: its version, from when it is in force, and whether it reaches back.
    fn rulebook(&mut self, words: &[&str], outcomes: &[&str]) {
        let [version, "from", from, rest @ ..] = words else { panic!("no rulebook begins with {words:?}") };
        let retroactive = rest == ["retroactive"];
        let outcomes = outcomes.iter().map(|line| line.trim()).collect::<Vec<_>>().join("\n");
        let own = format!("version = \"{version}\"\neffective_from = {from}\nretroactive = {retroactive}\n");
        self.rulebooks.insert((*version).to_owned(), format!("{HEAD}{own}{CALENDAR}{outcomes}"));
    }
}

async fn run(app: &TestApp, name: &str, text: &str) {
    let mut story = Scenario {
        app,
        today: String::new(),
        rulebooks: BTreeMap::new(),
        cases: BTreeMap::new(),
        batches: BTreeMap::new(),
        published: 1,
    };
    for line in lines(text) {
        match line.words.as_slice() {
            ["rulebook", rest @ ..] => {
                story.rulebook(rest, &line.beneath);
                if story.rulebooks.len() == 1 {
                    let rulebook = story.rulebooks.values().next().expect("one");
                    let input = json!({ "code": CODE, "name": CODE, "startsOn": "2021-01-01", "rulebook": rulebook });
                    app.done(&who("administrator"), "openContract", input).await;
                }
            }
            [day, login, rest @ ..] => {
                (*day).clone_into(&mut story.today);
                app.it_is(&format!("{day}T10:00:00Z"));
                let found = match rest {
                    ["looks", "at", rest @ ..] => story.sees(login, rest).await,
                    rest => story.does(login, rest).await,
                };
                let expected = line.expected();
                let is_plainly_done = expected.is_empty() && found.iter().all(|line| line == "recorded");
                assert!(is_plainly_done || found == expected, "{name}: {}\nfound {found:#?}", line.text);
            }
            other => panic!("{name}: cannot read {other:?}"),
        }
    }
}

#[tokio::test]
async fn every_batch_scenario_gives_the_expected_lines() {
    for (name, text) in texts("batches") {
        from_the_instant("2021-01-04T08:00:00Z", async |app| run(app, &name, &text).await).await;
    }
}

//! The page of measures, `docs/measures.md`: what each number counts, and by which formula.
//!
//! Pure. The page is generated from the list of measures and from the packs that ship.

use std::fmt::Write as _;

use super::measure::{FactKind, Formula, Measure, measures, of_workforce};
use crate::contract::Rulebook;
use crate::contract::rulebook::CaseloadTerms;
use crate::contract::rulebook::packs::packs;

const INTRODUCTION: &str = "\
# Measures

Every number of a board, a chart or a report is a measure. This page says what each measure counts, and by which
formula. The program writes it from the list that it computes by: `throughline rulebook measures`.

## What a measure is

A measure has a code, a title, a sentence that says what it counts, a unit, a number of decimal places and a formula.
It counts facts, adds up what was recorded, makes one number of the values of cases, or divides one measure by another.
There are three sources of measures:

- The program has measures for every kind of fact. They are the same in every contract.
- The stages, standards and outcomes of a rulebook make measures.
- A rulebook puts further measures together in `[[measure]]`: see [the rulebook](rulebook.md).

Each code is used once. If two of these would have one code, the stage has it, then the measure of the rulebook, then
the standard, then the outcome. The measure `achieved:` with the code of an outcome always counts that outcome.

## Which period a fact counts in

A fact counts in the period of the day on which it occurred, however late it was recorded. A fact that a case has once,
such as a stage, an outcome or an exit, counts on the day of the first one only. A later one does not count again.

Counts and sums of months add up to those of a quarter or a year. The caseload, full-time equivalents and ratios do
not: the ratio of a quarter is computed from the counts of the quarter. It is not the mean of three months.

The members of a figure are what it is made of: the facts that are counted or added up, and for the caseload and the
values of cases the cases. There are as many members as the figure counts, and the quantities of the members of a sum
add up to it. A ratio has the members of the measure above and of the measure below, and a share the cases in the band
and all cases that have a value.

## The states of a figure

| state | meaning |
| --- | --- |
| value | It has a value. 0 is a value: the facts are supplied, and there were none. |
| provisional | It has a value that may still change, because its period is under way. |
| not applicable | There is nothing to give a value of: a ratio over 0, or no target. |
| no data | The facts are not supplied. This is not 0. |
| suppressed | It is hidden from this reader, because it counts from 1 to 4 people or cases. |

0 of 8 is 0 %. 0 of 0, or 5 of 0, has no value: never 0 % and never infinity.

Every value is exact until it is shown. Then it is rounded half-up, once: 5 of 8 is 62.5 %, and is shown as 63 %.
Comparisons, grades and levels use the exact value.
";

const KINDS: &str = "
## The kinds of facts

The word of a kind is the code of the measure that counts all its facts. With a colon and a code, it is the measure
that counts the facts with this code: `exits:moved_away`. Facts of the kinds `stages` and `achieved` are counted only
by code. Values that were recorded for cases are added up by code, under the code alone. Values that were recorded for
the contract as a whole are added up under `contract:` with the code. The measure `contacts` counts contacts made in any
way.

";

const FORMULAS: &str = "
## The formulas

### `count`

The number of facts of some kinds that are dated in the period, all of them or those with one of some codes.

    count = { facts = [\"starts\"], codes = [\"employment\"] }

Ana starts a job on 2 May and another on 20 May. Ben starts one on 31 May, and Carl on 1 June. For May the value is 3:
two starts of Ana and one of Ben. A stage that a job reaches counts cases, each once. Its value for May is 2.

### `sum`

The sum of the quantities of such facts: values that were recorded for cases, or scores of assessments.

    sum = { facts = [\"recorded\"], codes = [\"anc_visits\"] }

The values 12, 7 and 30 are dated in May, and 5 in June. For May the value is 12 + 7 + 30 = 49.

### `of_contract`

The sum of the values that were recorded for the contract as a whole. With `take`, their mean or the last of them.

    of_contract = \"spend\"

1,200.50 is recorded for May, then another 300 for May. For May the value is 1,500.50. With `take = \"mean\"` it is
750.25, and with `take = \"last\"` it is 300.

### `of_cases`

One number of the values of cases. A case has one of three values. It counts in the group of the fact that gives it its
value: the first fact from which days are counted, and otherwise the last one of the period.

- `days`: the days from its first fact of some kinds in the period to its first of others on that day or later, until
  the as-of date. If there are only earlier ones, it is 0 days. Days between dates of which one is known only by its
  month or year are in no such number.
- `values`: what was recorded for it in the period. `each` says which of several values of one case.
- `quotient`: the number of some of its facts in the period over the number of others, in percent.

The number is their mean, median, percentile, lowest, highest or sum. A median or percentile between two values is
interpolated.

    of_cases = { days = { from = { facts = [\"stages\"], codes = [\"referral\"] }, to = { facts = [\"plans\"] } }, take = \"median\" }

4 clients are referred in May. Their plans are agreed 2, 4 and 9 days later, and the fourth has none yet. For May the
median is 4 and the mean (2 + 4 + 9) ÷ 3 = 5. The 90th percentile is 4 + 0.8 × (9 - 4) = 8. If nobody had a plan, it
would be not applicable; if no value was recorded for any case, there is no data.

### `share`

The cases whose value is in a band, as a share of the cases that have a value. The values are those of `of_cases`.

    share = { days = { from = { facts = [\"stages\"], codes = [\"referral\"] }, to = { facts = [\"plans\"] } }, at_most = 7 }

Of the 4 clients above, 3 have a plan, 2 of them within 7 days. For May the value is 2 ÷ 3 = 67 %. A plan that is known
only by its month is within 7 days if it is so on each possible day; if not, the case is only among those below.

### `ratio`

One measure divided by another. Both are measures of the same rulebook, and neither is a ratio.

    ratio = { of = \"job_started\", over = \"wte\", percent = false }

12 cases start a job, and there are 2.5 full-time equivalents. The value is 12 ÷ 2.5 = 4.8.

The basis says which facts of the measure above count.

- `period`: those dated in the period, as below.
- `cohort`: those of the cases that are counted below, until the as-of date. Both measures count cases.

    ratio = { of = \"php_complete\", over = \"referral\", basis = \"cohort\" }

10 clients are referred in May. 3 of them have a plan in May, 1 in June. 2 clients who were referred in April also get
their plan in May. On 30 June the value for May is 4 ÷ 10 = 40 % with the basis `cohort`, and (3 + 2) ÷ 10 = 50 % with
the basis `period`.

### `caseload`

The number of cases that are accepted and not closed at the end of the period.

3 cases were accepted before May. One of them is closed on 10 May. 2 cases are accepted on 12 May. For May the value is
3 - 1 + 2 = 4.

### `caseload_throughout`

The number of cases that were on the caseload on every day of the period, up to the as-of date. A change of keyworker
does not matter. A case that is closed and reopened in the period does not count, unless both are on one day.

3 cases were accepted before May. One of them is closed on 10 May. 2 cases are accepted on 12 May. For May the value is
2.

### `tasks_due`, `tasks_overdue`, `overdue`, `awaiting_plan`

Tasks are counted as due by their due date: those due in the period, by the end of the as-of date. A task that was
cancelled, or whose case ended, by its due date was not due. What is overdue is counted at the end of the period: tasks
that are open, and obligations that are not met, whose due date is past. A case awaits a plan if it is on the caseload
at the end of the period and has no plan of the kind that `[referral_to_plan]` names. Without that section there is no
data.

Three tasks are due on 10, 20 and 30 May. The first is done on 12 May, the second in June, the third is cancelled on
25 May. For May, 2 tasks were due, and at its end 1 is overdue.

### `conversion`

For each stage of the funnel but the first, `conversion:` with the code of the stage is the share of the cases that
reached the stage before it in the period and also reached this one, by the as-of date. `conversion_in_period:` divides
the two counts of the period.

### `wte`

The number of full-time equivalents of the contract's workers, as the mean over the days of the period.

In April, one worker has 1.0 on all 30 days. Another has 0.5 from 16 April on, which is 15 days. The value is
(30 × 1.0 + 15 × 0.5) ÷ 30 = 1.25, shown with one decimal place as 1.3.
";

const WORKFORCE: &str = "
### `supervision`

The mean of the scores that workers got in the period with one instrument, as assessments of the workers themselves.

    supervision = \"therapist_adherence\"

In May, one worker scored 0.6 and another 0.7. For May the value is 0.65.

## The workforce

These measures are the same in every contract. Only a rulebook with `caseload.seen_every_days` has the measures
`seen_in_time` and `seen_as_required`. They count the workers and teams of the contract: those who have held a case of
it, and those who have held none anywhere. Of service areas, cohorts and referrers only those about cases have values.

Each worker has slots on a day: the cases for each full-time post, multiplied by their full-time equivalent. The cases
for each full-time post are those that were set for the worker, or else the highest of those that were set for their
teams. On a day of absence the worker has no slots, and is still in post.

In April, Ana is full-time and may hold 4 cases. She is absent on 15 of the 30 days. Her slots in post are 4, and her
slots (15 × 4 + 15 × 0) ÷ 30 = 2. She holds 2 cases on all 30 days. Her utilisation is 2 ÷ 2 = 100 %.

Ben leaves on 11 April. His post is vacant until 21 April, which is 10 days. Ana covers for him from 16 April. 5 days are
void, and the vacancies of April are 10 ÷ 30 = 0.3. A cover of a worker who will be back fills no vacant post.

";

/// The page as Markdown, as `docs/measures.md` holds it.
pub fn markdown() -> String {
    let mut text = INTRODUCTION.to_owned();
    write_kinds(&mut text).expect("writing to a String cannot fail");
    text.push_str(FORMULAS);
    write_workforce(&mut text).expect("writing to a String cannot fail");
    for pack in packs() {
        let rulebook = Rulebook::parse(pack.text).expect("a pack that ships has no faults");
        write_pack(pack.code, &rulebook, &mut text).expect("writing to a String cannot fail");
    }
    text
}

/// The kinds of facts that the program has.
fn write_kinds(text: &mut String) -> std::fmt::Result {
    text.push_str(KINDS);
    writeln!(text, "| word | what it counts | unit | codes |\n| --- | --- | --- | --- |")?;
    for kind in FactKind::ALL {
        let (word, unit, codes) = (kind.as_str(), kind.unit().as_str(), codes(kind));
        writeln!(text, "| `{word}` | {} | {unit} | {codes} |", kind.meaning())?;
    }
    Ok(())
}

/// The measures of the workforce, under a rulebook that has all of them.
fn write_workforce(text: &mut String) -> std::fmt::Result {
    text.push_str(WORKFORCE);
    writeln!(text, "| code | unit | formula | what it counts |\n| --- | --- | --- | --- |")?;
    let terms = CaseloadTerms { seen_every_days: Some(28), ..CaseloadTerms::default() };
    for Measure { code, unit, formula, prose, .. } in of_workforce(&terms) {
        writeln!(text, "| `{code}` | {} | {formula} | {prose} |", unit.as_str())?;
    }
    Ok(())
}

/// Where the codes of a kind of fact are from.
fn codes(kind: FactKind) -> String {
    let words = match kind {
        FactKind::Stages => "the stages",
        FactKind::Achieved => "the outcomes of one case",
        FactKind::Due | FactKind::InTime => "the standards",
        FactKind::SessionsOffered | FactKind::SessionsAttended => "`group`, `single`",
        FactKind::Withdrawn => "none",
        _ => return kind.codes().map_or_else(|| "any".to_owned(), |list| format!("`codes.{}`", list.key())),
    };
    words.to_owned()
}

/// The measures that follow from a rulebook.
fn write_pack(code: &str, rulebook: &Rulebook, text: &mut String) -> std::fmt::Result {
    let version = &rulebook.version;
    writeln!(text, "\n## The measures of the rulebook `{code}`, version {version}\n")?;
    writeln!(text, "| code | title | formula | what it counts |\n| --- | --- | --- | --- |")?;
    for measure in measures(rulebook).iter().filter(|measure| is_of_rulebook(measure)) {
        let Measure { code, title, formula, prose, .. } = measure;
        writeln!(text, "| `{code}` | {title} | {formula} | {prose} |")?;
    }
    Ok(())
}

/// Whether a measure follows from a stage, measure, standard or outcome of the rulebook.
fn is_of_rulebook(measure: &Measure) -> bool {
    let is_outcome = matches!(&measure.formula, Formula::Count(facts) if facts.kinds == [FactKind::Achieved]);
    measure.version.is_some() || is_outcome
}

//! Texts about people in commands: notes and identities, clear and sealed.

use serde_json::json;

use super::*;
use crate::command::{PatchFact, PatchedDate};
use crate::fact::envelope::EventId;
use crate::fact::event::{EventType, IdentitySealed, Patched};
use crate::fact::identity::Part;
use crate::fact::sealed::{Class, KeyVersion, PersonalText, Sealed};
use crate::people::subject::Subject;
use crate::world::{World, fact_of};

fn noted(words: &str) -> ContactLogged {
    ContactLogged { note: Some(PersonalText::special(words.to_owned())), ..contact() }
}

/// A text that was sealed for the n-th event.
fn sealed(n: u128) -> PersonalText {
    PersonalText::Sealed(Box::new(Sealed {
        event: nth(n),
        field: "note".to_owned(),
        subject: SUBJECT,
        class: Class::Special,
        key: KeyVersion(1),
        sealed: "AAAA".to_owned(),
        commitment: "00".to_owned(),
    }))
}

/// An accepted case with this contact as its third event, as the log has it.
fn holding(contact: ContactLogged) -> World {
    let mut story = accepted();
    story.record(when("2018-02-10"), contact.into());
    story
}

fn patch(target: EventId, payload: serde_json::Value) -> Command {
    let serde_json::Value::Object(payload) = payload else { panic!("an object") };
    Command::PatchFact(PatchFact {
        stream: StreamId::journey(JOURNEY),
        target,
        occurred: PatchedDate::default(),
        of: Some(EventType::ContactLogged),
        payload,
        reason: "typed wrongly".to_owned(),
    })
}

#[test]
fn a_sealed_text_is_kept_by_a_correction_and_never_recorded_anew() {
    let stolen = ContactLogged { note: Some(sealed(9)), ..contact() };
    let refusal = accepted().when(state("2018-02-10", stolen.clone())).refused(Code::InvalidValue);
    assert_eq!(refusal.path, Some("note".into()));
    let story = || holding(ContactLogged { note: Some(sealed(3)), ..contact() });
    let kept = ContactLogged { note: Some(sealed(3)), minutes: Some(40), ..contact() };
    story().when(correct(3, "2018-02-10", kept.clone())).accepted();
    story().when(correct(3, "2018-02-10", stolen)).refused(Code::InvalidValue);
    let corrected = story().and(&patch(nth(3), json!({ "minutes": 40 })));
    assert_eq!(corrected.case().fact(nth(3)).expect("it is recorded").event, &kept.into());
}

#[test]
fn a_clear_text_of_a_patch_replaces_the_sealed_one_as_a_whole() {
    let story = holding(ContactLogged { note: Some(sealed(3)), ..contact() });
    let note = serde_json::to_value(PersonalText::special("anew".to_owned())).expect("JSON");
    let command = patch(nth(3), json!({ "note": note }));
    assert_eq!(command.personal_classes(), [Class::Special].into());
    let story = story.and(&command);
    assert_eq!(story.case().fact(nth(3)).expect("it is recorded").event, &noted("anew").into());
    let cleared = story.and(&patch(nth(3), json!({ "note": null })));
    assert_eq!(cleared.case().fact(nth(3)).expect("it is recorded").event, &contact().into());
}

#[test]
fn the_same_contact_with_another_note_is_taken_for_a_repetition() {
    let story = accepted().and(&state("2018-02-10", noted("one")));
    story.when(state("2018-02-10", noted("two"))).refused(Code::RecordedAlready);
}

#[test]
fn a_note_has_lines_and_an_end() {
    accepted().when(state("2018-02-10", noted("one\n\ttwo\n\nthree"))).accepted();
    for (words, code) in
        [(" \n", Code::MissingValue), ("a\u{202e}b", Code::InvalidValue), (&*"x".repeat(10_001), Code::InputTooLong)]
    {
        let refusal = accepted().when(state("2018-02-10", noted(words))).refused(code);
        assert_eq!(refusal.path, Some("note".into()));
    }
    let many = vec![PersonalText::special("ring the landlord".to_owned()); 51];
    accepted().when(state("2018-02-10", PlanAgreed { actions: many, ..plan() })).refused(Code::InputTooLong);
}

#[test]
fn a_text_has_the_class_of_its_field() {
    let note = Some(PersonalText::identity("one".to_owned()));
    let refusal = accepted().when(state("2018-02-10", ContactLogged { note, ..contact() })).refused(Code::InvalidValue);
    assert_eq!(refusal.path, Some("note".into()));
    let world = crate::world::service().and(&fact_of(
        StreamId::subject(SUBJECT),
        "2018-02-01",
        IdentitySealed {
            needs: Patched::Becomes(PersonalText::special(r#"["B"]"#.to_owned())),
            ..IdentitySealed::default()
        },
    ));
    let email = Patched::Becomes(PersonalText::special("a@example.org".to_owned()));
    let email = IdentitySealed { email, ..IdentitySealed::default() };
    world.when(fact_of(StreamId::subject(SUBJECT), "2018-02-02", email)).refused(Code::InvalidValue);
}

#[test]
fn contact_details_have_an_end_and_only_characters_that_can_be_shown() {
    let email = |words: &str| {
        let email = Patched::Becomes(PersonalText::identity(words.to_owned()));
        fact_of(StreamId::subject(SUBJECT), "2018-02-02", IdentitySealed { email, ..IdentitySealed::default() })
    };
    crate::world::service().when(email("a@example.org")).accepted();
    crate::world::service().when(email(&format!("{}@example.org", "a".repeat(1_000)))).refused(Code::InputTooLong);
    crate::world::service().when(email("a\u{202e}b@example.org")).refused(Code::InvalidValue);
}

#[test]
fn no_attribute_is_taken_for_a_text_to_seal() {
    let attributes = ["clear_text", "class"].map(|name| (name.to_owned(), Attribute::Text("special".to_owned())));
    let start = SpellStarted { attributes: attributes.into(), ..home(HOME) };
    accepted().when(state("2018-02-10", start)).refused(Code::InvalidValue);
}

#[test]
fn a_command_names_the_classes_of_its_texts() {
    let classes = |command: Command| command.personal_classes();
    assert_eq!(classes(state("2018-02-10", contact())), [].into());
    assert_eq!(classes(state("2018-02-10", noted("one"))), [Class::Special].into());
    assert_eq!(classes(correct(3, "2018-02-10", noted("one"))), [Class::Special].into());
    let identity = IdentitySealed {
        names: Patched::Becomes(PersonalText::identity(r#"{"given":"A"}"#.to_owned())),
        needs: Patched::Becomes(PersonalText::special(r#"["B"]"#.to_owned())),
        ..IdentitySealed::default()
    };
    let command = fact_of(StreamId::subject(SUBJECT), "2018-02-10", identity);
    assert_eq!(classes(command), Class::ALL.into());
}

#[test]
fn parts_of_an_identity_are_replaced_and_cleared_one_by_one() {
    let subject = StreamId::subject(SUBJECT);
    let text = |words: &str| Patched::Becomes(PersonalText::identity(words.to_owned()));
    let first = IdentitySealed { email: text("a@example.org"), telephone: text("07700 900123"), ..Default::default() };
    let then = IdentitySealed { email: text("b@example.org"), telephone: Patched::Cleared, ..Default::default() };
    let world =
        crate::world::service().and(&fact_of(subject, "2018-02-01", first)).and(&fact_of(subject, "2018-02-10", then));
    let known = |on: &str| {
        let identity = Subject::fold(&world.history(subject).facts_as_of(day(on))).identity;
        let clear = |part| Some(identity.part(part)?.details.clear()?.text().to_owned());
        (clear(Part::Email), clear(Part::Telephone))
    };
    let some = |words: &str| Some(words.to_owned());
    assert_eq!(known("2018-02-09"), (some("a@example.org"), some("07700 900123")));
    assert_eq!(known("2018-02-10"), (some("b@example.org"), None));
    world.when(fact_of(subject, "2018-02-11", IdentitySealed::default())).refused(Code::MissingValue);
    let stranger = StreamId::subject(STRANGER);
    let email = IdentitySealed { email: text("a@example.org"), ..Default::default() };
    world.when(fact_of(stranger, "2018-02-11", email)).refused(Code::SubjectNotFound);
}

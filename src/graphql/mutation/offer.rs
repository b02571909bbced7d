//! Mutations of the referral inbox. A refusal is data: of two decisions at the same time, one is refused.

use super::input::convert::Conversion;
use super::input::offer::{
    AcceptOfferInput, DeclineOfferInput, LinkOfferInput, OfferReferralInput, WithdrawOfferInput,
};
use super::mutations::mutations;
use super::payload::OfferPayload;
use super::{Answered, answered, record};
use crate::graphql::context::RequestContext as _;
use throughline_domain::command::Command;
use throughline_domain::command::offers::{OfferAct, OfferCommand};
use throughline_domain::fact::envelope::OfferId;
use throughline_domain::fact::event::{OfferDeclined, OfferWithdrawn};

/// The mutations of the referral inbox.
#[derive(Default)]
pub(super) struct OfferMutations;

/// Records a decision on an offered referral.
macro_rules! decide {
    ($ctx:expr, $input:expr, |$conversion:ident| $act:expr) => {{
        let offer = OfferId($input.offer.0);
        answered(async {
            let mut $conversion = Conversion::default();
            let when = $input.when.read(&mut $conversion);
            let command = Command::Offer(OfferCommand { offer, when, act: $act });
            let outcome = record($ctx, $input.stamp, $conversion, command).await?;
            OfferPayload::of($ctx, offer, outcome).await
        })
        .await
    }};
}

mutations! {
    OfferMutations

    /// Offers a referral to a contract, or sends one again with changes. The same login, source and record are the same
    /// offered referral. What is unchanged records nothing. A change of one that was declined or withdrawn offers it
    /// again; a change of one that was accepted or linked is shown to the staff and does not change the case.
    offer_referral(ctx, input: OfferReferralInput) -> OfferPayload {
        answered(async {
            let (mut conversion, stamp) = (Conversion::default(), input.stamp.clone());
            let sent = input.read(&mut conversion);
            let principal = &ctx.caller().principal;
            let offer = sent.offer(principal);
            let outcome = record(ctx, stamp, conversion, sent.command(principal)).await?;
            OfferPayload::of(ctx, offer, outcome).await
        })
        .await
    }

    /// Accepts an offered referral. It opens a case by the same rules and with the same warnings as `receiveReferral`.
    accept_offer(ctx, input: AcceptOfferInput) -> OfferPayload {
        decide!(ctx, input, |conversion| OfferAct::Accept)
    }

    /// Links an offered referral to a person whom the service knows, which opens a case for them, or to a case that is
    /// open. The record of the offered person is linked with that of the known person; `unlinkSubjects` undoes that.
    link_offer(ctx, input: LinkOfferInput) -> OfferPayload {
        decide!(ctx, input, |conversion| OfferAct::Link(input.target(&mut conversion)))
    }

    /// Declines an offered referral.
    decline_offer(ctx, input: DeclineOfferInput) -> OfferPayload {
        decide!(ctx, input, |conversion| {
            OfferAct::Decline(OfferDeclined { reason: input.reason, remark: input.remark })
        })
    }

    /// Withdraws an offered referral that you sent, before it is decided.
    withdraw_offer(ctx, input: WithdrawOfferInput) -> OfferPayload {
        decide!(ctx, input, |conversion| OfferAct::Withdraw(OfferWithdrawn { reason: input.reason }))
    }
}

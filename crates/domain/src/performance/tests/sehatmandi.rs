//! Sehatmandi: prices of provinces from a tariff and a multiplier, and the league of provinces.
//!
//! What is printed of tariffs and multipliers is rounded: only a tariff with cents and a multiplier with four decimals
//! give every printed price.

use super::{count, fraction, rows};
use crate::contract::rulebook::Rulebook;
use crate::contract::rulebook::packs::pack;
use crate::performance::league::{Score, Scored, Side, standings};

const SERVICES: [&str; 6] = ["ANC", "PNC", "Del", "FP", "Penta3", "TT2"];

#[test]
fn a_price_is_the_tariff_times_the_multiplier_rounded_to_whole_units() {
    let table = rows(include_str!("../printed/sehatmandi_prices.csv"));
    let printed = |row: usize, service: &str| table[row][format!("{service}_printed").as_str()];
    assert_eq!((table[0]["province"], table[1]["province"]), ("_tariff_printed", "_tariff_reproducing"));
    let whole = |number: &str, times: &str| {
        let product = fraction(number).times(fraction(times)).expect("in range");
        product.rounded(0).expect("in range").to_string()
    };
    let mut otherwise = 0;
    for (at, row) in table.iter().enumerate().skip(2) {
        let multiplier = row["multiplier_reproducing"];
        let shown = fraction(multiplier).rounded(2).expect("in range").to_string();
        assert_eq!(shown, row["multiplier_printed"], "{row:?}");
        for service in SERVICES {
            let tariff = printed(1, service);
            assert_eq!(whole(tariff, "1"), printed(0, service), "{service}");
            assert_eq!(whole(tariff, multiplier), printed(at, service), "{service} in {row:?}");
            otherwise += usize::from(whole(printed(0, service), row["multiplier_printed"]) != printed(at, service));
        }
    }
    assert!(otherwise > 0, "the rounded numbers give other prices");
}

/// The outcomes of the pack that pay for these services.
const PAID: [&str; 6] = ["anc_paid", "pnc_paid", "delivery_paid", "fp_paid", "penta3_paid", "tt2_paid"];

fn sehatmandi() -> Rulebook {
    Rulebook::parse(pack("sehatmandi").expect("it ships").text).expect("a rulebook")
}

#[test]
fn the_pack_pays_every_printed_price() {
    let (table, rulebook) = (rows(include_str!("../printed/sehatmandi_prices.csv")), sehatmandi());
    let mut cells = 0;
    for row in table.iter().skip(2) {
        let area = row["province"].to_lowercase();
        for (service, outcome) in SERVICES.iter().zip(PAID) {
            let tariffs = &rulebook.outcome(outcome).expect("it is paid for").tariffs;
            let of_area: Vec<_> = tariffs.iter().filter(|tariff| tariff.area.as_deref() == Some(&area)).collect();
            let [tariff] = of_area.as_slice() else { panic!("{outcome} in {area}: {of_area:?}") };
            let price = tariff.unit_price(&rulebook.currency).map(|price| price.normalize().to_string());
            assert_eq!(price.as_deref(), Some(row[format!("{service}_printed").as_str()]), "{outcome} in {area}");
            cells += 1;
        }
    }
    assert_eq!(cells, 24);
}

/// Ten scores of which so many lie below and above the index: 1 below, 2 within, 3 above.
fn scores(below: u64, above: u64) -> Vec<Option<Score>> {
    let of = |points, side| move |_| Some(Score { points, side });
    let within = 10 - below - above;
    let low = (0..below).map(of(1, Side::Below));
    low.chain((0..within).map(of(2, Side::Within))).chain((0..above).map(of(3, Side::Above))).collect()
}

#[test]
fn the_totals_and_ranks_are_those_of_three_points_above_two_within_and_one_below() {
    let (table, rulebook) = (rows(include_str!("../printed/sehatmandi_league.csv")), sehatmandi());
    let indicators = rulebook.leagues[0].indicators().expect("a league by score");
    assert_eq!(indicators.len(), 10);
    let member = |row: &std::collections::BTreeMap<&str, &str>| Scored {
        name: row["province"].to_owned(),
        scores: scores(count(row["below_index"]), count(row["above_index"])),
    };
    let members: Vec<Scored> = table.iter().map(member).collect();
    let places = standings(indicators, &members);
    for place in &places {
        let row = &table[place.member];
        assert_eq!(place.rank.map(|rank| rank.to_string()).as_deref(), Some(row["rank_printed"]), "{row:?}");
        assert_eq!(place.total.map(|total| total.to_string()).as_deref(), Some(row["total_score"]), "{row:?}");
        assert_eq!(place.out_of, 30);
        assert_eq!((place.below as u64, place.above as u64), (count(row["below_index"]), count(row["above_index"])));
    }
    let tied = places.iter().filter(|place| place.rank == Some(10));
    let tied: Vec<&str> = tied.map(|place| members[place.member].name.as_str()).collect();
    let by_name = ["KAPISA - MoPH", "KUNAR - HNTPO", "LOGAR - CAF/OPHA", "PAKTYA - HEWAD/NAC", "SAR-E-PUL - SAF"];
    assert_eq!(tied, by_name, "in print, those of one rank are in another order");
}

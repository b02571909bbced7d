//! Sehatmandi: prices of provinces from a tariff and a multiplier, and the league of provinces.
//!
//! What is printed of tariffs and multipliers is rounded: only a tariff with cents and a multiplier with four decimals
//! give every printed price.

use super::{count, fraction, rows};
use crate::performance::ranking::ranked;

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

#[test]
fn provinces_with_the_same_score_share_a_rank_and_come_by_name() {
    let table = rows(include_str!("../printed/sehatmandi_league.csv"));
    let scores = table.iter().map(|row| (row["province"].to_owned(), Some(count(row["total_score"]).into())));
    let places = ranked(scores);
    for place in &places {
        let row = table.iter().find(|row| row["province"] == place.name).expect("the province is there");
        assert_eq!(place.rank.map(|rank| rank.to_string()).as_deref(), Some(row["rank_printed"]), "{}", place.name);
    }
    let tied: Vec<&str> =
        places.iter().filter(|place| place.rank == Some(10)).map(|place| place.name.as_str()).collect();
    let by_name = ["KAPISA - MoPH", "KUNAR - HNTPO", "LOGAR - CAF/OPHA", "PAKTYA - HEWAD/NAC", "SAR-E-PUL - SAF"];
    assert_eq!(tied, by_name, "in print, those of one rank are in another order");
}

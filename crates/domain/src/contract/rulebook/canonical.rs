//! RFC 8785 (JSON Canonicalization Scheme): one text for each JSON value, so that two parties with the same content
//! compute the same hash.
//!
//! It keeps every key and the order of every array.

use std::fmt::Write as _;

use aws_lc_rs::digest;
use serde_json::Value;

/// The canonical text of a JSON value: no white space, the keys of each object in the order of their UTF-16 code
/// units, numbers as ECMAScript writes an IEEE 754 double. A whole number beyond ±(2⁵³ − 1) would lose digits: pass
/// it as text.
pub fn json(value: &Value) -> String {
    let mut out = String::new();
    write_value(&mut out, value);
    out
}

/// SHA-256 of a text's UTF-8 bytes in lower-case hex.
pub fn sha256_hex(text: &str) -> String {
    let digest = digest::digest(&digest::SHA256, text.as_bytes());
    digest.as_ref().iter().fold(String::with_capacity(64), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("writing to a String cannot fail");
        hex
    })
}

fn write_value(out: &mut String, value: &Value) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
        Value::Number(number) => {
            let double = number.as_f64().expect("a JSON number is held as a number");
            write_number(out, double);
        }
        Value::String(text) => write_string(out, text),
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_value(out, item);
            }
            out.push(']');
        }
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
            out.push('{');
            for (index, (key, member)) in members.into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_string(out, key);
                out.push(':');
                write_value(out, member);
            }
            out.push('}');
        }
    }
}

fn write_string(out: &mut String, text: &str) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\u{c}' => out.push_str("\\f"),
            '\r' => out.push_str("\\r"),
            '\u{0}'..='\u{1f}' => {
                write!(out, "\\u{:04x}", u32::from(character)).expect("writing to a String cannot fail");
            }
            _ => out.push(character),
        }
    }
    out.push('"');
}

/// `Number::toString` of ECMAScript: the fewest digits that give the same double; plain from 1e-6 up to but not
/// including 1e21, else with an exponent.
fn write_number(out: &mut String, number: f64) {
    if number == 0.0 {
        out.push('0');
        return;
    }
    if number < 0.0 {
        out.push('-');
    }
    let shortest = format!("{:e}", number.abs());
    let (mantissa, exponent) = shortest.split_once('e').expect("the exponent form of a float has an e");
    let exponent: i32 = exponent.parse().expect("the exponent of a float is small");
    let digits = mantissa.replace('.', "");
    let point = exponent + 1;
    let whole = usize::try_from(point).unwrap_or(0);
    if (1..=21).contains(&point) && digits.len() <= whole {
        out.push_str(&digits);
        out.push_str(&"0".repeat(whole - digits.len()));
    } else if (1..=21).contains(&point) {
        let (before, after) = digits.split_at(whole);
        out.push_str(before);
        out.push('.');
        out.push_str(after);
    } else if (-5..=0).contains(&point) {
        out.push_str("0.");
        out.extend((point..0).map(|_| '0'));
        out.push_str(&digits);
    } else {
        let (first, rest) = digits.split_at(1);
        let dot = if rest.is_empty() { "" } else { "." };
        let sign = if exponent < 0 { '-' } else { '+' };
        write!(out, "{first}{dot}{rest}e{sign}{}", exponent.abs()).expect("writing to a String cannot fail");
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::sha256_hex;

    fn canonical(value: &Value) -> String {
        super::json(value)
    }

    #[test]
    fn keys_are_ordered_by_utf16_code_units_not_by_code_points() {
        // U+1F600 is two surrogates, the first D83D, so it comes before U+FB33.
        let value = json!({ "\u{fb33}": 1, "\u{1f600}": 2, "\u{20ac}": 3, "\r": 4, "1": 5, "\u{80}": 6, "": 7, "aa": 8, "a": 9 });
        assert_eq!(
            canonical(&value),
            "{\"\":7,\"\\r\":4,\"1\":5,\"a\":9,\"aa\":8,\"\u{80}\":6,\"\u{20ac}\":3,\"\u{1f600}\":2,\"\u{fb33}\":1}"
        );
    }

    #[test]
    fn strings_escape_only_what_they_must() {
        let value = json!("\u{0}\u{8}\t\n\u{b}\u{c}\r\u{1f}\"\\/\u{7f}\u{e9}\u{2028}\u{1f600}");
        assert_eq!(canonical(&value), "\"\\u0000\\b\\t\\n\\u000b\\f\\r\\u001f\\\"\\\\/\u{7f}\u{e9}\u{2028}\u{1f600}\"");
    }

    #[test]
    fn numbers_are_written_as_ecmascript_writes_them() {
        let cases = [
            (0x0000_0000_0000_0000_u64, "0"),
            (0x8000_0000_0000_0000, "0"),
            (0x0000_0000_0000_0001, "5e-324"),
            (0x8000_0000_0000_0001, "-5e-324"),
            (0x7fef_ffff_ffff_ffff, "1.7976931348623157e+308"),
            (0x4340_0000_0000_0000, "9007199254740992"),
            (0xc340_0000_0000_0000, "-9007199254740992"),
            (0x4430_0000_0000_0000, "295147905179352830000"),
            (0x44b5_2d02_c7e1_4af5, "9.999999999999997e+22"),
            (0x44b5_2d02_c7e1_4af6, "1e+23"),
            (0x444b_1ae4_d6e2_ef4e, "999999999999999700000"),
            (0x444b_1ae4_d6e2_ef50, "1e+21"),
            (0x3eb0_c6f7_a0b5_ed8c, "9.999999999999997e-7"),
            (0x3eb0_c6f7_a0b5_ed8d, "0.000001"),
            (0x41b3_de43_5555_5553, "333333333.3333332"),
            (0xbecb_f647_612f_3696, "-0.0000033333333333333333"),
        ];
        for (bits, expected) in cases {
            assert_eq!(canonical(&json!(f64::from_bits(bits))), expected);
        }
        assert_eq!(canonical(&json!([7, -1, 1e3, 0.5, 16.25])), "[7,-1,1000,0.5,16.25]");
    }

    #[test]
    fn no_white_space_is_written() {
        let value = json!({ "b": [true, false, null, [], {}], "a": { "d": "x", "c": 1 } });
        assert_eq!(canonical(&value), r#"{"a":{"c":1,"d":"x"},"b":[true,false,null,[],{}]}"#);
    }

    #[test]
    fn the_hash_of_nothing_is_the_known_one() {
        assert_eq!(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }

    proptest! {
        #[test]
        fn a_written_number_reads_back_as_the_same_double(number in proptest::num::f64::NORMAL | proptest::num::f64::SUBNORMAL) {
            let read: f64 = canonical(&json!(number)).parse().expect("a number");
            prop_assert_eq!(read.to_bits(), number.to_bits());
        }
    }
}

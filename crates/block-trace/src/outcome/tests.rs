use pf_broker_abi::Refusal;

use super::{Change, Outcome, Stats, Status, abi};

#[test]
fn results_are_spelled_as_the_language_says() {
    assert_eq!(Outcome::Done.to_string(), r#"{"status":"0x00000000"}"#);
    assert_eq!(
        Outcome::Data(vec![0x0A, 0xFF]).to_string(),
        r#"{"status":"0x00000000","data":"0aff"}"#
    );
    let read = Outcome::HostData {
        data: vec![0x0A, 0xFF],
        revision: u64::MAX,
    };
    assert_eq!(
        read.to_string(),
        r#"{"status":"0x00000000","data":"0aff","revision":18446744073709551615}"#
    );
    assert_eq!(
        Outcome::Mask(0).to_string(),
        r#"{"status":"0x00000000","mask":"0x0"}"#
    );
    assert_eq!(
        Outcome::Mask(0xAB).to_string(),
        r#"{"status":"0x00000000","mask":"0xab"}"#
    );
    assert_eq!(
        Outcome::Messages(vec![]).to_string(),
        r#"{"status":"0x00000000","messages":[]}"#
    );
    assert_eq!(
        Outcome::Messages(vec![vec![1], vec![2, 3]]).to_string(),
        r#"{"status":"0x00000000","messages":["01","0203"]}"#
    );
}

#[test]
fn changes_are_ordered_by_vf_and_a_vf_comes_before_its_blocks() {
    let entry = |vf, kinds, block, revision| abi::Change {
        vf,
        kinds,
        block,
        revision,
    };
    // In the order of a table that has block 9 before block 2.
    let entries = [
        entry(0, abi::CHANGE_WRITTEN | abi::CHANGE_PUBLISHED, 9, 3),
        entry(0, abi::CHANGE_MESSAGE, 2, 7),
        entry(4, abi::CHANGE_RESET | abi::CHANGE_POWER, 0, 12),
        entry(4, abi::CHANGE_WRITTEN, 0, 2),
        entry(5, abi::CHANGE_POWER, 0, 1),
        entry(6, abi::CHANGE_RESET, 0, 1),
    ];
    assert_eq!(
        Outcome::Changes(Change::list(&entries)).to_string(),
        concat!(
            r#"{"status":"0x00000000","changes":["#,
            r#"{"vf":0,"block":2,"revision":7},{"vf":0,"block":9,"revision":3},"#,
            r#"{"vf":4,"reset":true,"power":true},{"vf":4,"block":0,"revision":2},"#,
            r#"{"vf":5,"power":true},{"vf":6,"reset":true}]}"#
        )
    );
    assert_eq!(
        Outcome::Changes(vec![]).to_string(),
        r#"{"status":"0x00000000","changes":[]}"#
    );
}

#[test]
fn a_refusal_is_a_status_and_its_reason() {
    assert_eq!(
        Outcome::Refused(Refusal::Length.into()).to_string(),
        r#"{"status":"0xC0000206","reason":"length"}"#
    );
    for refusal in Refusal::ALL {
        assert_eq!(
            Status::from(refusal).refusal(),
            Some(refusal),
            "status and reason are one to one"
        );
    }
}

#[test]
fn a_status_that_is_no_refusal_is_printed_without_a_reason() {
    assert_eq!(
        Outcome::Refused(Status::new(0xC000_0001)).to_string(),
        r#"{"status":"0xC0000001"}"#
    );
}

#[test]
fn statistics_name_every_reason_zero_included() {
    let mut stats = Stats {
        reads: 1,
        writes: 2,
        publishes: 3,
        withdrawn: 5,
        ..Stats::default()
    };
    let length = Refusal::ALL
        .iter()
        .position(|&refusal| refusal == Refusal::Length)
        .expect("in ALL");
    stats.refused[length] = 4;
    let line: serde_json::Value =
        serde_json::from_str(&Outcome::Stats(stats).to_string()).expect("a result line is JSON");
    assert_eq!(line["reads"], 1);
    assert_eq!(line["writes"], 2);
    assert_eq!(line["withdrawn"], 5);
    assert_eq!(line["publishes"], 3);
    let refused = line["refused"].as_object().expect("refused is an object");
    assert_eq!(refused.len(), Refusal::ALL.len());
    for refusal in Refusal::ALL {
        let count = u64::from(refusal == Refusal::Length) * 4;
        assert_eq!(refused[refusal.reason()], count, "{}", refusal.reason());
    }
}

//! `blocks/mlx5-hv-vhca.toml` against the VF driver that it describes: the manifest refuses nothing
//! that the driver of Linux sends, and everything that host software must not send to it.

#[path = "linux_mlx5/client.rs"]
mod client;
mod shell;

use client::{CONTROL, Client, LENGTH, ONCE, STATISTICS, reassembled, request};
use pf_broker_abi::Refusal;
use proptest::prelude::*;
use shell::{Calls, Device, with_device};

const MANIFEST: &str = include_str!("../../../blocks/mlx5-hv-vhca.toml");
/// `MLX5E_MAX_NUM_CHANNELS` since Linux 6.7.
const MOST_RINGS: u16 = 256;

/// Runs `test` on the device with a client whose interface is up with so many rings.
fn with_client(rings: u16, test: impl FnOnce(&Device<'_>, &mut Client)) {
    with_device(MANIFEST, 1, |device| {
        let mut client = Client::load(device, 0).unwrap();
        client.enable(device).unwrap();
        client.rings = rings;
        test(device, &mut client);
    });
}

fn drained(device: &Device<'_>) -> Vec<Vec<u8>> {
    device.host_drain(0, STATISTICS).unwrap()
}

/// Publishes a command and lets the client answer it.
fn ask(device: &Device<'_>, client: &mut Client, control: u32, command: u16) {
    device
        .host_publish(0, CONTROL, &request(control, command))
        .unwrap();
    client.invalidated(device).unwrap();
}

#[test]
fn with_every_number_of_rings_nothing_is_refused_and_every_counter_arrives() {
    for rings in 0..=MOST_RINGS {
        with_client(rings, |device, client| {
            ask(device, client, 1, 10);
            for _ in 0..3 {
                let sent = client.update(device).unwrap();
                let got = reassembled(&drained(device));
                let sent = [sent].into_iter().filter(|_| rings > 0);
                assert_eq!(got, sent.collect::<Vec<_>>(), "{rings} rings");
            }
            client.unload(device).unwrap();
            let control = device.host_sees(0, CONTROL, 128).unwrap();
            assert_eq!(control, request(1, 10), "the VF's fields are zero again");
        });
    }
}

#[test]
fn a_stream_that_nobody_drains_keeps_four_whole_updates_of_most_rings() {
    with_client(MOST_RINGS, |device, client| {
        ask(device, client, 1, 1);
        let sent: Vec<_> = (0..9).map(|_| client.update(device).unwrap()).collect();
        assert_eq!(reassembled(&drained(device)), sent[5..]);
    });
}

/// A manifest that refuses fragments where the real one must not: with these words in place of
/// those.
fn with_refusals(from: &str, to: &str, test: impl FnOnce(&Device<'_>, &mut Client)) {
    assert_eq!(MANIFEST.matches(from).count(), 1, "{from}");
    with_device(&MANIFEST.replace(from, to), 1, |device| {
        let mut client = Client::load(device, 0).unwrap();
        client.enable(device).unwrap();
        client.rings = MOST_RINGS;
        test(device, &mut client);
    });
}

#[test]
fn a_stream_that_refuses_when_it_is_full_would_end_the_statistics() {
    let (from, to) = ("when-full = \"drop-oldest\"", "when-full = \"refuse\"");
    with_refusals(from, to, |device, client| {
        client.rings = 18;
        ask(device, client, 1, 1);
        for _ in 0..276 / 5 {
            client.update(device).unwrap();
        }
        // One fragment of the next update has room.
        let unfinished = client.sequence;
        assert_eq!(client.update(device), Err(Refusal::Full));
        assert!(!client.due, "nothing is sent until the next command");
        // The next update has the number of the unfinished one, which a `sequence` rule would
        // refuse.
        ask(device, client, 1, 1);
        assert_eq!((client.due, client.sequence), (true, unfinished));
        let mut fragments = drained(device);
        let sent = client.update(device).unwrap();
        fragments.extend(drained(device));
        assert_eq!(fragments.len(), 276 + 5);
        let got = reassembled(&fragments);
        assert_eq!((got.len(), got.last()), (276 / 5 + 1, Some(&sent)));
    });
}

#[test]
fn a_limit_below_an_update_would_end_the_statistics() {
    let limits = "[limits]\nwrites-per-second = 1000\nburst = 64\n\n[[block]]\nid = 0";
    with_refusals("[[block]]\nid = 0", limits, |device, client| {
        ask(device, client, 1, 1);
        assert_eq!(client.update(device), Err(Refusal::Limit));
        assert!(!client.due, "nothing is sent until the next command");
    });
}

#[test]
fn a_driver_that_is_loaded_anew_begins_its_numbers_anew_without_a_reset() {
    with_client(4, |device, client| {
        ask(device, client, 1, 1);
        let mut sent: Vec<_> = (0..3).map(|_| client.update(device).unwrap()).collect();
        client.unload(device).unwrap();
        *client = Client::load(device, 0).unwrap();
        client.rings = 7;
        client.enable(device).unwrap();
        sent.push(client.update(device).unwrap());
        assert_eq!(reassembled(&drained(device)), sent);
    });
}

#[test]
fn a_command_is_published_exactly_when_its_period_fits_into_the_clients_jiffies() {
    with_client(1, |device, client| {
        for command in 0..=ONCE {
            // `u16 delay` of `struct mlx5e_hv_vhca_stats_agent`, in a kernel with HZ = 1000.
            let fits = command == ONCE || u32::from(command) * 100 <= u16::MAX.into();
            let published = device.host_publish(0, CONTROL, &request(1, command));
            let expected = if fits { Ok(()) } else { Err(Refusal::Require) };
            assert_eq!(published.map(|_| ()), expected, "command {command}");
            if fits {
                client.invalidated(device).unwrap();
                let control = device.host_sees(0, CONTROL, 128).unwrap();
                assert_eq!(
                    control[10..12],
                    command.to_le_bytes(),
                    "{command} is acknowledged"
                );
            }
        }
    });
}

#[test]
fn an_agent_that_the_client_lacks_cannot_be_asked_for() {
    with_client(1, |device, client| {
        for bit in 1..32 {
            let asked = device.host_publish(0, CONTROL, &request(1 | 1 << bit, 1));
            assert_eq!(asked, Err(Refusal::Reserved), "bit {bit}");
        }
        // Before the network device is there even bit 0 is one that it lacks, and zeros are the
        // answer.
        client.unload(device).unwrap();
        ask(device, client, 1, 1);
        let control = device.host_sees(0, CONTROL, 128).unwrap();
        assert_eq!(control, request(1, 1));
    });
}

#[test]
fn what_no_client_sends_is_refused() {
    let control = |offset: usize, value: u16| {
        let mut block = [0; LENGTH];
        block[0] = 1;
        block[12] = 1;
        block[offset..offset + 2].copy_from_slice(&value.to_le_bytes());
        block
    };
    let fragment = |offset: u16| {
        let mut block = [0; LENGTH];
        block[2..4].copy_from_slice(&offset.to_le_bytes());
        block
    };
    with_device(MANIFEST, 1, |device| {
        for (block, bytes, refusal) in [
            (CONTROL, control(0, 2), Refusal::Reserved),
            (CONTROL, control(2, 1), Refusal::Reserved),
            (CONTROL, control(12, 2), Refusal::Value),
            (CONTROL, control(14, MOST_RINGS + 1), Refusal::Value),
            (CONTROL, control(16, 1), Refusal::Reserved),
            (STATISTICS, fragment(69), Refusal::Value),
        ] {
            assert_eq!(device.vf_write(0, block, &bytes), Err(refusal), "{bytes:?}");
        }
        let mut rings = control(14, 1);
        rings[12] = 0;
        assert_eq!(device.vf_write(0, CONTROL, &rings), Err(Refusal::Require));
        assert_eq!(device.vf_write(0, STATISTICS, &fragment(68)), Ok(()));
    });
}

/// What can happen to a client, in any order.
#[derive(Clone, Debug)]
enum Event {
    Publish(bool, u16),
    Invalidation,
    Update,
    RingsUpTo(u16),
    Reload,
    Reset,
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let command = prop_oneof![Just(0), Just(ONCE), 1..=655_u16];
    let event = prop_oneof![
        3 => (any::<bool>(), command).prop_map(|(on, command)| Event::Publish(on, command)),
        4 => Just(Event::Invalidation),
        4 => Just(Event::Update),
        2 => (0..=MOST_RINGS).prop_map(Event::RingsUpTo),
        1 => Just(Event::Reload),
        1 => Just(Event::Reset),
    ];
    prop::collection::vec(event, 1..40)
}

proptest! {
    #[test]
    fn in_any_order_of_events_the_client_is_served_and_no_counter_is_wrong(events in events()) {
        with_client(0, |device, client| {
            let mut sent = Vec::new();
            for event in events {
                match event {
                    Event::Publish(on, command) => {
                        device.host_publish(0, CONTROL, &request(on.into(), command)).unwrap();
                    }
                    // Early, late, or without a change: the client answers each.
                    Event::Invalidation => client.invalidated(device).unwrap(),
                    Event::Update if client.due => {
                        let sequence = client.sequence;
                        let counters = client.update(device).unwrap();
                        if !counters.is_empty() {
                            // After a reload a number can come again: the agent counts the last.
                            sent.pop_if(|(last, _)| *last == sequence);
                            sent.push((sequence, counters));
                        }
                    }
                    Event::Update => {}
                    Event::RingsUpTo(rings) => client.rings = client.rings.max(rings),
                    Event::Reload => {
                        client.unload(device).unwrap();
                        *client = Client::load(device, 0).unwrap();
                        client.enable(device).unwrap();
                    }
                    Event::Reset => {
                        device.reset(0, shell::NOW).without_waiters().unwrap();
                        sent.clear();
                        *client = Client::load(device, 0).unwrap();
                        client.enable(device).unwrap();
                    }
                }
            }
            // The stream keeps the newest; what is left of an older update is no update.
            let sent: Vec<_> = sent.into_iter().map(|(_, counters)| counters).collect();
            let got = reassembled(&drained(device));
            assert!(sent.ends_with(&got), "{} updates of {}", got.len(), sent.len());
            assert!(got.len() >= sent.len().min(4), "{} updates of {}", got.len(), sent.len());
        });
    }
}

//! The Rust code of docs/pf-engineers.md: the page shows the marked lines of this file, which run
//! here against simulated devices.

use std::error::Error;
use std::sync::mpsc;
use std::time::Duration;
use std::{fs, thread};

use end_to_end::{Served, pfbctl, repository};
use pf_broker_abi::Refusal;
use pf_broker_client::{Connection, Device, Vfs};

use super::{accelerator, client};

/// How long host software may take to notice a change.
const PATIENCE: Duration = Duration::from_secs(10);

/// Programs what the VFs write, until the device goes.
fn follow(
    name: &str,
    port_state: impl Fn() -> [u8; 16],
    program_default_vlans: impl Fn(u16),
    program_vlans: impl Fn(u16, &[u8]),
) -> Result<(), Box<dyn Error>> {
    // The page shows from here:
    use pf_broker_abi::{CHANGE_RESET, CHANGE_WRITTEN, ChangesCookie};
    use pf_broker_client::{Access, Connection, Device, Vfs};

    // A path that `interfaces` returns on Windows, or a simulated device: sim:127.0.0.1:9820.
    let device = Device::new(Connection::open(name, Access::Change)?)?;
    device.publish(Vfs::All, 0, &port_state())?; // the VFs are notified: `notify = true`

    let mut cookie = ChangesCookie::default(); // from the start of the device on
    loop {
        let changes = device.changes(CHANGE_WRITTEN | CHANGE_RESET, &cookie)?; // waits for one
        cookie = changes.cookie;
        for change in &changes.entries {
            if change.kinds & CHANGE_RESET != 0 {
                program_default_vlans(change.vf);
            } else if change.block == 1 {
                let filter = device.read(change.vf, 1, 32)?.data; // every rule holds for it
                program_vlans(change.vf, &filter);
            }
        }
    }
    // To here.
}

/// Answers the command of a VF.
fn answer(
    device: &Device<Connection>,
    vf: u16,
    run_command: impl Fn(u16, &[u8]) -> Vec<u8>,
    mut undo: impl FnMut(u16, &[u8]),
) -> Result<(), Box<dyn Error>> {
    const COMMAND: u32 = 1;
    const RESPONSE: u32 = 2;
    // The page shows from here:
    let reply_to = device.read(vf, RESPONSE, 32)?.revision; // first
    let command = device.read(vf, COMMAND, 64)?.data;
    let response = run_command(vf, &command); // takes time
    match device.publish_expecting(vf, RESPONSE, reply_to, &response) {
        // The VF was reset meanwhile.
        Err(error) if error.refusal() == Some(Refusal::Changed) => undo(vf, &command),
        other => other?,
    }
    // To here.
    Ok(())
}

fn page() -> String {
    fs::read_to_string(repository().join("docs/pf-engineers.md")).expect("the page")
}

/// The blocks of a language on the page, without their indentation.
fn blocks<'p>(page: &'p str, language: &str) -> Vec<&'p str> {
    let begin = format!("\n```{language}\n");
    let blocks = page.split(&*begin).skip(1);
    blocks
        .map(|rest| rest.split("\n```\n").next().unwrap_or(rest))
        .collect()
}

#[test]
fn the_page_shows_the_code_that_runs_here() {
    let here = include_str!("engineers_guide.rs");
    let shown = here.split("    // The page shows from here:\n").skip(1);
    let shown: Vec<String> = shown
        .filter_map(|rest| rest.split_once("    // To here.\n"))
        .map(|(code, _)| {
            let lines = code.lines();
            let lines = lines.map(|line| line.strip_prefix("    ").unwrap_or(line));
            lines.collect::<Vec<_>>().join("\n")
        })
        .collect();
    assert_eq!(shown.len(), 2);
    assert_eq!(blocks(&page(), "rust"), shown);
}

#[test]
fn host_software_programs_what_vfs_write() {
    let folder = tempfile::tempdir().expect("a folder");
    let manifest = folder.path().join("contoso.toml");
    let page = page();
    let contoso = page
        .split_once("<!-- file: contoso.toml -->")
        .and_then(|(_, rest)| blocks(rest, "toml").into_iter().next())
        .expect("the page's manifest");
    fs::write(&manifest, contoso).expect("written");
    let served = Served::start(&manifest, 4);
    let device = client(&served);

    let (sender, programmed) = mpsc::channel();
    let (name, filters) = (served.device.clone(), sender.clone());
    let mut port = [0; 16];
    port[0] = 1;
    port[2..4].copy_from_slice(&9000_u16.to_le_bytes());
    let follower = thread::spawn(move || {
        let to_defaults = |vf| sender.send((vf, None)).expect("received");
        let to_filter = |vf, filter: &[u8]| {
            let sent = filters.send((vf, Some(filter.to_vec())));
            sent.expect("received");
        };
        follow(&name, || port, to_defaults, to_filter).map_err(|error| error.to_string())
    });

    let mut filter = vec![0; 32];
    filter[0] = 1;
    filter[4..10].copy_from_slice(&[1, 0, 5, 0, 6, 0]);
    let hex = hex::encode(&filter);
    let write = format!("{{\"op\":\"write\",\"vf\":2,\"block\":1,\"data\":\"{hex}\"}}\n");
    let played = pfbctl(&["play", "-", "--device", &served.device], &write);
    assert_eq!(played.stdout, "{\"status\":\"0x00000000\"}\n");
    let next = || programmed.recv_timeout(PATIENCE).expect("it is programmed");
    assert_eq!(next(), (2, Some(filter)));
    assert_eq!(device.read(3, 0, 16).expect("a value").data, port);
    device.reset(1).expect("reset");
    assert_eq!(next(), (1, None));

    drop(served);
    let ended = follower.join().expect("no panic");
    assert!(ended.is_err(), "the device has gone");
}

#[test]
fn a_reply_never_reaches_the_next_tenant() {
    let served = accelerator();
    let device = client(&served);
    let revision = || device.read(0, 2, 32).expect("a value").revision;
    let response = device.read(0, 2, 32).expect("a value").data;

    let begin = revision();
    let mut undone = Vec::new();
    answer(&device, 0, |_, _| response.clone(), |vf, _| undone.push(vf)).expect("published");
    assert_eq!((revision(), undone), (begin + 1, vec![]));

    let mut undone = Vec::new();
    let reset_meanwhile = |vf, _: &[u8]| {
        device.reset(vf).expect("reset");
        response.clone()
    };
    let undo = |vf, command: &[u8]| undone.push((vf, command.len()));
    answer(&device, 0, reset_meanwhile, undo).expect("refused as changed");
    assert_eq!((revision(), undone), (begin + 2, vec![(0, 64)]));
    device
        .publish(Vfs::One(0), 2, &response)
        .expect("the next tenant is served");
}

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

use pf_broker_abi as abi;
use pf_broker_abi::Refusal;
use zerocopy::FromZeros as _;

use super::{BlockStats, Present, Refused, Scraped, Values, Vf, VfStats, exposition, server};
use crate::failure::Failure;

/// A device that answers with two VFs, and one that does not.
fn devices() -> Vec<Scraped> {
    let mut query = abi::QueryReply::new_zeroed();
    query.name[..4].copy_from_slice(b"\"CX\"");
    (query.vendor_id, query.device_id, query.attached) = (0x1414, 0xB001, 1);
    let mut block = abi::BlockInfo::new_zeroed();
    block.name[..3].copy_from_slice(b"log");
    let mut counters = abi::BlockStatsReply::new_zeroed();
    (counters.writes, counters.queued) = (5, 4);
    let vf = |index, refused| {
        let mut stats = abi::StatsReply::new_zeroed();
        stats.service = abi::Service::Open.code();
        (stats.reads, stats.floods) = (7, u64::from(index));
        stats.refused[Refusal::Limit.index()] = refused;
        Vf {
            stats: VfStats::new(index, &stats),
            blocks: vec![BlockStats::new(&block, &counters)],
        }
    };
    let mut host = [0; abi::MAX_REASONS];
    host[Refusal::Changed.index()] = 2;
    let values = Values {
        device: Present::new(&query.into()),
        vfs: vec![vf(0, 0), vf(1, 900)],
        host_refusals: Refused::list(&host),
    };
    let scraped = |path: &str, values| Scraped {
        path: path.to_owned(),
        values,
    };
    vec![
        scraped(r"\\?\pci#ven_1414&dev_b001#1", Some(values)),
        scraped(r"\\?\pci#ven_1414&dev_b001#2", None),
    ]
}

fn text() -> String {
    exposition(devices()).expect("written")
}

#[test]
fn a_scrape_is_open_metrics_with_bounded_labels() {
    let text = text();
    assert!(text.ends_with("\n# EOF\n"), "{text}");
    let device = r#"device="\\\\?\\pci#ven_1414&dev_b001#1""#;
    for line in [
        format!("pfbroker_vf_reads_total{{{device},vf=\"0\"}} 7"),
        format!("pfbroker_vf_floods_total{{{device},vf=\"1\"}} 1"),
        format!("pfbroker_vf_refusals_total{{{device},vf=\"1\",reason=\"limit\"}} 900"),
        format!("pfbroker_vf_served{{{device},vf=\"1\"}} 1"),
        format!("pfbroker_host_refusals_total{{{device},reason=\"changed\"}} 2"),
        format!("pfbroker_device_up{{{device}}} 1"),
        format!("pfbroker_device_up{{{}}} 0", device.replace("#1\"", "#2\"")),
        format!("pfbroker_block_waiting_messages{{{device},vf=\"0\",block=\"log\"}} 4"),
        format!(
            "pfbroker_device_info{{{device},name=\"\\\"CX\\\"\",pci_id=\"1414:b001\",\
             table_crc=\"00000000\",driver_version=\"0.0.0\"}} 1"
        ),
        "# TYPE pfbroker_vf_reads counter".to_owned(),
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
    let allowed = [
        "device",
        "vf",
        "block",
        "reason",
        "name",
        "pci_id",
        "table_crc",
        "driver_version",
    ];
    for label in text
        .split(['{', ','])
        .filter_map(|part| part.split_once("=\""))
    {
        assert!(allowed.contains(&label.0), "{}", label.0);
    }
}

/// Names of metrics in the alerts and in the dashboard are those of a scrape.
#[test]
fn alerts_and_dashboard_use_metrics_that_exist() {
    let text = text();
    let samples: BTreeSet<&str> = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split(['{', ' ']).next())
        .collect();
    let page = |name: &str| {
        let path = format!("{}/../../{name}", env!("CARGO_MANIFEST_DIR"));
        std::fs::read_to_string(path).expect(name)
    };
    for name in ["fleet/alerts.yml", "fleet/dashboard.json", "docs/fleet.md"] {
        let page = page(name);
        let mut used = 0;
        for word in page.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')) {
            if word.starts_with("pfbroker_") {
                assert!(samples.contains(word), "{name}: {word}");
                used += 1;
            }
        }
        assert!(used >= 5, "{name}: only {used}");
    }
    let documented = page("docs/fleet.md");
    for sample in samples {
        assert!(documented.contains(&format!("`{sample}`")), "{sample}");
    }
    let dashboard = serde_json::from_str::<serde_json::Value>(&page("fleet/dashboard.json"));
    assert!(dashboard.expect("JSON")["panels"].as_array().is_some());
}

/// What the server answers to a request.
fn answered(request: &str, scrape: impl Fn() -> Result<String, Failure> + Sync) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let (connection, _) = listener.accept().expect("a connection");
            server::answer(connection, &scrape).expect("answered");
        });
        let mut connection = TcpStream::connect(address).expect("connected");
        connection.write_all(request.as_bytes()).expect("sent");
        let mut answer = String::new();
        connection.read_to_string(&mut answer).expect("an answer");
        answer
    })
}

#[test]
fn a_scrape_over_http_has_its_type_and_length_and_other_requests_are_refused() {
    let request = "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let whole = answered(request, || Ok(text()));
    let (head, body) = whole.split_once("\r\n\r\n").expect("a head");
    assert_eq!(body, text());
    for line in [
        "HTTP/1.1 200 OK".to_owned(),
        format!("Content-Length: {}", text().len()),
        "Content-Type: application/openmetrics-text; version=1.0.0; charset=utf-8".to_owned(),
    ] {
        assert!(head.lines().any(|found| found == line), "{line}\n{head}");
    }
    let down = answered(request, || Err(std::io::Error::other("no device").into()));
    assert!(
        down.starts_with("HTTP/1.1 503 ") && down.ends_with("no device\n"),
        "{down}"
    );
    for (request, status) in [
        ("GET / HTTP/1.1\r\n\r\n", "404"),
        ("POST /metrics HTTP/1.1\r\n\r\n", "405"),
        ("\r\n\r\n", "405"),
    ] {
        let refused = answered(request, || panic!("{request}"));
        assert!(
            refused.starts_with(&format!("HTTP/1.1 {status} ")),
            "{refused}"
        );
    }
}

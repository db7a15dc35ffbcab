//! `pfbctl metrics`: counters of devices in the `OpenMetrics` text format, once or for scrapes.

mod server;

use std::fmt;
use std::io::Write;

use pf_broker_client::{Control, Device};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

use super::connection::{Access, open_path, selected};
use super::reply::{BlockStats, Present, Refused, VfStats};
use crate::cli;
use crate::failure::Failure;

/// `pfbctl metrics`.
pub(crate) fn metrics(arguments: &cli::Metrics, out: &mut dyn Write) -> Result<(), Failure> {
    let scrape = || scrape(&arguments.selection, arguments.blocks);
    match arguments.listen {
        Some(address) => server::serve(address, scrape),
        None => Ok(out.write_all(scrape()?.as_bytes())?),
    }
}

/// The metrics of every device, or of the selected one. One that does not answer is down, and the
/// others are there.
fn scrape(selection: &cli::Selection, with_blocks: bool) -> Result<String, Failure> {
    let scraped = selected(selection)?.into_iter().map(|path| Scraped {
        values: open_path(&path, Access::Look)
            .and_then(|device| values(&device, with_blocks))
            .ok(),
        path,
    });
    exposition(scraped.collect())
}

/// A device at one time.
#[derive(Debug)]
struct Scraped {
    /// Its path, which tells it from others on this host.
    path: String,
    /// None if it does not answer.
    values: Option<Values>,
}

/// The values of a device.
#[derive(Debug)]
struct Values {
    device: Present,
    vfs: Vec<Vf>,
    host_refusals: Vec<Refused>,
}

/// The values of a VF.
#[derive(Debug)]
struct Vf {
    stats: VfStats,
    /// Only if they are wanted: their number is that of VFs times that of blocks.
    blocks: Vec<BlockStats>,
}

fn values<C: Control>(device: &Device<C>, with_blocks: bool) -> Result<Values, Failure> {
    let query = device.query()?;
    let blocks = if with_blocks {
        device.blocks()?
    } else {
        Vec::new()
    };
    let vf = |vf| -> Result<Vf, Failure> {
        let counted = blocks
            .iter()
            .map(|block| Ok(BlockStats::new(block, &device.block_stats(vf, block.id)?)));
        Ok(Vf {
            stats: VfStats::new(vf, &device.stats(vf)?),
            blocks: counted.collect::<Result<_, pf_broker_client::Error>>()?,
        })
    };
    Ok(Values {
        vfs: (0..query.num_vfs).map(vf).collect::<Result<_, _>>()?,
        host_refusals: Refused::list(&device.host_refusals()?.refused),
        device: Present::new(&query.into()),
    })
}

/// The text of a scrape.
fn exposition(devices: Vec<Scraped>) -> Result<String, Failure> {
    let mut registry = Registry::with_prefix("pfbroker");
    registry.register_collector(Box::new(All(devices)));
    let mut out = String::new();
    text::encode(&mut out, &registry).map_err(std::io::Error::other)?;
    Ok(out)
}

/// All devices of a host.
#[derive(Debug)]
struct All(Vec<Scraped>);

/// The labels of a sample.
type Labels = Vec<(&'static str, String)>;

/// Samples of one family.
type Samples = Vec<(Labels, u64)>;

/// A counter of a VF or of a block.
struct Counter<T> {
    name: &'static str,
    help: &'static str,
    value: fn(&T) -> u64,
}

const fn counter<T>(name: &'static str, help: &'static str, value: fn(&T) -> u64) -> Counter<T> {
    Counter { name, help, value }
}

/// The counters of a VF.
const VF_COUNTERS: [Counter<VfStats>; 7] = [
    counter("vf_reads", "Reads that were answered", |vf| vf.reads),
    counter("vf_writes", "Writes that were committed", |vf| vf.writes),
    counter("vf_publishes", "Publishes of host software", |vf| {
        vf.publishes
    }),
    counter("vf_withdrawals", "Requests that a publish withdrew", |vf| {
        vf.withdrawn
    }),
    counter(
        "vf_dropped_messages",
        "Messages that newer ones replaced",
        |vf| vf.dropped,
    ),
    counter("vf_floods", "Periods of writes beyond the limit", |vf| {
        vf.floods
    }),
    counter("vf_resets", "Resets", |vf| vf.resets),
];

/// The counters of a block of a VF.
const BLOCK_COUNTERS: [Counter<BlockStats>; 5] = [
    counter(
        "block_reads",
        "Reads of the VF that were answered",
        |block| block.reads,
    ),
    counter(
        "block_writes",
        "Writes of the VF that were committed",
        |block| block.writes,
    ),
    counter("block_publishes", "Publishes of host software", |block| {
        block.publishes
    }),
    counter(
        "block_refusals",
        "Refused reads and writes of the VF",
        |block| block.refused,
    ),
    counter(
        "block_dropped_messages",
        "Messages that newer ones replaced",
        |block| block.dropped,
    ),
];

impl Collector for All {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        self.encode_devices(&mut encoder)?;
        self.encode_vfs(&mut encoder)?;
        if self.vfs().any(|(_, vf)| !vf.blocks.is_empty()) {
            self.encode_blocks(&mut encoder)?;
        }
        Ok(())
    }
}

impl All {
    fn present(&self) -> impl Iterator<Item = (&Scraped, &Values)> {
        let all = self.0.iter();
        all.filter_map(|scraped| Some((scraped, scraped.values.as_ref()?)))
    }

    fn vfs(&self) -> impl Iterator<Item = (Labels, &Vf)> {
        self.present().flat_map(|(scraped, values)| {
            values.vfs.iter().map(|vf| {
                let labels = vec![device(scraped), ("vf", vf.stats.vf.to_string())];
                (labels, vf)
            })
        })
    }

    fn encode_devices(&self, encoder: &mut DescriptorEncoder) -> fmt::Result {
        let mut info = encoder.encode_descriptor("device", "Device", None, MetricType::Info)?;
        for (scraped, values) in self.present() {
            let present = &values.device;
            let labels: Labels = vec![
                device(scraped),
                ("name", present.name.clone()),
                (
                    "pci_id",
                    format!("{:04x}:{:04x}", present.vendor_id.0, present.device_id.0),
                ),
                ("table_crc", format!("{:08x}", present.table_crc.0)),
                ("driver_version", present.driver_version.clone()),
            ];
            info.encode_info(&labels)?;
        }
        let up = self.0.iter().map(|scraped| {
            let is_up = scraped.values.is_some();
            (vec![device(scraped)], u64::from(is_up))
        });
        gauge(
            encoder,
            "device_up",
            "Whether the device answers",
            up.collect(),
        )?;
        let attached = self
            .present()
            .map(|(scraped, values)| (vec![device(scraped)], u64::from(values.device.attached)));
        let help = "Whether a virtualization stack is attached";
        gauge(encoder, "device_attached", help, attached.collect())?;
        let refused = self.present().flat_map(|(scraped, values)| {
            values.host_refusals.iter().map(|refused| {
                let reason = ("reason", refused.reason.clone());
                (vec![device(scraped), reason], refused.count)
            })
        });
        let help = "Refused operations of host software and of the virtualization stack";
        counted(encoder, "host_refusals", help, refused.collect())
    }

    fn encode_vfs(&self, encoder: &mut DescriptorEncoder) -> fmt::Result {
        let served = self
            .vfs()
            .map(|(labels, vf)| (labels, u64::from(vf.stats.served)));
        let help = "Whether the VF is served; 0 during a reset and after one that failed";
        gauge(encoder, "vf_served", help, served.collect())?;
        for counter in &VF_COUNTERS {
            let samples = self
                .vfs()
                .map(|(labels, vf)| (labels, (counter.value)(&vf.stats)));
            counted(encoder, counter.name, counter.help, samples.collect())?;
        }
        let refused = self.vfs().flat_map(|(labels, vf)| {
            vf.stats.refusals.iter().map(move |refused| {
                let mut labels = labels.clone();
                labels.push(("reason", refused.reason.clone()));
                (labels, refused.count)
            })
        });
        let help = "Refused reads and writes of the VF";
        counted(encoder, "vf_refusals", help, refused.collect())
    }

    fn encode_blocks(&self, encoder: &mut DescriptorEncoder) -> fmt::Result {
        let blocks = || {
            self.vfs().flat_map(|(labels, vf)| {
                vf.blocks.iter().map(move |block| {
                    let mut labels = labels.clone();
                    labels.push(("block", block.name.clone()));
                    (labels, block)
                })
            })
        };
        for counter in &BLOCK_COUNTERS {
            let samples = blocks().map(|(labels, block)| (labels, (counter.value)(block)));
            counted(encoder, counter.name, counter.help, samples.collect())?;
        }
        let waiting = blocks().map(|(labels, block)| (labels, block.waiting));
        let help = "Messages that host software has not drained";
        gauge(encoder, "block_waiting_messages", help, waiting.collect())
    }
}

fn device(scraped: &Scraped) -> (&'static str, String) {
    ("device", scraped.path.clone())
}

fn counted(
    encoder: &mut DescriptorEncoder,
    name: &str,
    help: &str,
    samples: Samples,
) -> fmt::Result {
    let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
    for (labels, value) in samples {
        ConstCounter::new(value).encode(family.encode_family(&labels)?)?;
    }
    Ok(())
}

fn gauge(encoder: &mut DescriptorEncoder, name: &str, help: &str, samples: Samples) -> fmt::Result {
    let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
    for (labels, value) in samples {
        ConstGauge::new(value).encode(family.encode_family(&labels)?)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;

//! Reading, writing and publishing blocks, and draining streams.

use block_table::Image;

use super::{Broker, VfCell};
use crate::journal::Operation;
use crate::request::Request;
use crate::{Refusal, Ticks};

/// What a committed publish asks of the shell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Published {
    /// The block is now invalidated for each VF it was published to: requests that wait for
    /// invalidations can be answered.
    pub notified: bool,
}

impl<C: VfCell> Broker<'_, C> {
    /// A VF reads a register. On success `reply` holds what `length` bytes get: the value, then
    /// zeros, over all of its 128 bytes.
    ///
    /// # Errors
    /// `vf`, `block`, `access` (write-only blocks and streams), `state`, `removed`, or `length`:
    /// shorter than the block unless `short-read` allows a prefix. `reply` is left as it is then.
    #[inline]
    pub fn read(
        &self,
        vf: u16,
        block: u32,
        length: u32,
        reply: &mut Image,
        now: Ticks,
    ) -> Result<(), Refusal> {
        self.read_as(
            vf,
            &Request::on_block(Operation::Read, block, length, now),
            reply,
        )
    }

    /// The host's side reads a register, whatever the VF may do with it.
    ///
    /// # Errors
    /// As for [`Broker::read`], but `kind` for a stream, and never `access`.
    pub fn host_read(
        &self,
        vf: u16,
        block: u32,
        length: u32,
        reply: &mut Image,
        now: Ticks,
    ) -> Result<(), Refusal> {
        self.read_as(
            vf,
            &Request::on_block(Operation::HostRead, block, length, now),
            reply,
        )
    }

    #[inline]
    fn read_as(&self, vf: u16, request: &Request, reply: &mut Image) -> Result<(), Refusal> {
        let cell = self.cell(vf)?;
        let target = self.target(cell, request)?;
        self.visit(cell, |vf| vf.read(target, request, reply))
    }

    /// A VF writes a register or appends a message to a stream. The first `length` bytes of `sent`
    /// count; a shorter write is filled with zeros up to the length of the block.
    ///
    /// # Errors
    /// `vf`, `block`, `access` (read-only blocks), `state`, `removed`, `limit`, `length`, `checksum`,
    /// the other rules of the manifest, and `full`.
    #[inline]
    pub fn write(
        &self,
        vf: u16,
        block: u32,
        length: u32,
        sent: &Image,
        now: Ticks,
    ) -> Result<(), Refusal> {
        let request = Request::on_block(Operation::Write, block, length, now);
        let cell = self.cell(vf)?;
        let target = self.target(cell, &request)?;
        self.visit(cell, |vf| {
            vf.write(&self.table, &self.publication, target, &request, sent)
        })
    }

    /// The host's side writes a register for one VF; bytes that the VF owns stay as they are.
    ///
    /// # Errors
    /// `vf`, `block`, `kind` (streams), `state`, `removed`, `length`, `checksum`, and the other rules
    /// of the manifest.
    pub fn publish(
        &self,
        vf: u16,
        block: u32,
        length: u32,
        sent: &Image,
        now: Ticks,
    ) -> Result<Published, Refusal> {
        let request = Request::on_block(Operation::Publish, block, length, now);
        let cell = self.cell(vf)?;
        let target = self.target(cell, &request)?;
        self.visit(cell, |vf| vf.publish(target, &request, sent))?;
        Ok(Published {
            notified: target.block.notify(),
        })
    }

    /// The host's side writes a register for every VF, or, if one of them refuses, for none.
    ///
    /// All VFs change in one moment: whoever has seen the new value at one VF sees it at each of
    /// them. While it is under way (for each VF one check and two short visits, so well below a
    /// millisecond for 4096 VFs) VFs are served as always. One such publish can be under way at a
    /// time.
    ///
    /// VFs that are held back take part, on the values that their reset has wiped: a reset that takes
    /// long or has failed keeps nothing from the other VFs.
    ///
    /// # Errors
    /// As for [`Broker::publish`], but `state` only while another publish to all VFs is under way, or
    /// when the reset of a VF comes in between; to try again helps then. The refusal is counted at the
    /// VF that gave it, and at no other.
    pub fn publish_all(
        &self,
        block: u32,
        length: u32,
        sent: &Image,
        now: Ticks,
    ) -> Result<Published, Refusal> {
        let request = Request::on_block(Operation::Publish, block, length, now);
        let target = self
            .find(&request)
            .map_err(|(_, refusal)| self.refuse_without_vf(refusal))?;
        self.publication
            .begin()
            .map_err(|refusal| self.refuse_without_vf(refusal))?;
        for cell in self.cells {
            let agreed = self.visit(cell, |vf| {
                vf.stage(&self.publication, target, &request, sent)
            });
            if !agreed {
                break;
            }
        }
        let outcome = self.publication.commit();
        for cell in self.cells {
            self.visit(cell, |_| ());
        }
        self.publication.end();
        outcome.map(|()| Published {
            notified: target.block.notify(),
        })
    }

    /// Takes the oldest message of a stream: `Ok(false)` when there is none. On `Ok(true)` the first
    /// `max_length` bytes of `message` are the message, and the others zero.
    ///
    /// # Errors
    /// `vf`, `block`, `kind` (registers), `state`, `removed`. `message` is left as it is then, and
    /// when there is none.
    pub fn drain(
        &self,
        vf: u16,
        block: u32,
        message: &mut Image,
        now: Ticks,
    ) -> Result<bool, Refusal> {
        let request = Request::on_block(Operation::Drain, block, 0, now);
        let cell = self.cell(vf)?;
        let target = self.target(cell, &request)?;
        let taken = self.visit(cell, |vf| vf.drain(target, &request))?;
        if let Some(taken) = &taken {
            *message = *taken;
        }
        Ok(taken.is_some())
    }
}
